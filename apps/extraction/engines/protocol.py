"""What every extraction engine offers. Cheaper engines run first; each is asked only for what is still missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from apps.extraction.values import ExtractedValue
from apps.parsing.pages import ParsedDocument
from apps.schemas.fields import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class PageImage:
    """A page as a picture: JPEG bytes, pixels at multiples of 28 within 1540."""

    page: int
    width: int
    height: int
    jpeg: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionRequest:
    """One document, one schema, and what earlier engines already answered.

    `wanted` are the top-level field names still missing; an engine may use the others in `known` (to check sums) but
    doesn't answer them again. `images` loads page images on demand, by page number.
    """

    document: ParsedDocument
    schema: Schema
    wanted: frozenset[str]
    known: tuple[ExtractedValue, ...] = ()
    images: Callable[[Sequence[int]], Sequence[PageImage]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """An engine's answer. `values` holds nothing the engine isn't sure of: to abstain is to leave a field out.

    `notes` say, in words for a person, why something is missing or doubtful; never document text.
    """

    values: tuple[ExtractedValue, ...]
    notes: tuple[str, ...] = ()


class Engine(Protocol):
    """`name` is stored with every value: `einvoice`, `layout`, `sglang:small`, ..."""

    @property
    def name(self) -> str: ...

    def extract(self, request: ExtractionRequest) -> Extraction:
        """Answer what of `request.wanted` this engine can. Raises RetryableError or TerminalError."""
