"""A table's values -> their places, row by row, no place for two values.

    ground_rows(index=index, rows=rows, anchors=("description", "line_total"), order=("quantity", "unit_price", ...))
    -> [{"description": Grounding(...), "unit_price": Grounding(...), ...}, ...]

Each row has an anchor, the value that it is found by; rows go on from the row before. The other values stand in the
anchor's row: nearer to it than to any other row's anchor. Where a row's values could stand at one spot, such as a line
total that equals the unit price, they are placed together: each value at a spot of its own, under its column's
heading, or where the column stands in rows that leave no choice, and last from left to right in the columns' order. A
spot that two rows ask for goes to the one that has no other as good. A value for which no spot is left is not on the
page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from apps.extraction.grounding import (
    Grounding,
    Occurrence,
    cost,
    distance,
    occurrences,
    occurrences_near,
    quoted_in,
    rows_apart,
    said,
    tier,
)
from apps.extraction.page_index import DocumentIndex, PageIndex, Span
from apps.extraction.spellings import NUMERIC
from apps.extraction.values import Evidence
from apps.parsing.pages import Box
from apps.schemas.fields import Kind

_CHOICES = 8
"""How many places of a value are weighed against the other values' of its row."""
_STEPS = 5000
"""How many combinations of a row's places are looked at before the best so far is taken."""
_CIRCLES = (1.0, 4.0, 16.0, 64.0)
"""How far around the row before, in page heights, the next row is looked for before it is anywhere."""
_WRONG_COLUMN = 0.04
_ALIGNED = 0.012
"""How far, in page widths, a column's numbers may stand from each other without being of another."""
_UNHEADED = 0.002
_SHARED = frozenset({Kind.CURRENCY, Kind.COUNTRY})
"""Kinds for which one sign on the page may serve several values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A canonical value of a row. `near` are its column's headings; `hint_page` and `quote` are a model's."""

    value: str
    kind: Kind
    near: tuple[str, ...] = ()
    hint_page: int | None = None
    quote: str | None = None


def ground_rows(
    *,
    index: DocumentIndex,
    rows: Sequence[Mapping[str, Cell]],
    anchors: Sequence[str],
    order: Sequence[str],
    reach: float | None = None,
    across: bool = True,
) -> list[dict[str, Grounding]]:
    """Return the places of each row's values by column; a value without a place is left out.

    `anchors` are the columns that a row is found by, the likeliest first, `order` all columns from left to right.
    `reach` is how far, in page heights, a value may stand above or below its row's anchor. `across` says that a row's
    values stand beside each other; where they stand below each other, as in an XML, they need not be nearest to their
    own anchor.
    """
    table = _Table(index=index, rows=rows, order=order, reach=reach, across=across)
    table.anchor(anchors)
    return table.placed()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Place:
    """A place that a cell may have. `cost` is compared part by part: less is better.

    `drop` is how far it is below the row's anchor, in page heights; `own`: no other row's anchor is nearer.
    """

    at: Occurrence
    kind: Kind
    cost: tuple[float, ...]
    drop: float
    own: bool = True

    def collides(self, other: _Place) -> bool:
        """Return whether two numbers would be read from one word, or any two values from the same words."""
        if self.kind in _SHARED or other.kind in _SHARED or self.at.page is not other.at.page:
            return False
        mine, its = self.at.span.words, other.at.span.words
        if self.kind in NUMERIC and other.kind in NUMERIC:
            return mine[0] <= its[-1] and its[0] <= mine[-1]
        return mine == its


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """Where a column's numbers stand across the page, and how far below their rows' anchors."""

    x0: float
    x1: float
    drop: float


