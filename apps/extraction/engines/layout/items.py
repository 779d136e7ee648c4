"""Rows of a table: values under the headings, grouped into rows, checked by the schema's arithmetic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise, permutations

from apps.extraction.engines.layout.geometry import Rect, overlap_x
from apps.extraction.engines.layout.labelled import SURE_LABEL
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.lines import Token
from apps.extraction.engines.layout.options import NUMERIC, Placed
from apps.extraction.engines.layout.pieces import PagePieces, Piece
from apps.extraction.engines.layout.spans import Span, span_of
from apps.extraction.engines.layout.tables import Header, find_headers
from apps.schemas.fields import Field, Kind, Rule
from apps.schemas.rules import Node, RuleError, evaluate, parse_formula

_TEXTUAL = frozenset({Kind.TEXT, Kind.ORGANISATION, Kind.PERSON, Kind.ADDRESS})
_END_GAP = 14.0
_ROW_REACH = 2.4
_NEXT_LINE = 0.6
_ROUNDING = Decimal("0.006")
_ARITHMETIC = 1.5
"""What it is worth, beside the headings' scores, that a table's rows add up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A row's value of one column: a candidate, or a text."""

    placed: Placed | None = None
    span: Span | None = None
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A row. `proven`: the schema's arithmetic holds in it; None where it can't be worked out."""

    page: int
    y: float
    cells: Mapping[str, Cell]
    proven: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All rows of an array.

    `headings` are the columns' scores by name; `words`, as (page, word), are the values that stand in its rows: they
    are no single field's.
    """

    field: Field
    items: tuple[Item, ...]
    headings: Mapping[str, float]
    words: frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRule:
    """An equation between the columns of one row."""

    left: Node
    inputs: tuple[str, ...]
    output: str


def row_rules(*, rules: Sequence[Rule], field: Field) -> list[RowRule]:
    """Return the rules that hold in each row of an array, over bare column names."""
    names = {column.name for column in field.columns}
    found = []
    for rule in rules:
        try:
            left, right = parse_formula(rule.left), parse_formula(rule.right)
        except RuleError:
            continue
        used = left.names() | right.names()
        if right.op != "name" or left.summed_names() or not used or not all("." in name for name in used):
            continue
        if all(name.split(".")[0] == field.name and name.split(".")[1] in names for name in used):
            found.append(RowRule(left=left, inputs=tuple(sorted(left.names())), output=right.text))
    return found


def find_table(
    *,
    field: Field,
    pages: Sequence[PagePieces],
    placed: Sequence[Placed],
    columns: Lexicon,
    labels: Lexicon,
    totals: frozenset[str],
    rules: Sequence[RowRule],
) -> Table | None:
    """Find an array's rows on all pages, or None.

    `columns` are its columns' labels, `labels` the other fields'; the table ends where one of `totals` is named.
    """
    by_page: dict[int, list[Placed]] = defaultdict(list)
    for spot in placed:
        by_page[spot.candidate.page].append(spot)
    items: list[Item] = []
    words: set[tuple[int, int]] = set()
    scores: dict[str, float] = {}
    open_header: Header | None = None
    for pieces in pages:
        number = pieces.layout.page.number
        headers = find_headers(pieces=pieces, lexicon=columns, columns=field.columns)
        best = max(headers, key=lambda header: header.score, default=None)
        if best is not None and (open_header is None or _alike(best, open_header)):
            header, top = best, best.last + 1
        elif open_header is not None and best is None:
            header, top = open_header, 0
        else:
            continue
        body, ended = _body(pieces, top, header, labels, totals)
        found, named = _rows(field, pieces, header, body, by_page[number], rules)
        if not found and header is open_header:
            open_header = None
            continue
        items.extend(found)
        words.update((number, word) for word in _value_words(body, found))
        for name, score in named.items():
            scores[name] = max(scores.get(name, 0.0), score)
        open_header = None if ended else header
        if ended and found:
            break
    if not items:
        return None
    return Table(field=field, items=tuple(items), headings=scores, words=frozenset(words))


