"""Reading geometry: a page's boxes in line heights, turned so that its lines run from left to right.

Pages come in any size and scans in any resolution; a line height is what the eye measures white space in. Contracts are
also printed sideways: the page is then turned here, once, so that nothing after this has to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from apps.parsing.pages import Box, Page, Word


class Rect(NamedTuple):
    """A rectangle in the reading frame, in line heights, from the top left."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def center(self) -> float:
        return (self.x0 + self.x1) / 2

    def union(self, other: Rect) -> Rect:
        return Rect(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))


class Turn(Enum):
    """How the lines of a page run: as usual, upwards (turned left) or downwards (turned right)."""

    NONE = "none"
    UP = "up"
    DOWN = "down"


class Frame(NamedTuple):
    """The way between an upright page's coordinates and reading coordinates. `unit` is the line height in points."""

    page_width: float
    page_height: float
    unit: float

    @property
    def width(self) -> float:
        """The page's width in line heights."""
        return self.page_width / self.unit

    @property
    def height(self) -> float:
        """The page's height in line heights."""
        return self.page_height / self.unit

    def rect(self, box: tuple[float, float, float, float]) -> Rect:
        """Return a box of the page, in [0, 1], as it lies in the reading frame."""
        x0, y0, x1, y1 = box
        across, down = self.width, self.height
        return Rect(x0 * across, y0 * down, x1 * across, y1 * down)

    def box(self, rect: Rect) -> Box:
        """Return a rectangle of the reading frame as the page has it, in [0, 1]."""
        across, down = self.width, self.height
        return Box(rect.x0 / across, rect.y0 / down, rect.x1 / across, rect.y1 / down)


def frame_of(*, page: Page) -> Frame:
    """Return the frame in which an upright page is read."""
    heights = [word.box.height * page.height for word in page.words if len(word.text) > 1]
    unit = median(heights) if heights else 12.0
    return Frame(page_width=page.width, page_height=page.height, unit=max(unit, 1e-3))


def upright(*, page: Page) -> tuple[Page, Turn]:
    """Return a page so that its lines run from left to right, and how they ran before."""
    turn = _turn(page)
    if turn is Turn.NONE:
        return page, turn
    words = tuple(replace(word, box=turned(box=word.box, turn=turn)) for word in page.words)
    return replace(page, width=page.height, height=page.width, words=words, tables=()), turn


def turned_back(*, box: Box, turn: Turn) -> Box:
    """Return a box of an upright page as the page shows it."""
    if turn is Turn.UP:
        return Box(box.y0, 1 - box.x1, box.y1, 1 - box.x0)
    if turn is Turn.DOWN:
        return Box(1 - box.y1, box.x0, 1 - box.y0, box.x1)
    return box


def turned(*, box: Box, turn: Turn) -> Box:
    """Return a box of a page as it is shown on the upright page: the way there of `turned_back`."""
    if turn is Turn.UP:
        return Box(1 - box.y1, box.x0, 1 - box.y0, box.x1)
    if turn is Turn.DOWN:
        return Box(box.y0, 1 - box.x1, box.y1, 1 - box.x0)
    return box


def _turn(page: Page) -> Turn:
    """Words that are taller than wide, though they have several letters, stand sideways."""
    upright = sideways = 0
    for word in page.words:
        if len(word.text) < 4:
            continue
        if word.box.height * page.height > 1.3 * word.box.width * page.width:
            sideways += 1
        else:
            upright += 1
    if sideways <= 2 * upright or sideways < 5:
        return Turn.NONE
    return Turn.UP if _rises(page.words) else Turn.DOWN


def _rises(words: Sequence[Word]) -> bool:
    """Return whether the words of a sideways line follow each other upwards."""
    up = down = 0
    for first, second in pairwise(words):
        if (first.block, first.line) == (second.block, second.line):
            if second.box.y0 < first.box.y0:
                up += 1
            elif second.box.y0 > first.box.y0:
                down += 1
    return up >= down


def overlap_x(first: Rect, second: Rect) -> float:
    """Return how much of the narrower one's width both share, in [0, 1]; below 0 where they are apart."""
    return (min(first.x1, second.x1) - max(first.x0, second.x0)) / max(min(first.width, second.width), 1e-6)


def overlap_y(first: Rect, second: Rect) -> float:
    """Return how much of the lower one's height both share, in [0, 1]; below 0 where they are apart."""
    return (min(first.y1, second.y1) - max(first.y0, second.y0)) / max(min(first.height, second.height), 1e-6)
