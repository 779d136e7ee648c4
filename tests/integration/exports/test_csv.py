"""CSV exports: RFC 4180, typed cells, no formulas."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from time import monotonic, sleep
from uuid import UUID

import pytest
from django.db import connection

from apps.api.exports import in_a_thread
from apps.documents.models import Document, DocumentStatus
from apps.exports import csv
from apps.exports.feeds import VALUES
from apps.extraction.values import ValueStatus
from apps.parsing.pages import Box
from apps.schemas.fields import Kind
from apps.tenants.scope import tenant_scope
from tests.factories.rows import document, evidence, result, value
from tests.integration.exports.reading import csv_rows, csv_text


def test_the_values_feed_line_by_line(tenant: UUID) -> None:
    document_id = document(tenant, name='Müller, "Süd".pdf', external_id="E-1")
    result(
        tenant,
        document_id,
        value(
            "/gross_total",
            "-781.20",
            kind=Kind.MONEY,
            places=(evidence("781,20-", page=2, box=Box(0.1, 0.2, 0.3, 0.4)), evidence("781.20")),
        ),
        value("/issue_date", "2025-03-14", kind=Kind.DATE, places=(evidence("14 March\n2025"),), confidence=1.0),
        value("/seller_name", "", places=(), status=ValueStatus.UNGROUNDED, confidence=0.125),
    )
    head = f'{document_id},"Müller, ""Süd"".pdf",E-1,invoice,1,'
    assert csv_text(tenant, "values") == (
        "document_id,document_name,external_id,schema,version,path,value,number,date,type,engine,confidence,status,"
        "page,x0,y0,x1,y1,quote\r\n"
        f'{head}/gross_total,-781.20,-781.2,,money,layout,0.75,accepted,2,0.1,0.2,0.3,0.4,"781,20-"\r\n'
        f"{head}/issue_date,2025-03-14,,2025-03-14,date,layout,1,accepted,1,0.125,0.25,0.5,0.75,"
        '"14 March\n2025"\r\n'
        f'{head}/seller_name,"",,,text,layout,0.125,ungrounded,,,,,,\r\n'
    )


def test_an_empty_export_is_its_header(tenant: UUID) -> None:
    assert csv_text(tenant, "documents") == (
        "id,name,external_id,status,schema,lane,pages,media_type,size,sha256,reason_code,reason,"
        "created_at,updated_at,completed_at\r\n"
    )


def test_a_document_with_times_in_utc(tenant: UUID) -> None:
    document_id = document(tenant, status=DocumentStatus.NEEDS_REVIEW)
    with tenant_scope(tenant):
        created_at = Document.objects.get(id=document_id).created_at
    (row,) = csv_rows(tenant, "documents")
    stamp = created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert row == {
        "id": str(document_id),
        "name": "a.pdf",
        "external_id": "",
        "status": "needs_review",
        "schema": "",
        "lane": "interactive",
        "pages": "",
        "media_type": "",
        "size": "",
        "sha256": "",
        "reason_code": "",
        "reason": "",
        "created_at": stamp,
        "updated_at": stamp,
        "completed_at": "",
    }


@pytest.mark.parametrize(
    "name",
    [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "\tx",
        "\rx",
        "\nx",
        " =1",
        "\u00a0=1",
        "\u3000@x",
        "\ufeff=1",
        "\x01=1",
        "\uff1d1",
        "=",
    ],
)
def test_no_text_cell_is_a_formula(tenant: UUID, name: str) -> None:
    # The database and Python agree on what a formula is.
    document_id = document(tenant, name=name)
    result(tenant, document_id, value("/seller_name", name, kind=Kind.TEXT))
    (row,) = csv_rows(tenant, "values")
    assert (row["document_name"], row["value"], row["quote"]) == (f"'{name}", f"'{name}", f"'{name}")
    (row,) = csv_rows(tenant, "documents")
    assert row["name"] == csv.guarded(name) == f"'{name}"
    (row,) = csv_rows(tenant, "invoice")
    assert row["seller_name"] == f"'{name}"


@pytest.mark.parametrize("name", ["a=1", "1-2", " a", "'=1", "(=1)", "\u2013 5", 'quote " and, comma', "NULL", "\\."])
def test_other_text_stays_as_it_is(tenant: UUID, name: str) -> None:
    document(tenant, name=name)
    (row,) = csv_rows(tenant, "documents")
    assert row["name"] == csv.guarded(name) == name


def test_typed_numbers_are_exempt_and_text_that_looks_like_one_is_not(tenant: UUID) -> None:
    result(
        tenant,
        document(tenant),
        value("/net_total", "-5", kind=Kind.MONEY),
        value("/invoice_number", "-5", kind=Kind.IDENTIFIER),
        value("/gross_total", "-5+cmd", kind=Kind.MONEY),
    )
    assert [row["value"] for row in csv_rows(tenant, "values")] == ["-5", "'-5", "'-5+cmd"]


def test_only_the_newest_result_of_living_documents(tenant: UUID) -> None:
    document_id = document(tenant)
    result(tenant, document_id, value("/net_total", "1", kind=Kind.MONEY))
    result(tenant, document_id, value("/net_total", "2", kind=Kind.MONEY))
    deleted = document(tenant, status=DocumentStatus.DELETED)
    result(tenant, deleted, value("/net_total", "3", kind=Kind.MONEY))
    assert [row["value"] for row in csv_rows(tenant, "values")] == ["2"]
    assert [row["net_total"] for row in csv_rows(tenant, "invoice")] == ["2"]
    assert [row["id"] for row in csv_rows(tenant, "documents")] == [str(document_id)]


def _many(tenant_id: UUID) -> None:
    result(
        tenant_id,
        document(tenant_id),
        *(value(f"/line_items/{number}/description", "x" * 400) for number in range(1000)),
    )


def test_a_large_export_comes_in_small_pieces(tenant: UUID) -> None:
    _many(tenant)
    pieces = list(csv.stream_csv(tenant_id=tenant, feed=VALUES))
    assert sum(map(len, pieces)) > 900_000
    assert max(map(len, pieces)) < csv.CHUNK_BYTES + 2000
    assert len(csv_rows(tenant, "values")) == 1000


def _export_sessions() -> int:
    """Count the sessions on this test's own database that copy out, or stand in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'COPY (%'"
        )
        return int(cursor.fetchone()[0])


