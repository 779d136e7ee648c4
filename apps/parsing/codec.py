"""A page of words as compact bytes, and back.

Written once by the process that reads the document, stored as it is, decoded only by who needs the words. The layout,
little endian, version 1:

    offset  size  what
    0       1     version, 1
    1       1     flags: 1 the body is deflated (zlib), 2 the body holds confidences
    2       1     source: 0 layer, 1 ocr, 2 none
    3       1     0
    4       4     page number, from 1
    8       4     number of words, n
    12      4     bytes of the page's text in UTF-8, t
    16      8     width in points
    24      8     height in points
    32            body: t bytes of text, then n unsigned 16-bit integers each of x0, y0, x1, y1, block, line,
                  then, with flag 2, n bytes of confidence

A coordinate is a fraction of the page times 65535 (a step is 0.01 points on A4), a confidence is times 255. The words
are the text's parts between single spaces and line feeds: no word holds one.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from apps.parsing.pages import Box, Page, Table, TextSource, Word

VERSION = 1
MAX_TEXT_BYTES = 64 * 1024 * 1024
_HEADER = struct.Struct("<BBBxIIIdd")
_DEFLATED = 1
_CONFIDENCES = 2
_SOURCES = (TextSource.LAYER, TextSource.OCR, TextSource.NONE)
_SOURCE_NUMBERS = {source: number for number, source in enumerate(_SOURCES)}
_STEPS = 65535.0
_U16_MAX = 65535


class CodecError(ValueError):
    """The bytes are no encoded page, or one of a version that this code doesn't know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedPage:
    """A page as it is stored. `width` and `height` are points; `data` is what `decode_page` takes."""

    number: int
    width: float
    height: float
    source: TextSource
    word_count: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The n words of a page, column by column.

    `boxes` has shape (4, n): x0, y0, x1, y1 in [0, 1]; `blocks`, `lines` and `confidences` (n,). `text` holds exactly
    the n words, apart by single spaces within a line and by line feeds between lines; no word holds either.
    """

    text: str
    boxes: npt.NDArray[np.float64]
    blocks: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    confidences: npt.NDArray[np.float64] | None = None

    @property
    def count(self) -> int:
        return int(self.boxes.shape[1])


def columns_of(
    *,
    texts: Sequence[str],
    boxes: npt.NDArray[np.float64],
    blocks: npt.NDArray[np.int64],
    lines: npt.NDArray[np.int64],
    confidences: npt.NDArray[np.float64] | None = None,
) -> Columns:
    """Return columns with the text made of the words, where a change of block or line is a line feed."""
    changes = (blocks[1:] != blocks[:-1]) | (lines[1:] != lines[:-1])
    after = np.where(changes, "\n", " ").tolist()
    after.append("")
    text = "".join(chain.from_iterable(zip(texts, after, strict=False)))
    return Columns(text=text, boxes=boxes, blocks=blocks, lines=lines, confidences=confidences)


def encode_columns(*, number: int, width: float, height: float, source: TextSource, columns: Columns) -> bytes:
    """Encode a page given by columns."""
    encoded = columns.text.encode("utf-8", "replace")
    count = columns.count
    confidences = columns.confidences
    integers = np.empty((6, count), dtype="<u2")
    integers[:4] = np.clip(columns.boxes, 0.0, 1.0) * _STEPS + 0.5
    integers[4] = np.clip(columns.blocks, 0, _U16_MAX)
    integers[5] = np.clip(columns.lines, 0, _U16_MAX)
    body = encoded + integers.tobytes()
    flags = 0
    if confidences is not None:
        flags |= _CONFIDENCES
        body += (np.clip(confidences, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8).tobytes()
    deflated = zlib.compress(body, 1)
    if len(deflated) < len(body):
        flags |= _DEFLATED
        body = deflated
    header = _HEADER.pack(VERSION, flags, _SOURCE_NUMBERS[source], number, count, len(encoded), width, height)
    return header + body


def encode_page(page: Page) -> bytes:
    """Encode a page without its tables. Raises ValueError for a word that is empty or holds a space or line feed."""
    words = page.words
    if any(not word.text or " " in word.text or "\n" in word.text for word in words):
        raise ValueError("a word is empty or holds a space or a line feed")
    columns = columns_of(
        texts=[word.text for word in words],
        boxes=np.array([word.box for word in words], dtype=np.float64).reshape(-1, 4).T,
        blocks=np.array([word.block for word in words], dtype=np.int64),
        lines=np.array([word.line for word in words], dtype=np.int64),
        confidences=None
        if all(word.confidence == 1.0 for word in words)
        else np.array([word.confidence for word in words], dtype=np.float64),
    )
    return encode_columns(number=page.number, width=page.width, height=page.height, source=page.source, columns=columns)


def peek(data: bytes) -> EncodedPage:
    """Read the head only. Raises CodecError."""
    if len(data) < _HEADER.size:
        raise CodecError("too short for an encoded page")
    version, _flags, source, number, count, text_bytes, width, height = _HEADER.unpack_from(data)
    if version != VERSION:
        raise CodecError(f"version {version} of an encoded page is unknown")
    if source >= len(_SOURCES) or text_bytes > MAX_TEXT_BYTES or count > text_bytes:
        raise CodecError("the head of an encoded page is damaged")
    return EncodedPage(number=number, width=width, height=height, source=_SOURCES[source], word_count=count, data=data)


def decode_page(data: bytes) -> Page:
    """Return the page, without tables. Raises CodecError."""
    data = bytes(data)
    head = peek(data)
    _version, flags, _source, _number, count, text_bytes, _width, _height = _HEADER.unpack_from(data)
    has_confidences = bool(flags & _CONFIDENCES)
    size = text_bytes + count * (13 if has_confidences else 12)
    body = data[_HEADER.size :]
    if flags & _DEFLATED:
        unpacker = zlib.decompressobj()
        try:
            body = unpacker.decompress(body, size + 1)
        except zlib.error as error:
            raise CodecError("the body of an encoded page is damaged") from error
    if len(body) != size:
        raise CodecError("the body of an encoded page has the wrong size")
    try:
        text = body[:text_bytes].decode()
    except UnicodeDecodeError as error:
        raise CodecError("the text of an encoded page is not UTF-8") from error
    texts = text.replace("\n", " ").split(" ") if count else []
    if len(texts) != count:
        raise CodecError("the words of an encoded page don't fit its text")
    integers = np.frombuffer(body, dtype="<u2", count=6 * count, offset=text_bytes).reshape(6, count)
    x0, y0, x1, y1 = (integers[:4] / _STEPS).tolist()
    confidences = (
        (np.frombuffer(body, dtype=np.uint8, count=count, offset=text_bytes + 12 * count) / 255.0).tolist()
        if has_confidences
        else [1.0] * count
    )
    words = tuple(
        Word(text=word, box=Box(*box), block=block, line=line, confidence=confidence)
        for word, box, block, line, confidence in zip(
            texts,
            zip(x0, y0, x1, y1, strict=True),
            integers[4].tolist(),
            integers[5].tolist(),
            confidences,
            strict=True,
        )
    )
    return Page(number=head.number, width=head.width, height=head.height, text=text, words=words, source=head.source)


class TableJson(TypedDict):
    """A table as it is stored: boxes are [x0, y0, x1, y1] in [0, 1], None where a row has no such cell."""

    box: list[float]
    rows: list[list[str]]
    cells: list[list[list[float] | None]]


def tables_to_json(tables: Sequence[Table]) -> list[TableJson]:
    """Return tables as JSON has them."""
    return [
        {
            "box": list(table.box),
            "rows": [list(row) for row in table.rows],
            "cells": [[None if cell is None else list(cell) for cell in row] for row in table.cells],
        }
        for table in tables
    ]


def tables_from_json(tables: Sequence[TableJson]) -> tuple[Table, ...]:
    """Return tables from their JSON."""
    return tuple(
        Table(
            box=Box(*table["box"]),
            rows=tuple(tuple(row) for row in table["rows"]),
            cells=tuple(tuple(None if cell is None else Box(*cell) for cell in row) for row in table["cells"]),
        )
        for table in tables
    )
