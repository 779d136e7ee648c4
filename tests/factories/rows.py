"""Documents and values straight in the database, without the pipeline."""

from __future__ import annotations

from uuid import UUID

from apps.common.clock import SYSTEM_CLOCK
from apps.common.ids import new_id
from apps.documents.models import Document, DocumentStatus
from apps.extraction.notes import Note
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box
from apps.results.operations import store_result
from apps.schemas.fields import Kind
from apps.tenants.scope import tenant_scope


def document(
    tenant_id: UUID,
    *,
    name: str = "a.pdf",
    external_id: str = "",
    status: DocumentStatus = DocumentStatus.DONE,
) -> UUID:
    """Write a document and return its id."""
    now = SYSTEM_CLOCK.now()
    with tenant_scope(tenant_id):
        return Document.objects.create(
            tenant_id=tenant_id, name=name, external_id=external_id, status=status, created_at=now, updated_at=now
        ).id


def evidence(quote: str, *, page: int = 1, box: Box = Box(0.125, 0.25, 0.5, 0.75)) -> Evidence:  # noqa: B008 - a tuple
    """Return a place."""
    return Evidence(page=page, box=box, quote=quote)


def value(
    path: str,
    text: str,
    *,
    kind: Kind = Kind.TEXT,
    places: tuple[Evidence, ...] | None = None,
    status: ValueStatus = ValueStatus.ACCEPTED,
    confidence: float = 0.75,
    formula: str | None = None,
) -> ExtractedValue:
    """Return a value with one place, where its text stands as it is."""
    return ExtractedValue(
        path=path,
        value=text,
        kind=kind,
        engine="layout",
        confidence=confidence,
        status=status,
        evidence=(evidence(text),) if places is None else places,
        formula=formula,
    )


def result(
    tenant_id: UUID,
    document_id: UUID,
    *values: ExtractedValue,
    run_id: UUID | None = None,
    schema_slug: str = "invoice",
    schema_version: int = 1,
    notes: tuple[Note, ...] = (),
) -> UUID:
    """Store a result and return its id."""
    return store_result(
        tenant_id=tenant_id,
        document_id=document_id,
        run_id=run_id or new_id(),
        schema_slug=schema_slug,
        schema_version=schema_version,
        values=values,
        notes=notes,
        clock=SYSTEM_CLOCK,
    )
