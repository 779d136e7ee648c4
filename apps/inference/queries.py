"""Reading what was spent, what is left, and which engines may run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from django.db import connection
from django.db.models import Min, Sum

from apps.common.clock import Clock
from apps.inference.budgets import Amount, Budget, BudgetPeriod, BudgetState, month_of, refuse
from apps.inference.models import EnginePolicy, ModelCall, StoredAdapter
from apps.inference.servers import engines
from apps.tenants.scope import in_tenant_scope


class Grouping(StrEnum):
    """What usage is shown by."""

    SCHEMA = "schema"
    MODEL = "model"
    ENGINE = "engine"
    LANE = "lane"
    DAY = "day"
    MONTH = "month"


# Fixed texts: none of them comes from a request.
_KEYS = {
    Grouping.SCHEMA: "schema_slug",
    Grouping.MODEL: "model",
    Grouping.ENGINE: "engine",
    Grouping.LANE: "lane",
    Grouping.DAY: "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    Grouping.MONTH: "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM')",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSum:
    """What a group of calls used; `key` says which group, and is empty for the whole.

    `failed_calls` are those whose outcome isn't `ok`, paid for or not; `assumed_calls` those that broke off without a
    word of their usage and stand in the ledger with the most that they can have used. `unpriced_calls` used a model
    that had no price then: `cost` has nothing for them, and isn't what all of them cost. `documents` are those that a
    model was asked about, `pages` all of theirs, each document once. `gpu_seconds` is an upper bound.

    `predicted_tokens` are those of the prompts as they were counted before they were sent, `counted_tokens` the
    server's count of the same prompts: of those calls of which both are known.
    """

    key: str
    calls: int
    failed_calls: int
    assumed_calls: int
    unpriced_calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    images: int
    seconds: float
    gpu_seconds: float
    cost: Decimal
    predicted_tokens: int
    counted_tokens: int
    documents: int
    pages: int

    @property
    def known_cost(self) -> Decimal | None:
        """US dollars that all of these calls cost; None where some model had no price."""
        return None if self.unpriced_calls else self.cost

    @property
    def cost_per_page(self) -> Decimal | None:
        """US dollars; None where no page was counted, or the cost isn't known."""
        return self.cost / self.pages if self.pages and not self.unpriced_calls else None

    @property
    def cached_share(self) -> float | None:
        """How much of the prompts the server had computed before; None without prompts."""
        return self.cached_tokens / self.prompt_tokens if self.prompt_tokens else None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """Usage in a time, the groups in the order of their keys."""

    total: UsageSum
    groups: tuple[UsageSum, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCalls:
    """What one engine used on one document, over all its calls."""

    document_id: UUID
    engine: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


@in_tenant_scope
def usage(*, tenant_id: UUID, by: Grouping, first_day: date, last_day: date) -> UsageReport:
    """Add up the calls of these days (UTC, both included), by one statement over the index of time.

    Calls are added up by group and document first: so a document that was asked about in several groups counts once in
    each, and once in the whole.
    """
    sums = (
        "sum(calls), sum(failed), sum(assumed), sum(unpriced), sum(prompt), sum(cached), sum(completion), sum(images), "
        "sum(seconds), sum(gpu_seconds), sum(cost), sum(predicted), sum(counted)"
    )
    statement = f"""
        WITH by_document AS MATERIALIZED (
          SELECT {_KEYS[by]} AS key, document_id, count(*) AS calls,
                 count(*) FILTER (WHERE outcome <> 'ok') AS failed,
                 count(*) FILTER (WHERE cost_basis = 'reserved') AS assumed,
                 count(*) FILTER (WHERE price_date IS NULL AND prompt_tokens + completion_tokens > 0) AS unpriced,
                 sum(prompt_tokens) AS prompt, sum(cached_tokens) AS cached, sum(completion_tokens) AS completion,
                 sum(images) AS images, sum(seconds) AS seconds, sum(gpu_seconds) AS gpu_seconds, sum(cost) AS cost,
                 sum(predicted_tokens) AS predicted,
                 sum(prompt_tokens) FILTER (WHERE predicted_tokens IS NOT NULL) AS counted,
                 max(document_pages) AS pages
          FROM inference_modelcall
          WHERE tenant_id = %(tenant)s AND created_at >= %(from)s AND created_at < %(before)s
          GROUP BY 1, 2
        ), once AS (
          SELECT max(pages) AS pages FROM by_document WHERE document_id IS NOT NULL GROUP BY document_id
        )
        SELECT false, key, {sums}, count(document_id), sum(pages) FILTER (WHERE document_id IS NOT NULL)
        FROM by_document GROUP BY key
        UNION ALL
        SELECT true, '', {sums}, (SELECT count(*) FROM once), (SELECT sum(pages) FROM once) FROM by_document
        ORDER BY 1, 2
        """  # noqa: S608 - put together of this module's own texts
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "tenant": tenant_id,
                "from": datetime.combine(first_day, time(), tzinfo=UTC),
                "before": datetime.combine(last_day, time(), tzinfo=UTC) + timedelta(days=1),
            },
        )
        *groups, total = (_usage_sum(*row[1:]) for row in cursor.fetchall())
    return UsageReport(total=total, groups=tuple(groups))


