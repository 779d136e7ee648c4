"""Text that no database takes, in the portal's forms and addresses: a page that says so."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.documents.models import DocumentStatus
from apps.documents.queries import newest_documents
from apps.results.queries import decisions_of
from apps.tenants.models import Role
from apps.tenants.queries import api_keys
from tests.factories.documents import pdf
from tests.factories.members import signed_in
from tests.factories.rows import document


def _refused(client: Client, address: str, fields: dict[str, object]) -> None:
    response = client.post(address, fields)
    assert response.status_code == 400
    assert "holds what can't be read, such as a character that no text may hold" in response.content.decode()


@pytest.mark.parametrize("field", ["schema", "password", "other\0"])
def test_an_upload(tenant: UUID, field: str) -> None:
    client, _ = signed_in(tenant, Role.ADMIN)
    _refused(client, "/upload", {"file": SimpleUploadedFile("a.pdf", pdf()), field: "a'\0;--"})
    assert newest_documents(tenant_id=tenant).items == ()


def test_a_key_and_a_decision(tenant: UUID) -> None:
    client, _ = signed_in(tenant, Role.ADMIN)
    document_id = document(tenant, status=DocumentStatus.NEEDS_REVIEW)
    _refused(client, "/keys", {"name": "a\0b"})
    _refused(client, f"/documents/{document_id}/decisions", {"verdict": "correct", "right": "a\0b", "value": "x"})
    assert api_keys(tenant_id=tenant) == ()
    assert decisions_of(tenant_id=tenant, document_id=document_id) == ()


@pytest.mark.parametrize(
    "fields", [{"username": "a\0@b.example", "password": "x"}, {"username": "a", "password": "\0"}]
)
def test_signing_in(database: None, fields: dict[str, str]) -> None:
    assert Client(SERVER_NAME="127.0.0.1").post("/sign-in", fields).status_code == 200


@pytest.mark.parametrize("address", ["/documents/%00", "/documents?q=%00", "/search?q=a%00", "/%00"])
def test_an_address(tenant: UUID, address: str) -> None:
    client, _ = signed_in(tenant, Role.VIEWER)
    response = client.get(address)
    assert response.status_code == 400
    assert "<h1>This can't be read</h1>" in response.content.decode()


@pytest.mark.parametrize("address", ["/documents", "/search", "/usage", "/keys", "/schemas", "/sign-in"])
def test_odd_and_long_questions(tenant: UUID, address: str) -> None:
    client, _ = signed_in(tenant, Role.ADMIN)
    for text in ("x" * 100_000, "%ed%a0%80", "%e2%80%ae%f0%9f%98%80", "'%3b--"):
        query = "&".join(f"{name}={text}" for name in ("q", "status", "cursor", "by", "from", "to", "version", "next"))
        assert client.get(f"{address}?{query}").status_code in {200, 302, 400}
