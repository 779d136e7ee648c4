"""A bare e-invoice as pages that can be read: its elements, one a line, indented, in a monospaced font."""

from __future__ import annotations

import textwrap
from xml.parsers import expat

import pymupdf

from apps.parsing.errors import Failure
from apps.parsing.limits import Limits

_WIDTH, _HEIGHT = 595.0, 842.0
_MARGIN = 42.0
_FONT_SIZE = 8.0
_LEADING = 11.0
_COLUMNS = int((_WIDTH - 2 * _MARGIN) / (_FONT_SIZE * 0.6))
_LINES = int((_HEIGHT - 2 * _MARGIN) / _LEADING)
_MAX_DEPTH = 100


def to_pages(data: bytes, *, limits: Limits) -> pymupdf.Document:
    """Return a document that shows the XML. Raises Failure broken, too_many_pages."""
    lines = _lines(data)
    pages = -(-len(lines) // _LINES)
    if pages > limits.max_pages:
        raise Failure("too_many_pages", pages=pages, max_pages=limits.max_pages)
    document = pymupdf.open()
    font = pymupdf.Font("cour")
    for start in range(0, len(lines), _LINES):
        page = document.new_page(width=_WIDTH, height=_HEIGHT)
        writer = pymupdf.TextWriter(page.rect)
        for position, line in enumerate(lines[start : start + _LINES]):
            writer.append((_MARGIN, _MARGIN + (position + 1) * _LEADING), line, font=font, fontsize=_FONT_SIZE)
        writer.write_text(page)
    return document


def _lines(data: bytes) -> list[str]:
    """Return the elements as lines: name, attributes in brackets, value."""
    lines: list[str] = []
    open_elements: list[str] = []
    values: list[str] = []

    def finish() -> None:
        value = " ".join("".join(values).split())
        values.clear()
        if not value:
            return
        indent = "  " * (len(open_elements) - 1)
        if open_elements and lines:
            lines[-1] = f"{lines[-1]} {value}"
        else:
            lines.append(indent + value)

    def start(name: str, attributes: dict[str, str]) -> None:
        finish()
        if len(open_elements) >= _MAX_DEPTH:
            raise Failure("broken")
        shown = " ".join(f"{key} {value}" for key, value in attributes.items() if not key.startswith(("xmlns", "xsi:")))
        lines.append("  " * len(open_elements) + name + (f" ({shown})" if shown else ""))
        open_elements.append(name)

    def end(_name: str) -> None:
        finish()
        open_elements.pop()

    def refuse(*_: object) -> None:
        raise Failure("broken")  # no invoice has a document type: those that have one try something

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = values.append
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise Failure("broken") from error
    return [piece for line in lines for piece in _wrap(line)]


def _wrap(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.wrap(line, _COLUMNS, subsequent_indent=indent[: _COLUMNS // 2]) or [""]
