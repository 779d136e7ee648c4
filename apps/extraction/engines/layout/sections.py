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
_BLOCK_GAP = 1.3
_BLOCK_WIDTH = 30.0


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
    end = _end(pieces, piece.row, piece.rect.y1, (left, right), bottom, _GAP)
    return Section(role=role, rect=Rect(left, piece.rect.y0, right, end))


def _end(  # noqa: PLR0917 - a place and its bounds
    pieces: PagePieces, row_number: int, edge: float, across: tuple[float, float], bottom: float, widest: float
) -> float:
    """Return where the lines under a heading end: at the first gap wider than `widest`."""
    for row in pieces.rows[row_number + 1 :]:
        inside = [other.rect for other in row if across[0] <= other.rect.x0 < across[1]]
        if not inside:
            continue
        top = min(rect.y0 for rect in inside)
        if top >= bottom or top - edge > widest:
            break
        edge = max(edge, *(rect.y1 for rect in inside))
    return min(edge + 0.5, bottom)


def party_blocks(*, pieces: PagePieces, names: Mapping[Role, Rect], others: Sequence[Section]) -> list[Section]:
    """Return the lines under parties' names, where no heading gives them to anyone: what stands there is theirs."""
    found = []
    for role, rect in names.items():
        if role_at(rect=rect, found=others) is not None:
            continue
        right = rect.x0 + _BLOCK_WIDTH
        for other in names.values():
            if other is not rect and other.x0 > rect.x1 and abs(other.y0 - rect.y0) < _REACH:
                right = min(right, other.x0 - 0.5)
        left = rect.x0 - 1.5
        row = next((row for row in pieces.rows if row and row[0].rect.y1 >= rect.middle), None)
        if row is None:
            continue
        bottom = _end(pieces, row[0].row, rect.y1, (left, right), rect.y1 + _REACH, _BLOCK_GAP)
        found.append(Section(role=role, rect=Rect(left, rect.y0, right, bottom)))
    return found


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
