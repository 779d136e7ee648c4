"""What can be exported: each feed declared once, with its columns, for every format.

A feed reads what row-level security lets through, so it holds no tenant; it runs inside a `snapshot`. Values are as
people decided on them, where they did.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from psycopg import sql

from apps.common.errors import TerminalError
from apps.common.text import storable
from apps.exports.schema_feeds import schema_feeds
from apps.exports.tables import Column, ColumnType, Feed
from apps.schemas import queries as schemas


class UnknownFeedError(TerminalError):
    """The tenant has no feed of this name; the message lists those that it has."""

    code = "unknown_feed"


class Format(StrEnum):
    """A file format; the value is the file name's ending."""

    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSummary:
    """A feed as a list shows it."""

    name: str
    title: str
    columns: tuple[str, ...]


DOCUMENTS = Feed(
    name="documents",
    title="The documents, without the deleted",
    key=("id",),
    columns=(
        Column("id", ColumnType.UUID, "The document's id", sql.SQL("d.id")),
        Column("name", ColumnType.TEXT, "The file's name", sql.SQL("d.name")),
        Column("external_id", ColumnType.TEXT, "The id that the uploader gave", sql.SQL("d.external_id")),
        Column("status", ColumnType.TEXT, "Where the document stands", sql.SQL("d.status")),
        Column("schema", ColumnType.TEXT, "The schema that the upload named", sql.SQL("d.schema_slug")),
        Column("lane", ColumnType.TEXT, "interactive or bulk", sql.SQL("d.lane")),
        Column("pages", ColumnType.INTEGER, "Number of pages, once it is parsed", sql.SQL("d.page_count")),
        Column("media_type", ColumnType.TEXT, "The file's type, found from its bytes", sql.SQL("b.media_type")),
        Column("size", ColumnType.INTEGER, "The file's size in bytes", sql.SQL("b.size")),
        Column("sha256", ColumnType.TEXT, "SHA-256 of the file's bytes", sql.SQL("b.sha256")),
        Column("reason_code", ColumnType.TEXT, "Why it failed or is in quarantine", sql.SQL("d.reason_code")),
        Column("reason", ColumnType.TEXT, "The same in words", sql.SQL("d.reason")),
        Column("created_at", ColumnType.TIMESTAMP, "When it came in", sql.SQL("d.created_at")),
        Column("updated_at", ColumnType.TIMESTAMP, "When it last changed", sql.SQL("d.updated_at")),
        Column("completed_at", ColumnType.TIMESTAMP, "When it came to its end", sql.SQL("d.completed_at")),
    ),
    rows=sql.SQL(
        """
        FROM documents_document d LEFT JOIN documents_blob b ON b.tenant_id = d.tenant_id AND b.id = d.blob_id
        WHERE d.tenant_id = (SELECT app_tenant()) AND d.status <> 'deleted'
        ORDER BY d.created_at, d.id
        """
    ),
)

VALUES = Feed(
    name="values",
    title="Every value of the newest result of each document and schema, with its first place on a page",
    key=("document_id", "schema", "path"),
    columns=(
        Column("document_id", ColumnType.UUID, "The document's id", sql.SQL("d.id")),
        Column("document_name", ColumnType.TEXT, "The file's name", sql.SQL("d.name")),
        Column("external_id", ColumnType.TEXT, "The id that the uploader gave", sql.SQL("d.external_id")),
        Column("schema", ColumnType.TEXT, "The schema", sql.SQL("r.schema_slug")),
        Column("version", ColumnType.INTEGER, "The schema's version", sql.SQL("r.schema_version")),
        Column("path", ColumnType.TEXT, "JSON Pointer of the value", sql.SQL("v.path")),
        Column(
            "value",
            ColumnType.TEXT,
            "The value: dates ISO 8601, amounts as decimals",
            sql.SQL("v.value"),
            typed_where=sql.SQL("v.number IS NOT NULL"),
        ),
        Column("number", ColumnType.DECIMAL, "The value, where it is an amount or a number", sql.SQL("v.number")),
        Column("date", ColumnType.DATE, "The value, where it is a date", sql.SQL("v.date")),
        Column("type", ColumnType.TEXT, "The value's kind in the schema", sql.SQL("v.kind")),
        Column("engine", ColumnType.TEXT, "What found it", sql.SQL("v.engine")),
        Column("confidence", ColumnType.FLOAT, "How sure that is, from 0 to 1", sql.SQL("v.confidence")),
        Column("status", ColumnType.TEXT, "accepted, needs_review, ungrounded or rejected", sql.SQL("v.status")),
        Column("page", ColumnType.INTEGER, "The page, from 1", sql.SQL("e.page")),
        Column("x0", ColumnType.FLOAT, "The box's left edge, from 0 to 1 of the page's width", sql.SQL("e.x0")),
        Column("y0", ColumnType.FLOAT, "The box's upper edge, from 0 to 1 of the page's height", sql.SQL("e.y0")),
        Column("x1", ColumnType.FLOAT, "The box's right edge", sql.SQL("e.x1")),
        Column("y1", ColumnType.FLOAT, "The box's lower edge", sql.SQL("e.y1")),
        Column("quote", ColumnType.TEXT, "The words as the page shows them", sql.SQL("e.quote")),
    ),
    rows=sql.SQL(
        """
        FROM (
          SELECT DISTINCT ON (document_id, schema_slug) tenant_id, id, document_id, schema_slug, schema_version
          FROM results_result WHERE tenant_id = (SELECT app_tenant())
          ORDER BY document_id, schema_slug, created_at DESC, id DESC
        ) AS r
        JOIN documents_document d ON d.tenant_id = r.tenant_id AND d.id = r.document_id AND d.status <> 'deleted'
        JOIN results_currentvalue v ON v.tenant_id = r.tenant_id AND v.result_id = r.id
        LEFT JOIN results_storedevidence e ON e.tenant_id = v.tenant_id AND e.value_id = v.id AND e.ordinal = 0
        ORDER BY d.created_at, d.id, r.schema_slug, v.ordinal, v.path
        """
    ),
)

BUILT_IN = {feed.name: feed for feed in (DOCUMENTS, VALUES)}


def find_feed(*, tenant_id: UUID, name: str) -> Feed:
    """Return a feed: `documents`, `values`, a schema's slug, or `slug.array`. Raises UnknownFeedError."""
    fixed = BUILT_IN.get(name)
    if fixed is not None:
        return fixed
    schema = schemas.newest_version(tenant_id=tenant_id, slug=storable(name.partition(".")[0]))
    if schema is not None:
        for feed in schema_feeds(schema):
            if feed.name == name:
                return feed
    known = ", ".join(feed.name for feed in list_feeds(tenant_id=tenant_id))
    raise UnknownFeedError(f"there is no such feed; there are: {known}")


def list_feeds(*, tenant_id: UUID) -> tuple[FeedSummary, ...]:
    """Return what the tenant can export: the two that everybody has, then its schemas' by slug."""
    own = [feed for schema in schemas.newest_versions(tenant_id=tenant_id) for feed in schema_feeds(schema)]
    return tuple(
        FeedSummary(name=feed.name, title=feed.title, columns=tuple(column.name for column in feed.columns))
        for feed in (*BUILT_IN.values(), *(feed for feed in own if feed.name not in BUILT_IN))
    )
