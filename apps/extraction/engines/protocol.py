"""What every extraction engine offers. Cheaper engines run first; each is asked only for what is still missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from apps.extraction.notes import Note
from apps.extraction.progress import NOTHING_YET, Progress
from apps.extraction.values import ExtractedValue
from apps.parsing.pages import Page, ParsedDocument
from apps.schemas.fields import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class PageImage:
    """A page as a picture: JPEG bytes, pixels at multiples of 28 within 1540."""

    page: int
    width: int
    height: int
    jpeg: bytes = field(repr=False)


class PageSource(Protocol):
    """A document's pages in order, loaded as they are read: a document of any length takes the memory of a few."""

    @property
    def count(self) -> int:
        """Return how many pages there are."""

    def pages(self, *, first: int, last: int) -> Iterator[Page]:
        """Yield pages first to last, both included and from 1; those that there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionRequest:
    """One document, one schema, and what earlier engines already answered.

    `wanted` are the top-level field names still missing; an engine may use the others in `known` (to check sums) but
    doesn't answer them again. `images` loads page images on demand, by page number; `pictures` are the sizes in
    pixels of those that there are. Where there is a `source`, all pages come from there, and `document` may hold none.
    `unreadable` are fields of which an earlier engine said so (`Extraction`). `progress` is what this engine answered
    before it was stopped in an earlier attempt: it goes on from there.
    """

    document: ParsedDocument
    schema: Schema
    wanted: frozenset[str]
    known: tuple[ExtractedValue, ...] = ()
    images: Callable[[Sequence[int]], Sequence[PageImage]] | None = None
    pictures: Mapping[int, tuple[int, int]] | None = None
    source: PageSource | None = None
    unreadable: frozenset[str] = frozenset()
    progress: Progress = NOTHING_YET

    @property
    def page_count(self) -> int:
        return len(self.document.pages) if self.source is None else self.source.count

    def pages(self) -> Iterator[Page]:
        """Yield all pages in order."""
        if self.source is None:
            return iter(self.document.pages)
        return self.source.pages(first=1, last=self.source.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """An engine's answer. `values` holds nothing the engine isn't sure of: to abstain is to leave a field out.

    `notes` say why something is missing or doubtful; the cascade adds who says it. `alternatives` are
    other values that the document shows for a field, whose own value then is for a person to decide. `unread` are
    fields for which all or a part of the document was asked in vain: nobody knows whether it has them, or more of them.
    `unreadable` are fields for which an exact source has something that is none of the field's kind: what others answer
    for them is for a person. `progress` are the answers of which this one was made, where the engine asks questions.
    `asked` is False where there was nobody to ask.
    """

    values: tuple[ExtractedValue, ...]
    notes: tuple[Note, ...] = ()
    alternatives: tuple[ExtractedValue, ...] = ()
    unread: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()
    progress: Progress = NOTHING_YET
    asked: bool = True


class Engine(Protocol):
    """`name` is stored with every value: `einvoice`, `layout`, `sglang:small`, ..."""

    @property
    def name(self) -> str: ...

    def extract(self, request: ExtractionRequest) -> Extraction:
        """Answer what of `request.wanted` this engine can. Raises RetryableError or TerminalError.

        Where it has answered some of its questions before it is stopped, that is a StoppedError, which holds them.
        """
