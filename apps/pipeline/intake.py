"""How a document comes in, and how it is called off."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.common.clock import Clock
from apps.common.errors import TerminalError
from apps.documents import operations as documents
from apps.documents import queries as document_queries
from apps.documents import storage
from apps.documents.errors import UnknownSchemaError, UnsupportedTypeError
from apps.documents.models import TERMINAL_STATUSES, DocumentStatus, Lane
from apps.documents.names import display_name
from apps.documents.sealing import seal
from apps.parsing.sniff import HEAD_BYTES, describe, is_program, sniff
from apps.pipeline import operations as pipeline
from apps.pipeline.stages import OF_THE_BYTES
from apps.results import operations as results
from apps.results import queries as stored_results
from apps.schemas import queries as schemas
from apps.search import operations as search
from apps.tenants.scope import in_tenant_scope, tenant_scope

EMPTY_TYPE = "application/x-empty"


class NotCancellableError(TerminalError):
    """The document has come to its end already."""

    code = "not_cancellable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What an upload came to. `created` is False where the tenant had these bytes already.

    `failed` is why the work on them had failed before, where it is tried again. What such an upload adds is taken: a
    password for a locked document, another schema, another try of a failed one.
    """

    document_id: UUID
    created: bool
    failed: str = ""


def accept_upload(
    *,
    tenant_id: UUID,
    chunks: Iterable[bytes],
    name: str,
    schema_slug: str,
    external_id: str,
    lane: Lane,
    password: str | None,
    clock: Clock,
) -> Upload:
    """Store bytes, then write the document, its run and the first hint in one transaction.

    An empty `schema_slug` lets Quire find out which of the tenant's schemas fits. Raises UploadRefusedError: the type
    isn't read, the file is too large, the schema isn't there; BytesLostError: the same file was
    just deleted; DocumentBusyError: it is being read with another schema.
    """
    if schema_slug and schemas.newest_version(tenant_id=tenant_id, slug=schema_slug) is None:
        raise UnknownSchemaError.among(schemas.slugs(tenant_id=tenant_id), slug=schema_slug)
    with storage.spool(chunks=chunks, max_bytes=settings.QUIRE_MAX_UPLOAD_BYTES, head_bytes=HEAD_BYTES) as spooled:
        media_type = sniff(spooled.head) if spooled.size else EMPTY_TYPE
        if media_type is None:
            raise UnsupportedTypeError(
                f"this looks like {describe(spooled.head)}; Quire reads PDF, PNG, JPEG, TIFF and e-invoice XML: "
                + ("upload the document itself" if is_program(spooled.head) else "convert it to PDF and upload that")
            )
        key = storage.blob_key(tenant_id=tenant_id, sha256=spooled.sha256)
        storage.keep(spooled=spooled, key=key)
        sealed = seal(secret=password) if password else None
        with tenant_scope(tenant_id):
            documents.hold_bytes(key=key)
            storage.keep(spooled=spooled, key=key)  # once more: a deletion may have been faster
            registered = documents.register_document(
                tenant_id=tenant_id,
                sha256=spooled.sha256,
                size=spooled.size,
                media_type=media_type,
                key=key,
                name=display_name(name),
                schema_slug=schema_slug,
                external_id=external_id,
                lane=lane,
                password=sealed,
                clock=clock,
            )
            done: frozenset[str] | None = frozenset()
            failed = ""
            if not registered.created:
                reopened = documents.reopen(
                    tenant_id=tenant_id,
                    document_id=registered.document_id,
                    schema_slug=schema_slug,
                    external_id=external_id,
                    password=sealed,
                    unlocks=bool(password)
                    and stored_results.waits_for_password(tenant_id=tenant_id, document_id=registered.document_id),
                    clock=clock,
                )
                done = None if reopened is None else OF_THE_BYTES if reopened.parsed else frozenset()
                failed = reopened.failed if reopened else ""
            if done is not None:
                pipeline.start_run(
                    tenant_id=tenant_id,
                    document_id=registered.document_id,
                    lane=lane,
                    source=spooled.sha256,
                    done=done,
                    clock=clock,
                )
    return Upload(document_id=registered.document_id, created=registered.created, failed=failed)


@in_tenant_scope
def reopen_document(*, tenant_id: UUID, document_id: UUID, password: str | None, clock: Clock) -> bool:
    """Work on a document again from the bytes that are stored: a locked one with a password, a failed or cancelled one.

    Any other is left as it is. Returns False where there is no such document.
    """
    source = document_queries.source_of(tenant_id=tenant_id, document_id=document_id)
    if source is None:
        return False
    documents.hold_bytes(key=source.key)  # before any row, as uploads and deletions do
    if documents.lock(tenant_id=tenant_id, document_id=document_id) is None:
        return False
    found = document_queries.document(tenant_id=tenant_id, document_id=document_id)
    reopened = documents.reopen(
        tenant_id=tenant_id,
        document_id=document_id,
        schema_slug="",
        external_id="",
        password=seal(secret=password) if password else None,
        clock=clock,
    )
    if found is not None and reopened is not None:
        pipeline.start_run(
            tenant_id=tenant_id, document_id=document_id, lane=Lane.INTERACTIVE, source=found.sha256, clock=clock
        )
    return True


@in_tenant_scope
def cancel_document(*, tenant_id: UUID, document_id: UUID, clock: Clock) -> bool:
    """Stop the work on a document; one that was read before, under another schema, is then as it was.

    Returns False where there is no such document; raises NotCancellableError.
    """
    document = documents.lock(tenant_id=tenant_id, document_id=document_id)
    if document is None:
        return False
    if document.status == DocumentStatus.CANCELLED:
        return True
    if document.status in TERMINAL_STATUSES:
        raise NotCancellableError(f"the document is {document.get_status_display().lower()} already: nothing to cancel")
    pipeline.stop_runs(tenant_id=tenant_id, document_id=document_id, clock=clock)
    if pipeline.return_to_earlier(tenant_id=tenant_id, document_id=document_id, clock=clock):
        return True
    documents.set_status(
        tenant_id=tenant_id, document_id=document_id, status=DocumentStatus.CANCELLED, terminal=True, clock=clock
    )
    return True


@in_tenant_scope
def delete_document(*, tenant_id: UUID, document_id: UUID, clock: Clock) -> bool:
    """Delete a document with its bytes, pages, values and passages; a tombstone stays for incremental readers.

    Returns False where there is no such document.
    """
    source = document_queries.source_of(tenant_id=tenant_id, document_id=document_id)
    if source is not None:
        documents.hold_bytes(key=source.key)  # before any row, as uploads do; one of the same bytes waits for the end
    document = documents.lock(tenant_id=tenant_id, document_id=document_id)
    if document is None:
        return False
    pipeline.stop_runs(tenant_id=tenant_id, document_id=document_id, clock=clock)
    blob_id = document.blob_id
    results.delete_results(tenant_id=tenant_id, document_id=document_id)
    search.delete_passages(tenant_id=tenant_id, document_id=document_id)
    blob_key = documents.bury(tenant_id=tenant_id, document_id=document_id, clock=clock)

    def remove() -> None:
        if blob_id:
            storage.delete_page_images(tenant_id=tenant_id, blob_id=blob_id)
        if blob_key:
            documents.remove_bytes(tenant_id=tenant_id, key=blob_key)

    transaction.on_commit(remove)
    return True
