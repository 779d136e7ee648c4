"""Writing the ledger, the reservations before it, budgets, policies, and what is a tenant's own in its requests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from time import sleep
from uuid import UUID

import structlog
from django.db import Error, InterfaceError, OperationalError, connection
from django.db.models.functions import Now

from apps.common.clock import Clock
from apps.common.errors import TerminalError
from apps.common.ids import new_id, new_secret
from apps.inference import queries
from apps.inference.adapters import check_adapter
from apps.inference.budgets import Amount, Budget, month_of
from apps.inference.client import Timeouts
from apps.inference.fairness import Terms
from apps.inference.ledger import NEVER_SENT, CallRecord, Reservation
from apps.inference.models import (
    CacheSalt,
    CostBasis,
    EnginePolicy,
    ModelCall,
    StoredAdapter,
    StoredBudget,
    StoredReservation,
)
from apps.inference.profiles import profile
from apps.tenants.models import Tenant
from apps.tenants.scope import in_tenant_scope

log = structlog.get_logger(__name__)

# Longer than any call takes, so that only a lost worker's reservation expires: the line before the server, the call,
# the same without log-probabilities where they are refused, and for the lists of models and for what is slow as much
# again as the line.
RESERVATION_SECONDS = 2 * Terms().long_patience + 2 * Timeouts().total
# A Postgres that was killed is back after some seconds.
RECONNECT_SECONDS = (0.5, 2.0, 5.0)

_ENGINE = re.compile(r"einvoice|layout|sglang(?::([a-z0-9][a-z0-9-]{0,40}))?")


class BadBudgetError(TerminalError):
    """The budgets contradict each other, or one limits nothing."""

    code = "bad_budget"


class BadPolicyError(TerminalError):
    """The policy names no engine, one twice, or one that isn't there."""

    code = "bad_policy"


class DocumentLedger:
    """The ledger of the calls about one document, or about none. It is a `Purse`: budgets hold its calls.

    Each call is written when it ends, with the end of its reservation, in one transaction: what a killed worker had
    spent is on record. Threads may share it.
    """

    def __init__(
        self,
        *,
        tenant_id: UUID,
        document_id: UUID | None,
        schema_slug: str,
        lane: str,
        document_pages: int,
        clock: Clock,
    ) -> None:
        self._tenant_id = tenant_id
        self._document_id = document_id
        self._schema_slug = schema_slug
        self._lane = lane
        self._document_pages = document_pages
        self._clock = clock

    def reserve(
        self,
        *,
        engine: str,
        prompt_tokens: int,
        max_tokens: int,
        images: int,
        usd: Decimal,
        price_date: date | None,
    ) -> Reservation:
        """As `Purse` has it. Raises BudgetSpentError."""
        return reserve(
            tenant_id=self._tenant_id,
            document_id=self._document_id,
            schema_slug=self._schema_slug,
            prompt_tokens=prompt_tokens,
            max_tokens=max_tokens,
            usd=usd,
            clock=self._clock,
            engine=engine,
            images=images,
            price_date=price_date,
            lane=self._lane,
            document_pages=self._document_pages,
        )

    def look_ahead(self, *, tokens: int, usd: Decimal, what: str) -> None:
        """As `Purse` has it. Raises BudgetSpentError."""
        queries.check(
            tenant_id=self._tenant_id,
            schema_slug=self._schema_slug,
            document_id=self._document_id,
            expected=Amount(usd=usd, tokens=tokens),
            clock=self._clock,
            what=what,
        )

    def record(self, call: CallRecord) -> None:
        """As `Ledger` has it. Where the database stays away, the reservation is booked in the end, as a lost call."""
        for pause in (*RECONNECT_SECONDS, None):
            try:
                self._write(call)
            except (OperationalError, InterfaceError) as error:
                connection.close()
                if pause is None:
                    self._give_up(call, error)
                else:
                    sleep(pause)
            except Error as error:
                self._give_up(call, error)
                return
            else:
                return

    def _give_up(self, call: CallRecord, error: Error) -> None:
        log.error(
            "call_not_recorded",
            engine=call.engine,
            outcome=call.outcome,
            document_id=str(self._document_id),
            error=type(error).__name__,
        )

    def _write(self, call: CallRecord) -> None:
        if call.outcome in NEVER_SENT:
            if call.reservation is not None:
                release(tenant_id=self._tenant_id, reservation=call.reservation)
            return
        record_calls(
            tenant_id=self._tenant_id,
            document_id=self._document_id,
            calls=[call],
            clock=self._clock,
            schema_slug=self._schema_slug,
            lane=self._lane,
            document_pages=self._document_pages,
        )


