"""A schema as flat tables: one row a document, and one table more for each array.

A value that was found on no page leaves its cell empty, until a person accepts it, and its row in need of review. One
that a person rejected is left out.
"""

from __future__ import annotations

from psycopg import sql

from apps.exports.tables import Column, ColumnType, Feed
from apps.schemas.fields import Field, Kind, Schema

_TYPES = {
    Kind.DATE: ColumnType.DATE,
    Kind.MONEY: ColumnType.DECIMAL,
    Kind.NUMBER: ColumnType.DECIMAL,
    Kind.INTEGER: ColumnType.DECIMAL,
    Kind.BOOLEAN: ColumnType.BOOLEAN,
}

# `max` picks the one value that a path has.
_CELLS = {
    ColumnType.DATE: sql.SQL("max(v.date)"),
    ColumnType.DECIMAL: sql.SQL("max(v.number)"),
    ColumnType.BOOLEAN: sql.SQL("bool_or(v.value = 'true')"),
    ColumnType.TEXT: sql.SQL("max(v.value)"),
}
_CELL = sql.SQL("{cell} FILTER (WHERE {place} AND v.status <> 'ungrounded')")

_DOCUMENT = (
    Column("document_id", ColumnType.UUID, "The document's id", sql.SQL("d.id")),
    Column("document_name", ColumnType.TEXT, "The file's name", sql.SQL("d.name")),
    Column("external_id", ColumnType.TEXT, "The id that the uploader gave", sql.SQL("d.external_id")),
    Column("schema_version", ColumnType.INTEGER, "The schema's version", sql.SQL("r.schema_version")),
    Column(
        "needs_review",
        ColumnType.BOOLEAN,
        "Whether a value of this row still wants a look, also one that its cell leaves out: found on no page",
        sql.SQL("coalesce(bool_or(v.status <> 'accepted'), false)"),
    ),
)

_POSITION = Column(
    "position",
    ColumnType.INTEGER,
    "The place in the list, from 0, as in a value's path",
    sql.SQL("split_part(v.path, '/', 3)::int"),
)

_FROM = sql.SQL(
    """
    FROM (
      SELECT DISTINCT ON (document_id) tenant_id, id, document_id, schema_version
      FROM results_result WHERE tenant_id = (SELECT app_tenant()) AND schema_slug = {slug}
      ORDER BY document_id, created_at DESC, id DESC
    ) AS r
    JOIN documents_document d ON d.tenant_id = r.tenant_id AND d.id = r.document_id AND d.status <> 'deleted'
    """
)

_DOCUMENT_ROWS = sql.SQL(
    """
    LEFT JOIN results_currentvalue v ON v.tenant_id = r.tenant_id AND v.result_id = r.id
      AND v.status <> 'rejected'
    GROUP BY d.tenant_id, d.id, r.schema_version
    ORDER BY d.created_at, d.id
    """
)

# A path is cast only where it is a number: what engines write is not taken on trust.
_ITEM_ROWS = sql.SQL(
    """
    JOIN results_currentvalue v ON v.tenant_id = r.tenant_id AND v.result_id = r.id
      AND v.status <> 'rejected'
      AND starts_with(v.path, {prefix}) AND split_part(v.path, '/', 3) ~ '^[0-9]{{1,9}}$'
    GROUP BY d.tenant_id, d.id, r.schema_version, split_part(v.path, '/', 3)
    ORDER BY d.created_at, d.id, split_part(v.path, '/', 3)::int
    """
)


def schema_feeds(schema: Schema) -> tuple[Feed, ...]:
    """Return `slug`, a row a document with its scalar fields, and `slug.field` for each array, a row an item."""
    source = _FROM.format(slug=sql.Literal(schema.slug))
    scalars = [field for field in schema.fields if field.kind is not Kind.ARRAY]
    feeds = [
        Feed(
            name=schema.slug,
            title=schema.title,
            key=("document_id",),
            columns=_with_fields(
                _DOCUMENT, [(field, sql.SQL("v.path = {}").format(f"/{_escaped(field.name)}")) for field in scalars]
            ),
            rows=source + _DOCUMENT_ROWS,
        )
    ]
    for array in schema.fields:
        if array.kind is not Kind.ARRAY:
            continue
        feeds.append(
            Feed(
                name=f"{schema.slug}.{array.name}",
                title=f"{schema.title}: {array.title}",
                key=("document_id", "position"),
                columns=_with_fields(
                    (*_DOCUMENT, _POSITION),
                    [
                        (column, sql.SQL("split_part(v.path, '/', 4) = {}").format(_escaped(column.name)))
                        for column in array.columns
                        if column.kind is not Kind.ARRAY
                    ],
                ),
                rows=source + _ITEM_ROWS.format(prefix=sql.Literal(f"/{_escaped(array.name)}/")),
            )
        )
    return tuple(feeds)


def _with_fields(fixed: tuple[Column, ...], fields: list[tuple[Field, sql.Composed]]) -> tuple[Column, ...]:
    """Return the fixed columns and one for each field, its condition being where the value stands."""
    columns = list(fixed)
    # Databases and BI tools take names that differ in case only for the same.
    taken = {column.name.casefold() for column in fixed}
    for field, condition in fields:
        name = field.name or "value"  # a list of plain values
        while name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        kind = _TYPES.get(field.kind, ColumnType.TEXT)
        cell = _CELL.format(cell=_CELLS[kind], place=condition)
        columns.append(Column(name, kind, field.description or field.title, cell))
    return tuple(columns)


def _escaped(name: str) -> str:
    """Return a name as a JSON Pointer's token (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
