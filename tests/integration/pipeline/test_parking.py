"""Where a budget is spent, documents wait for it: they keep what was found, and go on when there is money."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.test import override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.documents import queries as documents
from apps.documents.errors import UnknownSchemaError
from apps.documents.models import DocumentStatus, Lane
from apps.extraction.notes import Note
from apps.inference import operations as inference
from apps.inference import queries as usage
from apps.inference.budgets import Budget, BudgetPeriod
from apps.inference.models import ModelCall, StoredReservation
from apps.inference.queries import Grouping
from apps.inference.servers import ModelServer
from apps.pipeline import spending
from apps.pipeline.bodies import ask
from apps.pipeline.models import StageRun
from apps.pipeline.tuning import DocumentTuning, document_tuning
from apps.pipeline.worker import work
from apps.results import queries as results
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.uploads import upload
from tests.faults.sglang_server import LoopbackServer, answers, loopback_server
from tests.integration.pipeline.asking import CLAIM, due, look_again, make_schema

LINES = (
    (60, 80, "Customer number: C-10442", 11),
    (60, 110, "every pump of ours comes with the promise ZX-81-PUMP, which our grandchildren will honour.", 10),
    (60, 140, "With kind regards from the workshop at the sign of the old mill", 10),
)


def _field(title: str) -> dict[str, object]:
    return {"type": "string", "title": title, "maxLength": 40, "x-quire": {"kind": "identifier"}}


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "Promise",
    "description": "A letter that promises something.",
    "required": ["warranty_code", "house"],
    "properties": {
        "customer_number": _field("Customer number"),
        "warranty_code": _field("Warranty code"),
        "house": _field("House"),
    },
    "x-quire": {"engines": ["layout", "sglang:small", "sglang:medium"]},
}
HOUSE = {"value": "old mill", "quote": "the sign of the old mill", "page": 1}
# What small finds, and what medium is asked for then.
FIRST = json.dumps({"warranty_code": CLAIM, "house": None})
SECOND = json.dumps({"house": HOUSE})


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """The server of small."""
    with loopback_server() as server, override_settings(QUIRE_INFERENCE_URL=server.url):
        yield server


@pytest.fixture
def medium() -> Iterator[LoopbackServer]:
    with loopback_server() as server:
        server.models = ("medium",)
        own = ModelServer(profile="medium", url=server.url, suffix="_MEDIUM")
        with override_settings(QUIRE_INFERENCE_SERVERS={"medium": own}):
            yield server


@pytest.fixture
def tenant(tenant: UUID) -> UUID:
    make_schema(tenant, SCHEMA)
    return tenant


def _month(usd: str) -> Budget:
    return Budget(period=BudgetPeriod.MONTH, usd=Decimal(usd))


def _set(tenant: UUID, *budgets: Budget) -> int:
    return spending.set_budgets(tenant_id=tenant, budgets=budgets, clock=SYSTEM_CLOCK)


def _upload(tenant: UUID, mark: str = "one") -> UUID:
    return upload(tenant, pdf(lines=LINES, mark=mark), schema="promise", name="letter.pdf", lane=Lane.BULK)


def _state(tenant: UUID, document: UUID) -> tuple[DocumentStatus, str, str]:
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    return found.status, found.reason_code, found.reason


def _values(tenant: UUID, document: UUID) -> list[tuple[str, str, str]]:
    (result,) = results.results_of(tenant_id=tenant, document_id=document)
    return [(value.path, value.value, value.engine) for value in result.values]


LOCAL = [("/customer_number", "C-10442", "layout")]
SMALL = [*LOCAL, ("/warranty_code", "ZX-81-PUMP", "sglang:small")]
WHOLE = [*SMALL, ("/house", "old mill", "sglang:medium")]


def test_what_the_cheaper_engines_found_is_kept_and_not_paid_for_twice(
    tenant: UUID, server: LoopbackServer, medium: LoopbackServer
) -> None:
    """Small is free here, medium has a price, and there is no money for it."""
    _set(tenant, _month("0"))
    server.reply = FIRST
    medium.reply = SECOND
    document = _upload(tenant)
    status, code, reason = _state(tenant, document)
    assert (status, code) == (DocumentStatus.EXTRACTED, "budget_spent")
    assert reason.startswith("The month's budget of $0.00 is spent; raise it or wait until 1 ")
    assert _values(tenant, document) == SMALL
    for _ in range(3):
        look_again(tenant, document)
    assert (len(server.requests), medium.requests) == (1, [])
    assert _state(tenant, document)[1] == "budget_spent"
    with tenant_scope(tenant):
        parked = StageRun.objects.get(document_id=document, stage="ask")
        assert (parked.status, parked.attempts, parked.progress) == ("pending", 0, ["sglang:small"])
        assert not StoredReservation.objects.exists()
    assert spending.spending(tenant_id=tenant, clock=SYSTEM_CLOCK).waiting_documents == 1
    assert _set(tenant, _month("1")) == 1
    assert _state(tenant, document) == (DocumentStatus.DONE, "", "")
    assert _values(tenant, document) == WHOLE
    asked = [*server.requests, *medium.requests]
    assert [request["messages"][1]["content"][-1]["text"].count("Warranty") for request in asked] == [1, 0]
    assert spending.spending(tenant_id=tenant, clock=SYSTEM_CLOCK).waiting_documents == 0
    with tenant_scope(tenant):
        call = ModelCall.objects.get(engine="sglang:medium")
    assert (call.document_id, call.schema_slug, call.lane, call.document_pages) == (document, "promise", "bulk", 1)
    # 1,000 tokens at $0.40 and 50 at $2.00 a million, as the table has them since that day; four GPUs.
    assert (call.cost, str(call.price_date)) == (Decimal("0.0005"), "2025-08-12")
    assert call.gpu_seconds == pytest.approx(4 * call.seconds)


def test_a_server_that_breaks_on_the_dearer_model_costs_the_cheaper_one_nothing(
    tenant: UUID, server: LoopbackServer, medium: LoopbackServer
) -> None:
    server.reply = FIRST
    medium.faults = [answers(500)] * 5
    document = _upload(tenant)
    for _ in range(4):
        assert _values(tenant, document) == SMALL
        look_again(tenant, document)
    assert _state(tenant, document)[0] == DocumentStatus.NEEDS_REVIEW
    assert _values(tenant, document) == SMALL
    (result,) = results.results_of(tenant_id=tenant, document_id=document)
    assert Note(text="the model server answered 500") in result.notes
    assert (len(server.requests), len(medium.requests)) == (1, 5)


def test_a_parked_document_looks_at_its_budget_before_anything_is_loaded(
    tenant: UUID, server: LoopbackServer, medium: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the turn of the engine that was paid for is over, it is the next one's price that counts."""
    _set(tenant, _month("0"))
    server.reply = FIRST
    medium.reply = SECOND
    document = _upload(tenant)
    loaded = []

    def tuning(**arguments: object) -> DocumentTuning:
        loaded.append(arguments)
        return document_tuning(**arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ask, "document_tuning", tuning)
    look_again(tenant, document)
    assert _state(tenant, document)[:2] == (DocumentStatus.EXTRACTED, "budget_spent")
    assert loaded == []
    assert _set(tenant, _month("1")) == 1
    assert _state(tenant, document) == (DocumentStatus.DONE, "", "")
    assert len(loaded) == 1
    assert (len(server.requests), len(medium.requests)) == (1, 1)


