"""Whatever text a client sends, wherever: an answer that says what is wrong, never a defect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.api.urls import api as description
from tests.factories.documents import pdf
from tests.integration.api.conftest import Api

HOSTILE = {"NUL": "a'\0;--", "surrogate": "\ud800x", "long": "x" * 2**20, "direction": "\u202e\ufeff\U0001f600"}
UNSTORABLE = ("NUL", "surrogate")
SOME_ID = str(UUID(int=1))
# What the address needs to lead to the part that is tried.
FITTING = {"document_id": SOME_ID, "number": "1", "slug": "invoice", "feed": "values"}

Json = dict[str, Any]
SPECIFICATION = cast(Json, description.get_openapi_schema())
OPERATIONS = [
    (method, path, operation)
    for path, operations in SPECIFICATION["paths"].items()
    for method, operation in operations.items()
]


def _resolved(schema: Json) -> Json:
    if "$ref" in schema:
        return _resolved(SPECIFICATION["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    for choice in ("anyOf", "allOf", "oneOf"):
        if choice in schema:
            return _resolved(next(one for one in schema[choice] if one.get("type") != "null"))
    return schema


def _example(schema: Json) -> Any:
    """Return something that a schema allows, with all that it has."""
    schema = _resolved(schema)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            if "properties" not in schema:
                of = schema.get("additionalProperties", False)
                return {"a": _example(of if isinstance(of, dict) else {})} if of else {}
            return {name: _example(part) for name, part in schema["properties"].items()}
        case "array":
            return [_example(schema["items"])]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "string":
            return SOME_ID if schema.get("format") == "uuid" else "a"
    return "a"


def _broken(sent: Any, text: str) -> Iterator[Any]:
    """Yield what is sent with a hostile text in each of its places, in values and in names."""
    if isinstance(sent, dict):
        for name, value in sent.items():
            for broken in _broken(value, text):
                yield {**sent, name: broken}
        yield {**sent, text: "a"}
    elif isinstance(sent, list):
        for broken in _broken(sent[0], text):
            yield [broken]
    yield text


def _check(response: Any, *, where: str) -> None:
    assert 400 <= response.status_code < 500 or response.status_code in {200, 201, 204}, where
    if response.status_code >= 400:
        assert response.headers["Content-Type"] == "application/problem+json", where
        assert response.json()["detail"], where


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{method} {path}" for method, path, _ in OPERATIONS]
)
def test_no_text_is_a_defect(api: Api, method: str, path: str, operation: Json, kind: str) -> None:
    text = HOSTILE[kind]
    headers = {"authorization": f"Bearer {api.key}"}
    parameters = operation.get("parameters", [])
    address = path.format(**FITTING)
    encoded = text.encode("utf-8", "surrogatepass") if kind != "long" else b"x" * 2**15
    for parameter in parameters:
        name = parameter["name"]
        percent = "".join(f"%{byte:02x}" for byte in encoded)
        if parameter["in"] == "path":
            tried = path.replace(f"{{{name}}}", percent).format(**FITTING)
        else:
            tried = f"{address}?{name}={percent}"
        response = api.client.generic(method.upper(), tried, headers=headers)
        _check(response, where=f"{method} {tried[:200]}")
    body = operation.get("requestBody", {}).get("content", {})
    if "application/json" in body:
        for sent in _broken(_example(body["application/json"]["schema"]), text):
            response = api.client.generic(
                method.upper(), address, json.dumps(sent), content_type="application/json", headers=headers
            )
            _check(response, where=f"{method} {address} {sent!r:.200}")
            if kind in UNSTORABLE:
                assert response.status_code in {404, 422}, f"{method} {address} {sent!r:.200}"
    for name in _resolved(body.get("multipart/form-data", {}).get("schema", {})).get("properties", {}):
        if name == "file":
            fields: Json = {"file": SimpleUploadedFile("a.pdf", pdf(mark=kind))}
            sent_name = encoded.decode("utf-8", "replace")
            fields["file"].name = sent_name
        else:
            fields = {"file": SimpleUploadedFile("a.pdf", pdf(mark=kind)), name: encoded.decode("utf-8", "replace")}
        _check(api.client.post(address, fields, headers=headers), where=f"{method} {address} {name}")


@pytest.mark.parametrize("field", ["schema", "external_id", "password"])
def test_a_field_of_an_upload_with_nul_is_refused_by_its_name(api: Api, field: str) -> None:
    response = api.upload(pdf(), **{field: "a'\0;--"})
    assert response.status_code == 422
    assert response.json()["errors"] == [
        {
            "path": f"/form/{field}",
            "message": "holds the character NUL or half of a surrogate pair, which no text may: leave it out",
        }
    ]
    assert api.get("documents").json()["items"] == []


def test_a_correction_that_can_not_be_stored_is_refused(api: Api) -> None:
    document_id = api.upload(pdf(), schema="invoice").json()["id"]
    decision = {"path": "/invoice_number", "verdict": "correct", "value": "a\0b"}
    response = api.post(f"documents/{document_id}/decisions", [decision])
    assert response.status_code == 422
    assert [error["path"] for error in response.json()["errors"]] == ["/body/0/value"]
    assert api.get(f"documents/{document_id}/decisions").json() == []


def test_a_long_name_is_cut_whatever_its_letters(api: Api) -> None:
    for letter in ("a", "\N{GRINNING FACE}"):
        response = api.upload(pdf(mark=letter), f"{letter * 300}.pdf")
        assert response.status_code == 201, response.content
        assert response.json()["name"] == f"{letter * 251}.pdf"


def test_what_would_be_passed_over_in_a_form_is_refused(api: Api) -> None:
    headers = {"authorization": f"Bearer {api.key}"}
    first, second = SimpleUploadedFile("a.pdf", pdf(mark="1")), SimpleUploadedFile("b.pdf", pdf(mark="2"))
    response = api.client.post("/api/v1/documents", {"file": [first, second]}, headers=headers)
    assert response.status_code == 422
    once = "send this once: of several only one would count"
    assert response.json()["errors"] == [{"path": "/file/file", "message": once}]
    first.seek(0)
    second.seek(0)
    fields = {"file": first, "other": second, "schema": ["invoice", "receipt"]}
    response = api.client.post("/api/v1/documents", fields, headers=headers)
    assert response.json()["errors"] == [
        {"path": "/form/schema", "message": once},
        {"path": "/file/other", "message": "Extra inputs are not permitted"},
    ]
    assert api.get("documents").json()["items"] == []


def test_unknown_query_parameters_are_refused_with_those_that_there_are(api: Api) -> None:
    response = api.get("documents", state="done", limit="5")
    assert response.status_code == 422
    assert response.json()["errors"] == [
        {
            "path": "/query/state",
            "message": "there is no such parameter; there are: updated_since, status, schema, cursor, limit",
        }
    ]
    assert api.get("schemas", limit="5").json()["errors"] == [
        {"path": "/query/limit", "message": "there is no such parameter: this address takes none"}
    ]
    assert api.get("documents", limit=["5", "6"]).json()["errors"] == [
        {"path": "/query/limit", "message": "send this once: of several only one would count"}
    ]


def test_documents_by_state_and_schema(api: Api) -> None:
    read = api.upload(pdf(mark="read"), schema="invoice").json()["id"]
    broken = api.upload(b"%PDF-1.7\n%nothing follows", schema="receipt").json()["id"]
    state = api.get(f"documents/{read}").json()["status"]

    def found(**query: str) -> list[str]:
        return [item["id"] for item in api.get("documents", **query).json()["items"]]

    assert found() == [read, broken]
    assert found(status="failed") == [broken]
    assert found(status=state) == [read]
    assert found(schema="invoice") == [read]
    assert found(schema="invoice", status="failed") == []
    assert api.get("documents", status="bogus").status_code == 422
