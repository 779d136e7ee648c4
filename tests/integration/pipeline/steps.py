"""A document's way through the state, step by step."""

from __future__ import annotations

from uuid import UUID, uuid4

from apps.common.clock import SYSTEM_CLOCK
from apps.documents.models import Lane
from apps.documents.operations import register_document
from apps.pipeline import operations
from apps.pipeline.models import StageRun
from apps.pipeline.stages import Claim
from apps.tenants.scope import tenant_scope


def begin(tenant: UUID, *, lane: Lane = Lane.BULK) -> UUID:
    """Register a document, start its run and return its id."""
    registered = register_document(
        tenant_id=tenant,
        sha256=uuid4().hex * 2,
        size=1,
        media_type="application/pdf",
        key="nowhere",
        name="a.pdf",
        schema_slug="",
        external_id="",
        lane=lane,
        password=None,
        clock=SYSTEM_CLOCK,
    )
    operations.start_run(
        tenant_id=tenant, document_id=registered.document_id, lane=lane, source="a", clock=SYSTEM_CLOCK
    )
    return registered.document_id


def open_work(tenant: UUID, document: UUID) -> list[StageRun]:
    """Return the pieces that are pending or running, by stage."""
    with tenant_scope(tenant):
        return list(
            StageRun.objects.filter(document_id=document, status__in=["pending", "running"]).order_by("stage", "shard")
        )


def claim(tenant: UUID, document: UUID, *, lease: float = 30) -> Claim:
    """Claim the first of the open pieces."""
    work = open_work(tenant, document)[0]
    held = operations.claim(tenant_id=tenant, stage_run_id=work.id, lease_seconds=lease)
    assert held is not None
    return held


def nothing() -> None:
    """Store nothing."""