def test_a_parked_document_looks_again_in_hours(tenant: UUID, server: LoopbackServer, medium: LoopbackServer) -> None:
    """Who raises the budget wakes it: until then it shall take no worker from anybody."""
    each = Budget(period=BudgetPeriod.DOCUMENT, schema_slug="promise", usd=Decimal(0))
    _set(tenant, each)
    server.reply = FIRST
    document = _upload(tenant)
    with tenant_scope(tenant), connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM due_at - clock_timestamp()) FROM pipeline_stagerun "
            "WHERE document_id = %s AND stage = 'ask'",
            [document],
        )
        assert 6 * 3600 - 60 < float(cursor.fetchone()[0]) <= 6 * 3600 + 300


def test_a_documents_budget_parks_that_document(tenant: UUID, medium: LoopbackServer) -> None:
    inference.set_policy(
        tenant_id=tenant, schema_slug="promise", engines=["layout", "sglang:medium"], clock=SYSTEM_CLOCK
    )
    each = Budget(period=BudgetPeriod.DOCUMENT, schema_slug="promise", usd=Decimal("0.000001"))
    _set(tenant, each)
    document = _upload(tenant)
    status, code, reason = _state(tenant, document)
    assert (status, code) == (DocumentStatus.EXTRACTED, "budget_spent")
    # 4,096 tokens of a reply at $2.00 a million.
    assert reason == (
        "The budget of $0.000001 a document for schema promise has $0.000001 left, and even the shortest call may cost "
        "up to $0.008192; raise it"
    )
    assert _values(tenant, document) == LOCAL
    assert medium.requests == []


def test_the_turn_of_the_month_lets_it_go_on(tenant: UUID, medium: LoopbackServer) -> None:
    @dataclass(frozen=True, slots=True)
    class Calendar:
        moment: datetime

        def now(self) -> datetime:
            return self.moment

    old, new = Calendar(datetime(2025, 11, 30, 23, 59, tzinfo=UTC)), Calendar(datetime(2025, 12, 1, tzinfo=UTC))
    inference.set_policy(tenant_id=tenant, schema_slug="", engines=["sglang:medium"], clock=old)
    inference.record_calls(tenant_id=tenant, document_id=None, calls=[], clock=old)
    with tenant_scope(tenant), connection.cursor() as cursor:
        cursor.execute("UPDATE inference_monthspending SET usd = 1")
    _set(tenant, _month("1"))
    medium.faults = [answers(503)]
    medium.reply = json.dumps({"customer_number": None, "warranty_code": CLAIM, "house": HOUSE})
    document = _upload(tenant)
    asked = due(tenant, document)
    work(tenant_id=tenant, stage_run_id=asked, clock=old)
    assert _state(tenant, document)[1:] == (
        "budget_spent",
        "The month's budget of $1.00 is spent; raise it or wait until 1 December",
    )
    assert len(medium.requests) == 1
    work(tenant_id=tenant, stage_run_id=due(tenant, document), clock=new)
    assert _state(tenant, document) == (DocumentStatus.DONE, "", "")
    assert len(medium.requests) == 2


