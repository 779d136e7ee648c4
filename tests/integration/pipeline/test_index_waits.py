"""What an embedding server takes is held to the month's budgets: pages wait for money, and go on when there is some."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.test import override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.documents import queries as documents
from apps.documents.models import DocumentStatus
from apps.inference import queries as usage
from apps.inference.budgets import Amount, Budget, BudgetPeriod
from apps.inference.models import CostBasis, ModelCall, StoredReservation
from apps.inference.queries import Grouping
from apps.inference.tokens import estimated_tokens
from apps.pipeline import spending
from apps.pipeline.models import StageRun
from apps.pipeline.worker import work
from apps.search.models import StoredPassage
from apps.search.queries import search
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.uploads import upload
from tests.faults.sglang_server import LoopbackServer, answers, loopback_server, vectors
from tests.integration.pipeline.asking import SCHEMA, make_schema, upload_letter


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with loopback_server() as server, override_settings(QUIRE_EMBEDDINGS_URL=server.url):
        yield server


@pytest.fixture
def tenant(tenant: UUID) -> UUID:
    make_schema(tenant, {**SCHEMA, "x-quire": {"engines": ["layout"]}})
    return tenant


def _set(tenant: UUID, *budgets: Budget) -> int:
    return spending.set_budgets(tenant_id=tenant, budgets=budgets, clock=SYSTEM_CLOCK)


def _tokens(count: int, schema: str = "", period: BudgetPeriod = BudgetPeriod.MONTH) -> Budget:
    return Budget(period=period, schema_slug=schema, tokens=count)


def _state(tenant: UUID, document: UUID) -> tuple[str, str]:
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    return found.reason_code, found.reason


def _look_again(tenant: UUID, document: UUID) -> None:
    with tenant_scope(tenant):
        piece = StageRun.objects.get(document_id=document, stage="index")
        StageRun.objects.filter(id=piece.id).update(due_at=piece.due_at - timedelta(days=1))
    assert work(tenant_id=tenant, stage_run_id=piece.id)


def _passages(tenant: UUID) -> list[str]:
    with tenant_scope(tenant):
        return list(StoredPassage.objects.values_list("text", flat=True))


def _calls(tenant: UUID) -> list[tuple[str, int, Decimal, str, str]]:
    with tenant_scope(tenant):
        rows = ModelCall.objects.filter(engine="embeddings").order_by("created_at", "cost_basis")
        return list(rows.values_list("schema_slug", "prompt_tokens", "cost", "outcome", "cost_basis"))


@pytest.mark.parametrize("schema", ["", "promise"])
def test_pages_wait_for_a_token_budget_that_is_spent(tenant: UUID, server: LoopbackServer, schema: str) -> None:
    _set(tenant, _tokens(10, schema))
    document = upload_letter(tenant)
    code, reason = _state(tenant, document)
    assert (code, server.embedded, _calls(tenant)) == ("budget_spent", [], [])
    named = f"10 tokens for schema {schema}" if schema else "10 tokens"
    assert reason.startswith(f"The month's budget of {named} has 10 tokens left, and embedding these pages may take up")
    _look_again(tenant, document)
    with tenant_scope(tenant):
        parked = StageRun.objects.get(document_id=document, stage="index")
        assert (parked.status, parked.attempts) == ("pending", 0)
        assert not StoredReservation.objects.exists()
    assert (server.embedded, _passages(tenant)) == ([], [])
    assert spending.spending(tenant_id=tenant, clock=SYSTEM_CLOCK).waiting_documents == 1
    assert _set(tenant, _tokens(1000, schema)) == 1
    assert _state(tenant, document)[0] == ""
    assert len(server.embedded) == 1
    assert len(_passages(tenant)) == 1
    # It is booked with what the server counted, and for the document's schema.
    assert _calls(tenant) == [("promise", 7, Decimal(0), "ok", CostBasis.USAGE)]
    (state,) = usage.budget_states(tenant_id=tenant, clock=SYSTEM_CLOCK)
    assert (state.spent.tokens, state.held, state.left_tokens) == (7, Amount(), 993)
    today = SYSTEM_CLOCK.now().date()
    report = usage.usage(tenant_id=tenant, by=Grouping.SCHEMA, first_day=today, last_day=today)
    assert [(group.key, group.prompt_tokens, group.documents) for group in report.groups] == [("promise", 7, 0)]


def test_what_is_reserved_is_the_whole_piece(tenant: UUID, server: LoopbackServer) -> None:
    """One token short of it nothing is asked; with as many it is: no page is embedded that can't be stored."""
    _set(tenant, _tokens(1))
    document = upload_letter(tenant)
    need = int(_state(tenant, document)[1].partition("may take up to ")[2].partition(";")[0])
    _set(tenant, _tokens(need - 1))
    assert (_state(tenant, document)[0], server.embedded) == ("budget_spent", [])
    _set(tenant, _tokens(need))
    assert (_state(tenant, document)[0], len(server.embedded)) == ("", 1)
    assert need == estimated_tokens(_passages(tenant)[0])


