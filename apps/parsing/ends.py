"""Whether a file has its end: what was cut off in transfer is told from what is damaged otherwise.

PDF: `startxref` or `%%EOF` near the end (ISO 32000-1, 7.5.5). JPEG: the marker EOI after the scans (ITU-T T.81, B.1.1).
PNG: the chunk IEND (ISO/IEC 15948, 11.2.5). TIFF: all directories and what they point to lie within the file
(TIFF 6.0, section 2; BigTIFF). Other things that follow the end, as some cameras and scanners write, don't matter.
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
_MOST_DIRECTORIES = 100_000
_MOST_PIECES = 1_000_000
# Offsets and byte counts of strips and of tiles.
_PIECES = ((273, 279), (324, 325))
_TYPES = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


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
        big = struct.unpack_from(order + "H", data, 2)[0] == 43
        return all(end <= len(data) for end in _tiff_pieces(data, order=order, big=big))
    except struct.error:
        return False


def _tiff_pieces(data: memoryview, *, order: str, big: bool) -> Iterator[int]:
    """Yield where each strip and tile ends. Raises struct.error for a directory that isn't all there."""
    word, counter, entry_size, inline = ("Q", "Q", 20, 8) if big else ("I", "H", 12, 4)
    (at,) = struct.unpack_from(order + word, data, 8 if big else 4)
    seen: set[int] = set()
    while at and at not in seen and len(seen) < _MOST_DIRECTORIES:
        seen.add(at)
        (entries,) = struct.unpack_from(order + counter, data, at)
        at += struct.calcsize(order + counter)
        found: dict[int, tuple[int, ...]] = {}
        for entry in range(entries):
            tag, kind, count = struct.unpack_from(order + "HH" + word, data, at + entry * entry_size)
            if tag in {tag for pair in _PIECES for tag in pair} and kind in _TYPES and count <= _MOST_PIECES:
                form = f"{order}{count}{_TYPES[kind]}"
                place = at + entry * entry_size + entry_size - inline
                if struct.calcsize(form) > inline:
                    (place,) = struct.unpack_from(order + word, data, place)
                found[tag] = struct.unpack_from(form, data, place)
        for offsets, sizes in _PIECES:
            for offset, size in zip(found.get(offsets, ()), found.get(sizes, ()), strict=False):
                yield offset + size
        (at,) = struct.unpack_from(order + word, data, at + entries * entry_size)
