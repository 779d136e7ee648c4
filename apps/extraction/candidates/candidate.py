"""A typed candidate on a page, and the conventions that a document writes by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from apps.parsing.pages import Box
from apps.schemas.fields import Kind


class Part(StrEnum):
    """Whether a date stands alone or is an end of a range such as "05/28/20 - 06/01/20"."""

    WHOLE = "whole"
    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLocale:
    """How a document writes: `language` is ISO 639-1, `decimal` is "." or ",", `currency` is ISO 4217.

    None means that the document doesn't tell. `day_first` is about numeric dates: 03/04/2020 is 3 April.
    """

    language: str | None = None
    decimal: str | None = None
    day_first: bool | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A find in a page's text: `start` and `end` are character offsets, the rest is as in Candidate."""

    start: int
    end: int
    value: str
    confidence: float
    alternatives: tuple[str, ...] = ()
    unit: str | None = None
    part: Part = Part.WHOLE

    def overlaps(self, other: Hit) -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Words of a page that can be a value of `kind`.

    `value` is canonical, `text` is what the page shows with white space collapsed, and `words` are the indexes into
    `Page.words` that it covers, in reading order. `confidence` in [0, 1] says how surely the shape alone is of this
    kind; `alternatives` are other canonical readings of the same text (03/04/2020 in the other order). `unit` is the
    currency (ISO 4217) of an amount where one stands beside it, "%" for a percentage.
    """

    kind: Kind
    value: str
    text: str
    page: int
    box: Box
    words: tuple[int, ...]
    confidence: float
    alternatives: tuple[str, ...] = ()
    unit: str | None = None
    part: Part = Part.WHOLE