@in_tenant_scope
def reserve(
    *,
    tenant_id: UUID,
    document_id: UUID | None,
    schema_slug: str,
    prompt_tokens: int,
    max_tokens: int,
    usd: Decimal,
    clock: Clock,
    engine: str = "",
    images: int = 0,
    price_date: date | None = None,
    lane: str = "",
    document_pages: int = 0,
    seconds: float = RESERVATION_SECONDS,
    what: str = "the next call",
) -> Reservation:
    """Take the most that a call can use out of its budgets. Raises BudgetSpentError, and then nothing is taken.

    Workers that want the same budget come one after the other, by a lock on its row: the second sees what the first
    took. `usd` is the price of the whole prompt and of `max_tokens`; `what` names the call in a refusal. Not to be
    called inside a longer transaction: it would hold the lock. A budget that is set later finds this reservation too,
    so one is made where there is none.

    From `engine` to `document_pages` it is what the ledger says of the call if its worker is lost, `seconds` from now:
    then `lost_calls.book_lost_calls` books it. Till then it holds its money.
    """
    locked = StoredBudget.objects.select_for_update().filter(tenant_id=tenant_id, schema_slug__in=("", schema_slug))
    list(locked.order_by("id").values_list("id"))
    # The money is looked at after the lock, by a statement of its own, which sees what was committed until then.
    need = Amount(usd=usd, tokens=prompt_tokens + max_tokens)
    queries.check(
        tenant_id=tenant_id, schema_slug=schema_slug, document_id=document_id, expected=need, clock=clock, what=what
    )
    reservation = Reservation(id=new_id(), prompt_tokens=prompt_tokens, max_tokens=max_tokens, usd=usd)
    StoredReservation.objects.create(
        tenant_id=tenant_id,
        id=reservation.id,
        document_id=document_id,
        schema_slug=schema_slug,
        usd=need.usd,
        tokens=need.tokens,
        expires_at=Now() + timedelta(seconds=seconds),
        engine=engine,
        prompt_tokens=prompt_tokens,
        images=images,
        price_date=price_date,
        lane=lane,
        document_pages=document_pages,
    )
    return reservation


@in_tenant_scope
def release(*, tenant_id: UUID, reservation: Reservation) -> bool:
    """Give back what was reserved for a call that was never sent. Returns whether it was still held."""
    deleted, _ = StoredReservation.objects.filter(tenant_id=tenant_id, id=reservation.id).delete()
    return bool(deleted)


@in_tenant_scope
def record_calls(
    *,
    tenant_id: UUID,
    document_id: UUID | None,
    calls: Sequence[CallRecord],
    clock: Clock,
    schema_slug: str = "",
    lane: str = "",
    document_pages: int = 0,
) -> None:
    """Append what was spent, book it on the month, and end the calls' reservations: all at once.

    A call that broke off without a word of its usage is booked with what was reserved for it: it may be billed. A call
    has its reservation's id, so it is booked once: also where the connection broke meanwhile, and where it comes back
    after it was booked as lost.
    """
    now = clock.now()
    ended = [call.reservation.id for call in calls if call.reservation]
    # First of all, so that whoever else books one of them waits here, and then sees it booked.
    deleted, _ = StoredReservation.objects.filter(tenant_id=tenant_id, id__in=ended).delete() if ended else (0, {})
    booked: set[UUID] = set()
    if deleted < len(ended):
        booked.update(ModelCall.objects.filter(tenant_id=tenant_id, id__in=ended).values_list("id", flat=True))
    rows = [_row(call) for call in calls if call.reservation is None or call.reservation.id not in booked]
    if booked and not rows:
        return
    for row in rows:
        row.tenant_id = tenant_id
        row.document_id = document_id
        row.schema_slug = schema_slug
        row.lane = lane
        row.document_pages = document_pages
        row.created_at = now
    ModelCall.objects.bulk_create(rows)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO inference_monthspending AS s (tenant_id, id, month, schema_slug, usd, tokens)
            VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (tenant_id, month, schema_slug)
            DO UPDATE SET usd = s.usd + excluded.usd, tokens = s.tokens + excluded.tokens
            """,
            [
                tenant_id,
                new_id(),
                month_of(now),
                schema_slug,
                sum((row.cost for row in rows), Decimal(0)),
                sum(row.prompt_tokens + row.completion_tokens for row in rows),
            ],
        )


@in_tenant_scope
def set_budgets(*, tenant_id: UUID, budgets: Sequence[Budget], clock: Clock) -> None:
    """Make these the tenant's budgets; any other of theirs ends. Raises BadBudgetError.

    Whoever calls it wakes what waits for `BudgetSpentError.code`.
    """
    places = [(budget.schema_slug, budget.period) for budget in budgets]
    if len(set(places)) != len(places):
        raise BadBudgetError("there are two budgets for the same schema and period: send each once")
    if any(budget.usd is None and budget.tokens is None for budget in budgets):
        raise BadBudgetError("a budget limits nothing: give it 'usd', 'tokens' or both")
    if any((budget.usd or 0) < 0 or (budget.tokens or 0) < 0 for budget in budgets):
        raise BadBudgetError("a budget is less than nothing: 0 stops every call that costs something")
    for row in StoredBudget.objects.select_for_update().filter(tenant_id=tenant_id).order_by("id"):
        if (row.schema_slug, row.period) not in places:
            row.delete()
    now = clock.now()
    StoredBudget.objects.bulk_create(
        [
            StoredBudget(
                tenant_id=tenant_id,
                schema_slug=budget.schema_slug,
                period=budget.period.value,
                usd=budget.usd,
                tokens=budget.tokens,
                updated_at=now,
            )
            for budget in budgets
        ],
        update_conflicts=True,
        unique_fields=["tenant_id", "schema_slug", "period"],
        update_fields=["usd", "tokens", "updated_at"],
    )


@in_tenant_scope
def set_policy(*, tenant_id: UUID, schema_slug: str, engines: Sequence[str], clock: Clock) -> None:
    """Set which engines may run and in which order, for a schema or, with an empty slug, for all that have no own.

    Raises BadPolicyError, UnknownProfileError.
    """
    if not engines or len(set(engines)) != len(engines):
        raise BadPolicyError("a policy names at least one engine, and each once")
    for name in engines:
        match = _ENGINE.fullmatch(name)
        if match is None:
            raise BadPolicyError(
                f"there is no engine '{name[:63]}': name einvoice, layout, sglang, or sglang: and a profile"
            )
        if match[1]:
            profile(match[1])
    EnginePolicy.objects.bulk_create(
        [EnginePolicy(tenant_id=tenant_id, schema_slug=schema_slug, engines=list(engines), updated_at=clock.now())],
        update_conflicts=True,
        unique_fields=["tenant_id", "schema_slug"],
        update_fields=["engines", "updated_at"],
    )


@in_tenant_scope
def remove_policy(*, tenant_id: UUID, schema_slug: str) -> bool:
    """Let the schema's own word count again. Returns whether there was a policy."""
    deleted, _ = EnginePolicy.objects.filter(tenant_id=tenant_id, schema_slug=schema_slug).delete()
    return bool(deleted)


