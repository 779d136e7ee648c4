"""Calls whose worker was lost: the sweeper books them, since the server may have computed them."""

from __future__ import annotations

from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from apps.common.clock import Clock
from apps.inference.ledger import CallRecord, Reservation
from apps.inference.models import ModelCall, StoredReservation
from apps.inference.operations import record_calls
from apps.tenants.scope import in_tenant_scope

# What the ledger says became of such a call.
WORKER_LOST = "worker_lost"
BATCH = 500


def book_lost_calls(*, clock: Clock) -> int:
    """Book the reservations of all tenants that have expired. Returns how many calls that was.

    Nobody knows whether such a call was answered, nor whether it left its line before the server: it is booked with the
    most that it can have used, on the day when its reservation expired. Its seconds aren't known.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, id FROM lookup_expired_reservations(%s)", [BATCH])
        expired = cursor.fetchall()
    return sum(book_lost_call(tenant_id=tenant, reservation_id=id_, clock=clock) for tenant, id_ in expired)


@in_tenant_scope
def book_lost_call(*, tenant_id: UUID, reservation_id: UUID, clock: Clock) -> bool:
    """Book one, in place of its reservation. Returns whether it was there still: its worker may be back just now."""
    expired = StoredReservation.objects.filter(tenant_id=tenant_id, id=reservation_id, expires_at__lte=Now())
    held = expired.select_for_update().first()
    if held is None:
        return False
    call = CallRecord(
        engine=held.engine,
        model=_model_of(tenant_id=tenant_id, engine=held.engine),
        prompt_tokens=0,
        cached_tokens=0,
        completion_tokens=0,
        images=held.images,
        seconds=0.0,
        cost=held.usd,
        outcome=WORKER_LOST,
        price_date=held.price_date,
        reservation=Reservation(
            id=held.id,
            prompt_tokens=held.prompt_tokens,
            max_tokens=held.tokens - held.prompt_tokens,
            usd=held.usd,
        ),
    )
    record_calls(
        tenant_id=tenant_id,
        document_id=held.document_id,
        calls=[call],
        clock=clock,
        schema_slug=held.schema_slug,
        lane=held.lane,
        document_pages=held.document_pages,
    )
    return True


def _model_of(*, tenant_id: UUID, engine: str) -> str:
    """Return the model that answered the engine's last call before; only an answer says which it is."""
    answered = ModelCall.objects.filter(tenant_id=tenant_id, engine=engine).exclude(model="")
    return answered.order_by("-created_at").values_list("model", flat=True).first() or ""