def _value_words(body: Sequence[Sequence[Piece]], items: Sequence[Item]) -> Iterator[int]:
    """Return the words of all values from the first row of a table to the last."""
    if not items:
        return
    bottom = max(item.y for item in items) + _ROW_REACH
    for row in body:
        for piece in row:
            if piece.value and piece.rect.middle <= bottom:
                yield from piece.words


def _alike(header: Header, other: Header) -> bool:
    return {name for name in header.names if name} == {name for name in other.names if name}


def _body(
    pieces: PagePieces, top: int, header: Header, labels: Lexicon, totals: frozenset[str]
) -> tuple[list[tuple[Piece, ...]], bool]:
    """Return the rows under a header up to the totals, and whether totals ended them."""
    body: list[tuple[Piece, ...]] = []
    edge = header.bottom if top else 0.0
    left = min(heading.rect.x0 for heading in header.headings) - 6
    numeric = sum(name is not None for name in header.names)
    for row in pieces.rows[top:]:
        inside = [piece for piece in row if piece.rect.x1 > left]
        if not inside:
            continue
        if top and min(piece.rect.y0 for piece in inside) - edge > _END_GAP:
            return body, True
        if _is_total(inside, labels, totals, numeric) or _is_other_header(inside, labels):
            return body, True
        if any(piece.value for piece in inside):
            edge = max(piece.rect.y1 for piece in inside)
        body.append(tuple(inside))
    return body, False


def _is_total(row: Sequence[Piece], labels: Lexicon, totals: frozenset[str], columns: int) -> bool:
    """Return whether a row's words, with an amount behind them, name a single number of the schema.

    A row that has values for all numeric columns is an item, whatever it is called.
    """
    values = [piece for piece in row if piece.value]
    if not values or len(values) >= max(columns, 3):
        return False
    first = next((piece for piece in row if piece.parts), None)
    for piece, value in pairwise(row):
        if piece.value or not piece.parts or not (value.value or piece is first):
            continue
        if (
            piece.row == row[0].row
            and max((labels.read(piece.parts).score(name) for name in totals), default=0.0) >= SURE_LABEL
        ):
            return True
    return False


def _is_other_header(row: Sequence[Piece], labels: Lexicon) -> bool:
    """Return whether a row is the headings of another table: of taxes, of payments."""
    if len(row) < 3 or any(piece.value for piece in row):
        return False
    return sum(labels.read(piece.parts).best >= SURE_LABEL for piece in row if piece.parts) >= 2


def _rows(
    field: Field,
    pieces: PagePieces,
    header: Header,
    body: Sequence[Sequence[Piece]],
    placed: Sequence[Placed],
    rules: Sequence[RowRule],
) -> tuple[list[Item], dict[str, float]]:
    rows = {row[0].row for row in body}
    spots = [spot for spot in placed if spot.piece.row in rows]
    kinds = {column.name: column.kind for column in field.columns}
    columns = _columns_of(body, header)
    numbers = _by_column(
        [spot for spot in spots if spot.candidate.kind is Kind.NUMBER and spot.candidate.unit != "%"], columns
    )
    names = _choose_columns(field, header, numbers, rules)
    cells: dict[str, list[Placed]] = {}
    for place, name in enumerate(names):
        if name is None or kinds[name] in _TEXTUAL:
            continue
        if kinds[name] in NUMERIC:
            cells[name] = numbers.get(place, [])
        else:
            own = [spot for spot in spots if spot.candidate.kind is kinds[name]]
            cells[name] = _by_column(own, columns).get(place, [])
    grouped = _group(cells)
    texts = [(place, name) for place, name in enumerate(names) if name is not None and kinds[name] in _TEXTUAL]
    items = []
    for number, group in enumerate(grouped):
        top = min(spot.rect.y0 for spot in group.values())
        following = grouped[number + 1] if number + 1 < len(grouped) else None
        bottom = min((spot.rect.y0 for spot in following.values()), default=1e9) if following else 1e9
        row: dict[str, Cell] = {name: Cell(placed=spot, value=spot.candidate.value) for name, spot in group.items()}
        for place, name in texts:
            skip = header.headings[place].lines.get(name, 0)
            span = _text(pieces, body, columns, place, skip, top, bottom)
            if span is not None:
                row[name] = Cell(span=span, value=span.text)
        items.append(Item(page=header.page, y=top, cells=row, proven=_proven(field, group, rules)))
    scores = {name: header.headings[place].scores[name] for place, name in enumerate(names) if name is not None}
    checked = [item.proven for item in items if item.proven is not None]
    if len(checked) > 1:
        # A column that arithmetic found is as good as one that its heading named.
        proof = 0.95 * sum(checked) / len(checked)
        for name in _in_rules(rules):
            if name in scores:
                scores[name] = max(scores[name], proof)
    return items, scores


