"""Decisions over REST, on what the pipeline read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from apps.documents.models import DocumentStatus
from apps.extraction.notes import unaccounted
from apps.extraction.values import ValueStatus
from apps.schemas.fields import Kind
from tests.factories.documents import INVOICE_LINES, pdf
from tests.factories.rows import document as row
from tests.factories.rows import result, value
from tests.integration.api.conftest import Api


def _in_review(api: Api) -> str:
    """Upload an invoice whose total nobody can read, and return the document's id."""
    lines = [line for line in INVOICE_LINES if "781.20" not in line[2]]
    document_id: str = api.upload(pdf(lines=lines, mark="in review"), schema="invoice").json()["id"]
    assert api.get(f"documents/{document_id}").json()["status"] == "needs_review"
    return document_id


def _doubtful(api: Api, document_id: str) -> list[dict[str, Any]]:
    (found,) = api.get(f"documents/{document_id}/results").json()
    return [each for each in found["values"] if each["status"] != "accepted"]


def test_a_document_in_review_says_why_and_so_does_each_value(api: Api) -> None:
    document_id = str(row(api.tenant_id, status=DocumentStatus.NEEDS_REVIEW))
    weak = value("/gross_total", "781.20", kind=Kind.MONEY, status=ValueStatus.NEEDS_REVIEW, confidence=0.25)
    kept = value("/net_total", "651.00", kind=Kind.MONEY)
    result(api.tenant_id, UUID(document_id), kept, weak, notes=(unaccounted(name="line_items", count=1),))
    shown = api.get(f"documents/{document_id}").json()
    assert shown["review_reasons"] == [
        {"code": "low_confidence", "message": "Low confidence: Gross total"},
        {
            "code": "required_missing",
            "message": "Required, but missing: Invoice number, Issue date, Seller, Currency",
        },
        {"code": "rows_unaccounted", "message": "Line items: 1 row of its table is unaccounted for"},
    ]
    assert api.get("documents").json()["items"] == [shown]
    (found,) = api.get(f"documents/{document_id}/results").json()
    assert [each.get("reasons") for each in found["values"]] == [
        None,
        [{"code": "low_confidence", "message": "Read with a confidence of 25%, accepted from 70% on"}],
    ]
    api.post(f"documents/{document_id}/decisions", [{"path": "/gross_total", "verdict": "reject"}])
    (found,) = api.get(f"documents/{document_id}/results").json()
    assert ["reasons" in each for each in found["values"]] == [False, False]
    assert [each["code"] for each in api.get(f"documents/{document_id}").json()["review_reasons"]] == [
        "required_missing",
        "rows_unaccounted",
    ]


def test_deciding_on_all_that_is_doubtful_ends_the_review(api: Api) -> None:
    document_id = _in_review(api)
    doubtful = {each["path"] for each in _doubtful(api, document_id)} - {"/gross_total"}
    response = api.post(
        f"documents/{document_id}/decisions",
        [
            {"path": "/gross_total", "verdict": "correct", "value": "781.20"},
            *({"path": path, "verdict": "accept"} for path in sorted(doubtful)),
        ],
    )
    assert response.status_code == 200
    decisions = response.json()
    assert api.get(f"documents/{document_id}/decisions").json() == decisions
    (gross,) = [decision for decision in decisions if decision["path"] == "/gross_total"]
    assert (gross["schema"], gross["verdict"], gross["value"]) == ("invoice", "correct", "781.20")
    assert gross["decided_by"].startswith("key ")
    assert api.get(f"documents/{document_id}").json()["status"] == "done"
    (found,) = api.get(f"documents/{document_id}/results").json()
    values = {each["path"]: each for each in found["values"]}
    assert (values["/gross_total"]["value"], values["/gross_total"]["status"]) == ("781.20", "accepted")
    assert set(values["/gross_total"]) == {
        "path", "value", "type", "engine", "confidence", "status", "evidence"
    }  # fmt: skip
    assert _doubtful(api, document_id) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([{"path": "/nothing", "verdict": "accept"}], "no value at one of these paths"),
        ([{"path": "/net_total", "verdict": "correct", "value": "1,00"}], "1234.50"),
        ([{"path": "/net_total", "verdict": "perhaps"}], "'errors' names each"),
        ([], "'errors' names each"),
        ([{"verdict": "accept"}], "'errors' names each"),
    ],
)
def test_a_bad_decision_is_422_and_says_why(api: Api, body: Any, words: str) -> None:
    document_id = _in_review(api)
    response = api.client.post(
        f"/api/v1/documents/{document_id}/decisions",
        body,
        content_type="application/json",
        headers={"authorization": f"Bearer {api.key}"},
    )
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert words in response.json()["detail"]
    assert api.get(f"documents/{document_id}/decisions").json() == []


def test_what_failed_is_not_decided_on(api: Api) -> None:
    document_id = api.upload(b"", "x.pdf", schema="invoice").json()["id"]
    response = api.post(f"documents/{document_id}/decisions", [{"path": "/net_total", "verdict": "accept"}])
    assert (response.status_code, response.json()["code"]) == (409, "under_way")


def test_a_foreign_document_is_not_there(api: Api, other_api: Api) -> None:
    document_id = _in_review(api)
    assert other_api.get(f"documents/{document_id}/decisions").status_code == 404
    response = other_api.post(f"documents/{document_id}/decisions", [{"path": "/net_total", "verdict": "accept"}])
    assert response.status_code == 404
    assert api.get(f"documents/{document_id}/decisions").json() == []