def test_dollars_hold_a_server_that_has_a_price(tenant: UUID, server: LoopbackServer) -> None:
    with override_settings(QUIRE_EMBEDDINGS_PROFILE="medium"):
        _set(tenant, Budget(period=BudgetPeriod.MONTH, usd=Decimal(0)))
        document = upload_letter(tenant)
        assert (_state(tenant, document)[0], server.embedded) == ("budget_spent", [])
        _set(tenant, Budget(period=BudgetPeriod.MONTH, usd=Decimal(1)))
        assert _state(tenant, document)[0] == ""
    # 7 tokens at 0.40 dollars a million.
    assert _calls(tenant) == [("promise", 7, Decimal("0.0000028"), "ok", CostBasis.USAGE)]


def test_a_documents_budget_is_for_its_questions(tenant: UUID, server: LoopbackServer) -> None:
    _set(tenant, _tokens(0, period=BudgetPeriod.DOCUMENT), _tokens(0, "invoice"))
    document = upload_letter(tenant)
    assert (_state(tenant, document)[0], len(server.embedded)) == ("", 1)


def test_a_request_that_broke_off_is_booked_with_its_estimate(tenant: UUID, server: LoopbackServer) -> None:
    server.faults = [answers(500), answers(503)]
    document = upload_letter(tenant)
    assert _state(tenant, document)[0] == "embeddings_down"
    _look_again(tenant, document)
    assert _state(tenant, document)[0] == "embeddings_down"
    _look_again(tenant, document)
    estimate = estimated_tokens(_passages(tenant)[0])
    assert _calls(tenant) == [
        ("promise", estimate, Decimal(0), "embeddings_down", CostBasis.RESERVED),
        ("promise", 0, Decimal(0), "embeddings_down", CostBasis.USAGE),
        ("promise", 7, Decimal(0), "ok", CostBasis.USAGE),
    ]
    with tenant_scope(tenant):
        assert not StoredReservation.objects.exists()
        assert set(ModelCall.objects.values_list("predicted_tokens", flat=True)) == {None}


def test_of_two_requests_the_one_that_ended_well_is_booked_as_counted(tenant: UUID, server: LoopbackServer) -> None:
    """A page of 22 passages takes two requests; the second breaks off."""
    _set(tenant, _tokens(100_000))
    lines = tuple((60, 40 + 4 * row, f"row {row:03} " + "of a long letter " * 9, 3) for row in range(110))
    server.faults = [answers(200, vectors([server.vector] * 16)), answers(500)]
    document = upload(tenant, pdf(lines=lines), schema="promise", name="long.pdf")
    assert _state(tenant, document)[0] == "embeddings_down"
    first, second = (request["input"] for request in server.embedded)
    assert (len(first), len(second)) == (16, 6)
    broken = sum(estimated_tokens(text) for text in second)
    assert _calls(tenant) == [
        ("promise", broken, Decimal(0), "embeddings_down", CostBasis.RESERVED),
        ("promise", 7 * 16, Decimal(0), "ok", CostBasis.USAGE),
    ]
    with tenant_scope(tenant):
        assert not StoredReservation.objects.exists()
    (state,) = usage.budget_states(tenant_id=tenant, clock=SYSTEM_CLOCK)
    assert state.spent.tokens == 7 * 16 + broken


def test_what_is_searched_for_is_booked_and_not_held(tenant: UUID, server: LoopbackServer) -> None:
    upload_letter(tenant)
    _set(tenant, _tokens(0))
    assert len(search(tenant_id=tenant, query="grandchildren", limit=1, clock=SYSTEM_CLOCK)) == 1
    assert _calls(tenant) == [
        ("promise", 7, Decimal(0), "ok", CostBasis.USAGE),
        ("", 7, Decimal(0), "ok", CostBasis.USAGE),
    ]


def test_without_a_server_nothing_is_held(tenant: UUID) -> None:
    _set(tenant, _tokens(0))
    document = upload_letter(tenant)
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    assert (found.status, found.reason_code) == (DocumentStatus.NEEDS_REVIEW, "")
    assert (len(_passages(tenant)), _calls(tenant)) == (1, [])