class _Table:
    def __init__(
        self,
        *,
        index: DocumentIndex,
        rows: Sequence[Mapping[str, Cell]],
        order: Sequence[str],
        reach: float | None,
        across: bool,
    ) -> None:
        self._index = index
        self._rows = rows
        self._order = {name: position for position, name in enumerate(order)}
        self._reach = reach
        self._across = across
        self._anchors: list[Evidence | None] = []
        self._all_taken: set[tuple[str, Kind]] = set()
        self._tiers: dict[tuple[str, Kind], float] = {}

    def anchor(self, columns: Sequence[str]) -> None:
        """Find each row by the first of its values that is on a page, next to the row before, at a spot of its own."""
        floor: Evidence | None = None
        taken: set[tuple[int, Box]] = set()
        for row in self._rows:
            found = None
            for name in columns:
                place = self._next(row[name], beside=floor, taken=taken) if name in row else None
                if place is not None:
                    found = place.at.place
                    taken.add((found.page, found.box))
                    break
            self._anchors.append(found)
            floor = found or floor

    def _next(self, cell: Cell, *, beside: Evidence | None, taken: set[tuple[int, Box]]) -> _Place | None:
        """Return the best place that is free, else the best of all.

        It is looked for on the pages that a model names and quotes, then around the row before in ever wider circles: a
        text that stands in every row has as many places as there are rows. All that is quoted stands on those pages,
        and what stands outside a circle is further away than what was found within.
        """
        key = (cell.value, cell.kind)
        quoted = {page.number for page, _ in self._quoted(cell)}
        first = quoted | {cell.hint_page} if cell.hint_page is not None else quoted
        circles = _CIRCLES if beside is not None else ()
        for reach in (*((0.0,) if first else ()), *circles, None):
            places = self._places(cell, beside=beside, reach=reach, pages=first)
            free = [place for place in places if (place.at.page.number, place.at.box) not in taken]
            best = (places if key in self._all_taken else free)[:1]
            if best and (reach is None or self._is_best(best[0], cell, reach=reach)):
                return best[0]
        self._all_taken.add(key)
        return places[0] if places else None

    def _is_best(self, place: _Place, cell: Cell, *, reach: float) -> bool:
        """Return whether no place that wasn't looked at is better: all within reach and on a cell's own pages were."""
        spelling, elsewhere_quoted, on_other_page, apart = place.cost[:4]
        named = not elsewhere_quoted or (cell.hint_page is not None and not on_other_page)
        return spelling == self._best_tier(cell) and (named or apart < reach)

    def _quoted(self, cell: Cell) -> Sequence[tuple[PageIndex, Span]]:
        return quoted_in(index=self._index, quote=cell.quote, hint_page=cell.hint_page)

    def _best_tier(self, cell: Cell) -> float:
        key = (cell.value, cell.kind)
        if key not in self._tiers:
            found = occurrences(index=self._index, value=cell.value, kind=cell.kind)
            self._tiers[key] = -max(tier(item.score) for item in found)
        return self._tiers[key]

    def placed(self) -> list[dict[str, Grounding]]:
        """Place the rows' values: first those that leave no choice, which show where the columns stand."""
        columns: dict[str, _Column] = {}
        rows: list[dict[str, list[_Place]]] = []
        # Where a row's text has many lines, its numbers may stand beside the last: then all stand so far below.
        for _ in range(2):
            fall = median(column.drop for column in columns.values()) if columns else 0.0
            rows = [self._candidates(number, fall) for number in range(len(self._rows))]
            columns = _columns(rows)
        weighed = [
            {name: sorted(_moved(places, columns.get(name)), key=_by_cost) for name, places in row.items()}
            for row in rows
        ]
        chosen = [
            self._together(
                {name: own for name, places in row.items() if (own := [place for place in places if place.own])}
            )
            for row in weighed
        ]
        held = _apart(chosen, weighed)
        # What stands nearer to another row's anchor is taken last, where no value of any row stands.
        for number, (places_of, kept) in enumerate(zip(weighed, held.rows, strict=True)):
            for name, places in places_of.items():
                if name not in kept and (free := held.first_free(places)) is not None:
                    held.give(free, number, name)
        return [
            {name: kept[name].at.grounding for name in row if name in kept}
            for row, kept in zip(self._rows, held.rows, strict=True)
        ]

    def _candidates(self, number: int, fall: float) -> dict[str, list[_Place]]:
        beside = self._anchors[number]
        return {
            name: [
                replace(place, own=self._owns(number, place, fall))
                for place in self._places(cell, beside=beside, reach=self._reach)
            ]
            for name, cell in self._rows[number].items()
        }

    def _places(
        self, cell: Cell, *, beside: Evidence | None, reach: float | None, pages: Collection[int] = ()
    ) -> list[_Place]:
        """Return the places within reach of the row, and all on some pages, the best first."""
        if reach is None or (beside is None and not pages):
            found = occurrences(index=self._index, value=cell.value, kind=cell.kind)
        else:
            found = self._near(cell, beside=beside, reach=reach, pages=pages)
        if not found:
            return []
        quoted = self._quoted(cell)
        found = said(found, value=cell.value, kind=cell.kind, quoted=quoted)
        places = [
            _Place(
                at=item,
                kind=cell.kind,
                cost=cost(
                    item,
                    quoted=quoted,
                    hint_page=cell.hint_page,
                    apart=round(distance(item, near=cell.near, beside=beside) + _unheaded(item, cell), 3),
                ),
                drop=_position(item.page.number, item.box) - _position(beside.page, beside.box) if beside else 0.0,
            )
            for item in found
        ]
        return sorted(places, key=_by_cost)

    def _near(
        self, cell: Cell, *, beside: Evidence | None, reach: float, pages: Collection[int]
    ) -> Sequence[Occurrence]:
        on = partial(occurrences_near, index=self._index, value=cell.value, kind=cell.kind)
        named = [item for page in sorted(pages) for item in on(page=page, pages=0)]
        if beside is None:
            return named
        around = on(page=beside.page, pages=int(reach + 1))
        return [
            *named,
            *(item for item in around if item.page.number not in pages and rows_apart(item, beside) <= reach),
        ]

    def _owns(self, row: int, place: _Place, fall: float) -> bool:
        """Return whether no other row's anchor is nearer to a place. Values stand `fall` below their anchors."""
        beside = self._anchors[row]
        if beside is None or not self._across:
            return True
        level = _position(place.at.page.number, place.at.box) - fall
        apart = abs(level - _position(beside.page, beside.box))
        neighbours = (self._anchors[other] for other in range(max(0, row - 2), min(len(self._anchors), row + 3)))
        return all(
            other is None or other == beside or abs(level - _position(other.page, other.box)) >= apart
            for other in neighbours
        )

    def _together(self, row: Mapping[str, Sequence[_Place]]) -> dict[str, _Place]:
        """Return the best places of which no two collide."""
        names = sorted(row, key=lambda name: self._order.get(name, len(self._order)))
        first = {name: row[name][0] for name in names}
        doubtful = [name for name in names if any(first[name].collides(first[o]) for o in names if o != name)]
        if not doubtful:
            return first
        search = _Search([(name, row[name][:_CHOICES]) for name in names])
        return search.best()


