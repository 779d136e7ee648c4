"""The answers of a document's windows become one: by where on the page each value stands, not by what it says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from apps.extraction.notes import Note, another, read_twice
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box

# Two boxes that share so much of the smaller one are the same place; lines of a table share next to nothing.
SAME_PLACE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """One answer. `alternatives` are what other windows said of a field whose value went to review.

    `doubled` are arrays, and in each the pages, with a row that two windows read in two ways: both are kept.
    """

    values: tuple[ExtractedValue, ...]
    alternatives: tuple[ExtractedValue, ...]
    doubled: frozenset[tuple[str, int]] = frozenset()

    @property
    def notes(self) -> tuple[Note, ...]:
        """Say where windows disagree: names and pages, never what stands there."""
        other = (
            another(name=_name(value.path), page=value.evidence[0].page)
            for value in self.alternatives
            if value.evidence
        )
        doubled = (read_twice(name=name, page=page) for name, page in sorted(self.doubled))
        return tuple(dict.fromkeys([*other, *doubled]))


class _Row:
    """An item of an array: what is there, by the rest of each path after the item's number."""

    def __init__(self, cells: dict[str, ExtractedValue]) -> None:
        self.cells = cells

    @property
    def pages(self) -> frozenset[int]:
        return frozenset(place.page for value in self.cells.values() for place in value.evidence)


class _Rows:
    """An array's rows in the order in which they were first seen, to be found by page."""

    def __init__(self) -> None:
        self.all: list[_Row] = []
        self.doubled: set[int] = set()
        self._on_page: defaultdict[int, dict[_Row, None]] = defaultdict(dict)

    def take(self, answer: Sequence[_Row]) -> None:
        """Add one window's rows. Two rows of it are two: each row of before stands for one of them at most."""
        new: list[_Row] = []
        seen_again: set[int] = set()
        for row in answer:
            before = [other for page in sorted(row.pages) for other in self._on_page[page]]
            same = next((other for other in before if id(other) not in seen_again and _same_row(row, other)), None)
            if same is None:
                new.append(row)
                for other in before:
                    if id(other) not in seen_again and _read_otherwise(row, other):
                        self._doubt(row, other)
                continue
            seen_again.add(id(same))
            # What a page's end cuts off is whole in the next window.
            for rest, value in row.cells.items():
                known = same.cells.get(rest)
                if known is None or (known.status is ValueStatus.UNGROUNDED and value.value == known.value):
                    same.cells[rest] = value
            self._index(same)
        for row in new:
            self.all.append(row)
            self._index(row)

    def _index(self, row: _Row) -> None:
        for page in row.pages:
            self._on_page[page][row] = None

    def _doubt(self, *rows: _Row) -> None:
        for row in rows:
            self.doubled |= row.pages
            row.cells = {
                rest: replace(value, status=ValueStatus.NEEDS_REVIEW) if value.status is ValueStatus.ACCEPTED else value
                for rest, value in row.cells.items()
            }


def merged(
    windows: Iterable[Sequence[ExtractedValue]],
    *,
    arrays: frozenset[str],
    alternatives: Iterable[ExtractedValue] = (),
) -> Merged:
    """Merge answers in the windows' order. `arrays` are the names of the top-level array fields.

    `alternatives` are what single windows have beside their answers, to which a person is to choose: another window's
    surer copy of the answer, which doesn't know of them, settles nothing.

    Rows go on from window to window and are counted anew. A row is left out only where an earlier window has it with
    the same values at the same place: rows that only look alike stay, as do rows without evidence. A row that shares a
    place with an earlier one but has another value on its line is the same row read in two ways: both stay, for
    review. Of a scalar field the surest value is kept; where another window accepted or doubted another value, it
    becomes an alternative and the kept one `needs_review`. An ungrounded value never stands against a grounded one.
    """
    rows: defaultdict[str, _Rows] = defaultdict(_Rows)
    scalars: dict[str, list[ExtractedValue]] = {}
    for answer in windows:
        for name, found in _rows(answer, arrays=arrays).items():
            rows[name].take(found)
        for value in answer:
            if _name(value.path) not in arrays:
                scalars.setdefault(value.path, []).append(value)
    beside: defaultdict[str, list[ExtractedValue]] = defaultdict(list)
    for value in alternatives:
        beside[value.path].append(value)
    values: list[ExtractedValue] = []
    left: list[ExtractedValue] = []
    for path, candidates in scalars.items():
        kept, others = _settled(candidates, beside=beside[path])
        values.append(kept)
        left += others
    for name, array in rows.items():
        for place, row in enumerate(array.all):
            values += [replace(value, path=f"/{name}/{place}{rest}") for rest, value in row.cells.items()]
    return Merged(
        values=tuple(values),
        alternatives=tuple(left),
        doubled=frozenset((name, page) for name, array in rows.items() for page in array.doubled),
    )


