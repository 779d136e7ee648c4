"""Budgets are held before a call is sent, with many workers at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connection
from django.test import override_settings
from structlog.testing import capture_logs

from apps.inference import lost_calls, operations, queries
from apps.inference.budgets import Amount, Budget, BudgetPeriod, BudgetSpentError, BudgetState
from apps.inference.client import LIST_SECONDS, Timeouts
from apps.inference.embedding_ledger import held_embeddings
from apps.inference.fairness import Terms
from apps.inference.ledger import NEVER_SENT, CallRecord, Purse, Reservation
from apps.inference.models import CostBasis, ModelCall, MonthSpending, StoredReservation
from apps.inference.operations import BadBudgetError, BadPolicyError, DocumentLedger
from apps.inference.profiles import UnknownProfileError
from apps.inference.tokens import estimated_tokens
from apps.tenants.scope import tenant_scope
from tests.faults.sessions import end_own_session


@dataclass(slots=True)
class HeldClock:
    """A clock that a test sets."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


NOVEMBER = datetime(2025, 11, 20, 12, tzinfo=UTC)
DOLLAR = Decimal(1)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock(NOVEMBER)


def _limit(tenant: UUID, clock: HeldClock, *budgets: Budget) -> None:
    operations.set_budgets(tenant_id=tenant, budgets=budgets, clock=clock)


def _month(usd: str, schema: str = "") -> Budget:
    return Budget(period=BudgetPeriod.MONTH, schema_slug=schema, usd=Decimal(usd))


def _reserve(
    tenant: UUID,
    clock: HeldClock,
    *,
    usd: Decimal = DOLLAR,
    document: UUID | None = None,
    schema: str = "invoice",
    tokens: int = 1000,
    seconds: float = 900.0,
) -> Reservation:
    return operations.reserve(
        tenant_id=tenant,
        document_id=document,
        schema_slug=schema,
        prompt_tokens=tokens - 100,
        max_tokens=100,
        usd=usd,
        clock=clock,
        seconds=seconds,
    )


def _call(
    *, cost: str, reservation: Reservation | None = None, outcome: str = "ok", prompt_tokens: int = 500
) -> CallRecord:
    return CallRecord(
        engine="sglang:medium",
        model="mistral-medium",
        prompt_tokens=prompt_tokens,
        cached_tokens=0,
        completion_tokens=20 if prompt_tokens else 0,
        images=1,
        seconds=2.0,
        cost=Decimal(cost),
        outcome=outcome,
        gpu_seconds=8.0,
        price_date=date(2025, 8, 12),
        reservation=reservation,
    )


def _settle(
    tenant: UUID, clock: HeldClock, call: CallRecord, *, document: UUID | None = None, schema: str = "invoice"
) -> None:
    operations.record_calls(tenant_id=tenant, document_id=document, calls=[call], clock=clock, schema_slug=schema)


def _purse(tenant: UUID, clock: HeldClock, document: UUID | None = None) -> Purse:
    return DocumentLedger(
        tenant_id=tenant, document_id=document or uuid4(), schema_slug="nda", lane="bulk", document_pages=7, clock=clock
    )


def _taken(purse: Purse) -> Reservation:
    return purse.reserve(
        engine="sglang:medium", prompt_tokens=10, max_tokens=5, images=3, usd=DOLLAR, price_date=date(2025, 8, 12)
    )


def _expire(tenant: UUID) -> None:
    with tenant_scope(tenant), connection.cursor() as cursor:
        cursor.execute("UPDATE inference_storedreservation SET expires_at = clock_timestamp()")


def _only(tenant: UUID, clock: HeldClock) -> BudgetState:
    (state,) = queries.budget_states(tenant_id=tenant, clock=clock)
    return state