def usage_by_tenant(*, tenants: Mapping[str, UUID], first_day: date, last_day: date) -> UsageReport:
    """Return what each of these tenants used in these days, by their slugs, and all of them together.

    For whoever runs the machine: each tenant is read in a scope of its own, one after the other.
    """
    groups = tuple(
        replace(usage(tenant_id=tenant_id, by=Grouping.MONTH, first_day=first_day, last_day=last_day).total, key=slug)
        for slug, tenant_id in sorted(tenants.items())
    )
    names = [field.name for field in fields(UsageSum) if field.name != "key"]
    sums = {name: sum((getattr(one, name) for one in groups), 0) for name in names}
    return UsageReport(total=UsageSum(key="", **sums | {"cost": Decimal(sums["cost"])}), groups=groups)


@in_tenant_scope
def budget_states(
    *, tenant_id: UUID, clock: Clock, schema_slug: str | None = None, document_id: UUID | None = None
) -> tuple[BudgetState, ...]:
    """Return the tenant's budgets with what is spent of each and held; one statement, and so one moment.

    What lost workers had reserved is held until it is booked. With `schema_slug`, also an empty one: those that hold a
    call for this schema. What a document's budget has spent is nothing without `document_id`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT b.period, b.schema_slug, b.usd, b.tokens, spent.usd, spent.tokens, held.usd, held.tokens
            FROM inference_storedbudget AS b
            CROSS JOIN LATERAL (
              SELECT coalesce(sum(booked.usd), 0) AS usd, coalesce(sum(booked.tokens), 0) AS tokens FROM (
                SELECT s.schema_slug, s.usd, s.tokens FROM inference_monthspending AS s
                WHERE b.period = 'month' AND s.tenant_id = %(tenant)s AND s.month = %(month)s
                UNION ALL
                SELECT c.schema_slug, c.cost, c.prompt_tokens::bigint + c.completion_tokens
                FROM inference_modelcall AS c
                WHERE b.period = 'document' AND c.tenant_id = %(tenant)s AND c.document_id = %(document)s::uuid
              ) AS booked WHERE b.schema_slug IN ('', booked.schema_slug)
            ) AS spent
            CROSS JOIN LATERAL (
              SELECT coalesce(sum(h.usd), 0) AS usd, coalesce(sum(h.tokens), 0) AS tokens
              FROM inference_storedreservation AS h
              WHERE h.tenant_id = %(tenant)s AND b.schema_slug IN ('', h.schema_slug)
                AND (b.period = 'month' OR h.document_id = %(document)s::uuid)
            ) AS held
            WHERE b.tenant_id = %(tenant)s
              AND (%(schema)s::text IS NULL OR b.schema_slug IN ('', %(schema)s::text))
            ORDER BY b.schema_slug, b.period
            """,
            {
                "tenant": tenant_id,
                "schema": schema_slug,
                "document": document_id,
                "month": month_of(clock.now()),
            },
        )
        return tuple(
            BudgetState(
                budget=Budget(period=BudgetPeriod(row[0]), schema_slug=row[1], usd=row[2], tokens=row[3]),
                spent=Amount(usd=row[4], tokens=int(row[5])),
                held=Amount(usd=row[6], tokens=int(row[7])),
            )
            for row in cursor.fetchall()
        )


