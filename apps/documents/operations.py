"""Writing blobs and documents."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import F

from apps.common.clock import Clock
from apps.common.ids import new_id
from apps.documents import storage
from apps.documents.errors import DocumentBusyError
from apps.documents.models import LOCKED_CODES, TERMINAL_STATUSES, Blob, Document, DocumentStatus, Lane
from apps.tenants.scope import in_tenant_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A document that stands for some bytes. `created` is False where it was there already."""

    document_id: UUID
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """A document that is to be worked on again. `parsed` says that its pages are there already.

    `failed` is why the work on it had failed, "" where it hadn't.
    """

    parsed: bool
    failed: str


@in_tenant_scope
def register_document(
    *,
    tenant_id: UUID,
    sha256: str,
    size: int,
    media_type: str,
    key: str,
    name: str,
    schema_slug: str,
    external_id: str,
    lane: Lane,
    password: bytes | None,
    clock: Clock,
) -> Registered:
    """Write blob and document, or return the living document of the same bytes.

    Two uploads at once meet at the unique constraints: the second waits for the first and returns its document.
    """
    now = clock.now()
    Blob.objects.bulk_create(
        [Blob(tenant_id=tenant_id, sha256=sha256, size=size, media_type=media_type, key=key, created_at=now)],
        ignore_conflicts=True,
    )
    blob_id = Blob.objects.values_list("id", flat=True).get(tenant_id=tenant_id, sha256=sha256)
    document_id = new_id()
    Document.objects.bulk_create(
        [
            Document(
                tenant_id=tenant_id,
                id=document_id,
                blob_id=blob_id,
                name=name,
                external_id=external_id,
                schema_slug=schema_slug,
                lane=lane,
                password=password,
                created_at=now,
                updated_at=now,
            )
        ],
        ignore_conflicts=True,
    )
    stored_id = (
        Document.objects.filter(tenant_id=tenant_id, blob_id=blob_id)
        .exclude(status=DocumentStatus.DELETED)
        .values_list("id", flat=True)
        .get()
    )
    return Registered(document_id=stored_id, created=stored_id == document_id)


@in_tenant_scope
def reopen(
    *,
    tenant_id: UUID,
    document_id: UUID,
    schema_slug: str,
    external_id: str,
    password: bytes | None,
    unlocks: bool = False,
    clock: Clock,
) -> Reopened | None:
    """Take a repeated upload for what it adds to the document, or return None where it adds nothing.

    A password opens a locked one, a failed or cancelled one is tried again, and another schema is read too. `unlocks`
    says that one in review was read in part for want of the password that comes now: it is read again. An external id
    is noted where there was none. Raises DocumentBusyError where another schema is being read.
    """
    document = Document.objects.select_for_update().get(tenant_id=tenant_id, id=document_id)
    rows = Document.objects.filter(tenant_id=tenant_id, id=document_id)
    if external_id and not document.external_id:
        rows.update(external_id=external_id, updated_at=clock.now())
    other_schema = bool(schema_slug) and schema_slug != document.schema_slug
    locked = document.status == DocumentStatus.QUARANTINED and document.reason_code in LOCKED_CODES
    if (locked and password) or document.status in {DocumentStatus.FAILED, DocumentStatus.CANCELLED}:
        status, parsed = DocumentStatus.RECEIVED, False
    elif (document.status in {DocumentStatus.DONE, DocumentStatus.NEEDS_REVIEW} and other_schema) or (
        document.status == DocumentStatus.NEEDS_REVIEW and unlocks
    ):
        status, parsed = DocumentStatus.PARSED, True
    elif document.status not in TERMINAL_STATUSES and other_schema and document.schema_slug:
        raise DocumentBusyError(
            f"this file is being read with the schema '{document.schema_slug}': send it again when that is done"
        )
    else:
        return None
    failed = document.reason if document.status == DocumentStatus.FAILED else ""
    rows.update(
        status=status,
        reason_code="",
        reason="",
        password=password,
        schema_slug=schema_slug or document.schema_slug,
        updated_at=clock.now(),
    )
    return Reopened(parsed=parsed, failed=failed)


@in_tenant_scope
def lock(*, tenant_id: UUID, document_id: UUID) -> Document | None:
    """Lock a document until the end of the transaction, before anything that is a part of it; None if it is deleted."""
    rows = Document.objects.select_for_update(no_key=True).filter(tenant_id=tenant_id, id=document_id)
    return rows.exclude(status=DocumentStatus.DELETED).first()


