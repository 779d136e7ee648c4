"""A locked document is opened from its page, and what is typed there is kept nowhere in the open."""

from __future__ import annotations

import logging
from uuid import UUID

import pytest

from apps.documents.models import Document, DocumentStatus
from apps.documents.queries import document as document_of
from apps.pipeline.models import Run
from apps.tenants.models import Role
from apps.tenants.scope import tenant_scope
from tests.factories.documents import encrypted_pdf
from tests.factories.members import signed_in
from tests.factories.uploads import upload

RIGHT = "nettle 7"


def _state(tenant: UUID, document_id: UUID) -> tuple[DocumentStatus, str]:
    found = document_of(tenant_id=tenant, document_id=document_id)
    assert found is not None
    return found.status, found.reason_code


def test_the_right_password_opens_it_and_a_wrong_one_says_so(tenant: UUID, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    document_id = upload(tenant, encrypted_pdf(password=RIGHT), schema="invoice")
    client, _ = signed_in(tenant, Role.VIEWER)
    address = f"/documents/{document_id}"
    assert "Password of the document" in client.get(address).content.decode()
    wrong = client.post(f"{address}/reopen", {"password": "nettle 8"})
    assert (wrong.status_code, wrong["Location"]) == (302, address)
    assert _state(tenant, document_id) == (DocumentStatus.QUARANTINED, "wrong_password")
    assert "The password doesn't open this document" in client.get(address).content.decode()
    assert client.post(f"{address}/reopen", {"password": RIGHT}).status_code == 302
    assert _state(tenant, document_id)[0] is DocumentStatus.DONE
    page = client.get(address).content.decode()
    assert "781.20" in page
    with tenant_scope(tenant):
        assert Document.objects.get(id=document_id).password is None
        runs = Run.objects.filter(document_id=document_id).count()
    assert RIGHT not in page + caplog.text
    assert "nettle 8" not in page + caplog.text
    # Who types it once more changes nothing: it is open.
    client.post(f"{address}/reopen", {"password": RIGHT})
    with tenant_scope(tenant):
        assert Run.objects.filter(document_id=document_id).count() == runs


@pytest.mark.parametrize(
    ("password", "words"),
    [("", "Type the document&#x27;s password first."), ("x" * 1025, "A password has at most 1024 characters.")],
)
def test_no_password_and_one_too_long_are_told(tenant: UUID, password: str, words: str) -> None:
    document_id = upload(tenant, encrypted_pdf(password=RIGHT), schema="invoice")
    client, _ = signed_in(tenant, Role.REVIEWER)
    answer = client.post(f"/documents/{document_id}/reopen", {"password": password}, follow=True)
    assert words in answer.content.decode()
    assert _state(tenant, document_id) == (DocumentStatus.QUARANTINED, "encrypted")


def test_a_cancelled_document_is_read_again_and_another_tenants_is_not_there(tenant: UUID, other_tenant: UUID) -> None:
    document_id = upload(tenant, encrypted_pdf(password=RIGHT), schema="invoice")
    with tenant_scope(tenant):
        Document.objects.filter(id=document_id).update(status=DocumentStatus.CANCELLED, reason_code="", reason="")
    stranger, _ = signed_in(other_tenant, Role.ADMIN)
    assert stranger.post(f"/documents/{document_id}/reopen").status_code == 404
    assert _state(tenant, document_id) == (DocumentStatus.CANCELLED, "")
    client, _ = signed_in(tenant, Role.REVIEWER)
    assert "Read it again" in client.get(f"/documents/{document_id}").content.decode()
    assert client.post(f"/documents/{document_id}/reopen").status_code == 302
    assert _state(tenant, document_id) == (DocumentStatus.QUARANTINED, "encrypted")


def test_pages_that_are_refused_keep_the_navigation(tenant: UUID) -> None:
    client, _ = signed_in(tenant, Role.VIEWER)
    for address, status in (("/nothing", 404), ("/keys", 403)):
        answer = client.get(address)
        assert answer.status_code == status
        assert 'aria-label="Main"' in answer.content.decode()
    too_many = client.post("/upload", {f"f{number}": "1" for number in range(1001)})
    assert too_many.status_code == 400
    assert 'aria-label="Main"' in too_many.content.decode()