def _wait_for_sessions(count: int) -> int:
    deadline = monotonic() + 10
    while (found := _export_sessions()) != count and monotonic() < deadline:
        sleep(0.01)
    return found


def _wait_for_threads() -> None:
    """Let the exports' threads finish the step that they are at, and what follows it."""
    for thread in threading.enumerate():
        if thread.name.startswith("export"):
            thread.join(timeout=10)


def test_an_export_that_is_closed_early_ends_its_session(tenant: UUID) -> None:
    _many(tenant)
    pieces = csv.stream_csv(tenant_id=tenant, feed=VALUES)
    assert next(pieces).startswith(b"document_id,")
    assert _wait_for_sessions(1) == 1
    assert isinstance(pieces, Iterator)
    pieces.close()  # type: ignore[attr-defined] # it is a generator
    assert _wait_for_sessions(0) == 0


def test_a_client_that_goes_away_ends_the_session(tenant: UUID) -> None:
    _many(tenant)
    # Held here, so that nothing but the stream itself can close it.
    source = csv.stream_csv(tenant_id=tenant, feed=VALUES)

    async def leave() -> bytes:
        pieces = in_a_thread(source)
        first = await anext(pieces)
        await pieces.aclose()  # type: ignore[attr-defined] # it is an async generator
        return first

    assert asyncio.run(leave()).startswith(b"document_id,")
    _wait_for_threads()
    assert _wait_for_sessions(0) == 0
    assert list(source) == []


def test_a_client_that_goes_away_in_mid_step_ends_the_session(tenant: UUID) -> None:
    _many(tenant)
    source = csv.stream_csv(tenant_id=tenant, feed=VALUES)

    async def leave() -> None:
        pieces = in_a_thread(source)

        async def read() -> int:
            return sum([len(piece) async for piece in pieces])

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)  # the first step is under way, in its thread
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(leave())
    _wait_for_threads()
    assert _wait_for_sessions(0) == 0
    assert list(source) == []


def test_an_export_sees_one_moment(tenant: UUID) -> None:
    _many(tenant)
    pieces = csv.stream_csv(tenant_id=tenant, feed=VALUES)
    text = next(pieces)
    with tenant_scope(tenant):
        Document.objects.update(status=DocumentStatus.DELETED)
    text += b"".join(pieces)
    assert text.count(b"/line_items/") == 1000
    assert csv_rows(tenant, "values") == []


def test_another_tenant_exports_nothing(tenant: UUID, other_tenant: UUID) -> None:
    result(tenant, document(tenant), value("/net_total", "1", kind=Kind.MONEY), value("/line_items/0/description", "x"))
    for name in ("documents", "values", "invoice", "invoice.line_items"):
        assert len(csv_rows(tenant, name)) > 0
        assert csv_rows(other_tenant, name) == []