def test_the_last_dollar_goes_to_one_of_two(tenant: UUID, clock: HeldClock) -> None:
    """Both are at the door at once, twenty times over, with money for exactly twenty calls."""
    _limit(tenant, clock, _month("20"))
    for _ in range(19):
        _settle(tenant, clock, _call(cost="1", reservation=_reserve(tenant, clock)))
    for _ in range(20):
        barrier = threading.Barrier(2)
        got: list[Reservation] = []
        refused: list[str] = []

        def race(
            barrier: threading.Barrier = barrier, got: list[Reservation] = got, refused: list[str] = refused
        ) -> None:
            try:
                barrier.wait()
                got.append(_reserve(tenant, clock))
            except BudgetSpentError as error:
                refused.append(error.code)
            finally:
                connection.close()

        racers = [threading.Thread(target=race) for _ in range(2)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert (len(got), refused) == (1, ["budget_spent"])
        assert _only(tenant, clock).left_usd == 0
        operations.release(tenant_id=tenant, reservation=got[0])
        assert _only(tenant, clock).left_usd == DOLLAR


def test_a_schemas_workers_and_all_others_share_the_tenants_budget(tenant: UUID, clock: HeldClock) -> None:
    """Eight workers on two schemas, and money for five calls: five get it."""
    _limit(tenant, clock, _month("5"), _month("4", "invoice"))
    barrier = threading.Barrier(8)
    got: list[str] = []

    def race(schema: str) -> None:
        try:
            barrier.wait()
            _reserve(tenant, clock, schema=schema)
            got.append(schema)
        except BudgetSpentError:
            pass
        finally:
            connection.close()

    racers = [threading.Thread(target=race, args=(schema,)) for schema in ("invoice", "receipt") * 4]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert len(got) == 5
    states = queries.budget_states(tenant_id=tenant, clock=clock)
    assert [(state.budget.schema_slug, state.left_usd) for state in states] == [
        ("", Decimal(0)),
        ("invoice", Decimal(4 - got.count("invoice"))),
    ]


def test_a_call_is_booked_with_what_it_really_cost(tenant: UUID, clock: HeldClock) -> None:
    _limit(tenant, clock, _month("3"))
    reservation = _reserve(tenant, clock, usd=Decimal(2))
    assert _only(tenant, clock).held == Amount(usd=Decimal(2), tokens=1000)
    with pytest.raises(BudgetSpentError) as refused:
        _reserve(tenant, clock, usd=Decimal(2))
    assert refused.value.message == (
        "The month's budget of $3.00 has $3.00 left, and calls under way hold too much of it: the next call may cost "
        "up to $2.00; this goes on when they end"
    )
    assert refused.value.retry_after == 30
    _settle(tenant, clock, _call(cost="0.25", reservation=reservation))
    state = _only(tenant, clock)
    assert (state.spent, state.held) == (Amount(usd=Decimal("0.25"), tokens=520), Amount())
    assert state.left_usd == Decimal("2.75")


def test_the_month_turns(tenant: UUID, clock: HeldClock) -> None:
    _limit(tenant, clock, _month("50", "invoice"))
    _settle(tenant, clock, _call(cost="50", reservation=_reserve(tenant, clock, usd=Decimal(50))))
    with pytest.raises(BudgetSpentError) as refused:
        _reserve(tenant, clock)
    assert refused.value.message == (
        "The month's budget of $50.00 for schema invoice is spent; raise it or wait until 1 December"
    )
    assert refused.value.retry_after == 6 * 3600
    _reserve(tenant, clock, schema="receipt")
    clock.moment = datetime(2025, 11, 30, 23, 59, 30, tzinfo=UTC)
    with pytest.raises(BudgetSpentError) as refused:
        _reserve(tenant, clock)
    assert refused.value.retry_after == 30
    clock.moment = datetime(2025, 12, 1, tzinfo=UTC)
    _reserve(tenant, clock, usd=Decimal(50))


def test_a_call_over_the_turn_is_held_in_both_months_and_booked_when_it_ends(tenant: UUID, clock: HeldClock) -> None:
    _limit(tenant, clock, _month("1"))
    clock.moment = datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)
    reservation = _reserve(tenant, clock)
    clock.moment = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(BudgetSpentError, match="this goes on when they end"):
        _reserve(tenant, clock)
    _settle(tenant, clock, _call(cost="1", reservation=reservation))
    with pytest.raises(BudgetSpentError, match="wait until 1 February"):
        _reserve(tenant, clock)
    clock.moment = datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert _only(tenant, clock).spent == Amount()


def test_a_raised_budget_lets_work_on(tenant: UUID, clock: HeldClock) -> None:
    _limit(tenant, clock, _month("1"))
    _settle(tenant, clock, _call(cost="0.9"))
    with pytest.raises(BudgetSpentError) as refused:
        _reserve(tenant, clock)
    assert refused.value.message == (
        "The month's budget of $1.00 has $0.10 left, and the next call may cost up to $1.00; "
        "raise it or wait until 1 December"
    )
    _limit(tenant, clock, _month("1.90"))
    _reserve(tenant, clock)


