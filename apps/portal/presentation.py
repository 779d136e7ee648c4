"""Values as a page shows them: fields in the schema's order, arrays as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.documents.models import TERMINAL_STATUSES, DocumentStatus
from apps.results.queries import DocumentResult, DocumentValue
from apps.schemas.fields import Field, Kind, Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBox:
    """A value's place on a page: numbers in [0, 1] as text, since a locale must not write them with a comma."""

    value_id: UUID
    ordinal: int
    x: str
    y: str
    width: str
    height: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownField:
    """A field with what was found for it; `value` is None where nothing was."""

    title: str
    description: str
    required: bool
    value: DocumentValue | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTable:
    """An array: a row an item, a cell a column, None where the item has no such value."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[DocumentValue | None, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownResult:
    """A result as the page shows it."""

    title: str
    version: int
    fields: tuple[ShownField, ...]
    tables: tuple[ShownTable, ...]
    notes: tuple[str, ...]
    doubtful: int


def show(*, result: DocumentResult, schema: Schema) -> ShownResult:
    """Order a result by its schema."""
    by_path = {value.path: value for value in result.values}
    return ShownResult(
        title=schema.title,
        version=result.schema_version,
        fields=tuple(
            ShownField(
                title=field.title,
                description=field.description,
                required=field.required,
                value=by_path.get(f"/{field.name}"),
            )
            for field in schema.fields
            if field.kind is not Kind.ARRAY
        ),
        tables=tuple(_table(field, by_path) for field in schema.fields if field.kind is Kind.ARRAY),
        notes=result.notes,
        doubtful=sum(value.status.value not in {"accepted", "rejected"} for value in result.values),
    )


def boxes_by_page(results: Sequence[DocumentResult]) -> dict[int, list[ShownBox]]:
    """Return the places of all values, by page."""
    pages: dict[int, list[ShownBox]] = {}
    for result in results:
        for value in result.values:
            for ordinal, place in enumerate(value.evidence):
                pages.setdefault(place.page, []).append(
                    ShownBox(
                        value_id=value.id,
                        ordinal=ordinal,
                        x=f"{place.box.x0:.5f}",
                        y=f"{place.box.y0:.5f}",
                        width=f"{max(place.box.width, 0.001):.5f}",
                        height=f"{max(place.box.height, 0.001):.5f}",
                        label=value.value,
                    )
                )
    return pages


def in_progress(status: DocumentStatus) -> bool:
    """Return whether a document still moves."""
    return status not in TERMINAL_STATUSES


def _table(field: Field, by_path: dict[str, DocumentValue]) -> ShownTable:
    rows = []
    number = 0
    while True:
        cells = tuple(
            by_path.get(f"/{field.name}/{number}/{column.name}" if column.name else f"/{field.name}/{number}")
            for column in field.columns
        )
        if not any(cells):
            break
        rows.append(cells)
        number += 1
    return ShownTable(
        title=field.title, columns=tuple(column.title or field.title for column in field.columns), rows=tuple(rows)
    )
