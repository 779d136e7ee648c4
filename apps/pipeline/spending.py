"""What a tenant lets models cost and which engines may run: changes reach the documents that wait for money at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.conf import settings

from apps.common.clock import Clock
from apps.documents.errors import UnknownSchemaError
from apps.extraction.engines.registry import MODEL_PREFIX
from apps.inference import operations as inference
from apps.inference import queries, servers
from apps.inference.budgets import Budget, BudgetPeriod, BudgetSpentError, BudgetState
from apps.inference.profiles import PROFILES
from apps.pipeline import outbox
from apps.pipeline.models import StageRun, StageStatus
from apps.schemas import queries as schemas
from apps.tenants.scope import in_tenant_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The budgets as they stand, how many documents wait for one of them, and what may run that none of them holds."""

    budgets: tuple[BudgetState, ...]
    waiting_documents: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Which engines may run on a schema's documents, and whose word that is: `schema`, `tenant` or `tenant_schema`.

    `tenant` is the policy for all schemas that have none of their own, `tenant_schema` the one for this schema.
    """

    schema_slug: str
    engines: tuple[str, ...]
    source: str


@in_tenant_scope
def spending(*, tenant_id: UUID, clock: Clock, document_id: UUID | None = None) -> Spending:
    """Return the tenant's budgets; with a document, what those for documents have spent on it."""
    waiting = StageRun.objects.filter(
        tenant_id=tenant_id, status=StageStatus.PENDING, reason_code=BudgetSpentError.code
    )
    states = queries.budget_states(tenant_id=tenant_id, document_id=document_id, clock=clock)
    _, held = policies(tenant_id=tenant_id)
    return Spending(
        budgets=states,
        waiting_documents=waiting.values("document_id").distinct().count(),
        warnings=_warnings(budgets=[state.budget for state in states], policies=held, today=clock.now().date()),
    )


@in_tenant_scope
def set_budgets(*, tenant_id: UUID, budgets: Sequence[Budget], clock: Clock) -> int:
    """Make these the tenant's budgets, and let what waits for money look again. Returns how many documents do.

    Raises BadBudgetError, UnknownSchemaError.
    """
    _check_schemas(tenant_id=tenant_id, slugs=[budget.schema_slug for budget in budgets])
    inference.set_budgets(tenant_id=tenant_id, budgets=budgets, clock=clock)
    return outbox.wake(tenant_id=tenant_id, reason_code=BudgetSpentError.code)


@in_tenant_scope
def set_policy(*, tenant_id: UUID, schema_slug: str, engines: Sequence[str], clock: Clock) -> int:
    """Set which engines may run, for a schema or, with an empty slug, for all that have no policy of their own.

    What waits for money looks again: it may need none now. Returns how many documents do. Raises BadPolicyError,
    UnknownProfileError, UnknownSchemaError.
    """
    _check_schemas(tenant_id=tenant_id, slugs=[schema_slug])
    inference.set_policy(tenant_id=tenant_id, schema_slug=schema_slug, engines=engines, clock=clock)
    return outbox.wake(tenant_id=tenant_id, reason_code=BudgetSpentError.code)


@in_tenant_scope
def remove_policy(*, tenant_id: UUID, schema_slug: str) -> bool:
    """Let the next word count again: the tenant's for all schemas, or the schema's. Returns whether there was one."""
    removed = inference.remove_policy(tenant_id=tenant_id, schema_slug=schema_slug)
    outbox.wake(tenant_id=tenant_id, reason_code=BudgetSpentError.code)
    return removed


@in_tenant_scope
def own_policy(*, tenant_id: UUID, schema_slug: str) -> tuple[str, ...] | None:
    """Return the policy that the tenant has set for a schema, or with an empty slug for all; None without one."""
    return queries.policies(tenant_id=tenant_id).get(schema_slug)


@in_tenant_scope
def policies(*, tenant_id: UUID) -> tuple[tuple[str, ...] | None, tuple[Policy, ...]]:
    """Return the tenant's policy for all schemas, None without one, and what holds for each schema, by slug."""
    stored = queries.policies(tenant_id=tenant_id)
    everywhere = stored.get("")
    return everywhere, tuple(
        Policy(
            schema_slug=schema.slug,
            engines=stored.get(schema.slug) or everywhere or schema.engines,
            source="tenant_schema" if schema.slug in stored else "tenant" if everywhere else "schema",
        )
        for schema in schemas.newest_versions(tenant_id=tenant_id)
    )


def _warnings(*, budgets: Sequence[Budget], policies: Sequence[Policy], today: date) -> tuple[str, ...]:
    """Say which models and servers a budget in dollars is meant for and doesn't hold: they have no price."""
    asked = {policy.schema_slug: servers.engines(policy.engines) for policy in policies}
    unpriced = [
        f"No dollar budget holds {engine}, since it has no price: set a budget of tokens, or give its profile a price "
        "in the file that QUIRE_MODEL_PROFILES names"
        for engine in dict.fromkeys(name for names in asked.values() for name in names)
        if engine.startswith(MODEL_PREFIX)
        and _lacks_price(engine.removeprefix(MODEL_PREFIX), today=today)
        and any(
            _in_dollars_alone(budgets, period=period, schema_slug=slug)
            for slug, names in asked.items()
            if engine in names
            for period in BudgetPeriod
        )
    ]
    if (
        settings.QUIRE_EMBEDDINGS_URL
        and (not settings.QUIRE_EMBEDDINGS_PROFILE or _lacks_price(settings.QUIRE_EMBEDDINGS_PROFILE, today=today))
        and any(
            _in_dollars_alone(budgets, period=BudgetPeriod.MONTH, schema_slug=slug)
            for slug in ("", *(policy.schema_slug for policy in policies))
        )
    ):
        unpriced.append(
            "No dollar budget holds the embedding server, since it has no price: set a budget of tokens, or name a "
            "profile that has a price in QUIRE_EMBEDDINGS_PROFILE"
        )
    return tuple(unpriced)


def _lacks_price(profile: str, *, today: date) -> bool:
    known = PROFILES.get(profile)
    return known is not None and known.price(on=today) is None


def _in_dollars_alone(budgets: Sequence[Budget], *, period: BudgetPeriod, schema_slug: str) -> bool:
    """Whether a schema's calls are limited in dollars for a period, and not in tokens."""
    holding = [one for one in budgets if one.period is period and one.schema_slug in ("", schema_slug)]
    return any(one.usd is not None for one in holding) and all(one.tokens is None for one in holding)


def _check_schemas(*, tenant_id: UUID, slugs: Sequence[str]) -> None:
    known = schemas.slugs(tenant_id=tenant_id)
    for slug in slugs:
        if slug and slug not in known:
            raise UnknownSchemaError.among(known, slug=slug)
