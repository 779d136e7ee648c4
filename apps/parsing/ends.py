"""Whether a file has its end: what was cut off in transfer is told from what is damaged otherwise.

PDF: `startxref` or `%%EOF` near the end (ISO 32000-1, 7.5.5). JPEG: the marker EOI after the scans (ITU-T T.81, B.1.1).
PNG: the chunk IEND (ISO/IEC 15948, 11.2.5). TIFF: all directories and what they point to lie within the file
(TIFF 6.0, section 2). Other things that follow the end, as some cameras and scanners write, don't matter.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from apps.parsing import sniff

_TAIL_BYTES = 2048
_MARKS = (b"startxref", b"%%EOF")
_OBJECT = re.compile(rb"\b\d{1,10}\s+\d{1,5}\s+obj\b")
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_STANDALONE, _EOI = 0x01, 0xD9
_MOST_ENTRIES = 1_000_000
_MOST_PIECES = 10_000_000
_ENTRY_BYTES = 12
# Offsets and byte counts of strips and of tiles.
_PIECES = ((273, 279), (324, 325))
_PIECE_TAGS = frozenset(tag for pair in _PIECES for tag in pair)
_TYPES = {3: "H", 4: "I", 13: "I"}


def is_cut(data: memoryview, *, media_type: str = sniff.PDF) -> bool:
    """Return whether the end of a file is missing. Types that have no end to speak of are never cut."""
    if media_type == sniff.PDF:
        return not _pdf_ends(data)
    if media_type == sniff.JPEG:
        return not _jpeg_ends(data)
    if media_type == sniff.PNG:
        return not _png_ends(data)
    if media_type == sniff.TIFF:
        return not _tiff_ends(data)
    return False


def _pdf_ends(data: memoryview) -> bool:
    """Return whether a mark of the end is there, and no object after it: that would be an update that was cut off."""
    tail = bytes(data[-_TAIL_BYTES:])
    end = max(tail.rfind(mark) for mark in _MARKS)
    return end >= 0 and not _OBJECT.search(tail, end)


def _jpeg_ends(data: memoryview) -> bool:
    at = 2
    while found := _NEXT_MARKER.search(data, at):
        marker, at = data[found.start() + 1], found.end()
        if marker == _EOI:
            return True
        if marker == _STANDALONE:
            continue
        if at + 2 > len(data):
            return False
        # After the header of a scan its data follow, in which 0xFF stands before 0 or a restart marker alone.
        (size,) = struct.unpack_from(">H", data, at)
        at += size
    return False


def _png_ends(data: memoryview) -> bool:
    at = 8
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + size
        if kind == b"IEND":
            return bool(at <= len(data))
    return False


def _tiff_ends(data: memoryview) -> bool:
    order = "<" if bytes(data[:2]) == b"II" else ">"
    try:
        return all(end <= len(data) for end in _tiff_pieces(data, order=order))
    except struct.error:
        return False


def _tiff_pieces(data: memoryview, *, order: str) -> Iterator[int]:
    """Yield where each strip and tile ends, of as many as are looked at. Raises struct.error where a directory lacks.

    Directories may lie on top of each other, so their entries and what these list are counted over all of them.
    """
    (at,) = struct.unpack_from(order + "I", data, 4)
    seen: set[int] = set()
    entries_left, pieces_left = _MOST_ENTRIES, _MOST_PIECES
    while at and at not in seen:
        seen.add(at)
        (entries,) = struct.unpack_from(order + "H", data, at)
        at += 2
        entries_left -= entries + 1
        if entries_left < 0:
            return
        found: dict[int, tuple[int, ...]] = {}
        for place in range(at, at + entries * _ENTRY_BYTES, _ENTRY_BYTES):
            tag, kind, count = struct.unpack_from(order + "HHI", data, place)
            if tag not in _PIECE_TAGS or kind not in _TYPES:
                continue
            pieces_left -= count
            if pieces_left < 0:
                return
            form = f"{order}{count}{_TYPES[kind]}"
            listed = place + 8
            if struct.calcsize(form) > 4:
                (listed,) = struct.unpack_from(order + "I", data, listed)
            found[tag] = struct.unpack_from(form, data, listed)
        for offsets, sizes in _PIECES:
            for offset, size in zip(found.get(offsets, ()), found.get(sizes, ()), strict=False):
                yield offset + size
        (at,) = struct.unpack_from(order + "I", data, at + entries * _ENTRY_BYTES)