def test_two_workers_want_the_last_dollar(tenant: UUID, medium: LoopbackServer) -> None:
    """There is money for one call: one document gets it, the other one waits, and nothing is spent beyond."""
    inference.set_policy(
        tenant_id=tenant, schema_slug="promise", engines=["layout", "sglang:medium"], clock=SYSTEM_CLOCK
    )
    _set(tenant, _month("0"))
    medium.reply = json.dumps({"warranty_code": CLAIM, "house": HOUSE})
    pair = [_upload(tenant, mark=mark) for mark in ("one", "two")]
    # The most that one call may cost is learnt from a refusal.
    inference.set_budgets(tenant_id=tenant, budgets=[_month("0.008192")], clock=SYSTEM_CLOCK)
    look_again(tenant, pair[0])
    most = _state(tenant, pair[0])[2].partition("cost up to $")[2].partition(";")[0]
    inference.set_budgets(tenant_id=tenant, budgets=[_month(most)], clock=SYSTEM_CLOCK)
    barrier = threading.Barrier(2)

    def run(stage_run_id: UUID) -> None:
        try:
            barrier.wait()
            work(tenant_id=tenant, stage_run_id=stage_run_id)
        finally:
            connection.close()

    workers = [threading.Thread(target=run, args=(due(tenant, document),)) for document in pair]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    states = sorted(_state(tenant, document)[:2] for document in pair)
    assert states == [(DocumentStatus.DONE, ""), (DocumentStatus.EXTRACTED, "budget_spent")]
    assert len(medium.requests) == 1
    (state,) = usage.budget_states(tenant_id=tenant, clock=SYSTEM_CLOCK)
    assert (state.spent.usd, state.held.usd) == (Decimal("0.0005"), Decimal(0))
    # What the one didn't use isn't enough for the other: it waits until somebody says so.
    assert _set(tenant, _month("1")) == 1
    assert [_state(tenant, document) for document in pair] == [(DocumentStatus.DONE, "", "")] * 2
    day = SYSTEM_CLOCK.now().date()
    report = usage.usage(tenant_id=tenant, by=Grouping.SCHEMA, first_day=day, last_day=day)
    assert [(group.key, group.calls, group.documents, group.cost) for group in report.groups] == [
        ("promise", 2, 2, Decimal("0.001"))
    ]


def test_the_policy_says_which_engines_run(tenant: UUID, medium: LoopbackServer) -> None:
    _set(tenant, _month("0"))
    spending.set_policy(tenant_id=tenant, schema_slug="promise", engines=["sglang:medium"], clock=SYSTEM_CLOCK)
    document = _upload(tenant)
    assert _state(tenant, document)[1] == "budget_spent"
    assert _values(tenant, document) == []
    # Without the dear model there is nothing left to pay: what waited comes to its end.
    assert spending.set_policy(tenant_id=tenant, schema_slug="promise", engines=["layout"], clock=SYSTEM_CLOCK) == 1
    assert _state(tenant, document)[:2] == (DocumentStatus.NEEDS_REVIEW, "")
    assert medium.requests == []
    second = _upload(tenant, mark="two")
    assert _values(tenant, second) == LOCAL
    everywhere, held = spending.policies(tenant_id=tenant)
    assert everywhere is None
    assert {policy.schema_slug: (policy.source, policy.engines[-1]) for policy in held} == {
        "advertising-contract": ("schema", "sglang"),
        "invoice": ("schema", "sglang"),
        "nda": ("schema", "sglang"),
        "promise": ("tenant_schema", "layout"),
        "receipt": ("schema", "sglang"),
    }


def test_a_budget_or_policy_for_a_schema_that_isnt_there_is_refused(tenant: UUID) -> None:
    lost = Budget(period=BudgetPeriod.MONTH, schema_slug="invoices", usd=Decimal(1))
    with pytest.raises(UnknownSchemaError, match="there is no schema 'invoices'; there are: advertising-contract,"):
        _set(tenant, lost)
    with pytest.raises(UnknownSchemaError):
        spending.set_policy(tenant_id=tenant, schema_slug="invoices", engines=["layout"], clock=SYSTEM_CLOCK)
    assert spending.spending(tenant_id=tenant, clock=SYSTEM_CLOCK).budgets == ()
