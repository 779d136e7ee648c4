"""Writing the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from apps.common.clock import Clock
from apps.inference.ledger import CallRecord
from apps.inference.models import ModelCall
from apps.tenants.scope import in_tenant_scope


@in_tenant_scope
def record_calls(*, tenant_id: UUID, document_id: UUID, calls: Sequence[CallRecord], clock: Clock) -> None:
    """Append what was spent."""
    now = clock.now()
    ModelCall.objects.bulk_create(
        [
            ModelCall(
                tenant_id=tenant_id,
                document_id=document_id,
                engine=call.engine,
                model=call.model,
                prompt_tokens=call.prompt_tokens,
                cached_tokens=call.cached_tokens,
                completion_tokens=call.completion_tokens,
                images=call.images,
                seconds=call.seconds,
                cost=call.cost,
                outcome=call.outcome,
                created_at=now,
            )
            for call in calls
        ]
    )
