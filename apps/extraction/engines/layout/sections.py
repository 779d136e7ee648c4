"""Parts of a page that a heading gives to a party: what stands under "Buyer" is the buyer's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.extraction.engines.layout.geometry import Rect
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.pieces import PagePieces, Piece
from apps.extraction.engines.layout.roles import Role

_HEADING = 0.75
_REACH = 26.0
_GAP = 2.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading's area: below it, from its left edge to where the next heading of its row begins."""

    role: Role
    rect: Rect


def sections(*, pieces: PagePieces, lexicon: Lexicon, roles: Mapping[str, Role]) -> list[Section]:
    """Return the areas of a page whose heading names a party. `roles` are by field name."""
    headings: list[tuple[Piece, Role]] = []
    for row in pieces.rows:
        for piece in row:
            alone = len(piece.tokens) == len(piece.segment.tokens)
            if piece.value or not alone or not piece.parts or len(piece.parts) > 4:
                continue
            reading = lexicon.read(piece.parts)
            best = max(roles, key=reading.score, default=None)
            if best is not None and reading.score(best) >= _HEADING and not piece.ends_label:
                headings.append((piece, roles[best]))
            elif reading.background >= 0.9 and not piece.ends_label and _stands_alone(row, piece):
                headings.append((piece, Role.NONE))
    return [_section(pieces, piece, role, headings) for piece, role in headings]


def _stands_alone(row: Sequence[Piece], piece: Piece) -> bool:
    """Return whether no value stands beside a label: one that has its own heads nothing."""
    following = row[piece.place + 1 :]
    return not any(other.value for other in following[:1])


def _section(pieces: PagePieces, piece: Piece, role: Role, headings: Sequence[tuple[Piece, Role]]) -> Section:
    right = pieces.layout.frame.width
    for other, _ in headings:
        if other.row == piece.row and other.rect.x0 > piece.rect.x1 + 1:
            right = min(right, other.rect.x0 - 0.5)
    bottom = piece.rect.y1 + _REACH
    for other, _ in headings:
        if other.rect.y0 > piece.rect.y1 and abs(other.rect.x0 - piece.rect.x0) < 2:
            bottom = min(bottom, other.rect.y0)
    left = piece.rect.x0 - 1.5
    return Section(role=role, rect=Rect(left, piece.rect.y0, right, _end(pieces, piece, left, right, bottom)))


def _end(pieces: PagePieces, piece: Piece, left: float, right: float, bottom: float) -> float:
    """Return where the lines under a heading end: at the first wide gap."""
    edge = piece.rect.y1
    for row in pieces.rows[piece.row + 1 :]:
        inside = [other.rect for other in row if left <= other.rect.x0 < right]
        if not inside:
            continue
        top = min(rect.y0 for rect in inside)
        if top >= bottom or top - edge > _GAP:
            break
        edge = max(edge, *(rect.y1 for rect in inside))
    return min(edge + 0.5, bottom)


def role_at(*, rect: Rect, found: Sequence[Section]) -> Role | None:
    """Return whose section a value stands in: the smallest one that holds it; None where it stands in none."""
    inside = [
        section
        for section in found
        if section.rect.x0 <= rect.x0 < section.rect.x1 and section.rect.y0 <= rect.middle <= section.rect.y1
    ]
    if not inside:
        return None
    return min(inside, key=lambda section: rect.y0 - section.rect.y0 + 0.2 * (rect.x0 - section.rect.x0)).role
