"""What stands beside a value: the words left of it in its row and above it in its column, with how far off they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from apps.extraction.engines.layout.geometry import Rect, overlap_x
from apps.extraction.engines.layout.pieces import PagePieces, Piece
from apps.extraction.engines.layout.wording import JOINING, NUMBER

_ROWS_UP = 12
_REACH_UP = 14.0
_TEXTS_LEFT = 3
_TEXTS_UP = 3
_EDGE = 0.6
_STACKED = 0.75
"""Two lines of a heading lie within this many line heights."""


class Relation(Enum):
    INLINE = "inline"
    LEFT = "left"
    ABOVE = "above"


@dataclass(frozen=True, slots=True)
class Context:
    """A phrase beside a value and how well it lies to be its label, in [0, 1].

    `crossed` other values stand between; `faint` phrases say nothing alone.
    """

    parts: tuple[str, ...]
    relation: Relation
    fit: float
    piece: Piece
    crossed: int = 0
    faint: bool = False


def is_faint(parts: tuple[str, ...]) -> bool:
    """Return whether a phrase says nothing alone: "Nr.", "vom", "(EUR)"."""
    return all(part in JOINING or part == NUMBER or part.isdigit() or len(part) < 2 for part in parts)


def contexts(*, pieces: PagePieces, piece: Piece, rect: Rect) -> Sequence[Context]:
    """Return the phrases that can be the label of a value that begins in `piece` and covers `rect`."""
    known = pieces.seen.get((piece, rect))
    if isinstance(known, tuple):
        return known
    found = (*_left(pieces, piece, rect), *_above(pieces, piece, rect))
    pieces.seen[piece, rect] = found
    return found


def _left(pieces: PagePieces, piece: Piece, rect: Rect) -> Iterator[Context]:
    row = pieces.rows[piece.row]
    crossed_values = crossed_texts = 0
    pending: tuple[str, ...] | None = None
    for other in reversed(row[: piece.place]):
        if other.value or not other.parts:
            crossed_values += other.value
            continue
        gap = max(0.0, rect.x0 - other.rect.x1)
        same = other.segment is piece.segment
        colon = other.ends_label
        fit = 1.0 if same else 1 - (min(0.08, 0.002 * gap) if colon else min(0.18, 0.005 * gap))
        fit *= 0.8**crossed_values * 0.55**crossed_texts
        relation = Relation.INLINE if same else Relation.LEFT
        faint = is_faint(other.parts)
        if pending is not None:
            yield Context(other.parts + pending, relation, fit / 0.55 * 0.95, other, crossed_values)
        yield Context(other.parts, relation, fit, other, crossed_values, faint)
        chained = crossed_texts == 0 or pending is not None
        pending = other.parts + (pending or ()) if faint and chained and crossed_values <= 1 else None
        crossed_texts += 1
        if crossed_texts == _TEXTS_LEFT:
            return


def _above(pieces: PagePieces, piece: Piece, rect: Rect) -> Iterator[Context]:
    crossed_values = crossed_texts = 0
    lower: Piece | None = None
    for row in reversed(pieces.rows[max(0, piece.row - _ROWS_UP) : piece.row]):
        for other in row:
            # Most pieces of a page are far off to one side.
            if other.rect.x0 > rect.x1 + _EDGE or other.rect.x1 < rect.x0 - _EDGE or not _in_column(other.rect, rect):
                continue
            gap = max(0.0, rect.y0 - other.rect.y1)
            if gap > _REACH_UP:
                return
            if other.value or not other.parts:
                crossed_values += other.value
                continue
            fit = 0.93 * (1 - min(0.5, 0.05 * max(0.0, gap - 0.8)))
            fit *= max(0.5, 0.88**crossed_values)
            stacked = (
                lower is not None and lower.rect.y0 - other.rect.y1 < _STACKED and _in_column(lower.rect, other.rect)
            )
            if stacked and lower is not None:
                yield Context(other.parts + lower.parts, Relation.ABOVE, fit * 0.97, other)
            yield Context(other.parts, Relation.ABOVE, fit * 0.6 ** (crossed_texts - 0.5 * stacked), other)
            lower = other
            crossed_texts += 1
            if crossed_texts == _TEXTS_UP:
                return


def _in_column(first: Rect, second: Rect) -> bool:
    if overlap_x(first, second) > 0.25:
        return True
    return abs(first.x0 - second.x0) < _EDGE or abs(first.x1 - second.x1) < _EDGE
