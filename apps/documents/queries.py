"""Reading documents."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q

from apps.common.errors import TerminalError
from apps.documents.models import LOCKED_CODES, Blob, Document, DocumentStatus
from apps.tenants.scope import in_tenant_scope

PAGE_SIZE = 100
_CURSOR_CHARACTERS = 200


class BadCursorError(TerminalError):
    """The cursor isn't one that Quire gave out."""

    code = "bad_cursor"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSummary:
    """A document as lists show it."""

    id: UUID
    name: str
    status: DocumentStatus
    reason_code: str
    reason: str
    page_count: int | None
    schema_slug: str
    external_id: str
    lane: str
    media_type: str
    size: int
    sha256: str
    blob_id: UUID | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None

    @property
    def locked(self) -> bool:
        """Whether it waits for a password, or for another one."""
        return self.status is DocumentStatus.QUARANTINED and self.reason_code in LOCKED_CODES


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPage:
    """A page of a list. `next_cursor` is None on the last one."""

    items: tuple[DocumentSummary, ...]
    next_cursor: str | None


@in_tenant_scope
def document(*, tenant_id: UUID, document_id: UUID) -> DocumentSummary | None:
    """Return one document, or None where the tenant has no such one, or has deleted it."""
    row = Document.objects.filter(tenant_id=tenant_id, id=document_id).exclude(status=DocumentStatus.DELETED).first()
    if row is None:
        return None
    return _summaries(tenant_id=tenant_id, rows=[row])[0]


@in_tenant_scope
def changed_documents(
    *,
    tenant_id: UUID,
    updated_since: datetime | None,
    cursor: str | None,
    status: DocumentStatus | None = None,
    schema_slug: str | None = None,
    limit: int = PAGE_SIZE,
) -> DocumentPage:
    """Return documents, the longest unchanged first, from `updated_since` on; deleted ones too, as tombstones, then.

    Raises BadCursorError.
    """
    rows = Document.objects.filter(tenant_id=tenant_id)
    if updated_since is None:
        rows = rows.exclude(status=DocumentStatus.DELETED)
    else:
        rows = rows.filter(updated_at__gte=updated_since)
    if status is not None:
        rows = rows.filter(status=status)
    if schema_slug is not None:
        rows = rows.filter(schema_slug=schema_slug)
    if cursor:
        time, last = _decode(cursor)
        rows = rows.filter(Q(updated_at__gt=time) | Q(updated_at=time, id__gt=last))
    found = list(rows.order_by("updated_at", "id")[: limit + 1])
    shown = found[:limit]
    more = len(found) > limit
    return DocumentPage(
        items=_summaries(tenant_id=tenant_id, rows=shown),
        next_cursor=_encode(shown[-1].updated_at, shown[-1].id) if more else None,
    )


@in_tenant_scope
def newest_documents(
    *,
    tenant_id: UUID,
    text: str = "",
    statuses: tuple[str, ...] = (),
    schema_slug: str = "",
    cursor: str | None = None,
    limit: int = 50,
) -> DocumentPage:
    """Return documents, the newest first, without the deleted. `text` is part of a name or an external id.

    Raises BadCursorError.
    """
    rows = Document.objects.filter(tenant_id=tenant_id).exclude(status=DocumentStatus.DELETED)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(external_id__icontains=text))
    if statuses:
        rows = rows.filter(status__in=statuses)
    if schema_slug:
        rows = rows.filter(schema_slug=schema_slug)
    if cursor:
        time, last = _decode(cursor)
        rows = rows.filter(Q(created_at__lt=time) | Q(created_at=time, id__lt=last))
    found = list(rows.order_by("-created_at", "-id")[: limit + 1])
    shown = found[:limit]
    more = len(found) > limit
    return DocumentPage(
        items=_summaries(tenant_id=tenant_id, rows=shown),
        next_cursor=_encode(shown[-1].created_at, shown[-1].id) if more else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What the parser needs to open a document: its bytes' place and type, and the sealed password."""

    blob_id: UUID
    key: str
    media_type: str
    size: int
    sealed_password: bytes | None


@in_tenant_scope
def source_of(*, tenant_id: UUID, document_id: UUID) -> Source | None:
    """Return where a document's bytes are, or None where it is deleted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.id, b.key, b.media_type, b.size, d.password FROM documents_document AS d "
            "JOIN documents_blob AS b ON b.tenant_id = d.tenant_id AND b.id = d.blob_id "
            "WHERE d.tenant_id = %s AND d.id = %s",
            [tenant_id, document_id],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    blob_id, key, media_type, size, password = row
    return Source(
        blob_id=blob_id,
        key=key,
        media_type=media_type,
        size=size,
        sealed_password=bytes(password) if password is not None else None,
    )


def _summaries(*, tenant_id: UUID, rows: list[Document]) -> tuple[DocumentSummary, ...]:
    blobs = {
        blob.id: blob
        for blob in Blob.objects.filter(tenant_id=tenant_id, id__in=[row.blob_id for row in rows if row.blob_id])
    }
    summaries = []
    for row in rows:
        blob = blobs.get(row.blob_id) if row.blob_id else None
        summaries.append(
            DocumentSummary(
                id=row.id,
                name=row.name,
                status=DocumentStatus(row.status),
                reason_code=row.reason_code,
                reason=row.reason,
                page_count=row.page_count,
                schema_slug=row.schema_slug,
                external_id=row.external_id,
                lane=row.lane,
                media_type=blob.media_type if blob else "",
                size=blob.size if blob else 0,
                sha256=blob.sha256 if blob else "",
                blob_id=row.blob_id,
                created_at=row.created_at,
                updated_at=row.updated_at,
                completed_at=row.completed_at,
            )
        )
    return tuple(summaries)


def _encode(time: datetime, last: UUID) -> str:
    return base64.urlsafe_b64encode(json.dumps([time.isoformat(), str(last)]).encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[datetime, UUID]:
    try:
        if len(cursor) > _CURSOR_CHARACTERS:
            raise ValueError  # noqa: TRY301 - as wrong as the others
        time, last = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return datetime.fromisoformat(time).astimezone(UTC), UUID(last)
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error):
        raise BadCursorError("this cursor was not given out by Quire: start again without one") from None
