"""Search over REST."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client, override_settings

from apps.inference.embeddings import local_embedder
from apps.parsing.pages import Box
from apps.search.operations import store_passages
from apps.search.passages import Passage
from tests.factories.rows import document
from tests.faults.sglang_server import answers, loopback_server
from tests.integration.api.conftest import Api


def _index(tenant_id: UUID) -> UUID:
    document_id = document(tenant_id, name="invoice.pdf")
    model = local_embedder()
    store_passages(
        tenant_id=tenant_id,
        document_id=document_id,
        first_page=1,
        last_page=3,
        passages=[Passage(page=3, ordinal=0, box=Box(0.125, 0.25, 0.5, 0.75), text="Total due GBP 781.20")],
        vectors=model.embed(["Total due GBP 781.20"]),
        model=model.name,
    )
    return document_id


def _hits(api: Api, **body: Any) -> Any:
    response = api.post("search", body)
    assert response.status_code == 200
    return json.loads(response.content)["hits"]


def test_a_hit_has_its_document_page_and_box(api: Api, tenant: UUID) -> None:
    document_id = _index(tenant)
    assert _hits(api, query="total due", limit=3, document_id=str(document_id)) == [
        {
            "document_id": str(document_id),
            "document_name": "invoice.pdf",
            "page": 3,
            "box": [0.125, 0.25, 0.5, 0.75],
            "text": "Total due GBP 781.20",
            "score": pytest.approx(1.0),
        }
    ]


def test_a_foreign_document_has_no_hits(tenant: UUID, other_api: Api) -> None:
    document_id = _index(tenant)
    assert _hits(other_api, query="total due") == []
    assert _hits(other_api, query="total due", document_id=str(document_id)) == []
    assert _hits(other_api, query="total due", document_id=str(uuid4())) == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "/body/query"),
        ({"query": ""}, "/body/query"),
        ({"query": "   "}, "/body/query"),
        ({"query": "x" * 1001}, "/body/query"),
        ({"query": "a", "limit": 0}, "/body/limit"),
        ({"query": "a", "limit": 101}, "/body/limit"),
        ({"query": "a", "document_id": "1"}, "/body/document_id"),
    ],
)
def test_a_wrong_request_is_named(api: Api, body: dict[str, Any], path: str) -> None:
    response = api.post("search", body)
    assert response.status_code == 422
    assert [error["path"] for error in json.loads(response.content)["errors"]] == [path]


@pytest.mark.parametrize(("said", "status", "code"), [(401, 502, "embeddings_refused"), (500, 503, "embeddings_down")])
def test_what_the_embedding_server_says_is_passed_on(api: Api, said: int, status: int, code: str) -> None:
    with loopback_server() as server, override_settings(QUIRE_EMBEDDINGS_URL=server.url):
        server.faults = [answers(said)]
        response = api.post("search", {"query": "total"})
    assert response.status_code == status
    assert json.loads(response.content)["code"] == code


def test_a_key_is_needed() -> None:
    response = Client(SERVER_NAME="127.0.0.1").post("/api/v1/search", {"query": "a"}, content_type="application/json")
    assert response.status_code == 401
