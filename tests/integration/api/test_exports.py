"""Exports over REST, as WSGI and as ASGI serve them."""

from __future__ import annotations

import asyncio
import io
import json
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings

from apps.schemas.fields import Kind
from tests.factories.rows import document, result, value
from tests.integration.api.conftest import Api


def _body(response: object) -> bytes:
    assert isinstance(response, StreamingHttpResponse)
    return response.getvalue()


def test_csv(api: Api, tenant: UUID) -> None:
    document_id = document(tenant, name="a.pdf")
    result(tenant, document_id, value("/net_total", "651.00", kind=Kind.MONEY))
    response = api.get("exports/values.csv")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert response.headers["Content-Disposition"] == 'attachment; filename="values.csv"'
    assert response.headers["Cache-Control"] == "no-store"
    header, row = _body(response).decode().splitlines()
    assert header.startswith("document_id,document_name,")
    assert row.startswith(f'{document_id},a.pdf,"",invoice,1,/net_total,651.00,651,,money,')


def test_parquet_of_an_array(api: Api, tenant: UUID) -> None:
    result(tenant, document(tenant), value("/line_items/0/description", "Gauge"))
    response = api.get("exports/invoice.line_items.parquet")
    assert response.headers["Content-Type"] == "application/vnd.apache.parquet"
    assert response.headers["Content-Disposition"] == 'attachment; filename="invoice.line_items.parquet"'
    assert pq.read_table(io.BytesIO(_body(response)))["description"].to_pylist() == ["Gauge"]


def test_the_event_loop_streams_too(api: Api, tenant: UUID) -> None:
    result(tenant, document(tenant), *(value(f"/line_items/{number}/description", "x" * 400) for number in range(500)))

    async def read() -> list[bytes]:
        response = await AsyncClient().get("/api/v1/exports/values.csv", headers={"authorization": f"Bearer {api.key}"})
        assert isinstance(response, StreamingHttpResponse)
        assert response.is_async
        return [piece async for piece in response]

    with override_settings(ALLOWED_HOSTS=["testserver"]):  # the name that Django's client always sends
        pieces = asyncio.run(read())
    assert len(pieces) > 3
    assert b"".join(pieces).count(b"\r\n") == 501


@pytest.mark.parametrize("name", ["nothing.csv", "nothing.parquet", "invoice.net_total.csv"])
def test_an_unknown_feed_is_a_problem_that_names_the_others(api: Api, name: str) -> None:
    response = api.get(f"exports/{name}")
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = json.loads(response.content)
    assert problem["code"] == "unknown_feed"
    assert "documents, values, advertising-contract, invoice, invoice.line_items" in problem["detail"]


def test_another_tenant_gets_its_own(tenant: UUID, other_api: Api) -> None:
    result(tenant, document(tenant), value("/net_total", "1", kind=Kind.MONEY))
    for feed in ("documents", "values", "invoice", "invoice.line_items"):
        assert len(_body(other_api.get(f"exports/{feed}.csv")).splitlines()) == 1
        assert pq.read_table(io.BytesIO(_body(other_api.get(f"exports/{feed}.parquet")))).num_rows == 0


def test_a_key_is_needed() -> None:
    assert Client(SERVER_NAME="127.0.0.1").get("/api/v1/exports/values.csv").status_code == 401