def _in_rules(rules: Sequence[RowRule]) -> set[str]:
    return {name.split(".")[1] for rule in rules for name in (*rule.inputs, rule.output)}


def _by_column(spots: Sequence[Placed], columns: Mapping[Piece, int]) -> dict[int, list[Placed]]:
    found: dict[int, list[Placed]] = defaultdict(list)
    for spot in spots:
        if spot.piece in columns:
            found[columns[spot.piece]].append(spot)
    return found


def _closeness(rect: Rect, heading: Rect) -> float:
    """Return how well a value lies under a heading: over 0 where they overlap, below by how far they are apart."""
    shared = overlap_x(rect, heading)
    if shared > 0:
        edges = min(abs(rect.x0 - heading.x0), abs(rect.x1 - heading.x1), abs(rect.center - heading.center))
        return shared + 1 / (1 + edges)
    return -max(rect.x0 - heading.x1, heading.x0 - rect.x1)


def _choose_columns(
    field: Field, header: Header, numbers: Mapping[int, Sequence[Placed]], rules: Sequence[RowRule]
) -> tuple[str | None, ...]:
    """Let arithmetic overrule the headings of numbers where it holds in more rows."""
    if not rules:
        return header.names
    rule = rules[0]
    wanted = [name.split(".")[1] for name in (*rule.inputs, rule.output)]
    kinds = {column.name: column.kind for column in field.columns}
    places = [place for place in numbers if header.names[place] is None or kinds[header.names[place] or ""] in NUMERIC]
    if len(places) < len(wanted) or len(places) > 9:
        return header.names
    best, best_worth = header.names, -1.0
    for chosen in permutations(sorted(places), len(wanted)):
        mapping = dict(zip(wanted, chosen, strict=True))
        label = sum(max(header.headings[place].scores[name], 0.1) for name, place in mapping.items())
        label -= sum(
            0.8 * header.headings[place].background
            for name, place in mapping.items()
            if header.headings[place].scores[name] < 0.3
        )
        if label < 0.9:
            continue
        grouped = _group({name: numbers[place] for name, place in mapping.items()})
        whole = [group for group in grouped if len(group) == len(wanted)]
        proven = sum(_holds(group, rule, field.name) is True for group in whole)
        worth = label + _ARITHMETIC * (proven / len(whole) if whole else 0.0)
        if worth > best_worth + 1e-9:
            best_worth = worth
            names = [None if name in wanted else name for name in header.names]
            for name, place in mapping.items():
                names[place] = name
            best = tuple(names)
    return best


def _group(cells: Mapping[str, Sequence[Placed]]) -> list[dict[str, Placed]]:
    """Group typed values into rows: each value of the leading column draws the nearest of the others.

    The leading column is the one that most rows need: with the most values that have company.
    """
    full = {name: sorted(spots, key=lambda spot: spot.rect.y0) for name, spots in cells.items() if spots}
    if not full:
        return []
    best: list[dict[str, Placed]] = []
    for lead in full:
        groups = _around(full, lead)
        if sum(len(group) for group in groups) > sum(len(group) for group in best):
            best = groups
    return best


