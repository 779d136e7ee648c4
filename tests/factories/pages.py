"""Pages made by hand: words laid out as a text shows them, a line a row, a character a fixed step across.

One blank is a blank between words; three or more are the white space between columns.
"""

from __future__ import annotations

import re

from apps.parsing.pages import Box, Page, ParsedDocument, TextSource, Word

STEP = 4.6
PITCH = 12.0
HEIGHT = 9.0
MARGIN = 30.0


def page(
    drawing: str,
    *,
    number: int = 1,
    width: float = 595.0,
    height: float = 842.0,
    source: TextSource = TextSource.LAYER,
    confidence: float = 1.0,
    turned: bool = False,
) -> Page:
    """Return a page whose words stand where `drawing` shows them.

    A4 holds 116 characters across and 65 lines. `turned`: the page is printed sideways, its lines running upwards.
    """
    words = []
    lines = drawing.strip("\n").splitlines()
    for line, text in enumerate(lines):
        top = MARGIN + PITCH * line
        for match in re.finditer(r"\S+", text):
            left, right = MARGIN + STEP * match.start(), MARGIN + STEP * match.end()
            box = Box(left / width, top / height, right / width, (top + HEIGHT) / height)
            if turned:
                box = Box(box.y0, 1 - box.x1, box.y1, 1 - box.x0)
            words.append(Word(text=match[0], box=box, block=0, line=line, confidence=confidence))
    return Page(
        number=number,
        width=height if turned else width,
        height=width if turned else height,
        text="\n".join(line.strip() for line in lines),
        words=tuple(words),
        source=source,
    )


def document(*drawings: str, language: str | None = None, source: TextSource = TextSource.LAYER) -> ParsedDocument:
    """Return a document of pages as `page` draws them."""
    pages = tuple(page(drawing, number=number, source=source) for number, drawing in enumerate(drawings, start=1))
    return ParsedDocument(pages=pages, language=language)
