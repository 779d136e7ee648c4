"""Bytes come in once, whoever sends them at the same time."""

from __future__ import annotations

import threading
from pathlib import Path
from uuid import UUID

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.documents import storage
from apps.documents.errors import TooLargeError, UnsupportedTypeError
from apps.documents.models import Blob, Document, DocumentStatus, Lane
from apps.documents.operations import remove_bytes
from apps.documents.sealing import SealBrokenError, seal, unseal
from apps.documents.storage import BytesLostError
from apps.pipeline.intake import Upload, accept_upload, delete_document
from apps.pipeline.models import Run, StageRun
from apps.search.models import StoredPassage
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf


def _upload(tenant: UUID, data: bytes) -> Upload:
    return accept_upload(
        tenant_id=tenant,
        chunks=[data[start : start + 1000] for start in range(0, len(data), 1000)],
        name="a.pdf",
        schema_slug="invoice",
        external_id="",
        lane=Lane.INTERACTIVE,
        password=None,
        clock=SYSTEM_CLOCK,
    )


def _spooled() -> list[Path]:
    folder = Path(default_storage.path("spool"))
    return list(folder.iterdir()) if folder.exists() else []


@override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher")
def test_the_same_file_fifty_times_at_once_is_one_document(tenant: UUID) -> None:
    data = pdf(mark="fifty")
    barrier = threading.Barrier(50)
    uploads: list[Upload] = []

    def send() -> None:
        try:
            barrier.wait()
            uploads.append(_upload(tenant, data))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(uploads) == 50
    assert len({upload.document_id for upload in uploads}) == 1
    assert sum(upload.created for upload in uploads) == 1
    with tenant_scope(tenant):
        assert (Blob.objects.count(), Document.objects.count(), Run.objects.count()) == (1, 1, 1)
        blob = Blob.objects.get()
    assert storage.fetch(key=blob.key) == data
    assert (blob.size, blob.media_type) == (len(data), "application/pdf")


@override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher")
def test_blobs_lie_in_their_tenants_folder(tenant: UUID, other_tenant: UUID) -> None:
    data = pdf(mark="folders")
    for owner in (tenant, other_tenant):
        _upload(owner, data)
        with tenant_scope(owner):
            assert Blob.objects.get().key.startswith(f"tenants/{owner}/blobs/")


@pytest.mark.parametrize("data", [b"plain text", b"%PDF-1.7 " + b"x" * 5000])
def test_a_refused_upload_leaves_nothing(tenant: UUID, data: bytes) -> None:
    before = _spooled()
    with override_settings(QUIRE_MAX_UPLOAD_BYTES=2000), pytest.raises((UnsupportedTypeError, TooLargeError)):
        _upload(tenant, data)
    assert _spooled() == before
    with tenant_scope(tenant):
        assert (Blob.objects.count(), Document.objects.count()) == (0, 0)


def test_what_is_sealed_is_unreadable_without_the_key() -> None:
    sealed = seal(secret="pässwört")
    assert "pässwört".encode() not in sealed
    assert unseal(sealed=sealed) == "pässwört"
    with override_settings(SECRET_KEY="another"), pytest.raises(SealBrokenError):
        unseal(sealed=sealed)


def test_bytes_are_replaced_in_one_step(tenant: UUID) -> None:
    key = f"tenants/{tenant}/pages/a/1.jpg"
    storage.put(key=key, data=b"one")
    storage.put(key=key, data=b"two")
    assert storage.fetch(key=key) == b"two"
    storage.delete(keys=[key, key])
    with pytest.raises(FileNotFoundError):
        storage.fetch(key=key)


@override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher")
def test_a_file_that_is_deleted_while_it_is_sent_again_is_lost_to_nobody(tenant: UUID) -> None:
    data = pdf(mark="again and again")
    key = ""
    for _ in range(15):
        first = _upload(tenant, data)
        second: list[Upload] = []

        def send(uploads: list[Upload] = second) -> None:
            try:
                uploads.append(_upload(tenant, data))
            except BytesLostError:
                uploads.append(_upload(tenant, data))
            finally:
                connection.close()

        sender = threading.Thread(target=send)
        sender.start()
        delete_document(tenant_id=tenant, document_id=first.document_id, clock=SYSTEM_CLOCK)
        sender.join()
        with tenant_scope(tenant):
            document = Document.objects.get(tenant_id=tenant, id=second[0].document_id)
            blobs = list(Blob.objects.filter(tenant_id=tenant))
        if document.status != DocumentStatus.DELETED:  # the second came after the deletion
            key = blobs[0].key
            assert storage.fetch(key=key) == data
            delete_document(tenant_id=tenant, document_id=document.id, clock=SYSTEM_CLOCK)
        assert not default_storage.exists(key)


def test_bytes_that_a_document_has_are_not_removed(tenant: UUID) -> None:
    _upload(tenant, pdf(mark="held"))
    with tenant_scope(tenant):
        key = Blob.objects.get(tenant_id=tenant).key
    remove_bytes(tenant_id=tenant, key=key)
    assert default_storage.exists(key)


def test_an_invoice_with_a_long_comment_before_it_is_known(tenant: UUID) -> None:
    sample = Path(__file__).parents[3] / "deploy" / "samples" / "invoice-de-discounts.ubl.xml"
    declaration, _, body = sample.read_bytes().partition(b"?>")
    _upload(tenant, declaration + b"?><!--" + b" much ado" * 2000 + b"-->" + body)
    with tenant_scope(tenant):
        assert Blob.objects.get(tenant_id=tenant).media_type == "application/xml"


def test_pictures_of_a_document_that_is_deleted_while_it_is_drawn_are_deleted(
    tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = storage.put
    kept: list[str] = []

    def put_and_delete(*, key: str, data: bytes) -> None:
        put(key=key, data=data)
        kept.append(key)
        with tenant_scope(tenant):
            document_id = Document.objects.get(tenant_id=tenant).id
        delete_document(tenant_id=tenant, document_id=document_id, clock=SYSTEM_CLOCK)

    monkeypatch.setattr(storage, "put", put_and_delete)
    _upload(tenant, pdf(mark="drawn"))
    assert kept
    assert not any(default_storage.exists(key) for key in kept)


def test_a_long_document_is_indexed_in_pieces(tenant: UUID) -> None:
    document_id = _upload(tenant, pdf(mark="long", pages=45)).document_id
    with tenant_scope(tenant):
        pieces = StageRun.objects.filter(document_id=document_id, stage="index").order_by("shard")
        assert [(piece.first_page, piece.last_page) for piece in pieces] == [(1, 20), (21, 40), (41, 45)]
        found = StoredPassage.objects.filter(document_id=document_id)
        assert set(found.values_list("page", flat=True)) == set(range(1, 46))
