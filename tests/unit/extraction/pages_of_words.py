"""Pages made of lines of text, for tests of what reads pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from apps.extraction.engines.layout.geometry import Turn, turned_back
from apps.parsing.pages import Box, Page, ParsedDocument, Word

LETTER = 0.008
SPACE = 0.005
LINE = 0.02
HEIGHT = 0.012


def page(*lines: str, number: int = 1) -> Page:
    """Return a page with one word per piece of a line; each further space moves the next word well to the right."""
    words = []
    for row, line in enumerate(lines):
        x = 0.05
        for piece in line.split(" "):
            if not piece:
                x += 0.05
                continue
            y = 0.05 + row * LINE
            words.append(Word(text=piece, box=Box(x, y, x + LETTER * len(piece), y + HEIGHT), block=0, line=row))
            x += LETTER * len(piece) + SPACE
    return Page(number=number, width=595.0, height=842.0, text="\n".join(lines), words=tuple(words))


def document(*pages: Sequence[str]) -> ParsedDocument:
    """Return a document with a page for each sequence of lines."""
    return ParsedDocument(pages=tuple(page(*lines, number=number) for number, lines in enumerate(pages, start=1)))


def sideways(shown: Page, turn: Turn) -> Page:
    """Return the page as it is when it is printed sideways."""
    words = tuple(replace(word, box=turned_back(box=word.box, turn=turn)) for word in shown.words)
    return replace(shown, width=shown.height, height=shown.width, words=words)
