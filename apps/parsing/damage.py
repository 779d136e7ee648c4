"""What a damaged PDF has lost.

Many a PDF is slightly broken and yet whole: MuPDF rebuilds the table of its objects by looking for them in the file. Of
a file that had to be rebuilt, all is there whose pages need nothing that isn't: so each page is followed along its
references. A reference to nothing is null by the standard (ISO 32000-1, 7.3.10), and there are files that were written
so; therefore only rebuilt files are held to it. What can't be decoded is told by MuPDF while it reads the page, in any
file.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pymupdf

from apps.parsing import ends, sniff
from apps.parsing.errors import Failure
from apps.parsing.opening import Opened
from apps.parsing.remarks import Remark

_MOST_OBJECTS = 500_000
_OBJECT_OR_END = re.compile(rb"endobj|(\d{1,10})\s+\d{1,5}\s+obj\b")
_PAGE = re.compile(r"/Type\s*/Page\b")
_REFERENCE = re.compile(r"\b(\d+) \d+ R\b")
# Where a reference leads away from what the page shows, or only says a stream's length, which its end says too.
_ELSEWHERE = re.compile(r"/(?:Parent|Length|Metadata|PieceInfo|StructParents?|OC|AF)\s*\d+ \d+ R")
# What MuPDF says when it drops something that a page shows. None of these was seen in a file that isn't damaged.
_DROPPED = re.compile(
    r"zlib error|premature end|read error; treating as end of file|padding truncated image"
    r"|encountered syntax errors; page may not be correct|cannot load content stream|content stream is not a stream"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What is needed to show a page; for `resources` see `Damage._names`."""

    contents: frozenset[int]
    resources: int

    @property
    def parts(self) -> frozenset[int]:
        return self.contents | {self.resources}


class Damage:
    """Watches one document being read. `remarks` are what a person should know of it; what is lost is a Failure."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._document = opened.document
        self._is_pdf = opened.media_type == sniff.PDF
        self._checked = False
        self._damaged: list[int] = []
        pymupdf.TOOLS.reset_mupdf_warnings()

    def look_over(self, numbers: Iterable[int]) -> None:
        """Follow the pages of a file that had to be rebuilt, once. Raises Failure: cut_off, damaged.

        Called before the pages are read, and again after that: MuPDF may find out on its way that a file is broken.
        """
        if not self._is_pdf or self._checked or not self._document.is_repaired:
            return
        self._checked = True
        cut = ends.is_cut(self._opened.data)
        broken_off = self._broken_off() if cut else None
        pages = {number: self._page(number, broken_off=broken_off) for number in numbers}
        lost, short = self._lost(pages.values(), broken_off=broken_off)
        for number, page in pages.items():
            if page and short.isdisjoint(page.parts):
                continue
            if cut:
                raise Failure("cut_off")
            if page is None or not lost.isdisjoint(page.contents):
                raise Failure("damaged", page=number)
            self._damaged.append(number)

    def note(self, number: int) -> None:
        """Note what MuPDF said while it read a page."""
        said = pymupdf.TOOLS.mupdf_warnings(reset=True)
        if said and self._is_pdf and _DROPPED.search(said):
            self._damaged.append(number)

    def remarks(self) -> Iterator[Remark]:
        """Yield what was found."""
        if self._is_pdf and ends.is_cut(self._opened.data):
            yield Remark(code="end_missing", page=0)
        for number in sorted(set(self._damaged)):
            yield Remark(code="page_damaged", page=number)

    def _broken_off(self) -> int | None:
        """Return the number of the object in whose middle the file ends."""
        inside: int | None = None
        for found in _OBJECT_OR_END.finditer(self._opened.data):
            inside = int(found[1]) if found[1] else None
        return inside

    def _page(self, number: int, *, broken_off: int | None) -> _Page | None:
        """Return what a page begins with, None where it is lost itself."""
        try:
            xref = self._document.page_xref(number - 1)
        except (RuntimeError, ValueError, IndexError, pymupdf.mupdf.FzErrorBase):
            return None
        if xref == broken_off or self._object(xref) is None:
            return None
        return _Page(contents=frozenset(_references(self._entry(xref, "Contents"))), resources=-xref)

    def _lost(self, pages: Iterable[_Page | None], *, broken_off: int | None) -> tuple[set[int], set[int]]:
        """Follow pages along their references. Returns what is lost, and that with all that leads to it.

        Each object is looked at once, however many pages share it.
        """
        lost: set[int] = set()
        named_by: defaultdict[int, list[int]] = defaultdict(list)
        seen = {xref for page in pages if page for xref in page.parts}
        waiting = list(seen)
        while waiting:
            xref = waiting.pop()
            names = None if xref == broken_off else self._names(xref)
            if names is None:
                lost.add(xref)
                continue
            for named in names:
                named_by[named].append(xref)
                if named not in seen and len(seen) < _MOST_OBJECTS:
                    seen.add(named)
                    waiting.append(named)
        short = set(lost)
        waiting = list(lost)
        while waiting:
            for xref in named_by.get(waiting.pop(), ()):
                if xref not in short:
                    short.add(xref)
                    waiting.append(xref)
        return lost, short

    def _names(self, xref: int) -> set[int] | None:
        """Return which objects an object names, None where there is no such one.

        A negative number stands for the resources of a page or of a node of the page tree, its own and those above it.
        Another page isn't what a page shows: it names nothing.
        """
        if xref < 0:
            names = set(_references(self._entry(-xref, "Resources")))
            parent = next(_references(self._entry(-xref, "Parent")), 0)
            return names | {-parent} if parent else names
        text = self._object(xref)
        if text is None:
            return None
        return set() if _PAGE.search(text) else set(_references(text))

    def _entry(self, xref: int, key: str) -> str:
        """Return the value of a dictionary's key as text, "" where there is none."""
        try:
            kind, value = self._document.xref_get_key(xref, key)
        except (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase):
            return ""
        return "" if kind == "null" else value

    def _object(self, xref: int) -> str | None:
        """Return an object as text, None where there is none."""
        try:
            text: str = self._document.xref_object(xref, compressed=True)
        except (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase):
            return None
        return None if text in {"", "null"} else text


def _references(text: str) -> Iterator[int]:
    for found in _REFERENCE.finditer(_ELSEWHERE.sub("", text)):
        yield int(found[1])
