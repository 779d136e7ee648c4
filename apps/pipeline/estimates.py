"""A cost estimate before a bulk job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Q

from apps.common.clock import Clock
from apps.common.errors import TerminalError
from apps.documents.errors import UnknownSchemaError
from apps.documents.models import Document, DocumentStatus
from apps.extraction.engines.registry import LOCAL, MODEL_PREFIX
from apps.extraction.estimating import (
    ENOUGH_DOCUMENTS,
    Expected,
    PastDocument,
    Tokens,
    Workload,
    by_arithmetic,
    from_the_past,
)
from apps.inference import queries as spending
from apps.inference.budgets import BudgetPeriod, BudgetState, dollars
from apps.inference.profiles import profile, suffix_of
from apps.inference.servers import URL, has_any, server_of
from apps.parsing.models import StoredPage
from apps.parsing.pages import TextSource
from apps.schemas import queries as schemas
from apps.schemas.fields import Schema
from apps.tenants.scope import in_tenant_scope

# So far back, and so many documents, the past is looked at.
PAST_DAYS = 90
PAST_DOCUMENTS = 500
_ENDED = (DocumentStatus.DONE, DocumentStatus.NEEDS_REVIEW)


class NoSuchDocumentsError(TerminalError):
    """Some of the documents aren't there."""

    code = "no_such_documents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Low, expected and high of one thing."""

    low: Decimal
    expected: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEstimate:
    """What one model engine will use. `basis` is `past`, of so many `documents_seen`, or `arithmetic`.

    `price_since` is the day of the price that was taken. Where the model has none, it and `usd` are None: nobody knows
    what it costs.
    """

    engine: str
    basis: str
    documents_seen: int
    tokens: Figures
    usd: Figures | None
    price_since: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a job will cost: by engine in the policy's order, together, and what stands in its way.

    `usd` is None where a model has no price.
    """

    schema_slug: str
    work: Workload
    engines: tuple[EngineEstimate, ...]
    tokens: Figures
    usd: Figures | None
    warnings: tuple[str, ...]


@in_tenant_scope
def workload_of(*, tenant_id: UUID, document_ids: Sequence[UUID]) -> Workload:
    """Return the work that documents make which are there already; one that isn't parsed yet counts as a page of text.

    Raises NoSuchDocumentsError.
    """
    wanted = set(document_ids)
    rows = Document.objects.filter(tenant_id=tenant_id, id__in=wanted).exclude(status=DocumentStatus.DELETED)
    blobs = dict(rows.values_list("id", "blob_id"))
    if missing := wanted - blobs.keys():
        raise NoSuchDocumentsError(f"{len(missing)} of these documents aren't there; the first is {min(missing)}")
    pages = StoredPage.objects.filter(tenant_id=tenant_id, blob_id__in=[blob for blob in blobs.values() if blob])
    counts = pages.aggregate(
        scanned=Count("id", filter=Q(source=TextSource.OCR.value)),
        all=Count("id"),
        parsed=Count("blob_id", distinct=True),
    )
    unparsed = len(set(blobs.values())) - counts["parsed"]
    return Workload(
        documents=len(wanted), text_pages=counts["all"] - counts["scanned"] + unparsed, scanned_pages=counts["scanned"]
    )


@in_tenant_scope
def estimate(*, tenant_id: UUID, schema_slug: str, work: Workload, clock: Clock) -> Estimate:
    """Estimate a job under the tenant's policy, at today's prices.

    A model is judged by the tenant's own documents of this schema since it was first asked in the last 90 days, also by
    those that it wasn't asked about; where they are too few, by arithmetic. Raises UnknownSchemaError,
    UnknownProfileError.
    """
    schema = schemas.newest_version(tenant_id=tenant_id, slug=schema_slug)
    if schema is None:
        raise UnknownSchemaError.among(schemas.slugs(tenant_id=tenant_id), slug=schema_slug)
    names = spending.policy(tenant_id=tenant_id, schema_slug=schema.slug, schema_engines=schema.engines)
    now = clock.now()
    engines: list[EngineEstimate] = []
    for name in names:
        if name.startswith(MODEL_PREFIX):
            past = _past(tenant_id=tenant_id, schema=schema, engine=name, now=now)
            engines.append(
                _engine(
                    name,
                    work=work,
                    schema=schema,
                    past=past,
                    after_cheaper=any(one in LOCAL for one in names),
                    after_model=bool(engines),
                    today=now.date(),
                )
            )
    tokens = _sum([one.tokens for one in engines])
    prices = [one.usd for one in engines if one.usd is not None]
    unpriced = [one.engine for one in engines if one.usd is None]
    usd = None if unpriced else _sum(prices)
    states = spending.budget_states(tenant_id=tenant_id, schema_slug=schema.slug, clock=clock)
    return Estimate(
        schema_slug=schema.slug,
        work=work,
        engines=tuple(engines),
        tokens=tokens,
        usd=usd,
        warnings=(
            *(words for one in engines if (words := _unserved(one.engine))),
            *(_unpriced(name) for name in unpriced),
            *(words for state in states if (words := _warning(state, work=work, usd=_sum(prices), tokens=tokens))),
        ),
    )


def _past(*, tenant_id: UUID, schema: Schema, engine: str, now: datetime) -> list[PastDocument]:
    since = spending.first_call(
        tenant_id=tenant_id, schema_slug=schema.slug, engine=engine, since=now - timedelta(days=PAST_DAYS)
    )
    if since is None:
        return []
    ended = (
        Document.objects.filter(
            tenant_id=tenant_id,
            schema_slug=schema.slug,
            status__in=_ENDED,
            page_count__gt=0,
            completed_at__gte=since,
        )
        .order_by("-created_at")
        .values_list("id", "page_count")[:PAST_DOCUMENTS]
    )
    pages = {id_: count or 0 for id_, count in ended}
    used = {
        calls.document_id: calls
        for calls in spending.calls_of_documents(tenant_id=tenant_id, document_ids=list(pages), schema_slug=schema.slug)
        if calls.engine == engine
    }
    return [
        PastDocument(
            pages=count,
            prompt=used[id_].prompt_tokens if id_ in used else 0,
            completion=used[id_].completion_tokens if id_ in used else 0,
        )
        for id_, count in pages.items()
    ]


def _engine(
    name: str,
    *,
    work: Workload,
    schema: Schema,
    past: Sequence[PastDocument],
    after_cheaper: bool,
    after_model: bool,
    today: date,
) -> EngineEstimate:
    one = profile(name.removeprefix(MODEL_PREFIX))
    enough = len(past) >= ENOUGH_DOCUMENTS
    if enough:
        found = from_the_past(work=work, past=past)
    else:
        found = by_arithmetic(
            work=work, schema=schema, profile=one, after_cheaper=after_cheaper, after_model=after_model
        )
    price = one.price(on=today)

    def usd(tokens: Tokens) -> Decimal:
        return one.cost(prompt_tokens=round(tokens.prompt), completion_tokens=round(tokens.completion), on=today)

    figures = Figures(low=usd(found.low), expected=usd(found.expected), high=usd(found.high))

    return EngineEstimate(
        engine=name,
        basis="past" if enough else "arithmetic",
        documents_seen=len(past) if enough else 0,
        tokens=_tokens(found),
        usd=figures if price else None,
        price_since=price.since if price else None,
    )


def _tokens(found: Expected) -> Figures:
    low, expected, high = (
        Decimal(round(case.prompt) + round(case.completion)) for case in (found.low, found.expected, found.high)
    )
    return Figures(low=low, expected=expected, high=high)


def _sum(figures: Sequence[Figures]) -> Figures:
    zero = Decimal(0)
    return Figures(
        low=sum((one.low for one in figures), zero),
        expected=sum((one.expected for one in figures), zero),
        high=sum((one.high for one in figures), zero),
    )


def _warning(state: BudgetState, *, work: Workload, usd: Figures, tokens: Figures) -> str | None:
    """Say where a budget stands in the job's way, if it may: its documents would wait, none would fail."""
    budget = state.budget
    monthly = budget.period is BudgetPeriod.MONTH
    name = "The month's budget" if monthly else "The budget for each document"
    if budget.schema_slug:
        name += f" of schema {budget.schema_slug}"
    share = Decimal(1 if monthly else max(work.documents, 1))
    for left, figures, shown in (
        (state.left_usd, usd, dollars),
        (None if state.left_tokens is None else Decimal(state.left_tokens), tokens, _in_tokens),
    ):
        if left is not None and figures.high / share > left:
            will = "will" if figures.expected / share > left else "may"
            whose = "the job" if monthly else "a document"
            return (
                f"{name} has {shown(left)} left, and {whose} takes about {shown(figures.expected / share)}, "
                f"{shown(figures.high / share)} at most: documents {will} wait until it is raised"
            )
    return None


def _unserved(engine: str) -> str | None:
    """Say that a house which has model servers names none for this engine."""
    name = engine.removeprefix(MODEL_PREFIX)
    server = server_of(name)
    if not has_any() or (server is not None and server.own):
        return None
    unless = f" unless the server at {URL} lists a model of that name" if server is not None else ""
    return (
        f"No setting names a server of {engine}: documents go on without it{unless}; name one by {URL}{suffix_of(name)}"
    )


def _unpriced(engine: str) -> str:
    return (
        f"The price of {engine} is unknown, so what the job costs is unknown too, and no budget in dollars holds it: "
        "give its profile a price in the file that QUIRE_MODEL_PROFILES names"
    )


def _in_tokens(count: Decimal) -> str:
    return f"{count:,.0f} tokens"
