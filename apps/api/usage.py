"""What models used and cost, and what a job will cost, over REST."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Literal, Self
from uuid import UUID

from ninja import Query, Router, Schema
from pydantic import Field, model_validator

from apps.api.auth import AuthenticatedRequest
from apps.api.bodies import Sent
from apps.api.problems import Problem
from apps.api.times import Day
from apps.common.clock import SYSTEM_CLOCK
from apps.extraction.estimating import Workload
from apps.inference import queries
from apps.inference.budgets import month_of
from apps.pipeline import estimates

router = Router(tags=["usage"])

# As in apps.api.documents: a field called `schema` can't be an attribute of ninja's schemas.
Json = dict[str, object]

MAX_DAYS = 1100
MAX_DOCUMENTS = 1_000
MAX_PAGES = 1_000_000_000


class UsageSumOut(Schema):
    """What a group of calls used; `cost` is US dollars by the dated price table.

    `key` is the schema, model, engine, lane, day (`2026-11-25`) or month (`2026-11`). `failed_calls` are those that
    didn't end well, paid for or not; `assumed_calls` broke off and are booked with the most that they can have used.
    `unpriced_calls` used a model that has no price: with any of them `cost` is null, for nobody knows it. `pages` are
    those of the documents that a model was asked about; `gpu_seconds` is an upper bound. `predicted_tokens` are those
    of the prompts as they were counted before they were sent, `counted_tokens` the server's count of the same prompts:
    of those calls of which both are known.
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
    cost: str | None
    predicted_tokens: int
    counted_tokens: int
    documents: int
    pages: int
    cost_per_page: str | None
    cached_share: float | None


class UsageOut(Schema):
    """The tenant's usage in some days (UTC, both included): in all, and by group in the order of the keys."""

    tenant: UUID
    first_day: date = Field(alias="from", serialization_alias="from")
    last_day: date = Field(alias="to", serialization_alias="to")
    by: str
    total: UsageSumOut
    groups: list[UsageSumOut]


class PagesIn(Sent):
    """Pages by kind: a scan goes to a model as a picture too, and takes several times the tokens."""

    text: Annotated[int, Field(ge=0, le=MAX_PAGES)] = 0
    scanned: Annotated[int, Field(ge=0, le=MAX_PAGES)] = 0


class EstimateIn(Sent):
    """A job: a schema, and either how many documents and pages, or documents that are there already."""

    wanted_schema: Annotated[str, Field(alias="schema", min_length=1, max_length=63)]
    documents: Annotated[int | None, Field(ge=1, le=MAX_PAGES)] = None
    pages: PagesIn | None = None
    document_ids: Annotated[list[UUID] | None, Field(min_length=1, max_length=MAX_DOCUMENTS)] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        """Refuse two ways of saying how much it is, or none."""
        if (self.document_ids is None) == (self.pages is None):
            raise ValueError("send either 'pages' (with 'documents') or 'document_ids'")
        if self.document_ids is not None and self.documents is not None:
            raise ValueError("'documents' goes with 'pages': 'document_ids' are counted")
        if self.pages is not None:
            count = self.pages.text + self.pages.scanned
            if self.documents is None:
                raise ValueError("say how many 'documents' have these pages")
            if count < self.documents:
                raise ValueError("there are fewer pages than documents: each has at least one")
        return self


class TokenFigures(Schema):
    """Tokens of prompts and completions: low and high bound 19 of 20 jobs where the basis is the past."""

    low: int
    expected: int
    high: int


class DollarFigures(Schema):
    """US dollars, as decimal strings."""

    low: str
    expected: str
    high: str


class EngineEstimateOut(Schema):
    """What one model will use.

    `basis` is `past`, of `documents_seen` of the tenant's own, or `arithmetic`: pages, question and picture rule, low
    where the cheaper engines answer all they may, high where every document goes on with full pages and replies.
    `usd` and `price_since` are null where the model has no price: what it costs is unknown.
    """

    engine: str
    basis: Literal["past", "arithmetic"]
    documents_seen: int
    tokens: TokenFigures
    usd: DollarFigures | None
    price_since: date | None


