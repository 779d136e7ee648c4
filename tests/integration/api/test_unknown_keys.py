"""A key that the API doesn't know is refused wherever it stands: passed over, it would look obeyed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.integration.api.conftest import Api

SOME_ID = UUID(int=1)
WORKLOAD = {"schema": "invoice", "documents": 1}


@pytest.mark.parametrize(
    ("method", "path", "body", "unknown"),
    [
        (
            "put",
            "tuning",
            {"instruction": "a", "glossary": [{"term": "a", "meaning": "b", "means": "c"}], "adapter": {}},
            ["/body/adapter", "/body/glossary/0/means", "/body/instruction"],
        ),
        ("put", "tuning/invoice", {"adapters": {}, "example": 3}, ["/body/adapters", "/body/example"]),
        (
            "put",
            "budgets",
            {"budgets": [{"period": "month", "usd": "1"}, {"period": "month", "used": 1}], "month": "2025-11"},
            ["/body/budgets/1/used", "/body/month"],
        ),
        ("put", "policies", {"engines": ["layout"], "schema": "invoice"}, ["/body/schema"]),
        ("put", "policies/invoice", {"engines": ["layout"], "everywhere": []}, ["/body/everywhere"]),
        ("post", "estimates", {**WORKLOAD, "pages": {"text": 1, "scan": 1}}, ["/body/pages/scan"]),
        ("post", "estimates", {**WORKLOAD, "pages": {"text": 1}, "lane": "bulk"}, ["/body/lane"]),
        ("post", "schemas", {"slug": "a", "definition": {}, "title": "A"}, ["/body/title"]),
        ("post", "schemas/invoice/versions", {"definition": {}, "version": 2}, ["/body/version"]),
        ("post", "search", {"query": "a", "document": str(SOME_ID)}, ["/body/document"]),
        (
            "post",
            f"documents/{SOME_ID}/decisions",
            [{"path": "/a", "verdict": "accept"}, {"path": "/b", "verdict": "accept", "values": "1"}],
            ["/body/1/values"],
        ),
    ],
)
def test_unknown_keys_are_refused_each_by_its_path(
    api: Api, method: str, path: str, body: Any, unknown: list[str]
) -> None:
    response = getattr(api, method)(path, body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert sorted(error["path"] for error in response.json()["errors"]) == unknown
    assert {error["message"] for error in response.json()["errors"]} == {"Extra inputs are not permitted"}


def test_what_was_refused_changed_nothing(api: Api) -> None:
    assert api.put("tuning/invoice", {"instructions": "Kept.", "example": 1}).status_code == 422
    assert api.get("tuning/invoice").json() == {"instructions": "", "glossary": [], "examples": None}
