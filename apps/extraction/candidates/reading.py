"""A page's words as one text that patterns can run on, with the way back from an offset to the words.

Words of one visual row are joined by a blank; a gap wider than a column's becomes a tab, so that no pattern joins two
columns by accident. Rows are joined by a line feed where running text goes on in the next row, else by a form feed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, quantiles

from apps.parsing.pages import Box, Page

BLANK, COLUMN, SOFT_BREAK, HARD_BREAK = " ", "\t", "\n", "\f"

COLUMN_GAP = 1.1
"""A gap of more than this many line heights separates columns. A blank is about 0.3; justified text seldom passes 1."""

_WIDE_BLANK = 0.45
_TIMES_BLANK = 2.2
_WIDEST_COLUMN_GAP = 2.6
_ENOUGH_GAPS = 20
_TELLING = 0.25
_ENOUGH_LINES = 6

SAME_ROW = 0.45
"""Fragments whose centres are nearer than this share of the lower one's height stand in one row."""

SOFT_GAP = 0.9
"""A next row that begins within this many line heights below can go on with the sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReading:
    """`text` and, for each word in reading order, where it starts and ends in it and its index in `page.words`."""

    page: Page
    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    indexes: tuple[int, ...]

    def span_of(self, *, words: Sequence[int]) -> tuple[int, int]:
        """Return where words, given by their indexes into `page.words`, begin and end in the text.

        Raises ValueError where one is not in it.
        """
        places = [self.indexes.index(word) for word in words]
        return min(self.starts[place] for place in places), max(self.ends[place] for place in places)

    def words_between(self, start: int, end: int) -> tuple[int, ...]:
        """Return the indexes into `page.words` of the words that the offsets touch, in reading order."""
        first = bisect_right(self.ends, start)
        last = bisect_left(self.starts, end)
        return self.indexes[first:last]

    def box_between(self, start: int, end: int) -> Box:
        """Return the box around the text between two offsets.

        Where the text is only a part of a word, the box is cut at its share of the characters: a colon or a unit
        that is glued to a value stays outside.
        """
        first, last = bisect_right(self.ends, start), bisect_left(self.starts, end)
        if first >= last:
            raise ValueError("no word stands between these offsets")
        box: Box | None = None
        for position in range(first, last):
            word = self.page.words[self.indexes[position]].box
            begin, length = self.starts[position], self.ends[position] - self.starts[position]
            left = max(start - begin, 0) / length
            right = min(end - begin, length) / length
            part = Box(word.x0 + left * word.width, word.y0, word.x0 + right * word.width, word.y1)
            box = part if box is None else box.union(part)
        assert box is not None
        return box


@dataclass(slots=True)
class _Fragment:
    """Neighbouring words of one line, in points: no column gap between them."""

    words: list[int]
    x0: float
    x1: float
    y0: float
    y1: float

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def height(self) -> float:
        return self.y1 - self.y0


def read_page(*, page: Page) -> PageReading:
    """Join a page's words into rows."""
    rows = _rows(_fragments(page), skew(page=page))
    column = column_gap(page=page)
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    indexes: list[int] = []
    offset = 0
    previous: list[_Fragment] | None = None
    for row in rows:
        if previous is not None:
            parts.append(SOFT_BREAK if _goes_on(previous, row) else HARD_BREAK)
            offset += 1
        for number, fragment in enumerate(row):
            if number:
                gap = fragment.x0 - row[number - 1].x1
                wide = gap > column * min(fragment.height, row[number - 1].height)
                parts.append(COLUMN if wide else BLANK)
                offset += 1
            for place, index in enumerate(fragment.words):
                if place:
                    parts.append(BLANK)
                    offset += 1
                text = page.words[index].text
                parts.append(text)
                starts.append(offset)
                offset += len(text)
                ends.append(offset)
                indexes.append(index)
        previous = row
    return PageReading(page=page, text="".join(parts), starts=tuple(starts), ends=tuple(ends), indexes=tuple(indexes))


