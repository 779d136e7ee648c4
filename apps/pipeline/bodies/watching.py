"""Pages that are read no further once the work is somebody else's, or nobody's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from apps.extraction.engines.protocol import PageSource
from apps.parsing.pages import Page
from apps.pipeline.operations import LeaseLostError


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedPages:
    """A page source that looks before each page whether the work was cancelled. Raises LeaseLostError."""

    source: PageSource
    cancelled: Callable[[], bool]

    @property
    def count(self) -> int:
        return self.source.count

    def pages(self, *, first: int, last: int) -> Iterator[Page]:
        """Yield pages first to last, both included and from 1."""
        for page in self.source.pages(first=first, last=last):
            if self.cancelled():
                raise LeaseLostError
            yield page
