"""Pages written as text, for tests: one word a blank-separated token, two or more blanks a column's gap."""

from __future__ import annotations

import re

from apps.parsing.pages import Box, Page, TextSource, Word

WIDTH, HEIGHT = 600.0, 800.0
ADVANCE, LINE, SIZE = 6.0, 14.0, 10.0


def page_of(text: str, *, source: TextSource = TextSource.LAYER) -> Page:
    """Set `text` in a monospaced grid of 100 columns: a character is 6 points wide, a line 14 points apart.

    A row's runs between gaps of two or more blanks are lines of their own, as a text layer has them.
    """
    words: list[Word] = []
    line = 0
    for row, content in enumerate(text.splitlines()):
        for run in re.finditer(r"\S+(?: \S+)*", content):
            for token in re.finditer(r"\S+", run[0]):
                x0 = (run.start() + token.start()) * ADVANCE
                y0 = row * LINE
                box = Box(x0 / WIDTH, y0 / HEIGHT, (x0 + len(token[0]) * ADVANCE) / WIDTH, (y0 + SIZE) / HEIGHT)
                words.append(Word(text=token[0], box=box, block=row, line=line))
            line += 1
    return Page(number=1, width=WIDTH, height=HEIGHT, text=text, words=tuple(words), source=source)
