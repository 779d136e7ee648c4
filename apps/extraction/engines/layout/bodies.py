"""What stands under a table's headings, column by column, up to the totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from apps.extraction.engines.layout.geometry import Rect, overlap_x
from apps.extraction.engines.layout.labelled import SURE_LABEL
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.lines import Token
from apps.extraction.engines.layout.options import Placed
from apps.extraction.engines.layout.pieces import PagePieces, Piece
from apps.extraction.engines.layout.spans import Span, span_of
from apps.extraction.engines.layout.tables import Header

ROW_REACH = 2.4
"""A row's cells lie within this many line heights of each other."""

_END_GAP = 14.0
_NEXT_LINE = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Rows of pieces under a header; `columns` has each piece's heading by its place. `ended`: totals follow."""

    pieces: PagePieces
    header: Header
    rows: tuple[tuple[Piece, ...], ...]
    columns: Mapping[Piece, int]
    ended: bool

    def inside(self, placed: Sequence[Placed]) -> list[Placed]:
        """Return the candidates that stand in these rows."""
        numbers = {row[0].row for row in self.rows}
        return [spot for spot in placed if spot.piece.row in numbers]

    def by_column(self, spots: Sequence[Placed]) -> dict[int, list[Placed]]:
        """Return candidates by the place of their heading."""
        found: dict[int, list[Placed]] = defaultdict(list)
        for spot in spots:
            if spot.piece in self.columns:
                found[self.columns[spot.piece]].append(spot)
        return found

    def text(self, *, place: int, name: str, top: float, bottom: float) -> Span | None:
        """Return the text of a column from a row's level down to the next row: a line and those that go on with it.

        Where the column's heading has it on a further line ("Article no." over "Description"), so has the cell, and
        it is that line alone.
        """
        skip = self.header.headings[place].lines.get(name, 0)
        lines: list[list[Token]] = []
        edge: float | None = None
        for row in self.rows:
            line = [token for piece in row if self.columns.get(piece) == place for token in piece.tokens]
            if not line:
                continue
            y0, y1 = min(token.rect.y0 for token in line), max(token.rect.y1 for token in line)
            if y0 < top - 0.9 or (y0 + y1) / 2 > bottom - 0.2:
                continue
            if edge is None and y0 > top + ROW_REACH:
                return None
            if edge is not None and (y0 - edge > _NEXT_LINE or line[0].text.endswith(":")):
                break
            lines.append(line)
            edge = y1
        if skip:
            lines = lines[skip : skip + 1] or lines[-1:]
        return span_of(layout=self.pieces.layout, tokens=[token for line in lines for token in line])


def read_body(*, pieces: PagePieces, top: int, header: Header, labels: Lexicon, totals: frozenset[str]) -> Body:
    """Return the rows from number `top` on, up to the totals, another table or a wide gap.

    `totals` are the fields, of those that `labels` knows, whose label begins the totals.
    """
    rows: list[tuple[Piece, ...]] = []
    ended = False
    edge = header.bottom
    left = min(heading.rect.x0 for heading in header.headings) - 6
    numeric = sum(name is not None for name in header.names)
    for row in pieces.rows[top:]:
        inside = tuple(piece for piece in row if piece.rect.x1 > left)
        if not inside:
            continue
        # On a page that goes on with a table the first row may stand anywhere.
        ended = (
            ((top > 0 or bool(rows)) and min(piece.rect.y0 for piece in inside) - edge > _END_GAP)
            or _is_total(inside, labels, totals, numeric)
            or _is_other_header(inside, labels)
        )
        if ended:
            break
        if any(piece.value for piece in inside):
            edge = max(piece.rect.y1 for piece in inside)
        rows.append(inside)
    return Body(pieces=pieces, header=header, rows=tuple(rows), columns=_columns(rows, header), ended=ended)


def _is_total(row: Sequence[Piece], labels: Lexicon, totals: frozenset[str], columns: int) -> bool:
    """Return whether a row's words, with an amount behind them, name a single number of the schema.

    A row that has values for all columns is an item, whatever it is called.
    """
    values = [piece for piece in row if piece.value]
    if not values or len(values) >= max(columns, 3):
        return False
    first = next((piece for piece in row if piece.parts), None)
    for piece, following in pairwise(row):
        if piece.value or not piece.parts or not (following.value or piece is first):
            continue
        reading = labels.read(piece.parts)
        if max((reading.score(name) for name in totals), default=0.0) >= SURE_LABEL:
            return True
    return False


def _is_other_header(row: Sequence[Piece], labels: Lexicon) -> bool:
    """Return whether a row is the headings of another table: of taxes, of payments."""
    if len(row) < 3 or any(piece.value for piece in row):
        return False
    return sum(labels.read(piece.parts).best >= SURE_LABEL for piece in row if piece.parts) >= 2


def _columns(rows: Sequence[Sequence[Piece]], header: Header) -> dict[Piece, int]:
    """Return the column of every piece: the heading that it lies nearest to.

    A number inside a text ("12 x 1,0l") goes with the words before it, unless it lies right under another heading.
    """
    rects = [heading.rect for heading in header.headings]
    found: dict[Piece, int] = {}
    for row in rows:
        before: Piece | None = None
        for piece in row:
            place = max(range(len(rects)), key=lambda number: _closeness(piece.rect, rects[number]))
            if before is not None and before.segment is piece.segment and overlap_x(piece.rect, rects[place]) < 0.4:
                place = found[before]
            found[piece] = place
            before = piece
    return found


def _closeness(rect: Rect, heading: Rect) -> float:
    """Return how well a value lies under a heading: over 0 where they overlap, below by how far they are apart."""
    shared = overlap_x(rect, heading)
    if shared > 0:
        edges = min(abs(rect.x0 - heading.x0), abs(rect.x1 - heading.x1), abs(rect.center - heading.center))
        return shared + 1 / (1 + edges)
    return -max(rect.x0 - heading.x1, heading.x0 - rect.x1)
