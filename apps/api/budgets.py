"""Budgets, and which engines may run, over REST."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field

from apps.api.auth import ADMINISTRATOR, AuthenticatedRequest
from apps.api.bodies import Sent
from apps.api.problems import not_found
from apps.api.usage import Json, decimal_string
from apps.audit.changes import log_change
from apps.common.clock import SYSTEM_CLOCK
from apps.documents import queries as documents
from apps.inference.budgets import Budget, BudgetPeriod, BudgetState, in_words, month_of
from apps.pipeline import spending

router = Router(tags=["budgets"])

MAX_BUDGETS = 500
MAX_ENGINES = 16

Usd = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=9)]


class BudgetIn(Sent):
    """A limit for each month (UTC) or each document, in US dollars, tokens or both.

    Without a schema it is for all together. Tokens are those of prompts and completions.
    """

    period: BudgetPeriod
    budget_schema: Annotated[str, Field(alias="schema", max_length=63)] = ""
    usd: Usd | None = None
    tokens: Annotated[int | None, Field(ge=0, le=2**62)] = None


class BudgetsIn(Sent):
    """All of the tenant's budgets: one that isn't named ends."""

    budgets: Annotated[list[BudgetIn], Field(max_length=MAX_BUDGETS)]


class AmountOut(Schema):
    """US dollars and tokens; null where the budget doesn't limit them."""

    usd: str | None
    tokens: int | None


class BudgetOut(Schema):
    """A budget as it stands.

    `spent` is what the ledger has booked, `held` what calls under way may cost yet, `left` what the next call may. For
    a budget of each document they are those of the document that was named, and null where none was.
    """

    period: BudgetPeriod
    budget_schema: str = Field(alias="schema", serialization_alias="schema")
    usd: str | None
    tokens: int | None
    spent: AmountOut | None
    held: AmountOut | None
    left: AmountOut | None


class BudgetsOut(Schema):
    """The tenant's budgets; `month` is the first day of the one that counts now.

    `waiting_documents` wait for a budget that is spent: none of them fails. `warnings` say which models may run that a
    budget in dollars doesn't hold, for want of a price.
    """

    month: date
    waiting_documents: int
    budgets: list[BudgetOut]
    warnings: list[str]


class PolicyIn(Sent):
    """Engines that may run, in their order: `einvoice`, `layout`, and `sglang:` with a model profile's name.

    `sglang` alone is the model that the house serves, whichever that is. Those without a model always come first; one
    whose model no server of the house serves is passed over, and a note on the result says so.
    """

    engines: Annotated[list[Annotated[str, Field(max_length=63)]], Field(min_length=1, max_length=MAX_ENGINES)]


class PolicyOut(Schema):
    """What holds for a schema's documents.

    `source` says whose word it is: `tenant_schema` (the tenant's for this schema), `tenant` (the tenant's for all
    schemas without one of their own) or `schema` (the schema's own).
    """

    policy_schema: str = Field(alias="schema", serialization_alias="schema")
    engines: list[str]
    source: str


class PoliciesOut(Schema):
    """`everywhere` is the tenant's policy for schemas without one of their own, null where there is none."""

    everywhere: list[str] | None
    schemas: list[PolicyOut]


@router.get("/budgets", response=BudgetsOut, by_alias=True, summary="The budgets as they stand")
def get_budgets(request: AuthenticatedRequest, document_id: UUID | None = None) -> Json:
    """Return the budgets with what is spent, held and left; with a document, also of those for each document."""
    tenant_id = request.auth.tenant_id
    if document_id is not None and documents.document(tenant_id=tenant_id, document_id=document_id) is None:
        raise not_found("document")
    return _budgets(tenant_id, document_id)


@router.put("/budgets", auth=ADMINISTRATOR, response=BudgetsOut, by_alias=True, summary="Set the budgets")
def put_budgets(request: AuthenticatedRequest, body: BudgetsIn) -> Json:
    """Replace all budgets. Documents that wait for money look again at once."""
    tenant_id = request.auth.tenant_id
    budgets = [
        Budget(period=one.period, schema_slug=one.budget_schema, usd=one.usd, tokens=one.tokens) for one in body.budgets
    ]
    before = [state.budget for state in spending.spending(tenant_id=tenant_id, clock=SYSTEM_CLOCK).budgets]
    spending.set_budgets(tenant_id=tenant_id, budgets=budgets, clock=SYSTEM_CLOCK)
    log_change(
        tenant_id=tenant_id,
        by=request.auth.name,
        what="budgets",
        before=[in_words(one) for one in before],
        after=[in_words(one) for one in budgets],
    )
    return _budgets(tenant_id, None)


