"""A feed as CSV (RFC 4180), in UTF-8, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from uuid import UUID

from psycopg import sql

from apps.exports.snapshot import snapshot
from apps.exports.tables import Column, ColumnType, Feed

CHUNK_BYTES = 64 * 1024

# A spreadsheet takes a cell for a formula that begins with one of = + - @ or, after a line break that it drops, with
# what follows TAB, CR or LF; white space, control and zero-width characters before it don't matter, and in some
# locales the full-width forms count too. Python and Postgres read this pattern alike. See CVE-2021-41270.
FORMULA = (
    r"^[\u0001-\u0020\u0085\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff]*"
    r"[=+@\u0009\u000a\u000d\uff0b\uff0d\uff1d\uff20-]"
)
_FORMULA = re.compile(FORMULA)

_GUARDED = sql.SQL("CASE WHEN {cell} ~ {formula} THEN '''' || {cell} ELSE {cell} END")

# How a typed cell is written. Numbers, dates and ids can't be formulas: they are written as they are.
_WRITTEN = {
    ColumnType.DECIMAL: sql.SQL("trim_scale({cell})"),
    ColumnType.BOOLEAN: sql.SQL("CASE {cell} WHEN true THEN 'true' WHEN false THEN 'false' END"),
    ColumnType.TIMESTAMP: sql.SQL("to_char({cell} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"),
}


def stream_csv(*, tenant_id: UUID, feed: Feed) -> Iterator[bytes]:
    """Yield the file piece by piece; the first piece begins with the header row.

    Postgres writes the rows, and no more than a piece of them is held. Text cells that a spreadsheet would take for
    formulas get a quote in front. An empty cell is no value, `""` is an empty text. Close the generator to end early.
    """
    with snapshot(tenant_id=tenant_id) as connection, connection.cursor() as cursor:
        piece = bytearray(_header(feed))
        with cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT CSV)").format(_query(feed))) as rows:
            # Postgres sends one message a row, with its own line end, and RFC 4180 wants CR LF.
            for row in rows:
                piece += row[:-1]
                piece += b"\r\n"
                if len(piece) >= CHUNK_BYTES:
                    yield bytes(piece)
                    piece.clear()
        if piece:
            yield bytes(piece)


def guarded(text: str) -> str:
    """Return a text cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def _header(feed: Feed) -> bytes:
    row = io.StringIO()
    csv.writer(row).writerow([guarded(column.name) for column in feed.columns])
    return row.getvalue().encode()


def _query(feed: Feed) -> sql.Composed:
    return sql.SQL("SELECT {} {}").format(sql.SQL(", ").join(_cell(column) for column in feed.columns), feed.rows)


def _cell(column: Column) -> sql.Composable:
    if column.type is not ColumnType.TEXT:
        written = _WRITTEN.get(column.type)
        return column.expression if written is None else written.format(cell=column.expression)
    cell = _GUARDED.format(cell=column.expression, formula=sql.Literal(FORMULA))
    if column.typed_where is None:
        return cell
    return sql.SQL("CASE WHEN {} THEN {} ELSE {} END").format(column.typed_where, column.expression, cell)
