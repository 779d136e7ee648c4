"""Claims, leases and tokens, on a real database. The work itself is nothing here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.common.errors import RetryableError, TerminalError, WaitingError
from apps.documents import queries as documents
from apps.documents.models import DocumentStatus, Lane
from apps.inference.budgets import BudgetSpentError
from apps.inference.errors import ServerBusyError
from apps.pipeline import operations, outbox
from apps.pipeline.dispatcher import Kind
from apps.pipeline.models import OutboxMessage, Run, StageRun, StageStatus
from apps.pipeline.planning import Planned
from apps.pipeline.stages import Claim, Outcome
from apps.pipeline.sweeping import sweep
from apps.tenants.scope import tenant_scope
from tests.faults.dispatchers import DeadDispatcher, LosingDispatcher
from tests.integration.pipeline.steps import begin, claim, nothing, open_work

NO_GRACE = timedelta(seconds=-1)


@pytest.fixture(autouse=True)
def broker() -> Iterator[type[LosingDispatcher]]:
    """Every hint is lost: what happens then happens by the database alone."""
    LosingDispatcher.lost.clear()
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        yield LosingDispatcher


@pytest.fixture
def document(tenant: UUID) -> UUID:
    return begin(tenant)


def _status(tenant: UUID, document: UUID) -> DocumentStatus:
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    return found.status


def _outbox(tenant: UUID) -> int:
    with tenant_scope(tenant):
        return OutboxMessage.objects.count()


def test_a_document_goes_its_way_to_the_end(tenant: UUID, document: UUID) -> None:
    done = []
    statuses = []
    while work := open_work(tenant, document):
        held = operations.claim(tenant_id=tenant, stage_run_id=work[0].id, lease_seconds=30)
        assert held is not None
        pages = 120 if held.stage == "parse" else None
        operations.complete(
            tenant_id=tenant, held=held, outcome=Outcome(store=nothing, page_count=pages), clock=SYSTEM_CLOCK
        )
        done.append((held.stage, held.first_page, held.last_page))
        statuses.append(_status(tenant, document))
    assert sorted(done) == [
        ("ask", 0, 0),
        *(("extract", first, last) for first, last in [(1, 50), (51, 100), (101, 120)]),
        *(("index", first, first + 19) for first in range(1, 121, 20)),
        ("look", 0, 0),
        ("merge", 0, 0),
        ("parse", 1, 100),
        ("parse", 101, 120),
        ("render", 1, 50),
        ("render", 51, 100),
        ("render", 101, 120),
    ]
    assert statuses[:2] == [DocumentStatus.RECEIVED, DocumentStatus.PARSED]
    assert DocumentStatus.EXTRACTED in statuses
    assert statuses[-1] == DocumentStatus.DONE
    assert _outbox(tenant) == 0


def test_a_doubtful_result_ends_in_review(tenant: UUID, document: UUID) -> None:
    while work := open_work(tenant, document):
        held = operations.claim(tenant_id=tenant, stage_run_id=work[0].id, lease_seconds=30)
        assert held is not None
        outcome = Outcome(
            store=nothing,
            page_count=1 if held.stage == "parse" else None,
            doubtful=True if held.stage == "extract" else None,
            skip=frozenset({"ask"}) if held.stage == "extract" else frozenset(),
        )
        operations.complete(tenant_id=tenant, held=held, outcome=outcome, clock=SYSTEM_CLOCK)
        assert held.stage != "ask"
    assert _status(tenant, document) == DocumentStatus.NEEDS_REVIEW


def test_work_is_claimed_once_by_many_at_the_same_time(tenant: UUID, document: UUID) -> None:
    work = open_work(tenant, document)[0]
    barrier = threading.Barrier(8)
    claims: list[Claim | None] = []

    def compete() -> None:
        barrier.wait()
        try:
            claims.append(operations.claim(tenant_id=tenant, stage_run_id=work.id, lease_seconds=30))
        finally:
            connection.close()

    threads = [threading.Thread(target=compete) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claims) == 8
    assert len([held for held in claims if held]) == 1


def test_a_lapsed_holder_can_not_commit_after_another_claimed(tenant: UUID, document: UUID) -> None:
    first = claim(tenant, document, lease=0)
    second = claim(tenant, document)
    assert second.token == first.token + 1
    written: list[str] = []
    with pytest.raises(operations.LeaseLostError):
        operations.complete(
            tenant_id=tenant,
            held=first,
            outcome=Outcome(store=lambda: written.append("late"), page_count=1),
            clock=SYSTEM_CLOCK,
        )
    assert written == []
    operations.complete(tenant_id=tenant, held=second, outcome=Outcome(store=nothing, page_count=1), clock=SYSTEM_CLOCK)
    assert _status(tenant, document) == DocumentStatus.PARSED


def test_a_lapsed_holder_can_not_renew(tenant: UUID, document: UUID) -> None:
    first = claim(tenant, document, lease=0)
    claim(tenant, document)
    assert not operations.renew(tenant_id=tenant, stage_run_id=first.stage_run_id, token=first.token, lease_seconds=30)


def test_a_renewed_lease_keeps_others_away(tenant: UUID, document: UUID) -> None:
    held = claim(tenant, document, lease=0)
    assert operations.renew(tenant_id=tenant, stage_run_id=held.stage_run_id, token=held.token, lease_seconds=30)
    assert operations.claim(tenant_id=tenant, stage_run_id=held.stage_run_id, lease_seconds=30) is None


def test_delivered_three_times_the_work_is_done_once(tenant: UUID, document: UUID) -> None:
    held = claim(tenant, document)
    outcome = Outcome(store=nothing, page_count=1)
    operations.complete(tenant_id=tenant, held=held, outcome=outcome, clock=SYSTEM_CLOCK)
    for _ in range(2):
        assert operations.claim(tenant_id=tenant, stage_run_id=held.stage_run_id, lease_seconds=30) is None
    with pytest.raises(operations.LeaseLostError):
        operations.complete(tenant_id=tenant, held=held, outcome=outcome, clock=SYSTEM_CLOCK)


def test_a_failed_store_leaves_nothing_behind(tenant: UUID, document: UUID) -> None:
    held = claim(tenant, document)

    def store() -> None:
        message = "disk full"
        raise OSError(message)

    with pytest.raises(OSError, match="disk full"):
        operations.complete(tenant_id=tenant, held=held, outcome=Outcome(store=store, page_count=1), clock=SYSTEM_CLOCK)
    assert [work.stage for work in open_work(tenant, document)] == ["parse"]
    assert _status(tenant, document) == DocumentStatus.RECEIVED


def test_a_passing_failure_waits_longer_each_time_and_ends_after_five(tenant: UUID, document: UUID) -> None:
    waits = []
    for attempt in range(1, 6):
        work = open_work(tenant, document)[0]
        with tenant_scope(tenant):
            StageRun.objects.filter(id=work.id).update(due_at=work.due_at - timedelta(days=1))
        held = claim(tenant, document)
        assert held.attempt == attempt
        operations.postpone(
            tenant_id=tenant, held=held, error=RetryableError("busy", code="server_busy"), clock=SYSTEM_CLOCK
        )
        if attempt < 5:
            with tenant_scope(tenant), connection.cursor() as cursor:
                cursor.execute(
                    "SELECT extract(epoch FROM due_at - clock_timestamp()) FROM pipeline_stagerun WHERE id = %s",
                    [work.id],
                )
                waits.append(float(cursor.fetchone()[0]))
    # A fifth more than the step at most, so that what was put back together doesn't come back together.
    assert all(0.9 * step < wait < 1.25 * step for step, wait in zip((2, 4, 8, 16), waits, strict=True)), waits
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    assert (found.status, found.reason_code, found.reason) == (DocumentStatus.FAILED, "server_busy", "busy")
    assert found.completed_at is not None
    assert _outbox(tenant) == 0


def test_the_other_side_may_ask_for_a_longer_wait(tenant: UUID, document: UUID) -> None:
    held = claim(tenant, document)
    error = RetryableError("busy", retry_after=60)
    operations.postpone(tenant_id=tenant, held=held, error=error, clock=SYSTEM_CLOCK)
    assert operations.claim(tenant_id=tenant, stage_run_id=held.stage_run_id, lease_seconds=30) is None
    with tenant_scope(tenant), connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM due_at - clock_timestamp()) FROM pipeline_outboxmessage")
        assert 55 < float(cursor.fetchone()[0]) < 75


def test_having_waited_makes_no_later_pause_longer(tenant: UUID, document: UUID) -> None:
    for error in [WaitingError("no money", retry_after=0.0)] * 6 + [RetryableError("a hiccup")]:
        held = claim(tenant, document)
        operations.postpone(tenant_id=tenant, held=held, error=error, clock=SYSTEM_CLOCK)
    with tenant_scope(tenant), connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM due_at - clock_timestamp()) FROM pipeline_outboxmessage")
        (pause,) = cursor.fetchone()
    # The first pause of any work.
    assert pause <= operations.BACKOFF_BASE_SECONDS * (1 + operations.JITTER)


def test_waiting_has_no_last_attempt_and_says_what_for(tenant: UUID, document: UUID) -> None:
    for _ in range(12):
        work = open_work(tenant, document)[0]
        with tenant_scope(tenant):
            StageRun.objects.filter(id=work.id).update(due_at=work.due_at - timedelta(days=1))
        held = claim(tenant, document)
        assert held.attempt == 1
        error = WaitingError("the server is gone", code="gone")
        operations.postpone(tenant_id=tenant, held=held, error=error, clock=SYSTEM_CLOCK)
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    assert (found.status, found.reason_code, found.reason) == (DocumentStatus.RECEIVED, "gone", "the server is gone")
    work = open_work(tenant, document)[0]
    with tenant_scope(tenant):
        StageRun.objects.filter(id=work.id).update(due_at=work.due_at - timedelta(days=1))
    held = claim(tenant, document)
    assert held.has_waited
    operations.complete(tenant_id=tenant, held=held, outcome=Outcome(store=nothing, page_count=1), clock=SYSTEM_CLOCK)
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    assert (found.status, found.reason) == (DocumentStatus.PARSED, "")


def test_what_waits_can_be_woken_by_its_reason(tenant: UUID, document: UUID, broker: type[LosingDispatcher]) -> None:
    held = claim(tenant, document)
    error = WaitingError("spent", code="budget_spent", retry_after=200)
    operations.postpone(tenant_id=tenant, held=held, error=error, clock=SYSTEM_CLOCK)
    assert outbox.wake(tenant_id=tenant, reason_code="another") == 0
    assert operations.claim(tenant_id=tenant, stage_run_id=held.stage_run_id, lease_seconds=30) is None
    broker.lost.clear()
    assert outbox.wake(tenant_id=tenant, reason_code="budget_spent") == 1
    assert [hint.stage_run_id for hint in broker.lost] == [held.stage_run_id]
    assert outbox.wake(tenant_id=tenant, reason_code="budget_spent") == 0
    again = operations.claim(tenant_id=tenant, stage_run_id=held.stage_run_id, lease_seconds=30)
    assert again is not None
    assert again.has_waited


def test_a_wait_is_as_long_as_was_asked_for(tenant: UUID, document: UUID) -> None:
    held = claim(tenant, document)
    error = WaitingError("busy", retry_after=1)
    operations.postpone(tenant_id=tenant, held=held, error=error, clock=SYSTEM_CLOCK)
    with tenant_scope(tenant), connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM due_at - clock_timestamp()) FROM pipeline_outboxmessage")
        assert float(cursor.fetchone()[0]) < 1.3


@pytest.mark.parametrize(
    ("error", "shortest", "longest"),
    [
        (ServerBusyError("busy", retry_after=86_400), 300, 360),
        (BudgetSpentError("spent", retry_after=86_400), 6 * 3600, 6 * 3600 + 300),
        (BudgetSpentError("spent until the month turns", retry_after=7_200), 7_200, 7_500),
        (BudgetSpentError("calls under way hold it", retry_after=30), 30, 36),
    ],
    ids=["a server's wish", "a budget", "the turn of the month", "calls under way"],
)
def test_only_what_is_woken_may_wait_for_hours(
    tenant: UUID, document: UUID, error: RetryableError, shortest: int, longest: int
) -> None:
    operations.postpone(tenant_id=tenant, held=claim(tenant, document), error=error, clock=SYSTEM_CLOCK)
    with tenant_scope(tenant), connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM due_at - clock_timestamp()) FROM pipeline_outboxmessage")
        assert shortest - 20 < float(cursor.fetchone()[0]) <= longest


def test_a_final_failure_cancels_what_is_left(tenant: UUID, document: UUID) -> None:
    held = claim(tenant, document)
    operations.complete(tenant_id=tenant, held=held, outcome=Outcome(store=nothing, page_count=1), clock=SYSTEM_CLOCK)
    held = claim(tenant, document)
    operations.fail(
        tenant_id=tenant, held=held, error=TerminalError("broken", code="broken"), quarantine=True, clock=SYSTEM_CLOCK
    )
    assert _status(tenant, document) == DocumentStatus.QUARANTINED
    assert open_work(tenant, document) == []
    assert _outbox(tenant) == 0
    with tenant_scope(tenant):
        states = set(StageRun.objects.filter(document_id=document).values_list("stage", "status"))
    assert states == {("parse", "done"), ("extract", "failed"), ("render", "cancelled"), ("index", "cancelled")}


def test_a_cancelled_documents_worker_can_not_commit(tenant: UUID, document: UUID) -> None:
    held = claim(tenant, document)
    operations.stop_runs(tenant_id=tenant, document_id=document, clock=SYSTEM_CLOCK)
    assert not operations.renew(tenant_id=tenant, stage_run_id=held.stage_run_id, token=held.token, lease_seconds=30)
    with pytest.raises(operations.LeaseLostError):
        operations.complete(tenant_id=tenant, held=held, outcome=Outcome(store=nothing), clock=SYSTEM_CLOCK)


def test_the_sweeper_takes_lapsed_work_back_and_sends_it(
    tenant: UUID, document: UUID, broker: type[LosingDispatcher]
) -> None:
    held = claim(tenant, document, lease=0)
    broker.lost.clear()
    done = sweep(dispatcher=broker(), grace=timedelta(hours=1), clock=SYSTEM_CLOCK)
    assert done.recovered >= 1
    assert held.stage_run_id in {hint.stage_run_id for hint in broker.lost}
    with tenant_scope(tenant):
        stored = StageRun.objects.get(id=held.stage_run_id)
    assert (stored.status, stored.lapses) == (StageStatus.PENDING, 1)


def test_work_that_loses_its_worker_three_times_fails(tenant: UUID, document: UUID) -> None:
    for _ in range(3):
        held = claim(tenant, document, lease=0)
        assert operations.recover(tenant_id=tenant, stage_run_id=held.stage_run_id, clock=SYSTEM_CLOCK)
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    assert (found.status, found.reason_code) == (DocumentStatus.FAILED, "worker_lost")


def test_lapsed_work_of_a_run_that_has_ended_stops_no_sweep(tenant: UUID, document: UUID) -> None:
    """The third lapse of one piece ends the run, while another piece of it has lapsed too."""
    held = claim(tenant, document)
    operations.complete(tenant_id=tenant, held=held, outcome=Outcome(store=nothing, page_count=250), clock=SYSTEM_CLOCK)
    for _ in range(operations.MAX_LAPSES):
        for piece in open_work(tenant, document):
            if piece.stage == "parse":
                assert operations.claim(tenant_id=tenant, stage_run_id=piece.id, lease_seconds=0)
        swept = sweep(dispatcher=LosingDispatcher(), grace=NO_GRACE, clock=SYSTEM_CLOCK)
        assert swept.recovered == (2 if open_work(tenant, document) else 1)
    assert _status(tenant, document) == DocumentStatus.FAILED


def test_a_hint_that_was_lost_is_sent_again_until_the_work_is_claimed(
    alone: None, tenant: UUID, document: UUID, broker: type[LosingDispatcher]
) -> None:
    for _ in range(2):
        broker.lost_again.clear()
        assert sweep(dispatcher=broker(), grace=NO_GRACE, clock=SYSTEM_CLOCK).resent == 1
        assert broker.lost_again == {Kind(stage="parse", lane=Lane.BULK): 1}
    claim(tenant, document)
    assert sweep(dispatcher=broker(), grace=NO_GRACE, clock=SYSTEM_CLOCK).resent == 0


def test_an_upload_survives_a_dead_broker(tenant: UUID) -> None:
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.DeadDispatcher"):
        begin(tenant, lane=Lane.INTERACTIVE)
    assert _outbox(tenant) == 1
    with pytest.raises(RetryableError):
        sweep(dispatcher=DeadDispatcher(), grace=NO_GRACE, clock=SYSTEM_CLOCK)
    assert _outbox(tenant) == 1


def test_planned_twice_the_work_is_there_once(tenant: UUID, document: UUID, broker: type[LosingDispatcher]) -> None:
    with tenant_scope(tenant):
        first = StageRun.objects.get(document_id=document)
        run = Run.objects.get(id=first.run_id)
    assert [hint.stage_run_id for hint in broker.lost] == [first.id]
    planned = Planned(stage=first.stage, shard=first.shard, first_page=first.first_page, last_page=first.last_page)
    with tenant_scope(tenant):
        outbox.write_down(run=run, planned=[planned])
        assert [row.id for row in StageRun.objects.filter(document_id=document)] == [first.id]
        assert [row.stage_run_id for row in OutboxMessage.objects.all()] == [first.id]
    assert len(broker.lost) == 1


def test_pieces_that_skip_the_same_stage_skip_it_once(tenant: UUID, document: UUID) -> None:
    while work := open_work(tenant, document):
        held = operations.claim(tenant_id=tenant, stage_run_id=work[0].id, lease_seconds=30)
        assert held is not None
        outcome = Outcome(
            store=nothing,
            page_count=120 if held.stage == "parse" else None,
            skip=frozenset({"ask"}) if held.stage == "extract" else frozenset(),
        )
        operations.complete(tenant_id=tenant, held=held, outcome=outcome, clock=SYSTEM_CLOCK)
    with tenant_scope(tenant):
        ends = StageRun.objects.filter(document_id=document).values_list("stage", "status")
        assert sorted(ends.filter(stage__in=["ask", "extract"])) == [("ask", "done"), *[("extract", "done")] * 3]


def test_another_tenant_can_not_claim(tenant: UUID, other_tenant: UUID, document: UUID) -> None:
    work = open_work(tenant, document)[0]
    assert operations.claim(tenant_id=other_tenant, stage_run_id=work.id, lease_seconds=30) is None