def _rows(answer: Sequence[ExtractedValue], *, arrays: frozenset[str]) -> dict[str, list[_Row]]:
    cells: dict[tuple[str, str], dict[str, ExtractedValue]] = {}
    for value in answer:
        name = _name(value.path)
        if name in arrays:
            _, _, number, *rest = value.path.split("/", 3)
            cells.setdefault((name, number), {})["".join(f"/{part}" for part in rest)] = value
    found: dict[str, list[_Row]] = {}
    for (name, _), row in cells.items():
        found.setdefault(name, []).append(_Row(row))
    return found


def _shared_cells(row: _Row, other: _Row) -> list[tuple[ExtractedValue, ExtractedValue]]:
    return [(value, other.cells[rest]) for rest, value in row.cells.items() if rest in other.cells]


def _same_row(row: _Row, other: _Row) -> bool:
    """Return whether two rows are one: no cell differs that both have, and a place is shared by a cell of both."""
    shared = _shared_cells(row, other)
    if any(value.value != again.value for value, again in shared):
        return False
    grounded = [(value, again) for value, again in shared if value.evidence and again.evidence]
    return bool(grounded) and all(_same_place(value.evidence, again.evidence) for value, again in grounded)


def _read_otherwise(row: _Row, other: _Row) -> bool:
    """Return whether two rows share a value's place, and differ in another value that stands on one line."""
    shared = [(value, again) for value, again in _shared_cells(row, other) if value.evidence and again.evidence]
    return any(
        value.value == again.value and _same_place(value.evidence, again.evidence) for value, again in shared
    ) and any(value.value != again.value and _level(value.evidence[0], again.evidence[0]) for value, again in shared)


def _level(one: Evidence, other: Evidence) -> bool:
    return one.page == other.page and min(one.box.y1, other.box.y1) > max(one.box.y0, other.box.y0)


def _same_place(some: Sequence[Evidence], others: Sequence[Evidence]) -> bool:
    return any(one.page == other.page and _shared(one.box, other.box) >= SAME_PLACE for one in some for other in others)


def _shared(one: Box, other: Box) -> float:
    """Return the common area as a share of the smaller box."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    smaller = min(one.width * one.height, other.width * other.height)
    if smaller <= 0:
        return float(one == other)
    return max(width, 0.0) * max(height, 0.0) / smaller


def _settled(
    candidates: Sequence[ExtractedValue], *, beside: Sequence[ExtractedValue]
) -> tuple[ExtractedValue, list[ExtractedValue]]:
    """Return the surest value, the first of several, and one of each other value that has evidence."""
    kept = max(candidates, key=lambda value: (value.status is not ValueStatus.UNGROUNDED, value.confidence))
    others: dict[str, ExtractedValue] = {}
    for value in (*candidates, *beside):
        if value.value != kept.value and (value.status is not ValueStatus.UNGROUNDED):
            others.setdefault(value.value, value)
    if others and kept.status is ValueStatus.ACCEPTED:
        kept = replace(kept, status=ValueStatus.NEEDS_REVIEW)
    return kept, list(others.values())


def _name(path: str) -> str:
    """Return the first part of a JSON Pointer as it is written there; field names need no escapes."""
    return path.split("/", 2)[1]
