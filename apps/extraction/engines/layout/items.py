"""Rows of a table: values under the headings, grouped into rows, checked by the schema's arithmetic."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import permutations

from apps.extraction.engines.layout.bodies import ROW_REACH, Body, read_body
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.options import NUMERIC, Placed
from apps.extraction.engines.layout.pieces import PagePieces
from apps.extraction.engines.layout.spans import Span
from apps.extraction.engines.layout.tables import TEXTUAL, Header, find_headers
from apps.extraction.exact import cents
from apps.schemas.fields import Field, Kind, Rule
from apps.schemas.rules import Node, RuleError, evaluate, parse_formula

_ROUNDING = Decimal("0.006")
_SAMPLE = 12
_WHOLE = 100
_NAMED = 0.3
"""Least score of a heading that says anything of a column."""
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
    """A row. `proven`: the schema's arithmetic holds in it; None where it can't be worked out.

    `discounted` are results with which it holds once a discount that the row prints is undone.
    """

    page: int
    y: float
    cells: Mapping[str, Cell]
    proven: bool | None
    discounted: frozenset[str] = frozenset()


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
        spots = by_page[number]
        parts = [
            _read(
                field,
                read_body(pieces=pieces, top=header.last + 1, header=header, labels=labels, totals=totals),
                spots,
                rules,
            )
            for header in find_headers(pieces=pieces, lexicon=columns, columns=field.columns)
            if open_header is None or _alike(header, open_header)
        ]
        if not parts and open_header is not None:
            body = read_body(pieces=pieces, top=0, header=open_header, labels=labels, totals=totals)
            parts = [_read(field, body, spots, rules)]
        best = max(parts, key=lambda part: part.worth, default=None)
        if best is None or not best.items:
            open_header = None if best is not None else open_header
            continue
        header = best.body.header
        for part in parts:
            if part.items and _alike(part.body.header, header):
                items.extend(part.items)
                words.update((number, word) for word in _value_words(part.body, part.items))
                for name, score in part.headings.items():
                    scores[name] = max(scores.get(name, 0.0), score)
                best = part
        if best.body.ended:
            break
        open_header = header
    if not items:
        return None
    return Table(field=field, items=tuple(items), headings=scores, words=frozenset(words))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The rows that one header leads on one page."""

    body: Body
    items: tuple[Item, ...]
    headings: Mapping[str, float]

    @property
    def worth(self) -> float:
        """Return how surely this is the table that was asked for: its headings, and what adds up in it."""
        proven = sum(item.proven is True for item in self.items) / len(self.items) if self.items else 0.0
        return (self.body.header.score + proven) if self.items else 0.0


def _read(field: Field, body: Body, placed: Sequence[Placed], rules: Sequence[RowRule]) -> _Part:
    items, headings = _rows(field=field, body=body, placed=placed, rules=rules)
    return _Part(body=body, items=tuple(items), headings=headings)


def column_sum(*, table: Table, column: str) -> Decimal | None:
    """Return the sum of a table's column, or None where a row has no such number."""
    total = Decimal(0)
    for item in table.items:
        cell = item.cells.get(column)
        number = _number(cell.placed) if cell is not None and cell.placed is not None else None
        if number is None:
            return None
        total += number
    return total


def _value_words(body: Body, items: Sequence[Item]) -> Iterator[int]:
    """Return the words of all values from the first row of a table to the last."""
    if not items:
        return
    bottom = max(item.y for item in items) + ROW_REACH
    for row in body.rows:
        for piece in row:
            if piece.value and piece.rect.middle <= bottom:
                yield from piece.words


def _alike(header: Header, other: Header) -> bool:
    return {name for name in header.names if name} == {name for name in other.names if name}


