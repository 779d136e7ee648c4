"""Files by hand end as files by REST do."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.documents import queries as documents
from apps.documents.models import DocumentStatus
from apps.tenants.models import Role
from tests.factories.members import signed_in


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_an_empty_file_is_a_document_that_failed_and_says_why(tenant: UUID, accept: str) -> None:
    client, _ = signed_in(tenant, Role.REVIEWER)
    answer = client.post("/upload", {"file": SimpleUploadedFile("empty.pdf", b"")}, headers={"accept": accept})
    if accept == "application/json":
        assert (answer.status_code, json.loads(answer.content)["created"]) == (200, True)
    else:
        assert (answer.status_code, answer["Location"]) == (302, "/documents")
    (found,) = documents.newest_documents(tenant_id=tenant).items
    assert (found.name, found.status, found.reason_code) == ("empty.pdf", DocumentStatus.FAILED, "empty")
    assert "The file is empty: upload it again" in client.get("/documents").content.decode()