def hold_bytes(*, key: str) -> None:
    """Have a blob's bytes to this transaction alone, against others that store or delete them; wait for those."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])


@in_tenant_scope
def remove_bytes(*, tenant_id: UUID, key: str) -> None:
    """Delete a blob's bytes from storage, unless a document has come with the same ones meanwhile."""
    hold_bytes(key=key)
    if not Blob.objects.filter(tenant_id=tenant_id, key=key).exists():
        storage.delete(keys=[key])


@in_tenant_scope
def set_status(
    *,
    tenant_id: UUID,
    document_id: UUID,
    status: DocumentStatus,
    clock: Clock,
    reason_code: str = "",
    reason: str = "",
    terminal: bool = False,
) -> None:
    """Move a document to a state. At its end its password is erased; `completed_at` is its first end, and stays."""
    now = clock.now()
    document = Document.objects.filter(tenant_id=tenant_id, id=document_id)
    document.update(status=status, reason_code=reason_code, reason=reason, updated_at=now)
    if terminal:
        document.filter(password__isnull=False).update(password=None)
        document.filter(completed_at=None).update(completed_at=now)


@in_tenant_scope
def show_waiting(*, tenant_id: UUID, document_id: UUID, reason_code: str, reason: str, clock: Clock) -> None:
    """Say on a document what it waits for, or with empty words that it waits no more; its state stays.

    Writes only what isn't said already, so that no reader of changes is woken by every look at a closed door.
    """
    Document.objects.filter(tenant_id=tenant_id, id=document_id).exclude(reason_code=reason_code, reason=reason).update(
        reason_code=reason_code, reason=reason, updated_at=clock.now()
    )


@in_tenant_scope
def record_parse(*, tenant_id: UUID, document_id: UUID, page_count: int) -> None:
    """Note the pages, where they aren't known yet."""
    Document.objects.filter(tenant_id=tenant_id, id=document_id, page_count=None).update(page_count=page_count)


@in_tenant_scope
def record_schema(*, tenant_id: UUID, document_id: UUID, schema_slug: str) -> None:
    """Note which schema was found to fit a document that came without one."""
    Document.objects.filter(tenant_id=tenant_id, id=document_id, schema_slug="").update(schema_slug=schema_slug)


@in_tenant_scope
def return_to_schema(*, tenant_id: UUID, document_id: UUID, schema_slug: str) -> None:
    """Note that a document stands as it was read under this schema: reading it under another was called off."""
    Document.objects.filter(tenant_id=tenant_id, id=document_id).update(schema_slug=schema_slug)


@in_tenant_scope
def bury(*, tenant_id: UUID, document_id: UUID, clock: Clock) -> str | None:
    """Leave a tombstone of a document and delete its blob's row, with it all that was parsed from it.

    A worker may be storing page images still: the tombstone keeps the blob's id until `remove_remains`.

    Returns the blob's place in storage, to be deleted after the commit.
    """
    now = clock.now()
    document = Document.objects.select_for_update().get(tenant_id=tenant_id, id=document_id)
    blob = Blob.objects.filter(tenant_id=tenant_id, id=document.blob_id).first() if document.blob_id else None
    Document.objects.filter(tenant_id=tenant_id, id=document_id).update(
        status=DocumentStatus.DELETED,
        blob_id=None,
        remains_id=document.blob_id,
        password=None,
        reason="",
        reason_code="",
        updated_at=now,
        completed_at=F("completed_at") if document.completed_at else now,
    )
    if blob is None:
        return None
    # A document that was deleted earlier may have had the same bytes; only the living one counts.
    Blob.objects.filter(tenant_id=tenant_id, id=blob.id).delete()
    return blob.key


@in_tenant_scope
def remove_remains(*, tenant_id: UUID, document_id: UUID) -> None:
    """Delete what is left in storage of a deleted document's page images, and forget which blob it was."""
    rows = Document.objects.filter(tenant_id=tenant_id, id=document_id, status=DocumentStatus.DELETED)
    blob_id = rows.select_for_update().values_list("remains_id", flat=True).first()
    if blob_id is not None:
        storage.delete_page_images(tenant_id=tenant_id, blob_id=blob_id)
        rows.update(remains_id=None)