def _rows(
    *, field: Field, body: Body, placed: Sequence[Placed], rules: Sequence[RowRule]
) -> tuple[list[Item], dict[str, float]]:
    header = body.header
    spots = body.inside(placed)
    kinds = {column.name: column.kind for column in field.columns}
    numbers = body.by_column(
        [spot for spot in spots if spot.candidate.kind is Kind.NUMBER and spot.candidate.unit != "%"]
    )
    percents = [spot for spot in spots if spot.candidate.kind is Kind.NUMBER and spot.candidate.unit == "%"]
    names = _choose_columns(field, header, numbers, rules)
    cells: dict[str, list[Placed]] = {}
    for place, name in enumerate(names):
        if name is None or kinds[name] in TEXTUAL:
            continue
        own = [spot for spot in spots if spot.candidate.kind is kinds[name]]
        cells[name] = (numbers if kinds[name] in NUMERIC else body.by_column(own)).get(place, [])
    groups = _group(cells)
    tops = [min(spot.rect.y0 for spot in group.values()) for group in groups]
    items = []
    for group, top, bottom in zip(groups, tops, [*tops[1:], float("inf")][: len(tops)], strict=True):
        row: dict[str, Cell] = {name: Cell(placed=spot, value=spot.candidate.value) for name, spot in group.items()}
        for place, name in enumerate(names):
            if name is not None and kinds[name] in TEXTUAL:
                span = body.text(place=place, name=name, top=top, bottom=bottom)
                if span is not None:
                    row[name] = Cell(span=span, value=span.text)
        proven = _proven(field, group, rules)
        discounted = _discounted(field, group, rules, percents) if proven is False else frozenset()
        items.append(Item(page=header.page, y=top, cells=row, proven=proven, discounted=discounted))
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
    # A few rows show which column is which.
    numbers = {place: numbers[place][:_SAMPLE] for place in places}
    best, best_worth = header.names, -1.0
    for chosen in permutations(sorted(places), len(wanted)):
        mapping = dict(zip(wanted, chosen, strict=True))
        label = sum(max(header.headings[place].scores[name], 0.1) for name, place in mapping.items())
        label -= sum(
            0.8 * header.headings[place].background
            for name, place in mapping.items()
            if header.headings[place].scores[name] < _NAMED
        )
        if label < 0.9:
            continue
        grouped = _group({name: numbers[place] for name, place in mapping.items()})
        whole = [group for group in grouped if len(group) == len(wanted)]
        proven = sum(holds(group=group, rule=rule, array=field.name) is True for group in whole)
        if not proven and any(header.headings[place].scores[name] < _NAMED for name, place in mapping.items()):
            # Without its heading a column is found by arithmetic alone.
            continue
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
    full = {name: sorted(spots, key=lambda spot: spot.rect.middle) for name, spots in cells.items() if spots}
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
            place = bisect_left(middles, spot.rect.middle)
            near = [number for number in (place - 1, place) if 0 <= number < len(middles)]
            nearest = min(near, key=lambda number: abs(middles[number] - spot.rect.middle))
            distance = abs(middles[nearest] - spot.rect.middle)
            known = groups[nearest].get(name)
            if distance <= ROW_REACH and (known is None or distance < abs(middles[nearest] - known.rect.middle)):
                groups[nearest][name] = spot
    least = 2 if len(full) > 1 else 1
    return [group for group in groups if len(group) >= least]


def _number(spot: Placed) -> Decimal | None:
    try:
        return Decimal(spot.candidate.value)
    except InvalidOperation:
        return None


def holds(*, group: Mapping[str, Placed], rule: RowRule, array: str) -> bool | None:
    """Return whether a row's values, by column, satisfy its rule within rounding; None where one is missing."""
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
    held = [holds(group=group, rule=rule, array=field.name) for rule in rules]
    if any(one is False for one in held):
        return False
    return True if any(one is True for one in held) else None


def _discounted(
    field: Field, group: Mapping[str, Placed], rules: Sequence[RowRule], percents: Sequence[Placed]
) -> frozenset[str]:
    """Return a row's results that a discount printed in it explains: 20 x 4.55 less 10% is 81.90."""
    found = set()
    for rule in rules:
        name = rule.output.split(".")[-1]
        spot = group.get(name)
        number = _number(spot) if spot is not None else None
        if spot is None or number is None:
            continue
        for percent in percents:
            rate = _number(percent)
            level = abs(percent.rect.middle - spot.rect.middle) <= ROW_REACH
            if rate is None or not level or not 0 < abs(rate) < _WHOLE:
                continue
            before = format(cents(number / (1 - abs(rate) / _WHOLE)), "f")
            undone = replace(spot, candidate=replace(spot.candidate, value=before))
            if holds(group={**group, name: undone}, rule=rule, array=field.name):
                found.add(name)
    return frozenset(found)
