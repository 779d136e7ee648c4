"""Budgets: what is left of them, and the refusal that parks a document until there is more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum

from apps.common.errors import WaitingError

# Who raises a budget or changes a policy wakes who waits, and a month's turn is known: this is for what nobody tells,
# as a new table of prices. A hundred thousand parked documents are looked at five times a second.
LOOK_AGAIN_SECONDS = 6 * 3600.0
# A call under way gives back what it didn't use.
HELD_LOOK_AGAIN_SECONDS = 30.0


class BudgetPeriod(StrEnum):
    """What a budget is for: one document, however often it is read, or a calendar month in UTC."""

    DOCUMENT = "document"
    MONTH = "month"


class BudgetSpentError(WaitingError):
    """A budget has no money for the next call. Nothing was sent; the document is parked, and the message says why."""

    code = "budget_spent"
    longest_wait = LOOK_AGAIN_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """US dollars, and tokens of prompt and completion together."""

    usd: Decimal = Decimal(0)
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit for each document or each month, in US dollars, tokens or both. No schema: for all schemas together."""

    period: BudgetPeriod
    schema_slug: str = ""
    usd: Decimal | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """A budget with what the ledger has booked on it, and what is reserved for calls under way."""

    budget: Budget
    spent: Amount
    held: Amount

    @property
    def left_usd(self) -> Decimal | None:
        """What the next call may cost; None where dollars aren't limited."""
        if self.budget.usd is None:
            return None
        return max(self.budget.usd - self.spent.usd - self.held.usd, Decimal(0))

    @property
    def left_tokens(self) -> int | None:
        """What the next call may take; None where tokens aren't limited."""
        if self.budget.tokens is None:
            return None
        return max(self.budget.tokens - self.spent.tokens - self.held.tokens, 0)


def month_of(moment: datetime) -> date:
    """Return the first day of the calendar month, in UTC."""
    return moment.astimezone(UTC).date().replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def refuse(*, states: Iterable[BudgetState], need: Amount, now: datetime, what: str = "the next call") -> None:
    """Raise BudgetSpentError where the need is more than what a budget has left.

    What needs nothing passes: a model without a price isn't stopped by a budget in dollars. `what` is what needs it.
    """
    for state in states:
        budget = state.budget
        if budget.usd is not None and need.usd > 0 and need.usd > budget.usd - state.spent.usd - state.held.usd:
            raise _refusal(
                state=state,
                limit=dollars(budget.usd),
                rest=budget.usd - state.spent.usd,
                left=dollars(budget.usd - state.spent.usd),
                need=f"{what} may cost up to {dollars(need.usd)}",
                under_way=need.usd <= budget.usd - state.spent.usd,
                now=now,
            )
        if budget.tokens is not None and need.tokens > budget.tokens - state.spent.tokens - state.held.tokens:
            raise _refusal(
                state=state,
                limit=f"{budget.tokens:,} tokens",
                rest=Decimal(budget.tokens - state.spent.tokens),
                left=f"{budget.tokens - state.spent.tokens:,} tokens",
                need=f"{what} may take up to {need.tokens:,}",
                under_way=need.tokens <= budget.tokens - state.spent.tokens,
                now=now,
            )


def in_words(budget: Budget) -> str:
    """Return `month, invoice: $50.00, 9,000 tokens`; without a schema `month`."""
    limits = [dollars(budget.usd)] if budget.usd is not None else []
    limits += [f"{budget.tokens:,} tokens"] if budget.tokens is not None else []
    place = f"{budget.period.value}, {budget.schema_slug}" if budget.schema_slug else budget.period.value
    return f"{place}: {', '.join(limits)}"


def dollars(amount: Decimal) -> str:
    """Return `$50.00`; more digits only where there are any."""
    # The ledger holds nine digits: more would be noise of a division.
    digits = f"{amount:.9f}".rstrip("0")
    whole, _, part = digits.partition(".")
    return f"${int(whole):,}.{part.ljust(2, '0')}"


def _refusal(
    *, state: BudgetState, limit: str, rest: Decimal, left: str, need: str, under_way: bool, now: datetime
) -> BudgetSpentError:
    """Say which budget it is, how it stands, and what to do."""
    budget = state.budget
    monthly = budget.period == BudgetPeriod.MONTH
    turn = next_month(month_of(now))
    wait = (datetime.combine(turn, time(), tzinfo=UTC) - now).total_seconds()
    name = f"The month's budget of {limit}" if monthly else f"The budget of {limit} a document"
    if budget.schema_slug:
        name += f" for schema {budget.schema_slug}"
    advice = f"raise it or wait until {turn.day} {turn:%B}" if monthly else "raise it"
    if under_way:
        # There is money, and calls that run hold it: most give some back within the minute.
        how = f"has {left} left, and calls under way hold too much of it: {need}"
        advice = "this goes on when they end"
    elif rest > 0:
        how = f"has {left} left, and {need}"
    else:
        how = "is spent" if monthly else "is spent on this document"
    look_again = HELD_LOOK_AGAIN_SECONDS if under_way else LOOK_AGAIN_SECONDS
    return BudgetSpentError(f"{name} {how}; {advice}", retry_after=min(look_again, wait) if monthly else look_again)