def _around(full: Mapping[str, Sequence[Placed]], lead: str) -> list[dict[str, Placed]]:
    groups: list[dict[str, Placed]] = [{lead: spot} for spot in full[lead]]
    middles = [spot.rect.middle for spot in full[lead]]
    for name, spots in full.items():
        if name == lead:
            continue
        for spot in spots:
            nearest = min(range(len(middles)), key=lambda number: abs(middles[number] - spot.rect.middle))
            distance = abs(middles[nearest] - spot.rect.middle)
            known = groups[nearest].get(name)
            if distance <= _ROW_REACH and (known is None or distance < abs(middles[nearest] - known.rect.middle)):
                groups[nearest][name] = spot
    least = 2 if len(full) > 1 else 1
    return [group for group in groups if len(group) >= least]


def _number(spot: Placed) -> Decimal | None:
    try:
        return Decimal(spot.candidate.value)
    except InvalidOperation:
        return None


def _holds(group: Mapping[str, Placed], rule: RowRule, array: str) -> bool | None:
    values: dict[str, Decimal] = {}
    for name, spot in group.items():
        number = _number(spot)
        if number is not None:
            values[f"{array}.{name}"] = number
    result = evaluate(rule.left, values=values, columns={})
    goal = values.get(rule.output)
    if result is None or goal is None:
        return None
    # The page rounds what it shows: half a unit of the last place of each input.
    slack = _ROUNDING + max((abs(values.get(name, Decimal(0))) for name in rule.inputs), default=Decimal(0)) * _ROUNDING
    return abs(result - goal) <= min(slack, abs(goal) * Decimal("0.02") + _ROUNDING)


def _proven(field: Field, group: Mapping[str, Placed], rules: Sequence[RowRule]) -> bool | None:
    held = [_holds(group, rule, field.name) for rule in rules]
    if any(one is False for one in held):
        return False
    return True if any(one is True for one in held) else None


def _text(
    pieces: PagePieces,
    body: Sequence[Sequence[Piece]],
    columns: Mapping[Piece, int],
    place: int,
    skip: int,
    top: float,
    bottom: float,
) -> Span | None:
    """Return the text of a column at or under a row's level: its first line and those that go on with it.

    `skip` lines are passed over where the heading says that the column's cells begin with something else; then the
    text is one line.
    """
    lines: list[list[Token]] = []
    edge: float | None = None
    for row in body:
        line = [token for piece in row if columns.get(piece) == place for token in piece.tokens]
        if not line:
            continue
        y0, y1 = min(token.rect.y0 for token in line), max(token.rect.y1 for token in line)
        if y0 < top - 0.9 or (y0 + y1) / 2 > bottom - 0.2:
            continue
        if edge is None and y0 > top + _ROW_REACH:
            return None
        if edge is not None and (y0 - edge > _NEXT_LINE or line[0].text.endswith(":")):
            break
        lines.append(line)
        edge = y1
    if skip:
        lines = lines[skip : skip + 1] or lines[-1:]
    return span_of(layout=pieces.layout, tokens=[token for line in lines for token in line])


def _columns_of(body: Sequence[Sequence[Piece]], header: Header) -> dict[Piece, int]:
    """Return the column of every piece: the heading that it lies nearest to.

    A number inside a text ("12 x 1,0l") goes with the words before it, unless it lies right under another heading.
    """
    rects = [heading.rect for heading in header.headings]
    found: dict[Piece, int] = {}
    for row in body:
        before: Piece | None = None
        for piece in row:
            place = max(range(len(rects)), key=lambda number: _closeness(piece.rect, rects[number]))
            if before is not None and before.segment is piece.segment and overlap_x(piece.rect, rects[place]) < 0.4:
                place = found[before]
            found[piece] = place
            before = piece
    return found
