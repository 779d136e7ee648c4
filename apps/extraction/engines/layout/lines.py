"""Words of a page as a reader takes them in: tokens in segments, segments in rows.

A segment is a run of words without a gap as wide as a column's. Rows are found by how far words overlap in height, so
that the small label and the large value beside it share one, and each word hangs on to its left neighbour, so that a
slightly turned scan keeps its rows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.extraction.candidates.reading import column_gap, skew
from apps.extraction.engines.layout.geometry import Frame, Rect, frame_of
from apps.parsing.pages import Page, TextSource

_NEW_LINE_GAP = 0.6
SAME_ROW = 0.45
"""Centres nearer than this share of the lower one's height stand in one row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A word, or the part of it before or behind a colon ("Customer:2"). `word` is its index in `page.words`."""

    word: int
    text: str
    rect: Rect
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Neighbouring tokens of a row, from left to right."""

    row: int
    tokens: tuple[Token, ...]
    rect: Rect

    @property
    def text(self) -> str:
        return " ".join(token.text for token in self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What stands on one level. `index` counts rows from the top of the page."""

    index: int
    segments: tuple[Segment, ...]
    rect: Rect


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLayout:
    """A page's rows from top to bottom."""

    page: Page
    frame: Frame
    rows: tuple[Row, ...]

    def segments(self) -> Iterator[Segment]:
        for row in self.rows:
            yield from row.segments


def lay_out(*, page: Page) -> PageLayout:
    """Find the rows and segments of a page."""
    frame = frame_of(page=page)
    column = column_gap(page=page)
    rows = []
    slope = skew(page=page)
    for index, tokens in enumerate(_rows(_tokens(page, frame), slope)):
        segments = tuple(_segment(index, run) for run in _runs(page, tokens, column))
        rect = segments[0].rect
        for segment in segments[1:]:
            rect = rect.union(segment.rect)
        rows.append(Row(index=index, segments=segments, rect=rect))
    return PageLayout(page=page, frame=frame, rows=tuple(rows))


def _tokens(page: Page, frame: Frame) -> list[Token]:
    tokens = []
    for index, word in enumerate(page.words):
        text = word.text.strip()
        if not text or word.box.width <= 0 or word.box.height <= 0:
            continue
        rect = frame.rect(word.box)
        cut = _colon(text)
        if cut:
            share = rect.x0 + rect.width * cut / len(text)
            left, right = text[:cut], text[cut:]
            tokens.append(
                Token(word=index, text=left, rect=Rect(rect.x0, rect.y0, share, rect.y1), confidence=word.confidence),
            )
            tokens.append(
                Token(word=index, text=right, rect=Rect(share, rect.y0, rect.x1, rect.y1), confidence=word.confidence),
            )
        else:
            tokens.append(Token(word=index, text=text, rect=rect, confidence=word.confidence))
    return tokens


def _colon(text: str) -> int:
    """Return where a word parts behind a colon that ends a label inside it, or 0."""
    place = text.find(":", 0, -1)
    if place < 1 or text.startswith("//", place + 1):
        return 0
    left = text[:place]
    return place + 1 if any(char.isalpha() for char in left) and not left[-1].isdigit() else 0


def _rows(tokens: Sequence[Token], slope: float) -> list[list[Token]]:
    """Return rows from top to bottom, each from left to right.

    Tokens are taken from left to right; each joins the row whose last token lies level with it. `slope` is how far
    the page's lines fall as they go to the right.
    """
    rows: list[list[Token]] = []
    # Rows are kept ordered by the middle of their last token, to look only at near ones.
    middles: list[float] = []
    for token in sorted(tokens, key=lambda token: (token.rect.x0, token.rect.y0)):
        middle = _level(token.rect, slope)
        best, nearest = -1, float("inf")
        place = bisect_left(middles, middle - 2.0)
        while place < len(middles) and middles[place] <= middle + 2.0:
            distance = abs(middles[place] - middle)
            if distance < nearest and distance < SAME_ROW * _size(rows[place][-1], token):
                best, nearest = place, distance
            place += 1
        if best < 0:
            spot = bisect_left(middles, middle)
            rows.insert(spot, [token])
            middles.insert(spot, middle)
            continue
        row = rows.pop(best)
        middles.pop(best)
        row.append(token)
        spot = bisect_left(middles, middle)
        rows.insert(spot, row)
        middles.insert(spot, middle)
    rows.sort(key=lambda row: sum(_level(token.rect, slope) for token in row) / len(row))
    return rows


def _size(one: Token, other: Token) -> float:
    """Return the height that two tokens' distance is measured by: the lower one's, but not that of a mere dash."""
    heights = [token.rect.height for token in (one, other) if any(char.isalnum() for char in token.text)]
    return min(heights or (one.rect.height, other.rect.height))


def _level(rect: Rect, slope: float) -> float:
    """Return the height at which a rectangle would stand on a straight page."""
    return rect.middle - slope * rect.center


def _runs(page: Page, tokens: Sequence[Token], column: float) -> Iterator[list[Token]]:
    """Part a row at gaps wider than `column` line heights; less is enough where the text layer begins a new line."""
    layered = page.source is TextSource.LAYER
    run: list[Token] = []
    for token in tokens:
        if run:
            last = run[-1]
            gap = token.rect.x0 - last.rect.x1
            size = min(1.5, max(0.6, min(last.rect.height, token.rect.height)))
            left, right = page.words[last.word], page.words[token.word]
            parted = layered and (left.block, left.line) != (right.block, right.line)
            if gap > (min(column, _NEW_LINE_GAP) if parted else column) * size:
                yield run
                run = []
        run.append(token)
    if run:
        yield run


def _segment(row: int, tokens: Sequence[Token]) -> Segment:
    rect = tokens[0].rect
    for token in tokens[1:]:
        rect = rect.union(token.rect)
    return Segment(row=row, tokens=tuple(tokens), rect=rect)
