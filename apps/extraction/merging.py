"""The answers of a document's windows become one: by where on the page each value stands, not by what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box

# Two boxes that share so much of the smaller one are the same place; lines of a table share next to nothing.
SAME_PLACE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """One answer. `alternatives` are what other windows said of a field whose value went to review."""

    values: tuple[ExtractedValue, ...]
    alternatives: tuple[ExtractedValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """An item of an array: the rest of each path after the item's number, and the value there."""

    cells: tuple[tuple[str, ExtractedValue], ...]


def merged(windows: Sequence[Sequence[ExtractedValue]], *, arrays: frozenset[str]) -> Merged:
    """Merge answers in the windows' order. `arrays` are the names of the top-level array fields.

    Rows go on from window to window and are counted anew. A row is left out only where an earlier window has it with
    the same values at the same place: rows that only look alike stay, as do rows without evidence. Of a scalar field
    the surest value is kept; where another window accepted or doubted another value, it becomes an alternative and
    the kept one `needs_review`. An ungrounded value never stands against a grounded one.
    """
    rows: dict[str, list[_Row]] = {}
    scalars: dict[str, list[ExtractedValue]] = {}
    for answer in windows:
        # Within one window two rows are two: only what earlier windows said can be the same row seen again.
        earlier = {name: tuple(found) for name, found in rows.items()}
        for name, row in _rows(answer, arrays=arrays):
            if not any(_same_row(row, other) for other in earlier.get(name, ())):
                rows.setdefault(name, []).append(row)
        for value in answer:
            if _name(value.path) not in arrays:
                scalars.setdefault(value.path, []).append(value)
    values: list[ExtractedValue] = []
    alternatives: list[ExtractedValue] = []
    for candidates in scalars.values():
        kept, others = _settled(candidates)
        values.append(kept)
        alternatives += others
    for name, found in rows.items():
        for place, row in enumerate(found):
            values += [replace(value, path=f"/{name}/{place}{rest}") for rest, value in row.cells]
    return Merged(values=tuple(values), alternatives=tuple(alternatives))


def _rows(answer: Sequence[ExtractedValue], *, arrays: frozenset[str]) -> list[tuple[str, _Row]]:
    cells: dict[tuple[str, str], list[tuple[str, ExtractedValue]]] = {}
    for value in answer:
        name = _name(value.path)
        if name in arrays:
            _, _, number, *rest = value.path.split("/", 3)
            cells.setdefault((name, number), []).append(("".join(f"/{part}" for part in rest), value))
    return [(name, _Row(cells=tuple(found))) for (name, _), found in cells.items()]


def _same_row(row: _Row, other: _Row) -> bool:
    """Return whether two rows are one: no cell differs that both have, and a place is shared by a cell of both."""
    known = dict(other.cells)
    shared = [(value, known[rest]) for rest, value in row.cells if rest in known]
    if any(value.value != again.value for value, again in shared):
        return False
    grounded = [(value, again) for value, again in shared if value.evidence and again.evidence]
    return bool(grounded) and all(_same_place(value.evidence, again.evidence) for value, again in grounded)


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


def _settled(candidates: Sequence[ExtractedValue]) -> tuple[ExtractedValue, list[ExtractedValue]]:
    """Return the surest value, the first of several, and one of each other value that has evidence."""
    kept = max(candidates, key=lambda value: (value.status is not ValueStatus.UNGROUNDED, value.confidence))
    others: dict[str, ExtractedValue] = {}
    for value in candidates:
        if value.value != kept.value and (value.status is not ValueStatus.UNGROUNDED):
            others.setdefault(value.value, value)
    if others and kept.status is ValueStatus.ACCEPTED:
        kept = replace(kept, status=ValueStatus.NEEDS_REVIEW)
    return kept, list(others.values())


def _name(path: str) -> str:
    """Return the first part of a JSON Pointer as it is written there; field names need no escapes."""
    return path.split("/", 2)[1]
