"""Schemas over REST."""

from __future__ import annotations

from typing import Any

import pytest

from apps.exports.feeds import BUILT_IN
from apps.schemas.operations import RESERVED
from tests.integration.api.conftest import Api

DEFINITION: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "Delivery note",
    "description": "Goods that were delivered.",
    "properties": {
        "delivery_number": {
            "type": "string",
            "title": "Delivery number",
            "maxLength": 40,
            "x-quire": {"kind": "identifier", "labels": {"de": ["Lieferschein-Nr."]}},
        }
    },
}


def _json(response: Any) -> Any:
    return response.json()


def test_the_shipped_schemas_are_there(api: Api) -> None:
    listed = _json(api.get("schemas"))
    assert [item["slug"] for item in listed] == ["advertising-contract", "invoice", "nda", "receipt"]
    assert {item["version"] for item in listed} == {1}
    fields = listed[1]["definition"]["properties"]
    assert list(fields) == [
        "invoice_number",
        "issue_date",
        "due_date",
        "seller_name",
        "seller_vat_id",
        "buyer_name",
        "buyer_vat_id",
        "currency",
        "net_total",
        "tax_total",
        "gross_total",
        "line_items",
    ]


def test_a_schema_of_ones_own_grows_by_versions(api: Api, other_api: Api) -> None:
    created = api.post("schemas", {"slug": "delivery-note", "definition": DEFINITION})
    assert (created.status_code, _json(created)) == (201, {"slug": "delivery-note", "version": 1})
    assert api.post("schemas", {"slug": "delivery-note", "definition": DEFINITION}).status_code == 409
    changed = {**DEFINITION, "title": "Delivery slip"}
    assert _json(api.post("schemas/delivery-note/versions", {"schema": changed}))["version"] == 2
    again = api.post("schemas/delivery-note/versions", {"schema": changed})
    assert (again.status_code, _json(again)["version"]) == (200, 2)
    newest = _json(api.get("schemas/delivery-note"))
    assert (newest["version"], newest["definition"]["title"]) == (2, "Delivery slip")
    assert [item["version"] for item in _json(api.get("schemas/delivery-note/versions"))] == [2, 1]
    assert other_api.get("schemas/delivery-note").status_code == 404
    assert other_api.post("schemas/delivery-note/versions", {"definition": DEFINITION}).status_code == 404


def test_a_bad_schema_gets_every_error_with_its_path(api: Api) -> None:
    bad = {
        **DEFINITION,
        "properties": {
            "a": {"type": "strin", "title": "A"},
            "b": {"type": "string", "title": "B", "x-quire": {"kind": "nonsense"}},
        },
        "x-quire": {"rules": ["a + missing = b"], "engines": ["oracle"]},
    }
    response = api.post("schemas", {"slug": "bad", "definition": bad})
    assert response.status_code == 422
    problem = _json(response)
    assert response.headers["Content-Type"] == "application/problem+json"
    paths = {error["path"] for error in problem["errors"]}
    assert {"/properties/a/type", "/properties/b/x-quire/kind"} <= paths
    assert any(path.startswith("/x-quire/rules") for path in paths)
    assert any(path.startswith("/x-quire/engines") for path in paths)
    assert all(error["message"] for error in problem["errors"])
    assert api.get("schemas/bad").status_code == 404


def test_a_slug_must_be_one(api: Api) -> None:
    response = api.post("schemas", {"slug": "No Slug!", "definition": DEFINITION})
    assert response.status_code == 422
    assert "slug" in _json(response)["errors"][0]["path"]


@pytest.mark.parametrize("slug", sorted(RESERVED))
def test_a_schema_cannot_take_the_name_of_an_export(api: Api, slug: str) -> None:
    response = api.post("schemas", {"slug": slug, "definition": {}})
    assert response.status_code == 422
    assert response.json()["code"] == "reserved_slug"


def test_every_export_that_is_no_schema_has_a_reserved_name() -> None:
    assert set(BUILT_IN) <= RESERVED


def test_a_body_over_the_limit_is_413(api: Api) -> None:
    response = api.post("schemas", {"slug": "a", "definition": {"title": "x" * 3_000_000}})
    assert response.status_code == 413
    assert response.json()["detail"]


def test_a_fault_in_the_body_is_named_by_its_place(api: Api) -> None:
    (fault,) = api.post("schemas", {"slug": "No Slug", "definition": {}}).json()["errors"]
    assert fault["path"] == "/body/slug"
