"""Tables without lines: the row of column headings that a schema's array asks for, and where its columns run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from apps.extraction.engines.layout.geometry import Rect, overlap_x
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.lines import Token
from apps.extraction.engines.layout.pieces import PagePieces, Piece
from apps.extraction.engines.layout.wording import tokens as words_of
from apps.schemas.fields import Field, Kind

HEADING = 0.55
"""Least score at which a heading is taken for a column's."""

_STACK_GAP = 1.3
_MOST_STACKED = 3
_CLOSE = 0.5
"""A gap wider than this many line heights can part two headings; a blank is about 0.3."""
TEXTUAL = frozenset({Kind.TEXT, Kind.ORGANISATION, Kind.PERSON, Kind.ADDRESS})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One line of a heading. `row` counts from the header's top."""

    row: int
    rect: Rect
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A column's heading, its lines stacked.

    `scores` are by the name of the array's columns. `lines` says which line names the column, where a stack names
    several ("Article no." over "Description"): the cells below are stacked in the same order.
    """

    rect: Rect
    parts: tuple[str, ...]
    scores: Mapping[str, float]
    lines: Mapping[str, int]
    background: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A row of headings, from left to right. `first` and `last` are the rows that it takes up."""

    page: int
    first: int
    last: int
    headings: tuple[Heading, ...]
    names: tuple[str | None, ...]
    score: float

    @property
    def bottom(self) -> float:
        return max(heading.rect.y1 for heading in self.headings)


def find_headers(*, pieces: PagePieces, lexicon: Lexicon, columns: Sequence[Field]) -> list[Header]:
    """Return the header rows of a page for an array with these columns, from the top."""
    found: list[Header] = []
    for row in pieces.rows:
        if found and row and row[0].row <= found[-1].last:
            continue
        texts = [piece for piece in row if not piece.value and piece.parts]
        hits = sum(_best(lexicon, piece.parts) >= HEADING for piece in texts)
        if hits == 0 or 4 * (len(row) - len(texts)) > len(row):
            continue
        header = _header(pieces, row[0].row, lexicon, columns)
        if header is not None:
            found.append(header)
    return found


def _best(lexicon: Lexicon, parts: tuple[str, ...]) -> float:
    return max(lexicon.read(parts).scores.values(), default=0.0)


def _header(pieces: PagePieces, row: int, lexicon: Lexicon, columns: Sequence[Field]) -> Header | None:
    """Read a row as headings, with the lines stacked on it, or return None where too few columns are named."""
    first = last = row
    while row - first < _MOST_STACKED and _stacks(pieces, first - 1, first):
        first -= 1
    while last - row < _MOST_STACKED and _stacks(pieces, last + 1, last):
        last += 1
    best: Header | None = None
    for top in range(first, row + 1):
        for bottom in range(row, last + 1):
            header = _read(pieces, top, bottom, lexicon, columns)
            if header is not None and (best is None or header.score > best.score + 0.01):
                best = header
    return best


def _stacks(pieces: PagePieces, number: int, beside: int) -> bool:
    """Return whether a row can be another line of the headings in the row beside it."""
    if not 0 <= number < len(pieces.rows):
        return False
    row, other = pieces.rows[number], pieces.rows[beside]
    if not row or any(piece.value for piece in row) or any(piece.ends_label for piece in row):
        return False
    upper, lower = (row, other) if number < beside else (other, row)
    gap = min(piece.rect.y0 for piece in lower) - max(piece.rect.y1 for piece in upper)
    return gap < _STACK_GAP and all(piece.rect.width < 16 for piece in row)


def _read(pieces: PagePieces, top: int, bottom: int, lexicon: Lexicon, columns: Sequence[Field]) -> Header | None:
    stacks: list[list[_Line]] = []
    for number, row in enumerate(pieces.rows[top : bottom + 1]):
        for piece in row:
            for line in _split(piece, number, lexicon):
                for stack in stacks:
                    if line.row > stack[-1].row and _over(stack[-1].rect, line.rect):
                        stack.append(line)
                        break
                else:
                    stacks.append([line])
    headings = [_heading(stack, lexicon, columns) for stack in stacks]
    headings.sort(key=lambda heading: heading.rect.x0)
    names, score = _assign(headings, columns)
    named = [name for name in names if name is not None]
    kinds = {field.name: field.kind for field in columns}
    typed = [name for name in named if kinds[name] not in TEXTUAL]
    if not typed or len(named) < min(2, len(columns)) or len(headings) < 2:
        return None
    score -= 0.04 * sum(
        name is None and heading.background < HEADING for name, heading in zip(names, headings, strict=True)
    )
    return Header(
        page=pieces.layout.page.number,
        first=top,
        last=bottom,
        headings=tuple(headings),
        names=names,
        score=score,
    )


def _heading(stack: Sequence[_Line], lexicon: Lexicon, columns: Sequence[Field]) -> Heading:
    rect = stack[0].rect
    for line in stack[1:]:
        rect = rect.union(line.rect)
    parts = tuple(part for line in stack for part in line.parts)
    whole = lexicon.read(parts)
    alone = [lexicon.read(line.parts) for line in stack]
    scores: dict[str, float] = {}
    lines: dict[str, int] = {}
    for field in columns:
        best = max(range(len(stack)), key=lambda number: alone[number].score(field.name))
        single, together = 0.9 * alone[best].score(field.name), whole.score(field.name)
        scores[field.name] = max(single, together)
        lines[field.name] = stack[best].row if single > together and len(stack) > 1 else 0
    background = max(whole.background, *(0.9 * one.background for one in alone))
    return Heading(rect=rect, parts=parts, scores=scores, lines=lines, background=background)


def _split(piece: Piece, row: int, lexicon: Lexicon) -> list[_Line]:
    """Part headings that stand close to each other: where a gap is wide and both sides are known."""
    if not piece.parts:
        return []
    whole = lexicon.read(piece.parts).best
    if len(piece.tokens) > 1 and whole < 0.9:
        gaps = [
            (after.rect.x0 - before.rect.x1, number)
            for number, (before, after) in enumerate(pairwise(piece.tokens), start=1)
        ]
        gap, number = max(gaps)
        left, right = piece.tokens[:number], piece.tokens[number:]
        sides = [_line(side, row) for side in (left, right)]
        if gap > _CLOSE and min(lexicon.read(side.parts).best for side in sides) > max(0.7, whole):
            return sides
    return [_Line(row=row, rect=piece.rect, parts=piece.parts)]


def _line(tokens: Sequence[Token], row: int) -> _Line:
    rect = tokens[0].rect
    for token in tokens[1:]:
        rect = rect.union(token.rect)
    return _Line(row=row, rect=rect, parts=words_of(" ".join(token.text for token in tokens)))


def _over(upper: Rect, lower: Rect) -> bool:
    return overlap_x(upper, lower) > 0.3


def _assign(headings: Sequence[Heading], columns: Sequence[Field]) -> tuple[tuple[str | None, ...], float]:
    """Give each column its best heading, the surest first."""
    pairs = sorted(
        (
            (heading.scores[field.name], place, field.name)
            for place, heading in enumerate(headings)
            for field in columns
            if heading.scores[field.name] >= HEADING
        ),
        reverse=True,
    )
    names: list[str | None] = [None] * len(headings)
    score = 0.0
    for worth, place, name in pairs:
        if names[place] is None and name not in names:
            names[place] = name
            score += worth
    return tuple(names), score
