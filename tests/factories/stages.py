"""A document's work done by hand, where the broker loses every hint."""

from __future__ import annotations

from uuid import UUID

from apps.pipeline.models import StageRun
from apps.pipeline.worker import work
from apps.tenants.scope import tenant_scope


def do(tenant: UUID, document: UUID, *stages: str, shard: int | None = None) -> None:
    """Do the open pieces of these stages in their order, or the one piece of that number."""
    for stage in stages:
        with tenant_scope(tenant):
            pieces = StageRun.objects.filter(document_id=document, stage=stage, status="pending")
            chosen = list(pieces if shard is None else pieces.filter(shard=shard))
        for piece in chosen:
            assert work(tenant_id=tenant, stage_run_id=piece.id)