@router.get("/policies", response=PoliciesOut, by_alias=True, summary="Which engines may run")
def get_policies(request: AuthenticatedRequest) -> Json:
    """Return what holds for each schema, and whose word it is."""
    return _policies(request.auth.tenant_id)


@router.put(
    "/policies", auth=ADMINISTRATOR, response=PoliciesOut, by_alias=True, summary="Set the engines for all schemas"
)
def put_policy_everywhere(request: AuthenticatedRequest, body: PolicyIn) -> Json:
    """Set the policy for all schemas that have none of their own."""
    _set_policy(request, "", body)
    return _policies(request.auth.tenant_id)


@router.delete("/policies", auth=ADMINISTRATOR, response={204: None}, summary="Let each schema's own engines run")
def delete_policy_everywhere(request: AuthenticatedRequest) -> Status[None]:
    """End the policy for all schemas; those of single schemas stay."""
    _remove_policy(request, "")
    return Status(HTTPStatus.NO_CONTENT, None)


@router.get("/policies/{slug}", response=PolicyOut, by_alias=True, summary="Which engines may run for a schema")
def get_policy(request: AuthenticatedRequest, slug: str) -> Json:
    """Return what holds for one schema."""
    return _policy(request.auth.tenant_id, slug)


@router.put(
    "/policies/{slug}", auth=ADMINISTRATOR, response=PolicyOut, by_alias=True, summary="Set the engines for a schema"
)
def put_policy(request: AuthenticatedRequest, slug: str, body: PolicyIn) -> Json:
    """Set the policy for one schema. Documents that wait for money look again at once: they may need none now."""
    _policy(request.auth.tenant_id, slug)
    _set_policy(request, slug, body)
    return _policy(request.auth.tenant_id, slug)


@router.delete("/policies/{slug}", auth=ADMINISTRATOR, response={204: None}, summary="End a schema's policy")
def delete_policy(request: AuthenticatedRequest, slug: str) -> Status[None]:
    """Let the policy for all schemas count again, or else the schema's own engines."""
    _remove_policy(request, slug)
    return Status(HTTPStatus.NO_CONTENT, None)


def _budgets(tenant_id: UUID, document_id: UUID | None) -> Json:
    found = spending.spending(tenant_id=tenant_id, document_id=document_id, clock=SYSTEM_CLOCK)
    return {
        "month": month_of(SYSTEM_CLOCK.now()),
        "waiting_documents": found.waiting_documents,
        "budgets": [_budget(state, document_id) for state in found.budgets],
        "warnings": list(found.warnings),
    }


def _budget(state: BudgetState, document_id: UUID | None) -> Json:
    budget = state.budget
    counted = budget.period is BudgetPeriod.MONTH or document_id is not None

    def amount(usd: Decimal | None, tokens: int | None) -> Json | None:
        if not counted:
            return None
        return {"usd": None if usd is None else decimal_string(usd), "tokens": tokens}

    return {
        "period": budget.period,
        "schema": budget.schema_slug,
        "usd": None if budget.usd is None else decimal_string(budget.usd),
        "tokens": budget.tokens,
        "spent": amount(state.spent.usd, state.spent.tokens),
        "held": amount(state.held.usd, state.held.tokens),
        "left": amount(state.left_usd, state.left_tokens),
    }


def _set_policy(request: AuthenticatedRequest, slug: str, body: PolicyIn) -> None:
    tenant_id = request.auth.tenant_id
    before = spending.own_policy(tenant_id=tenant_id, schema_slug=slug)
    spending.set_policy(tenant_id=tenant_id, schema_slug=slug, engines=body.engines, clock=SYSTEM_CLOCK)
    what = f"policy {slug}".strip()
    log_change(tenant_id=tenant_id, by=request.auth.name, what=what, before=before, after=body.engines)


def _remove_policy(request: AuthenticatedRequest, slug: str) -> None:
    tenant_id = request.auth.tenant_id
    before = spending.own_policy(tenant_id=tenant_id, schema_slug=slug)
    if not spending.remove_policy(tenant_id=tenant_id, schema_slug=slug):
        raise not_found("policy")
    what = f"policy {slug}".strip()
    log_change(tenant_id=tenant_id, by=request.auth.name, what=what, before=before, after=None)


def _policies(tenant_id: UUID) -> Json:
    everywhere, held = spending.policies(tenant_id=tenant_id)
    return {
        "everywhere": None if everywhere is None else list(everywhere),
        "schemas": [_shown(policy) for policy in held],
    }


def _policy(tenant_id: UUID, slug: str) -> Json:
    _, held = spending.policies(tenant_id=tenant_id)
    for policy in held:
        if policy.schema_slug == slug:
            return _shown(policy)
    raise not_found("schema")


def _shown(policy: spending.Policy) -> Json:
    return {"schema": policy.schema_slug, "engines": list(policy.engines), "source": policy.source}
