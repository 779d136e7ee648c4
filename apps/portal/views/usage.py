"""What models used and cost, and what is left of the budgets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.common.clock import SYSTEM_CLOCK
from apps.inference import queries
from apps.inference.budgets import BudgetPeriod, BudgetState, dollars, month_of
from apps.inference.queries import Grouping, UsageSum
from apps.pipeline.spending import spending
from apps.portal.access import MemberRequest, member_required
from apps.portal.plots import plot

GROUPINGS = (Grouping.SCHEMA, Grouping.MODEL, Grouping.DAY, Grouping.MONTH)
MAX_DAYS = 400
MAX_BARS = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSum:
    """A line of the table."""

    key: str
    documents: int
    pages: int
    calls: int
    failed: int
    prompt: int
    predicted: str
    cached: str
    completion: int
    cost: str
    cost_per_page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBudget:
    """A budget in words. `share` is the hundredths that are spent or held, None where nothing is counted."""

    period: str
    schema: str
    limit: str
    left: str
    share: int | None


@require_GET
@member_required()
def usage(request: MemberRequest) -> HttpResponseBase:
    """Show the ledger's sums as a table and as bars; without days, the month up to today."""
    tenant_id = request.member.tenant_id
    today = SYSTEM_CLOCK.now().date()
    by = request.GET.get("by", "")
    grouping = Grouping(by) if by in GROUPINGS else Grouping.SCHEMA
    last = _day(request.GET.get("to", "")) or today
    first = _day(request.GET.get("from", "")) or min(month_of(SYSTEM_CLOCK.now()), last)
    first = min(max(first, last - timedelta(days=MAX_DAYS - 1)), last)
    report = queries.usage(tenant_id=tenant_id, by=grouping, first_day=first, last_day=last)
    found = spending(tenant_id=tenant_id, clock=SYSTEM_CLOCK)
    priced = report.total.cost > 0 and not report.total.unpriced_calls
    shown = report.groups[-MAX_BARS:]
    bars = plot(
        [
            (one.key or _("none"), one.cost if priced else Decimal(_tokens(one)), _amount(one, priced=priced))
            for one in shown
        ]
    )
    context = {
        "by": grouping.value,
        "groupings": [grouping.value for grouping in GROUPINGS],
        "first": first.isoformat(),
        "last": last.isoformat(),
        "groups": [_shown(one) for one in report.groups],
        "total": _shown(report.total),
        "plot": bars,
        "priced": priced,
        "cut": len(report.groups) - len(shown),
        "budgets": [_budget(state) for state in found.budgets],
        "waiting": found.waiting_documents,
        "warnings": found.warnings,
    }
    return render(request, "portal/usage.html", context)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    # The days beside it are reckoned with too.
    return found if date(2000, 1, 1) <= found <= date(9000, 1, 1) else None


def _tokens(one: UsageSum) -> int:
    return one.prompt_tokens + one.completion_tokens


def _amount(one: UsageSum, *, priced: bool) -> str:
    return dollars(one.cost) if priced else _("%(n)s tokens") % {"n": f"{_tokens(one):,}"}


def _shown(one: UsageSum) -> ShownSum:
    return ShownSum(
        key=one.key,
        documents=one.documents,
        pages=one.pages,
        calls=one.calls,
        failed=one.failed_calls,
        prompt=one.prompt_tokens,
        predicted=f"{one.predicted_tokens} / {one.counted_tokens}" if one.counted_tokens else "",
        cached="" if one.cached_share is None else f"{one.cached_share:.0%}",
        completion=one.completion_tokens,
        cost=_("unknown") if one.known_cost is None else dollars(one.known_cost),
        cost_per_page="" if one.cost_per_page is None else dollars(one.cost_per_page),
    )


def _budget(state: BudgetState) -> ShownBudget:
    budget = state.budget
    monthly = budget.period is BudgetPeriod.MONTH
    limits, left, shares = [], [], []
    if budget.usd is not None and state.left_usd is not None:
        limits.append(dollars(budget.usd))
        left.append(dollars(state.left_usd))
        shares.append(1 - state.left_usd / budget.usd if budget.usd else Decimal(1))
    if budget.tokens is not None and state.left_tokens is not None:
        limits.append(_("%(n)s tokens") % {"n": f"{budget.tokens:,}"})
        left.append(_("%(n)s tokens") % {"n": f"{state.left_tokens:,}"})
        shares.append(1 - Decimal(state.left_tokens) / budget.tokens if budget.tokens else Decimal(1))
    return ShownBudget(
        period=_("each month") if monthly else _("each document"),
        schema=budget.schema_slug,
        limit=", ".join(limits),
        left=", ".join(left) if monthly else "",
        share=round(max(shares) * 100) if monthly else None,
    )
