"""Rows of a table without headings, known by their arithmetic: three numbers that multiply, or amounts that add up."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import combinations

from apps.extraction.engines.layout.items import Cell, Item, RowRule, Table, holds
from apps.extraction.engines.layout.labelled import SURE_LABEL
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.options import Placed
from apps.extraction.engines.layout.pieces import PagePieces, Piece
from apps.extraction.engines.layout.spans import span_of
from apps.extraction.engines.layout.tables import TEXTUAL
from apps.schemas.fields import Field, Kind

_ALIGNED = 1.2
_MOST_NUMBERS = 7
_SURE_AMOUNT = 0.4
_PROVEN = 0.75
"""What a heading's score is worth where arithmetic stands for it."""
_LONGEST_GAP = 4.0


def find_unheaded(
    *,
    field: Field,
    pages: Sequence[PagePieces],
    placed: Sequence[Placed],
    labels: Lexicon,
    totals: frozenset[str],
    rules: Sequence[RowRule],
) -> Table | None:
    """Return an array's rows that arithmetic alone shows, or None. `totals` are the single numbers of the schema."""
    items = [item for pieces in pages for rule in rules[:1] for item in _multiplied(field, pieces, placed, rule)]
    if len(items) < 2 and not any(_says_something(item) for item in items):
        items = [item for pieces in pages for item in _summed(field, pieces, placed, labels, totals)]
    if not items:
        return None
    words = {
        (item.page, word)
        for item in items
        for cell in item.cells.values()
        if cell.placed is not None
        for word in cell.placed.candidate.words
    }
    headings = {name: _PROVEN for item in items for name in item.cells}
    return Table(field=field, items=tuple(items), headings=headings, words=frozenset(words))


def _says_something(item: Item) -> bool:
    """Return whether a product is no mere repetition, as 1 x 60 = 60 is."""
    values = {cell.value for cell in item.cells.values() if cell.placed is not None}
    return len(values) == 3


def _multiplied(field: Field, pieces: PagePieces, placed: Sequence[Placed], rule: RowRule) -> list[Item]:
    """Return the rows of a page in which numbers satisfy the row's rule, the result on the right."""
    inputs = [name.split(".")[1] for name in rule.inputs]
    if len(inputs) != 2:
        return []
    output = rule.output.split(".")[1]
    kinds = {column.name: column.kind for column in field.columns}
    # What is counted stands before what it costs, unless one of them alone looks like an amount.
    inputs.sort(key=lambda name: kinds[name] is Kind.MONEY)
    items: list[Item] = []
    for row, spots in _rows(pieces, placed):
        if not 3 <= len(spots) <= _MOST_NUMBERS:
            continue
        for first, second, last in combinations(spots, 3):
            if second.candidate.confidence < first.candidate.confidence - 0.3:
                first, second = second, first  # noqa: PLW2901 - an amount before a count
            group = {inputs[0]: first, inputs[1]: second, output: last}
            if holds(group=group, rule=rule, array=field.name) and last.candidate.value not in {"0", "0.00"}:
                items.append(_item(field, pieces, row, group, proven=True))
                break
    return _in_line(items, output)


def _summed(
    field: Field, pieces: PagePieces, placed: Sequence[Placed], labels: Lexicon, totals: frozenset[str]
) -> list[Item]:
    """Return rows of a text and an amount, one under another, that add up to a total right below them."""
    amounts = [column.name for column in field.columns if column.kind is Kind.MONEY]
    if not amounts or not any(column.kind in TEXTUAL for column in field.columns):
        return []
    name = amounts[-1]
    run: list[tuple[Sequence[Piece], Placed]] = []
    for row, spots in _rows(pieces, placed):
        last = spots[-1] if spots and spots[-1].candidate.confidence >= _SURE_AMOUNT else None
        texts = [piece for piece in row if not piece.value and piece.parts]
        if last is None or not texts or texts[0].rect.x0 > last.rect.x0:
            continue
        if run and (
            abs(run[-1][1].rect.x1 - last.rect.x1) > _ALIGNED or last.rect.y0 - run[-1][1].rect.y1 > _LONGEST_GAP
        ):
            run = []
        is_total = any(labels.read(texts[-1].parts).score(total) >= SURE_LABEL for total in totals)
        if (
            is_total
            and len(run) > 1
            and _number(last) == sum((_number(spot) or Decimal(0) for _, spot in run), Decimal(0))
        ):
            return [_item(field, pieces, line, {name: spot}, proven=True) for line, spot in run]
        if is_total:
            run = []
        else:
            run.append((row, last))
    return []


def _rows(pieces: PagePieces, placed: Sequence[Placed]) -> list[tuple[Sequence[Piece], list[Placed]]]:
    """Return a page's rows with the numbers in each, from left to right; percentages are none."""
    number = pieces.layout.page.number
    by_row: dict[int, list[Placed]] = {}
    for spot in placed:
        candidate = spot.candidate
        if candidate.page == number and candidate.kind is Kind.MONEY and candidate.unit != "%":
            by_row.setdefault(spot.piece.row, []).append(spot)
    for spots in by_row.values():
        spots.sort(key=lambda spot: spot.rect.x0)
    return [(row, by_row.get(row[0].row, [])) for row in pieces.rows if row]


def _item(field: Field, pieces: PagePieces, row: Sequence[Piece], group: dict[str, Placed], *, proven: bool) -> Item:
    cells = {name: Cell(placed=spot, value=spot.candidate.value) for name, spot in group.items()}
    textual = next((column.name for column in field.columns if column.kind in TEXTUAL), None)
    texts = [piece for piece in row if not piece.value and piece.parts]
    if textual is not None and texts:
        longest = max(texts, key=lambda piece: len(piece.text))
        span = span_of(layout=pieces.layout, tokens=longest.tokens)
        if span is not None:
            cells[textual] = Cell(span=span, value=span.text)
    top = min(spot.rect.y0 for spot in group.values())
    return Item(page=pieces.layout.page.number, y=top, cells=cells, proven=proven)


def _in_line(items: Sequence[Item], output: str) -> list[Item]:
    """Keep the rows whose results stand under each other, as most do."""
    best: list[Item] = []
    for item in items:
        right = _right_edge(item, output)
        aligned = [other for other in items if abs(_right_edge(other, output) - right) <= _ALIGNED]
        if len(aligned) > len(best):
            best = aligned
    return best


def _right_edge(item: Item, name: str) -> float:
    spot = item.cells[name].placed
    assert spot is not None
    return spot.rect.x1


def _number(spot: Placed) -> Decimal | None:
    try:
        return Decimal(spot.candidate.value)
    except InvalidOperation:
        return None