def test_a_budget_that_is_set_late_knows_what_was_spent_and_what_is_under_way(tenant: UUID, clock: HeldClock) -> None:
    _settle(tenant, clock, _call(cost="3"))
    _reserve(tenant, clock, usd=Decimal(2))
    _limit(tenant, clock, _month("6"))
    state = _only(tenant, clock)
    assert (state.spent.usd, state.held.usd, state.left_usd) == (Decimal(3), Decimal(2), Decimal(1))


def test_a_lost_workers_call_holds_its_money_and_is_booked_when_it_expires(
    tenant: UUID, other_tenant: UUID, clock: HeldClock
) -> None:
    """It may have been answered: the money never comes back."""
    _limit(tenant, clock, _month("1.5"))
    document = uuid4()
    _settle(tenant, clock, _call(cost="0.25", reservation=_reserve(tenant, clock)), schema="nda")
    reservation = _taken(_purse(tenant, clock, document))
    other = _taken(_purse(other_tenant, clock))
    lost_calls.book_lost_calls(clock=clock)
    assert (_only(tenant, clock).spent.usd, _only(tenant, clock).held.usd) == (Decimal("0.25"), DOLLAR)
    _expire(tenant)
    with pytest.raises(BudgetSpentError):
        _reserve(tenant, clock, usd=Decimal("0.26"))
    assert lost_calls.book_lost_calls(clock=clock) == 1
    assert lost_calls.book_lost_calls(clock=clock) == 0
    state = _only(tenant, clock)
    assert (state.spent, state.held) == (Amount(usd=Decimal("1.25"), tokens=520 + 15), Amount())
    with tenant_scope(tenant):
        assert not StoredReservation.objects.exists()
        call = ModelCall.objects.get(outcome="worker_lost")
    assert (call.id, call.document_id, call.schema_slug, call.lane, call.document_pages) == (
        *(reservation.id, document, "nda", "bulk", 7),
    )
    # The model is the one that answered the engine's last call.
    assert (call.engine, call.model, call.price_date) == ("sglang:medium", "mistral-medium", date(2025, 8, 12))
    assert (call.prompt_tokens, call.completion_tokens, call.images) == (10, 5, 3)
    assert (call.cost, call.cost_basis) == (DOLLAR, CostBasis.RESERVED)
    assert (call.seconds, call.gpu_seconds, call.created_at) == (0.0, 0.0, NOVEMBER)
    with tenant_scope(other_tenant):
        assert StoredReservation.objects.get().id == other.id
        assert not ModelCall.objects.exists()


def test_a_late_settle_is_booked_once(tenant: UUID, clock: HeldClock) -> None:
    """With what it did cost where it comes before the sweeper, and as it was booked where it comes after."""
    _limit(tenant, clock, _month("5"))
    early, late = _reserve(tenant, clock, seconds=0), _reserve(tenant, clock, seconds=0)
    _settle(tenant, clock, _call(cost="0.75", reservation=early))
    assert lost_calls.book_lost_calls(clock=clock) == 1
    _settle(tenant, clock, _call(cost="0.5", reservation=late))
    state = _only(tenant, clock)
    assert (state.spent, state.held) == (Amount(usd=Decimal("1.75"), tokens=520 + 1000), Amount())
    with tenant_scope(tenant):
        calls = ModelCall.objects.order_by("cost").values_list("id", "outcome", "cost")
        assert list(calls) == [(early.id, "ok", Decimal("0.75")), (late.id, "worker_lost", DOLLAR)]


def test_embeddings_whose_worker_was_lost_are_booked_once(tenant: UUID, clock: HeldClock) -> None:
    with (
        override_settings(QUIRE_EMBEDDINGS_URL="http://embeddings.invalid", QUIRE_EMBEDDINGS_PROFILE="medium"),
        held_embeddings(
            tenant_id=tenant,
            schema_slug="nda",
            model="e5",
            texts=["one", "two"],
            lane="bulk",
            clock=clock,
            what="embedding these pages",
        ) as usage,
    ):
        _expire(tenant)
        assert lost_calls.book_lost_calls(clock=clock) == 1
        usage.requests, usage.tokens = 1, 7
    tokens = estimated_tokens("one") + estimated_tokens("two")
    with tenant_scope(tenant):
        (call,) = ModelCall.objects.all()
    assert (call.engine, call.outcome, call.cost_basis) == ("embeddings", "worker_lost", CostBasis.RESERVED)
    assert (call.schema_slug, call.lane, call.prompt_tokens, call.completion_tokens) == ("nda", "bulk", tokens, 0)
    # Of November 2025, at $0.40 a million.
    assert (call.cost, call.price_date) == (tokens * Decimal("0.0000004"), date(2025, 8, 12))