def _fragments(page: Page) -> list[_Fragment]:
    width, height = page.width, page.height
    column = column_gap(page=page)
    fragments: list[_Fragment] = []
    current: _Fragment | None = None
    key: tuple[int, int] | None = None
    for index, word in enumerate(page.words):
        x0, y0, x1, y1 = word.box
        x0, x1, y0, y1 = x0 * width, x1 * width, y0 * height, y1 * height
        if not word.text or x1 <= x0 or y1 <= y0:
            continue
        if (
            current is not None
            and key == (word.block, word.line)
            and -0.5 * (y1 - y0) < x0 - current.x1 <= column * (y1 - y0)
        ):
            current.words.append(index)
            current.x1 = max(current.x1, x1)
            current.y0, current.y1 = min(current.y0, y0), max(current.y1, y1)
        else:
            current = _Fragment([index], x0, x1, y0, y1)
            fragments.append(current)
        key = (word.block, word.line)
    return fragments


def _rows(fragments: Sequence[_Fragment], slope: float) -> list[list[_Fragment]]:
    """Return rows from top to bottom, each from left to right."""
    rows: list[list[_Fragment]] = []
    middle = height = 0.0
    level = {id(fragment): fragment.middle - slope * (fragment.x0 + fragment.x1) / 2 for fragment in fragments}
    for fragment in sorted(fragments, key=lambda fragment: level[id(fragment)]):
        own = level[id(fragment)]
        if rows and own - middle < SAME_ROW * min(height, fragment.height):
            rows[-1].append(fragment)
            # The row's middle follows its fragments, so that what is left of a slope still gives one row.
            middle += (own - middle) / len(rows[-1])
        else:
            rows.append([fragment])
            middle, height = own, fragment.height
    for row in rows:
        row.sort(key=lambda fragment: fragment.x0)
    return rows


def _goes_on(above: Sequence[_Fragment], below: Sequence[_Fragment]) -> bool:
    if len(above) != 1 or len(below) != 1:
        return False
    upper, lower = above[0], below[0]
    height = min(upper.height, lower.height)
    near = lower.y0 - upper.y1 < SOFT_GAP * height and max(upper.height, lower.height) < 1.6 * height
    return near and min(upper.x1, lower.x1) > max(upper.x0, lower.x0)


def skew(*, page: Page) -> float:
    """Return by how much the lines of a page that was photographed or scanned askew fall, as down over across.

    The median of the lines that are long enough to tell; 0 where there are too few.
    """
    slopes = []
    first = last = None
    for word in (*page.words, None):
        if word is not None and last is not None and (word.block, word.line) == (last.block, last.line):
            last = word
            continue
        if first is not None and last is not None:
            across = (last.box.x0 + last.box.x1 - first.box.x0 - first.box.x1) / 2 * page.width
            if across > _TELLING * page.width:
                slopes.append((last.box.y1 - first.box.y1) * page.height / across)
        first = last = word
    return median(slopes) if len(slopes) >= _ENOUGH_LINES else 0.0


def column_gap(*, page: Page) -> float:
    """Return the width of a gap that separates columns on this page, in line heights.

    Till rolls are printed in wide letters with wide blanks. The narrower gaps of a page's lines are its blanks.
    """
    gaps = []
    for left, right in pairwise(page.words):
        if left.line == right.line and left.block == right.block and right.box.x0 >= left.box.x1:
            size = min(left.box.height, right.box.height) * page.height
            if size > 0:
                gaps.append((right.box.x0 - left.box.x1) * page.width / size)
    if len(gaps) < _ENOUGH_GAPS:
        return COLUMN_GAP
    blank = quantiles(gaps, n=3)[0]
    return min(_WIDEST_COLUMN_GAP, max(COLUMN_GAP, _TIMES_BLANK * blank)) if blank > _WIDE_BLANK else COLUMN_GAP
