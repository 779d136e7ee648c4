"""Parquet exports: every column with its type, exactly."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.documents.models import Document
from apps.exports import parquet
from apps.exports.feeds import VALUES
from apps.parsing.pages import Box
from apps.schemas.fields import Kind
from apps.tenants.scope import tenant_scope
from tests.factories.rows import document, evidence, result, value
from tests.integration.exports.reading import parquet_table


def test_the_values_feed_is_typed(tenant: UUID) -> None:
    document_id = document(tenant, name="=a.pdf", external_id="E-1")
    result(
        tenant,
        document_id,
        value(
            "/gross_total",
            "99999999999999999999999999.999999999999",
            kind=Kind.MONEY,
            places=(evidence("99…", page=2, box=Box(0.1, 0.2, 0.3, 0.4)),),
        ),
        value("/issue_date", "2025-03-14", kind=Kind.DATE, places=()),
    )
    table = parquet_table(tenant, "values")
    assert [(field.name, field.type, field.nullable) for field in table.schema] == [
        ("document_id", pa.string(), False),
        ("document_name", pa.string(), True),
        ("external_id", pa.string(), True),
        ("schema", pa.string(), False),
        ("version", pa.int64(), True),
        ("path", pa.string(), False),
        ("value", pa.string(), True),
        ("number", pa.decimal128(38, 12), True),
        ("date", pa.date32(), True),
        ("type", pa.string(), True),
        ("engine", pa.string(), True),
        ("confidence", pa.float64(), True),
        ("status", pa.string(), True),
        ("page", pa.int64(), True),
        ("x0", pa.float64(), True),
        ("y0", pa.float64(), True),
        ("x1", pa.float64(), True),
        ("y1", pa.float64(), True),
        ("quote", pa.string(), True),
    ]
    assert table.schema.field("number").metadata[b"doc"] == b"The value, where it is an amount or a number"
    assert table.schema.metadata[b"key"] == b"document_id,schema,path"
    common = {
        "document_id": str(document_id),
        "document_name": "=a.pdf",  # no spreadsheet reads this, so nothing is put in front
        "external_id": "E-1",
        "schema": "invoice",
        "version": 1,
        "engine": "layout",
        "confidence": 0.75,
        "status": "accepted",
    }
    assert table.to_pylist() == [
        common
        | {
            "path": "/gross_total",
            "value": "99999999999999999999999999.999999999999",
            "number": Decimal("99999999999999999999999999.999999999999"),
            "date": None,
            "type": "money",
            "page": 2,
            "x0": 0.1,
            "y0": 0.2,
            "x1": 0.3,
            "y1": 0.4,
            "quote": "99…",
        },
        common
        | {
            "path": "/issue_date",
            "value": "2025-03-14",
            "number": None,
            "date": date(2025, 3, 14),
            "type": "date",
            "page": None,
            "x0": None,
            "y0": None,
            "x1": None,
            "y1": None,
            "quote": None,
        },
    ]


def test_times_are_instants(tenant: UUID) -> None:
    document_id = document(tenant)
    moment = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
    with tenant_scope(tenant):
        Document.objects.filter(id=document_id).update(created_at=moment)
    table = parquet_table(tenant, "documents")
    assert table.schema.field("created_at").type == pa.timestamp("us", tz="UTC")
    assert table["created_at"].to_pylist() == [moment]
    assert table["completed_at"].to_pylist() == [None]


def test_an_empty_export_has_its_columns(tenant: UUID) -> None:
    table = parquet_table(tenant, "invoice")
    assert table.num_rows == 0
    assert table.schema.field("gross_total").type == pa.decimal128(38, 12)
    assert table.schema.field("issue_date").type == pa.date32()


def test_a_large_export_comes_in_row_groups(tenant: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "FETCH_ROWS", 100)
    monkeypatch.setattr(parquet, "GROUP_ROWS", 300)
    result(tenant, document(tenant), *(value(f"/line_items/{number}/description", "x") for number in range(1000)))
    pieces = list(parquet.stream_parquet(tenant_id=tenant, feed=VALUES))
    assert len(pieces) == 4
    file = pq.ParquetFile(io.BytesIO(b"".join(pieces)))
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [300, 300, 300, 100]
    assert file.read()["path"].to_pylist() == [f"/line_items/{number}/description" for number in range(1000)]


def test_an_export_that_is_closed_early_raises_nothing(tenant: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "FETCH_ROWS", 10)
    monkeypatch.setattr(parquet, "GROUP_ROWS", 10)
    result(tenant, document(tenant), *(value(f"/line_items/{number}/description", "x") for number in range(30)))
    pieces = parquet.stream_parquet(tenant_id=tenant, feed=VALUES)
    assert next(pieces).startswith(b"PAR1")
    pieces.close()  # type: ignore[attr-defined] # it is a generator
    assert list(pieces) == []


def test_another_tenant_exports_nothing(tenant: UUID, other_tenant: UUID) -> None:
    result(tenant, document(tenant), value("/net_total", "1", kind=Kind.MONEY), value("/line_items/0/description", "x"))
    for name in ("documents", "values", "invoice", "invoice.line_items"):
        assert parquet_table(tenant, name).num_rows > 0
        assert parquet_table(other_tenant, name).num_rows == 0