@in_tenant_scope
def check(
    *,
    tenant_id: UUID,
    schema_slug: str,
    document_id: UUID | None,
    expected: Amount,
    clock: Clock,
    what: str = "the next call",
) -> None:
    """Raise BudgetSpentError where so much doesn't fit. It reserves nothing: another worker may be quicker.

    For a look ahead at a whole document, so that one isn't begun whose end can't be paid; `what` names it in the
    refusal. What holds the budget is `operations.reserve`.
    """
    states = budget_states(tenant_id=tenant_id, schema_slug=schema_slug, document_id=document_id, clock=clock)
    refuse(states=_holding(states, document_id=document_id), need=expected, now=clock.now(), what=what)


@in_tenant_scope
def policy(*, tenant_id: UUID, schema_slug: str, schema_engines: Sequence[str]) -> tuple[str, ...]:
    """Return the engines that may run on a document of this schema, in their order.

    The nearest word counts, and replaces the others: the tenant's for this schema, the tenant's for all schemas, the
    schema's own. Where it says `sglang` without a profile, that is the house's.
    """
    stored = dict(
        EnginePolicy.objects.filter(tenant_id=tenant_id, schema_slug__in=("", schema_slug)).values_list(
            "schema_slug", "engines"
        )
    )
    return engines(stored.get(schema_slug) or stored.get("") or schema_engines)


@in_tenant_scope
def policies(*, tenant_id: UUID) -> dict[str, tuple[str, ...]]:
    """Return the tenant's own policies by schema; the empty one is for all schemas that have none."""
    rows = EnginePolicy.objects.filter(tenant_id=tenant_id).order_by("schema_slug")
    return {slug: tuple(names) for slug, names in rows.values_list("schema_slug", "engines")}


@in_tenant_scope
def first_call(*, tenant_id: UUID, schema_slug: str, engine: str, since: datetime) -> datetime | None:
    """Return when an engine was first asked about a document of a schema in the time since then, None where never."""
    calls = ModelCall.objects.filter(
        tenant_id=tenant_id, schema_slug=schema_slug, engine=engine, created_at__gte=since, document_id__isnull=False
    )
    found: datetime | None = calls.aggregate(first=Min("created_at"))["first"]
    return found


@in_tenant_scope
def adapters(*, tenant_id: UUID) -> dict[str, str]:
    """Return the tenant's adapters by model profile."""
    rows = StoredAdapter.objects.filter(tenant_id=tenant_id).order_by("profile")
    return dict(rows.values_list("profile", "name"))


@in_tenant_scope
def calls_of_documents(
    *, tenant_id: UUID, document_ids: Sequence[UUID], schema_slug: str | None = None
) -> tuple[DocumentCalls, ...]:
    """Return what each engine used on each of these documents; nothing for those that no model was asked about.

    With `schema_slug`: only what was asked for this schema.
    """
    calls = ModelCall.objects.filter(tenant_id=tenant_id, document_id__in=document_ids)
    if schema_slug is not None:
        calls = calls.filter(schema_slug=schema_slug)
    rows = calls.values_list("document_id", "engine").annotate(
        Sum("prompt_tokens"), Sum("cached_tokens"), Sum("completion_tokens")
    )
    return tuple(
        DocumentCalls(
            document_id=document_id,
            engine=engine,
            prompt_tokens=prompt_tokens,
            cached_tokens=cached_tokens,
            completion_tokens=completion_tokens,
        )
        for document_id, engine, prompt_tokens, cached_tokens, completion_tokens in rows
        if document_id is not None
    )


def _holding(states: Sequence[BudgetState], *, document_id: UUID | None) -> list[BudgetState]:
    """Return the budgets that hold a call; one for documents doesn't hold what belongs to none."""
    return [state for state in states if document_id is not None or state.budget.period is BudgetPeriod.MONTH]


def _usage_sum(
    key: str,
    *sums: Decimal | float | None,
) -> UsageSum:
    """Read a row, whose sums come in the order of the fields; the sum of nothing is null."""
    calls, failed, assumed, unpriced, prompt, cached, completion, images, *rest = (one or 0 for one in sums)
    seconds, gpu, cost, predicted, counted, documents, pages = rest
    return UsageSum(
        key=key,
        calls=int(calls),
        failed_calls=int(failed),
        assumed_calls=int(assumed),
        unpriced_calls=int(unpriced),
        prompt_tokens=int(prompt),
        cached_tokens=int(cached),
        completion_tokens=int(completion),
        images=int(images),
        seconds=float(seconds),
        gpu_seconds=float(gpu),
        cost=Decimal(cost),
        predicted_tokens=int(predicted),
        counted_tokens=int(counted),
        documents=int(documents),
        pages=int(pages),
    )