class _Search:
    """Tries a row's places in the order of their costs, values from left to right, and keeps the best combination."""

    def __init__(self, cells: Sequence[tuple[str, Sequence[_Place]]]) -> None:
        self._cells = cells
        self._steps = 0
        self._best: tuple[tuple[float, ...], dict[str, _Place]] | None = None

    def best(self) -> dict[str, _Place]:
        self._go_on(0, {}, (0.0,) * 8)
        return self._best[1] if self._best else {}

    def _go_on(self, at: int, kept: dict[str, _Place], cost: tuple[float, ...]) -> None:
        self._steps += 1
        if self._steps > _STEPS:
            return
        if at == len(self._cells):
            if self._best is None or cost < self._best[0]:
                self._best = (cost, dict(kept))
            return
        name, places = self._cells[at]
        for place in places:
            if any(place.collides(other) for other in kept.values()):
                continue
            # A page reads from left to right: what stands left of an earlier column's value is against the order.
            against = sum(place.at.box.x0 < other.at.box.x0 for other in kept.values())
            kept[name] = place
            self._go_on(at + 1, kept, _sum(cost, (0, *place.cost[:4], against, *place.cost[4:])))
            del kept[name]
        self._go_on(at + 1, kept, _sum(cost, (1, *(0.0,) * 7)))


