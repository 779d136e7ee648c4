"""What a value's path, a JSON Pointer, leads to: a field, a column of an array, an item of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from apps.schemas.constraints import faulty_items
from apps.schemas.fields import Field


def top_level(path: str) -> str:
    """Return the field that a JSON Pointer leads into: `line_items` for `/line_items/0/quantity`."""
    return path.split("/", 2)[1].replace("~1", "/").replace("~0", "~")


def leaf(fields: Mapping[str, Field], path: str) -> Field | None:
    """Return the field or the column that a value's path leads to."""
    field = fields.get(top_level(path))
    if field is None or not field.columns:
        return field
    parts = path.split("/")
    name = parts[3].replace("~1", "/").replace("~0", "~") if len(parts) > 3 else ""
    return next((column for column in field.columns if column.name == name), None)


def item_of(path: str) -> tuple[str, int]:
    """Return the array and the number of the item that a path leads to, -1 for none."""
    parts = path.split("/")
    return top_level(path), int(parts[2]) if len(parts) > 2 and parts[2].isdecimal() else -1


def broken_items(
    values: Iterable[tuple[str, str]], *, fields: Mapping[str, Field]
) -> Mapping[tuple[str, int], tuple[str, ...]]:
    """Return by `item_of` which keywords of the schema items break as a whole. `values` are paths and canonical values.

    See `faulty_items`.
    """
    items: defaultdict[str, defaultdict[int, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for path, value in values:
        name, number = item_of(path)
        if number >= 0 and name in fields:
            items[name][number]["/".join(path.split("/")[3:])] = value
    return {
        (name, number): keywords
        for name, found in items.items()
        for number, keywords in faulty_items(field=fields[name], items=found).items()
    }
