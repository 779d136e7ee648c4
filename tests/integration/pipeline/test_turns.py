"""Tenants take turns at the workers, however much of the work is one tenant's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.common.errors import WaitingError
from apps.documents.models import Lane
from apps.pipeline import operations
from apps.pipeline.dispatcher import Kind
from apps.pipeline.models import OutboxMessage, StageRun, StageStatus
from apps.pipeline.stages import Claim, Outcome
from apps.pipeline.turns import claim_in_turn
from apps.tenants.scope import tenant_scope
from tests.conftest import make_tenant
from tests.integration.pipeline.steps import begin, nothing, open_work

PARSE = (Kind(stage="parse", lane=Lane.BULK),)
BEGUN = (
    Kind(stage="extract", lane=Lane.BULK),
    Kind(stage="merge", lane=Lane.BULK),
    Kind(stage="index", lane=Lane.BULK),
)


@pytest.fixture(autouse=True)
def _no_broker(alone: None) -> Iterator[None]:
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        yield


@pytest.fixture
def small(other_tenant: UUID) -> UUID:
    return other_tenant


def _take(kinds: tuple[Kind, ...] = PARSE, *, lease: float = 60) -> Claim:
    held = claim_in_turn(kinds=kinds, lease_seconds=lease)
    assert held is not None
    return held


def _end(held: Claim) -> None:
    operations.complete(
        tenant_id=held.tenant_id, held=held, outcome=Outcome(store=nothing, page_count=1), clock=SYSTEM_CLOCK
    )


def test_a_document_that_comes_behind_a_bulk_job_gets_the_next_worker(tenant: UUID, small: UUID) -> None:
    """All workers hold the big tenant's work, and the rest of its job came before."""
    for _ in range(20):
        begin(tenant)
    busy = [_take() for _ in range(4)]
    assert {held.tenant_id for held in busy} == {tenant}
    document = begin(small)
    _end(busy[0])
    assert _take().document_id == document
    assert _take().tenant_id == tenant


def test_two_jobs_share_the_workers_evenly_whatever_their_work_takes(tenant: UUID, small: UUID) -> None:
    for _ in range(8):
        begin(tenant)
    for _ in range(8):
        begin(small)
    held = [_take() for _ in range(6)]
    assert [piece.tenant_id for piece in held].count(tenant) == 3
    # One tenant's documents are quick: it gets their workers back, and no more.
    for _ in range(3):
        (quick,) = [piece for piece in held if piece.tenant_id == small][:1]
        held.remove(quick)
        _end(quick)
        held.append(_take())
    assert [piece.tenant_id for piece in held].count(tenant) == 3


def test_with_one_worker_tenants_come_one_after_the_other(tenant: UUID, small: UUID) -> None:
    third = make_tenant()
    for owner, count in ((tenant, 6), (small, 2), (third, 3)):
        for _ in range(count):
            begin(owner)
    served = []
    while (held := claim_in_turn(kinds=PARSE, lease_seconds=60)) is not None:
        served.append(held.tenant_id)
        _end(held)
    first = served[:3]
    assert set(first) == {tenant, small, third}
    assert served[3:6] == first
    assert served[6:8] == [owner for owner in first if owner != small]
    assert served[8:] == [tenant] * 3


def test_within_a_tenant_the_oldest_goes_first_of_all_kinds_of_the_list(tenant: UUID) -> None:
    documents = [begin(tenant) for _ in range(3)]
    order = []
    for _ in documents:
        held = _take()
        order.append(held.document_id)
        _end(held)
    assert order == documents
    with tenant_scope(tenant):
        StageRun.objects.filter(stage="index").update(due_at=Now() - timedelta(hours=1))
        OutboxMessage.objects.filter(stage="index").update(due_at=Now() - timedelta(hours=1))
    assert [_take(BEGUN).stage for _ in range(6)] == ["index"] * 3 + ["extract"] * 3
    assert claim_in_turn(kinds=BEGUN, lease_seconds=60) is None


def test_workers_of_another_pool_and_those_that_died_do_not_count(tenant: UUID, small: UUID) -> None:
    """The big tenant waits for models, and the small one's worker was lost: the pool that parses is free of both."""
    for owner in (small, tenant):
        for _ in range(3):
            begin(owner)
    _take(lease=0)
    _end(_take())
    assert {_take(BEGUN).tenant_id for _ in range(2)} == {tenant}
    with tenant_scope(small):
        assert StageRun.objects.get(status=StageStatus.RUNNING).stage == "parse"
    # Nobody holds a worker that counts: who was served the longest ago goes first.
    assert [_take().tenant_id for _ in range(2)] == [small, tenant]


def test_what_is_not_due_or_is_cancelled_is_nobodys_turn(tenant: UUID, small: UUID) -> None:
    waiting, cancelled = begin(tenant), begin(small)
    (piece,) = open_work(tenant, waiting)
    held = operations.claim(tenant_id=tenant, stage_run_id=piece.id, lease_seconds=60)
    assert held is not None
    operations.postpone(tenant_id=tenant, held=held, error=WaitingError("gone", retry_after=200), clock=SYSTEM_CLOCK)
    operations.stop_runs(tenant_id=small, document_id=cancelled, clock=SYSTEM_CLOCK)
    assert claim_in_turn(kinds=PARSE, lease_seconds=60) is None
    with tenant_scope(tenant):
        StageRun.objects.update(due_at=Now())
        OutboxMessage.objects.update(due_at=Now())
    assert _take().document_id == waiting


def test_a_hint_whose_work_is_gone_holds_up_nobody(tenant: UUID, small: UUID) -> None:
    """Such a hint can't come about; if one does, whoever is behind it is served all the same."""
    lost, document, other = begin(tenant), begin(tenant), begin(small)
    with tenant_scope(tenant):
        StageRun.objects.filter(document_id=lost).update(status=StageStatus.CANCELLED)
    assert {_take().document_id for _ in range(2)} == {document, other}
    assert claim_in_turn(kinds=PARSE, lease_seconds=60) is None


def test_many_workers_at_once_take_each_piece_once(tenant: UUID, small: UUID) -> None:
    documents = {begin(owner) for owner in (tenant, small) for _ in range(12)}
    barrier = threading.Barrier(8)
    taken: list[UUID] = []

    def take_all() -> None:
        barrier.wait()
        try:
            while (held := claim_in_turn(kinds=PARSE, lease_seconds=60)) is not None:
                taken.append(held.document_id)
        finally:
            connection.close()

    _together(take_all, 8)
    assert sorted(taken) == sorted(documents)


def _together(call: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
