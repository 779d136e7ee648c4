"""Pages become passages: runs of whole lines, long enough to mean something, short enough to embed and to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from apps.parsing.pages import Box, Page, Word

# About 150 tokens in languages with spaces; characters are counted, since not all languages have them.
TARGET_CHARACTERS = 600
MAX_CHARACTERS = 900
MAX_PASSAGES_A_PAGE = 200
# What the text layer has for a glyph of unknown meaning.
_ICON = "\ufffd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Some lines of a page. `ordinal` counts from 0 on the page; the box holds all its words."""

    page: int
    ordinal: int
    box: Box
    text: str


def passages_of(page: Page) -> tuple[Passage, ...]:
    """Cut a page at its blocks where they are long enough, else at lines; a line that is too long is cut at words.

    Words keep the page's order and belong to one passage each; glyphs that stand for no letter are left out.
    """
    pieces: list[list[Word]] = []
    current: list[Word] = []
    size = 0
    for line in _lines([word for word in page.words if word.text.strip(_ICON)]):
        length = sum(len(word.text) + 1 for word in line)
        new_block = bool(current) and line[0].block != current[-1].block
        if current and (size + length > MAX_CHARACTERS or (new_block and size >= TARGET_CHARACTERS)):
            pieces.append(current)
            current, size = [], 0
        current = [*current, *line]
        size += length
    if current:
        pieces.append(current)
    return tuple(
        Passage(
            page=page.number,
            ordinal=ordinal,
            box=reduce(Box.union, (word.box for word in words)),
            text=" ".join(word.text for word in words),
        )
        for ordinal, words in enumerate(pieces[:MAX_PASSAGES_A_PAGE])
    )


def _lines(words: Sequence[Word]) -> list[list[Word]]:
    lines: list[list[Word]] = []
    size = 0
    for word in words:
        same = bool(lines) and (lines[-1][-1].block, lines[-1][-1].line) == (word.block, word.line)
        if same and size + len(word.text) < MAX_CHARACTERS:
            lines[-1].append(word)
            size += len(word.text) + 1
        else:
            lines.append([word])
            size = len(word.text) + 1
    return lines