def test_a_reservation_outlasts_the_longest_call() -> None:
    """The line, the lists of models and adapters, the call, and the call again without log-probabilities."""
    longest = Terms().long_patience + 4 * LIST_SECONDS + 2 * Timeouts().total
    assert longest + 120 <= operations.RESERVATION_SECONDS


def test_a_sweeper_and_a_worker_that_is_back_book_a_call_once(tenant: UUID, clock: HeldClock) -> None:
    for _ in range(10):
        reservation = _reserve(tenant, clock, seconds=0)
        barrier = threading.Barrier(2)

        def settle(barrier: threading.Barrier = barrier, reservation: Reservation = reservation) -> None:
            try:
                barrier.wait()
                _settle(tenant, clock, _call(cost="0.5", reservation=reservation))
            finally:
                connection.close()

        back = threading.Thread(target=settle)
        back.start()
        barrier.wait()
        lost_calls.book_lost_calls(clock=clock)
        back.join()
        with tenant_scope(tenant):
            assert ModelCall.objects.filter(id=reservation.id).count() == 1
    with tenant_scope(tenant):
        booked = sum(ModelCall.objects.values_list("cost", flat=True))
        assert MonthSpending.objects.get().usd == booked
        assert not StoredReservation.objects.exists()


def test_a_call_is_recorded_once_the_database_is_back(
    tenant: UUID, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection breaks before the call is written, and then after."""
    monkeypatch.setattr(operations, "RECONNECT_SECONDS", (0.01,))
    _limit(tenant, clock, _month("5"))
    purse = _purse(tenant, clock)
    first, second = _taken(purse), _taken(purse)
    end_own_session()
    purse.record(_call(cost="0.5", reservation=first))
    real = operations.record_calls

    def breaking(**arguments: Any) -> None:
        monkeypatch.setattr(operations, "record_calls", real)
        real(**arguments)
        raise OperationalError

    monkeypatch.setattr(operations, "record_calls", breaking)
    purse.record(_call(cost="0.25", reservation=second))
    state = _only(tenant, clock)
    assert (state.spent, state.held) == (Amount(usd=Decimal("0.75"), tokens=2 * 520), Amount())
    with tenant_scope(tenant):
        assert set(ModelCall.objects.values_list("id", flat=True)) == {first.id, second.id}


def test_a_call_that_cant_be_written_costs_no_answer_and_is_booked_in_the_end(
    tenant: UUID, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "RECONNECT_SECONDS", (0.01,))
    document = uuid4()
    purse = _purse(tenant, clock, document)
    away, too_long = _taken(purse), _taken(purse)

    def gone(**_: Any) -> None:
        raise OperationalError

    with capture_logs() as said:
        with monkeypatch.context() as patch:
            patch.setattr(operations, "record_calls", gone)
            purse.record(_call(cost="0.5", reservation=away))
        purse.record(replace(_call(cost="0.5", reservation=too_long), model="m" * 201))
    assert [(entry["event"], entry["error"], entry["document_id"]) for entry in said] == [
        ("call_not_recorded", "OperationalError", str(document)),
        ("call_not_recorded", "DataError", str(document)),
    ]
    _expire(tenant)
    assert lost_calls.book_lost_calls(clock=clock) == 2
    with tenant_scope(tenant):
        calls = ModelCall.objects.values_list("id", "outcome", "cost")
        assert set(calls) == {(away.id, "worker_lost", DOLLAR), (too_long.id, "worker_lost", DOLLAR)}


def test_a_documents_budget_is_its_own(tenant: UUID, clock: HeldClock) -> None:
    _limit(tenant, clock, Budget(period=BudgetPeriod.DOCUMENT, schema_slug="invoice", usd=Decimal("1.50")))
    first, second = uuid4(), uuid4()
    _settle(tenant, clock, _call(cost="1", reservation=_reserve(tenant, clock, document=first)), document=first)
    with pytest.raises(BudgetSpentError) as refused:
        _reserve(tenant, clock, document=first)
    assert refused.value.message == (
        "The budget of $1.50 a document for schema invoice has $0.50 left, and the next call may cost up to $1.00; "
        "raise it"
    )
    _reserve(tenant, clock, document=second)
    _reserve(tenant, clock, document=None)
    _reserve(tenant, clock, document=first, schema="receipt")
    clock.moment = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(BudgetSpentError):
        _reserve(tenant, clock, document=first)


def test_tokens_hold_a_model_that_has_no_price(tenant: UUID, clock: HeldClock) -> None:
    free = Decimal(0)
    _limit(tenant, clock, Budget(period=BudgetPeriod.MONTH, usd=free, tokens=1500))
    _settle(tenant, clock, _call(cost="0", reservation=_reserve(tenant, clock, usd=free)))
    with pytest.raises(BudgetSpentError) as refused:
        _reserve(tenant, clock, usd=free)
    assert refused.value.message == (
        "The month's budget of 1,500 tokens has 980 tokens left, and the next call may take up to 1,000; "
        "raise it or wait until 1 December"
    )
    _reserve(tenant, clock, usd=free, tokens=980)


def test_a_call_that_broke_off_is_booked_with_what_was_reserved(tenant: UUID, clock: HeldClock) -> None:
    _limit(tenant, clock, _month("3"))
    hung = _call(cost="0", prompt_tokens=0, outcome="model_timeout", reservation=_reserve(tenant, clock))
    busy = _call(cost="0", prompt_tokens=0, outcome="model_busy", reservation=_reserve(tenant, clock))
    _settle(tenant, clock, hung)
    _settle(tenant, clock, busy)
    state = _only(tenant, clock)
    assert (state.spent, state.held) == (Amount(usd=DOLLAR, tokens=1000), Amount())
    with tenant_scope(tenant):
        rows = ModelCall.objects.order_by("-cost").values_list(
            "outcome", "cost", "prompt_tokens", "predicted_tokens", "cost_basis"
        )
        assert list(rows) == [
            ("model_timeout", DOLLAR, 900, None, CostBasis.RESERVED),
            ("model_busy", 0, 0, None, CostBasis.USAGE),
        ]


def test_what_was_counted_stands_beside_what_the_server_counts(tenant: UUID, clock: HeldClock) -> None:
    _settle(tenant, clock, _call(cost="0.5", prompt_tokens=931, reservation=_reserve(tenant, clock)))
    with tenant_scope(tenant):
        call = ModelCall.objects.get()
    assert (call.prompt_tokens, call.predicted_tokens) == (931, 900)


@pytest.mark.parametrize("outcome", sorted(NEVER_SENT))
def test_a_call_that_was_never_sent_gives_its_money_back(tenant: UUID, clock: HeldClock, outcome: str) -> None:
    _limit(tenant, clock, _month("3"))
    purse = _purse(tenant, clock)
    reservation = _taken(purse)
    assert _only(tenant, clock).held == Amount(usd=DOLLAR, tokens=15)
    purse.record(_call(cost="0", prompt_tokens=0, outcome=outcome, reservation=reservation))
    assert (_only(tenant, clock).spent, _only(tenant, clock).held) == (Amount(), Amount())
    with tenant_scope(tenant):
        assert not ModelCall.objects.exists()


def test_a_look_ahead_takes_nothing(tenant: UUID, clock: HeldClock) -> None:
    _limit(tenant, clock, _month("1"))
    for _ in range(2):
        queries.check(
            tenant_id=tenant, schema_slug="invoice", document_id=None, expected=Amount(usd=DOLLAR), clock=clock
        )
    with pytest.raises(BudgetSpentError):
        queries.check(
            tenant_id=tenant, schema_slug="invoice", document_id=None, expected=Amount(usd=Decimal("1.01")), clock=clock
        )


def test_a_documents_ledger_is_a_purse(tenant: UUID, clock: HeldClock) -> None:
    _limit(tenant, clock, _month("2"))
    document = uuid4()
    purse = _purse(tenant, clock, document)
    reservation = _taken(purse)
    purse.record(_call(cost="0.5", reservation=reservation))
    with tenant_scope(tenant):
        call = ModelCall.objects.get()
        assert not StoredReservation.objects.exists()
    assert (call.document_id, call.schema_slug, call.lane, call.document_pages) == (document, "nda", "bulk", 7)
    assert (call.gpu_seconds, call.price_date, call.created_at) == (8.0, date(2025, 8, 12), NOVEMBER)


def test_a_foreign_tenants_money_is_its_own(tenant: UUID, other_tenant: UUID, clock: HeldClock) -> None:
    document = uuid4()
    both = (_month("1"), Budget(period=BudgetPeriod.DOCUMENT, usd=DOLLAR))
    _limit(tenant, clock, *both)
    _limit(other_tenant, clock, *both)
    _settle(tenant, clock, _call(cost="1"), document=document)
    _reserve(other_tenant, clock, document=document)
    operations.set_policy(tenant_id=tenant, schema_slug="", engines=["layout"], clock=clock)
    assert queries.policies(tenant_id=other_tenant) == {}
    assert queries.calls_of_documents(tenant_id=other_tenant, document_ids=[document]) == ()
    _limit(other_tenant, clock)
    assert len(queries.budget_states(tenant_id=tenant, clock=clock)) == 2


def test_budgets_are_set_as_a_whole(tenant: UUID, clock: HeldClock) -> None:
    document = Budget(period=BudgetPeriod.DOCUMENT, tokens=9)
    _limit(tenant, clock, _month("1"), _month("2", "nda"))
    _limit(tenant, clock, document, _month("3", "nda"))
    states = queries.budget_states(tenant_id=tenant, clock=clock)
    assert [state.budget for state in states] == [document, _month("3", "nda")]


@pytest.mark.parametrize(
    "budgets",
    [(_month("1"), _month("2")), (Budget(period=BudgetPeriod.MONTH),), (_month("-1"),)],
    ids=["twice", "no limit", "negative"],
)
def test_a_bad_budget_changes_nothing(tenant: UUID, clock: HeldClock, budgets: tuple[Budget, ...]) -> None:
    _limit(tenant, clock, _month("7"))
    with pytest.raises(BadBudgetError):
        _limit(tenant, clock, *budgets)
    assert _only(tenant, clock).budget == _month("7")


def test_the_nearest_policy_counts(tenant: UUID, clock: HeldClock) -> None:
    own = ("einvoice", "layout", "sglang:small")

    def policy(slug: str) -> tuple[str, ...]:
        return queries.policy(tenant_id=tenant, schema_slug=slug, schema_engines=own)

    assert policy("invoice") == own
    operations.set_policy(tenant_id=tenant, schema_slug="", engines=["layout"], clock=clock)
    operations.set_policy(tenant_id=tenant, schema_slug="nda", engines=["sglang:small"], clock=clock)
    operations.set_policy(tenant_id=tenant, schema_slug="nda", engines=["sglang:medium", "layout"], clock=clock)
    assert policy("invoice") == ("layout",)
    assert policy("nda") == ("sglang:medium", "layout")
    assert operations.remove_policy(tenant_id=tenant, schema_slug="")
    assert not operations.remove_policy(tenant_id=tenant, schema_slug="")
    assert policy("invoice") == own


def test_sglang_alone_is_the_houses_own_model_wherever_it_is_said(tenant: UUID, clock: HeldClock) -> None:
    def policy(*own: str) -> tuple[str, ...]:
        return queries.policy(tenant_id=tenant, schema_slug="invoice", schema_engines=own)

    assert policy("layout", "sglang") == ("layout", "sglang:small")
    with override_settings(QUIRE_INFERENCE_PROFILE="medium"):
        assert policy("layout", "sglang") == ("layout", "sglang:medium")
        # Nobody is asked twice.
        assert policy("sglang:small", "sglang", "sglang:medium") == ("sglang:small", "sglang:medium")
        operations.set_policy(tenant_id=tenant, schema_slug="", engines=["sglang"], clock=clock)
        assert policy("layout") == ("sglang:medium",)
    assert queries.policies(tenant_id=tenant) == {"": ("sglang",)}


@pytest.mark.parametrize(
    ("engines", "error"),
    [
        ([], BadPolicyError),
        (["layout", "layout"], BadPolicyError),
        (["oracle"], BadPolicyError),
        (["sglang:"], BadPolicyError),
        (["sglang:none-such"], UnknownProfileError),
    ],
)
def test_a_policy_names_engines_that_are_there(
    tenant: UUID, clock: HeldClock, engines: list[str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        operations.set_policy(tenant_id=tenant, schema_slug="", engines=engines, clock=clock)
    assert queries.policies(tenant_id=tenant) == {}
