"""What an embedding server takes: reserved before the texts of a piece of work go to it, and booked when they are done.

The local model takes nothing. The price is that of the profile which the settings name for the server, unknown where
they name none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from apps.common.clock import Clock
from apps.common.errors import QuireError
from apps.common.ids import new_id
from apps.inference.ledger import CallRecord, EmbeddingUsage, Reservation, gpu_seconds
from apps.inference.operations import record_calls, release, reserve
from apps.inference.profiles import Profile, profile
from apps.inference.tokens import estimated_tokens
from apps.tenants.scope import in_tenant_scope

# The engine of an embedding server's rows.
EMBEDDINGS = "embeddings"


@contextmanager
def held_embeddings(
    *,
    tenant_id: UUID,
    schema_slug: str,
    model: str,
    texts: Sequence[str],
    lane: str,
    clock: Clock,
    what: str,
) -> Iterator[EmbeddingUsage]:
    """Reserve what all these texts may take, give the block what to add its usage to, and book that at its end.

    One reservation for all of them: none is embedded that would have to be embedded again, since those after it can't
    be paid. `what` names them in a refusal. They are held by the month's budgets, for all schemas and for the
    schema's; a document's budget is for its questions. Raises BudgetSpentError, and then nothing was asked.
    """
    reservation = None
    if settings.QUIRE_EMBEDDINGS_URL and texts:
        tokens = sum(estimated_tokens(text) for text in texts)
        known = _profile()
        reservation = reserve(
            tenant_id=tenant_id,
            document_id=None,
            schema_slug=schema_slug,
            prompt_tokens=tokens,
            max_tokens=0,
            usd=_usd(known, tokens=tokens, clock=clock),
            clock=clock,
            engine=EMBEDDINGS,
            price_date=_price_date(known, clock=clock),
            lane=lane,
            what=what,
        )
    usage, outcome = EmbeddingUsage(), "ok"
    try:
        yield usage
    except QuireError as error:
        outcome = error.code
        raise
    finally:
        record_embeddings(
            tenant_id=tenant_id,
            schema_slug=schema_slug,
            model=model,
            usage=usage,
            outcome=outcome,
            lane=lane,
            clock=clock,
            reservation=reservation,
        )


def record_embeddings(
    *,
    tenant_id: UUID,
    model: str,
    usage: EmbeddingUsage,
    outcome: str,
    lane: str,
    clock: Clock,
    schema_slug: str = "",
    reservation: Reservation | None = None,
) -> None:
    """Append what a piece of work or a search took of an embedding server, and end its reservation.

    One row of what the server counted, one of what it may have done without a word of its count, which is estimated;
    none where nobody was asked. They belong to no document: its pages are counted by its questions.
    """
    if usage.requests or reservation is not None:
        _record(
            tenant_id=tenant_id,
            calls=_calls(model=model, usage=usage, outcome=outcome, clock=clock),
            lane=lane,
            clock=clock,
            schema_slug=schema_slug,
            reservation=reservation,
        )


@in_tenant_scope
def _record(
    *,
    tenant_id: UUID,
    calls: Sequence[CallRecord],
    lane: str,
    clock: Clock,
    schema_slug: str,
    reservation: Reservation | None,
) -> None:
    # Without its reservation it was booked as lost meanwhile, with the most that it can have taken.
    if reservation is not None and not release(tenant_id=tenant_id, reservation=reservation):
        return
    if calls:
        record_calls(
            tenant_id=tenant_id, document_id=None, calls=calls, clock=clock, schema_slug=schema_slug, lane=lane
        )


def _calls(*, model: str, usage: EmbeddingUsage, outcome: str, clock: Clock) -> list[CallRecord]:
    known = _profile()

    def call(*, tokens: int, outcome: str, seconds: float, assumed: Reservation | None = None) -> CallRecord:
        return CallRecord(
            engine=EMBEDDINGS,
            model=model,
            prompt_tokens=tokens,
            cached_tokens=0,
            completion_tokens=0,
            images=0,
            seconds=seconds,
            gpu_seconds=gpu_seconds(seconds=seconds, gpus=known.gpus) if known else 0.0,
            cost=_usd(known, tokens=tokens, clock=clock),
            price_date=_price_date(known, clock=clock),
            outcome=outcome,
            reservation=assumed,
        )

    if not usage.requests:
        return []
    if not usage.unreported:
        return [call(tokens=usage.tokens, outcome=outcome, seconds=usage.seconds)]
    assumed = Reservation(
        id=new_id(),
        prompt_tokens=usage.unreported,
        max_tokens=0,
        usd=_usd(known, tokens=usage.unreported, clock=clock),
    )
    if not usage.tokens:
        return [call(tokens=0, outcome=outcome, seconds=usage.seconds, assumed=assumed)]
    return [
        call(tokens=usage.tokens, outcome="ok", seconds=usage.seconds),
        call(tokens=0, outcome=outcome, seconds=0.0, assumed=assumed),
    ]


def _profile() -> Profile | None:
    return profile(settings.QUIRE_EMBEDDINGS_PROFILE) if settings.QUIRE_EMBEDDINGS_PROFILE else None


def _price_date(known: Profile | None, *, clock: Clock) -> date | None:
    price = known.price(on=clock.now().date()) if known else None
    return price.since if price else None


def _usd(known: Profile | None, *, tokens: int, clock: Clock) -> Decimal:
    if known is None:
        return Decimal(0)
    return known.cost(prompt_tokens=tokens, completion_tokens=0, on=clock.now().date())