class EstimateOut(Schema):
    """An estimate at today's prices, by engine in the policy's order.

    `warnings` say which budget is in its way, and which model has no price; `usd` is null then.
    """

    wanted_schema: str = Field(alias="schema", serialization_alias="schema")
    documents: int
    pages: PagesIn
    engines: list[EngineEstimateOut]
    tokens: TokenFigures
    usd: DollarFigures | None
    warnings: list[str]


@router.get("/usage", response=UsageOut, by_alias=True, summary="What models used and cost")
def usage(
    request: AuthenticatedRequest,
    by: queries.Grouping = queries.Grouping.SCHEMA,
    first_day: Annotated[Day | None, Query(alias="from", description="the first day, UTC")] = None,
    last_day: Annotated[Day | None, Query(alias="to", description="the last day, UTC")] = None,
) -> Json:
    """Add up the ledger of calls; without days, the month up to today."""
    today = SYSTEM_CLOCK.now().date()
    last = last_day or max(today, first_day or today)
    first = first_day or min(month_of(SYSTEM_CLOCK.now()), last)
    if first > last or (last - first).days >= MAX_DAYS or last == date.max:
        raise Problem(
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            title="Invalid request",
            detail=f"'from' has to be a day not after 'to', and at most {MAX_DAYS} days of usage come at once.",
            code="bad_period",
        )
    report = queries.usage(tenant_id=request.auth.tenant_id, by=by, first_day=first, last_day=last)
    return {
        "tenant": request.auth.tenant_id,
        "from": first,
        "to": last,
        "by": by.value,
        "total": shown_sum(report.total),
        "groups": [shown_sum(group) for group in report.groups],
    }


@router.post("/estimates", response=EstimateOut, by_alias=True, summary="Estimate what a job will cost")
def estimate(request: AuthenticatedRequest, body: EstimateIn) -> Json:
    """Estimate tokens and dollars under the tenant's policy, before anything is uploaded or asked."""
    tenant_id = request.auth.tenant_id
    if body.document_ids is not None:
        work = estimates.workload_of(tenant_id=tenant_id, document_ids=body.document_ids)
    else:
        pages = body.pages or PagesIn()
        work = Workload(documents=body.documents or 0, text_pages=pages.text, scanned_pages=pages.scanned)
    found = estimates.estimate(tenant_id=tenant_id, schema_slug=body.wanted_schema, work=work, clock=SYSTEM_CLOCK)
    return {
        "schema": found.schema_slug,
        "documents": work.documents,
        "pages": {"text": work.text_pages, "scanned": work.scanned_pages},
        "engines": [
            {
                "engine": one.engine,
                "basis": one.basis,
                "documents_seen": one.documents_seen,
                "tokens": _whole(one.tokens),
                "usd": _dollars(one.usd),
                "price_since": one.price_since,
            }
            for one in found.engines
        ],
        "tokens": _whole(found.tokens),
        "usd": _dollars(found.usd),
        "warnings": list(found.warnings),
    }


def decimal_string(amount: Decimal) -> str:
    """Return US dollars as REST gives them: two decimals, and up to nine where there are more."""
    whole, _, part = f"{amount:.9f}".partition(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')}"


def shown_sum(one: queries.UsageSum) -> Json:
    """Return a sum as REST gives it."""
    return {
        "key": one.key,
        "calls": one.calls,
        "failed_calls": one.failed_calls,
        "assumed_calls": one.assumed_calls,
        "unpriced_calls": one.unpriced_calls,
        "prompt_tokens": one.prompt_tokens,
        "cached_tokens": one.cached_tokens,
        "completion_tokens": one.completion_tokens,
        "images": one.images,
        "seconds": one.seconds,
        "gpu_seconds": one.gpu_seconds,
        "cost": None if one.known_cost is None else decimal_string(one.known_cost),
        "predicted_tokens": one.predicted_tokens,
        "counted_tokens": one.counted_tokens,
        "documents": one.documents,
        "pages": one.pages,
        "cost_per_page": None if one.cost_per_page is None else decimal_string(one.cost_per_page),
        "cached_share": one.cached_share,
    }


def _whole(figures: estimates.Figures) -> Json:
    return {"low": int(figures.low), "expected": int(figures.expected), "high": int(figures.high)}


def _dollars(figures: estimates.Figures | None) -> Json | None:
    if figures is None:
        return None
    return {
        "low": decimal_string(figures.low),
        "expected": decimal_string(figures.expected),
        "high": decimal_string(figures.high),
    }
