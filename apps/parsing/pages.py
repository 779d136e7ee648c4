"""What parsing yields: pages of words with their places, in coordinates that no renderer can change."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from apps.parsing.remarks import Remark


class Box(NamedTuple):
    """A rectangle in page coordinates: [0, 1] in both directions from the top left of the page as it is shown."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def center(self) -> tuple[float, float]:
        return ((self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2)

    def union(self, other: Box) -> Box:
        return Box(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))


class TextSource(StrEnum):
    """Where a page's words come from."""

    LAYER = "layer"
    OCR = "ocr"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word as the page shows it.

    `block` and `line` count from 0 on the page in reading order; words of one line share both. `confidence` is the
    OCR engine's, in [0, 1]; a word of a text layer has 1.
    """

    text: str
    box: Box
    block: int
    line: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with ruled lines: `rows` of cell texts, `cells` their boxes in the same shape (None: no such cell)."""

    box: Box
    rows: tuple[tuple[str, ...], ...]
    cells: tuple[tuple[Box | None, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page. `number` counts from 1; `width` and `height` are points (1/72 inch) after rotation."""

    number: int
    width: float
    height: float
    text: str
    words: tuple[Word, ...]
    tables: tuple[Table, ...] = ()
    source: TextSource = TextSource.LAYER


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that the document carries, e.g. the XML of an e-invoice."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDocument:
    """A whole document as the engines see it. `language` is ISO 639-1, or None where nothing tells."""

    pages: tuple[Page, ...]
    attachments: tuple[Attachment, ...] = ()
    language: str | None = None
    remarks: tuple[Remark, ...] = ()