@in_tenant_scope
def set_adapters(*, tenant_id: UUID, adapters: Mapping[str, str], clock: Clock) -> None:
    """Make these the tenant's adapters, by model profile; a profile that isn't named has none.

    An adapter is named after its tenant, as `slug` or `slug.what`: servers know no tenants, and an adapter holds what
    it was trained on, so nobody can name another tenant's. Raises BadAdapterError, UnknownProfileError.
    """
    slug = Tenant.objects.values_list("slug", flat=True).get(id=tenant_id)
    for profile_name, name in adapters.items():
        check_adapter(profile_name=profile_name, name=name, tenant_slug=slug)
    StoredAdapter.objects.filter(tenant_id=tenant_id).exclude(profile__in=list(adapters)).delete()
    now = clock.now()
    StoredAdapter.objects.bulk_create(
        [
            StoredAdapter(tenant_id=tenant_id, profile=profile_name, name=name, updated_at=now)
            for profile_name, name in sorted(adapters.items())
        ],
        update_conflicts=True,
        unique_fields=["tenant_id", "profile"],
        update_fields=["name", "updated_at"],
    )


@in_tenant_scope
def cache_salt(*, tenant_id: UUID, clock: Clock) -> str:
    """Return the tenant's salt, which is made at the first use and stays. It is random: no id leads to it."""
    rows = CacheSalt.objects.filter(tenant_id=tenant_id).values_list("salt", flat=True)
    found = rows.first()
    if found is None:
        # Of two workers that make one at once, the second waits for the first and then reads the first's.
        made = CacheSalt(tenant_id=tenant_id, salt=new_secret(prefix="salt"), created_at=clock.now())
        CacheSalt.objects.bulk_create([made], ignore_conflicts=True)
        found = rows.get()
    return found


def _row(call: CallRecord) -> ModelCall:
    """Return the ledger's row of a call, but for what belongs to its document."""
    assumed = call.reservation if call.unreported else None
    return ModelCall(
        id=call.reservation.id if call.reservation else new_id(),
        engine=call.engine,
        model=call.model,
        prompt_tokens=assumed.prompt_tokens if assumed else call.prompt_tokens,
        cached_tokens=call.cached_tokens,
        completion_tokens=assumed.max_tokens if assumed else call.completion_tokens,
        images=call.images,
        seconds=call.seconds,
        cost=assumed.usd if assumed else call.cost,
        outcome=call.outcome,
        gpu_seconds=call.gpu_seconds,
        price_date=call.price_date,
        predicted_tokens=call.reservation.prompt_tokens if call.reservation and call.prompt_tokens else None,
        cost_basis=CostBasis.RESERVED if assumed else CostBasis.USAGE,
    )