class _Held:
    """The places that are given to values so far: `rows` has them by row and column."""

    def __init__(self, count: int) -> None:
        self.rows: list[dict[str, _Place]] = [{} for _ in range(count)]
        self._by_word: dict[tuple[int, int], list[tuple[int, str]]] = defaultdict(list)

    def give(self, place: _Place, row: int, name: str) -> None:
        self.rows[row][name] = place
        for word in _words(place):
            self._by_word[word].append((row, name))

    def take(self, row: int, name: str) -> _Place:
        place = self.rows[row].pop(name)
        for word in _words(place):
            self._by_word[word].remove((row, name))
        return place

    def holders(self, place: _Place) -> list[tuple[int, str]]:
        """Return the row and the column of each value that stands where a value would."""
        cells = dict.fromkeys(cell for word in _words(place) for cell in self._by_word.get(word, ()))
        return [(row, name) for row, name in cells if self.rows[row][name].collides(place)]

    def first_free(self, places: Sequence[_Place]) -> _Place | None:
        return next((place for place in places if not self.holders(place)), None)


def _apart(chosen: Sequence[Mapping[str, _Place]], weighed: Sequence[Mapping[str, Sequence[_Place]]]) -> _Held:
    """Give each row the places chosen for it. Of two rows that ask for one place, the one moves that moves cheaper.

    Where neither is cheaper the lower row moves: rows are in reading order. One that can't move stays without a place.
    """
    held = _Held(len(chosen))
    for number, row in enumerate(chosen):
        contested = []
        for name, place in row.items():
            if held.holders(place):
                contested.append((name, place))
            else:
                held.give(place, number, name)
        for name, place in contested:
            other = held.first_free(_own(weighed[number][name]))
            holders = held.holders(place)
            if len(holders) == 1:
                (above, column), theirs = holders[0], held.take(*holders[0])
                held.give(place, number, name)
                elsewhere = held.first_free(_own(weighed[above][column]))
                if _sum(_cost(place), _cost(elsewhere)) < _sum(_cost(theirs), _cost(other)):
                    if elsewhere is not None:
                        held.give(elsewhere, above, column)
                    continue
                held.take(number, name)
                held.give(theirs, above, column)
            if other is not None:
                held.give(other, number, name)
    return held


def _own(places: Sequence[_Place]) -> list[_Place]:
    return [place for place in places if place.own]


def _words(place: _Place) -> list[tuple[int, int]]:
    """Return a place's words as page and position."""
    return [(place.at.page.number, word) for word in place.at.span.words]


def _cost(place: _Place | None) -> tuple[float, ...]:
    """Return what a place costs; none costs more than any."""
    return (1.0, *(0.0,) * 6) if place is None else (0.0, *place.cost)


def _columns(rows: Sequence[Mapping[str, Sequence[_Place]]]) -> dict[str, _Column]:
    """Return where columns stand, by the numbers that leave no choice."""
    found: dict[str, list[_Place]] = defaultdict(list)
    for row in rows:
        own = {name: [place for place in places if place.own] for name, places in row.items()}
        for name, places in own.items():
            if len(places) != 1 or places[0].kind not in NUMERIC:
                continue
            if not any(places[0].collides(other) for o, others in own.items() if o != name for other in others):
                found[name].append(places[0])
    return {
        name: _Column(
            x0=median(place.at.box.x0 for place in places),
            x1=median(place.at.box.x1 for place in places),
            drop=median(place.drop for place in places),
        )
        for name, places in found.items()
    }


def _moved(places: Sequence[_Place], column: _Column | None) -> Iterator[_Place]:
    """Yield places that cost as much as they are away from their column, whichever way that is aligned."""
    for place in places:
        if column is None:
            yield place
            continue
        box = place.at.box
        apart = min(abs(box.x0 - column.x0), abs(box.x1 - column.x1), abs(box.center[0] - (column.x0 + column.x1) / 2))
        aside = min(_WRONG_COLUMN, 0.5 * max(0.0, apart - _ALIGNED))
        distant = place.cost[3] + aside + abs(place.drop - column.drop) - abs(place.drop)
        yield replace(place, cost=(*place.cost[:3], round(distant, 3), *place.cost[4:]))


def _unheaded(item: Occurrence, cell: Cell) -> float:
    """Return a small cost for a column whose heading isn't on the page, while another's may be."""
    return _UNHEADED if cell.near and not item.page.headings(cell.near) else 0.0


def _position(page: int, box: Box) -> float:
    """Return how far down a box's middle is, in page heights, as if the pages hung together."""
    return page + box.center[1]


def _by_cost(place: _Place) -> tuple[float, ...]:
    return place.cost


def _sum(one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(left + right for left, right in zip(one, other, strict=True))
