"""Files by hand end as files by REST do."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from apps.documents import queries as documents
from apps.documents.models import DocumentStatus
from apps.tenants.models import Role
from tests.factories.documents import encrypted_pdf, pdf
from tests.factories.members import signed_in
from tests.factories.uploads import upload


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


def _sent_again(tenant: UUID, data: bytes, *, name: str) -> tuple[str, list[str]]:
    """Send bytes that are there already; return what the script and what the plain form is told of them."""
    client, _ = signed_in(tenant, Role.REVIEWER)
    answer = client.post("/upload", {"file": SimpleUploadedFile(name, data)}, headers={"accept": "application/json"})
    told = json.loads(answer.content)
    assert (answer.status_code, told["created"]) == (200, False)
    request = client.post("/upload", {"file": SimpleUploadedFile(name, data)}).wsgi_request
    return told["trouble"], [f"{message.level_tag}: {message.message}" for message in get_messages(request)]


def test_a_file_that_is_there_and_failed_is_told_with_its_reason(tenant: UUID) -> None:
    upload(tenant, b"", schema="", name="pushed.pdf")
    failed = "is there already, but failed: The file is empty: upload it again."
    assert _sent_again(tenant, b"", name="again.pdf") == (failed, [f"error: again.pdf {failed}"])


def test_a_file_that_failed_and_is_tried_again_is_told_before_it_is_tried(tenant: UUID) -> None:
    upload(tenant, b"", schema="", name="pushed.pdf")
    client, _ = signed_in(tenant, Role.REVIEWER)
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        answer = client.post(
            "/upload", {"file": SimpleUploadedFile("again.pdf", b"")}, headers={"accept": "application/json"}
        )
    (found,) = documents.newest_documents(tenant_id=tenant).items
    assert found.status is DocumentStatus.RECEIVED
    assert json.loads(answer.content) == {
        "url": f"/documents/{found.id}",
        "created": False,
        "trouble": "is there already, but failed before: The file is empty: upload it again. It is read again.",
    }


def test_a_locked_file_that_is_there_is_told_with_what_to_do_and_a_sound_one_without_more(tenant: UUID) -> None:
    locked, sound = encrypted_pdf(password="nettle 7"), pdf(mark="sound")
    upload(tenant, locked, schema="invoice", name="locked.pdf")
    upload(tenant, sound, schema="invoice", name="sound.pdf")
    told = "is there already, but quarantined: The document is protected by a password. Type it on the document's page."
    assert _sent_again(tenant, locked, name="locked.pdf") == (told, [f"error: locked.pdf {told}"])
    assert _sent_again(tenant, sound, name="sound.pdf") == ("", ["info: sound.pdf is there already."])
