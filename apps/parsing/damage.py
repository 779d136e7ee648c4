"""What a damaged PDF has lost.

Many a PDF is slightly broken and yet whole: MuPDF rebuilds the table of its objects by looking for them in the file. Of
a file that had to be rebuilt, all is there whose pages need nothing that isn't: so each page is followed along its
references. A reference to nothing is null by the standard (ISO 32000-1, 7.3.10), and there are files that were written
so; therefore only rebuilt files are held to it. What can't be decoded is told by MuPDF while it reads the page, in any
file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pymupdf

from apps.parsing import ends, sniff
from apps.parsing.errors import Failure
from apps.parsing.opening import Opened
from apps.parsing.remarks import Remark

_MOST_OBJECTS = 50_000
_DEEPEST_TREE = 64
_OBJECT_OR_END = re.compile(rb"endobj|(\d{1,10})\s+\d{1,5}\s+obj\b")
_REFERENCE = re.compile(r"\b(\d+) \d+ R\b")
# Where a reference leads away from what the page shows, or only says a stream's length, which its end says too.
_ELSEWHERE = re.compile(r"/(?:Parent|Length|Metadata|PieceInfo|StructParents?|OC|AF)\s*\d+ \d+ R")
# What MuPDF says when it drops something that a page shows. None of these was seen in a file that isn't damaged.
_DROPPED = re.compile(
    r"zlib error|premature end|read error; treating as end of file|padding truncated image"
    r"|encountered syntax errors; page may not be correct|cannot load content stream|content stream is not a stream"
)


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
        for number in numbers:
            contents_lost, lost = self._lost(number, broken_off=broken_off)
            if (contents_lost or lost) and cut:
                raise Failure("cut_off")
            if contents_lost:
                raise Failure("damaged", page=number)
            if lost:
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

    def _lost(self, number: int, *, broken_off: int | None) -> tuple[bool, bool]:
        """Return whether a page or its contents are lost, and whether anything else is that it shows."""
        try:
            xref = self._document.page_xref(number - 1)
        except (RuntimeError, ValueError, IndexError, pymupdf.mupdf.FzErrorBase):
            return True, True
        if xref == broken_off or self._object(xref) is None:
            return True, True
        contents = set(_references(self._entry(xref, "Contents")))
        contents_lost = lost = False
        seen = {xref}
        waiting = [*contents, *self._resources(xref)]
        while waiting and len(seen) < _MOST_OBJECTS:
            xref = waiting.pop()
            if xref in seen:
                continue
            seen.add(xref)
            text = self._object(xref)
            if text is None or xref == broken_off:
                lost = True
                contents_lost = contents_lost or xref in contents
            else:
                waiting.extend(_references(text))
        return contents_lost, lost

    def _resources(self, xref: int) -> Iterator[int]:
        """Yield the objects that a page's resources name, its own and those of the page tree's nodes above it."""
        for _ in range(_DEEPEST_TREE):
            yield from _references(self._entry(xref, "Resources"))
            parent = next(_references(self._entry(xref, "Parent")), None)
            if parent is None:
                return
            xref = parent

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
