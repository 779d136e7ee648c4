"""A feed as Parquet, every column with its type."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import sql

from apps.exports.snapshot import snapshot
from apps.exports.tables import Column, ColumnType, Feed

FETCH_ROWS = 2000
# A row group is written when it has so many rows or bytes; so much is held in memory.
GROUP_ROWS = 50_000
GROUP_BYTES = 32 * 1024 * 1024

_TYPES = {
    ColumnType.UUID: pa.string(),
    ColumnType.TEXT: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.DECIMAL: pa.decimal128(38, 12),
    ColumnType.FLOAT: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.DATE: pa.date32(),
    ColumnType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
}


class _Sink:
    """A file that only grows at its end; what was written is taken away piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self.closed = False

    def write(self, data: bytes | pa.Buffer) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def arrow_schema(feed: Feed) -> pa.Schema:
    """Return the feed's columns as Arrow types, with what each means as its metadata."""
    return pa.schema(
        [
            pa.field(
                column.name, _TYPES[column.type], nullable=column.name not in feed.key, metadata={"doc": column.doc}
            )
            for column in feed.columns
        ],
        metadata={"feed": feed.name, "title": feed.title, "key": ",".join(feed.key)},
    )


def stream_parquet(*, tenant_id: UUID, feed: Feed) -> Iterator[bytes]:
    """Yield the file piece by piece: a row group, and at the end the footer. Close the generator to end early."""
    schema = arrow_schema(feed)
    sink = _Sink()
    with snapshot(tenant_id=tenant_id) as connection, pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema) as writer:
        with connection.cursor(name="export", binary=True) as cursor:
            cursor.execute(_query(feed))
            group: list[pa.RecordBatch] = []
            while rows := cursor.fetchmany(FETCH_ROWS):
                group.append(
                    pa.RecordBatch.from_arrays(
                        [
                            pa.array(cells, type=kind)
                            for cells, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
                        ],
                        schema=schema,
                    )
                )
                if sum(map(len, group)) >= GROUP_ROWS or sum(batch.nbytes for batch in group) >= GROUP_BYTES:
                    writer.write_table(pa.Table.from_batches(group))
                    group.clear()
                    yield sink.take()
            if group:
                writer.write_table(pa.Table.from_batches(group))
        writer.close()
        yield sink.take()


def _query(feed: Feed) -> sql.Composed:
    return sql.SQL("SELECT {} {}").format(sql.SQL(", ").join(_cell(column) for column in feed.columns), feed.rows)


def _cell(column: Column) -> sql.Composable:
    if column.type is ColumnType.UUID:
        return sql.SQL("({})::text").format(column.expression)
    return column.expression
