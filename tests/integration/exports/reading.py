"""Reading an export back."""

from __future__ import annotations

import csv
import io
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from apps.exports.csv import stream_csv
from apps.exports.feeds import find_feed
from apps.exports.parquet import stream_parquet


def csv_text(tenant_id: UUID, name: str) -> str:
    """Return a feed's whole CSV file."""
    feed = find_feed(tenant_id=tenant_id, name=name)
    return b"".join(stream_csv(tenant_id=tenant_id, feed=feed)).decode()


def csv_rows(tenant_id: UUID, name: str) -> list[dict[str, str]]:
    """Return a feed's rows as a CSV reader sees them."""
    return list(csv.DictReader(io.StringIO(csv_text(tenant_id, name), newline="")))


def parquet_table(tenant_id: UUID, name: str) -> pa.Table:
    """Return a feed's Parquet file as a table."""
    feed = find_feed(tenant_id=tenant_id, name=name)
    return pq.read_table(io.BytesIO(b"".join(stream_parquet(tenant_id=tenant_id, feed=feed))))
