"""Who changes a document's state at the same time as others waits for them; nobody is told of a deadlock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from uuid import UUID

import pytest
from django.db import connection
from django.test import override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.common.errors import WaitingError
from apps.documents.models import Document, DocumentStatus
from apps.pipeline import operations, outbox
from apps.pipeline.intake import cancel_document, delete_document
from apps.pipeline.models import OutboxMessage, StageRun, StageStatus
from apps.pipeline.stages import Claim, Outcome
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.uploads import upload

TRIES = 25


@pytest.fixture(autouse=True)
def _by_hand() -> Iterator[None]:
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        yield


def _claimed(tenant: UUID, document: UUID) -> Claim:
    with tenant_scope(tenant):
        (piece,) = StageRun.objects.filter(document_id=document, status=StageStatus.PENDING)
    held = operations.claim(tenant_id=tenant, stage_run_id=piece.id, lease_seconds=30)
    assert held is not None
    return held


def _together(*calls: Callable[[], object]) -> list[object]:
    """Start calls at the same moment, each on a connection of its own, and return what they raised or returned."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        try:
            barrier.wait()
            return call()
        except operations.LeaseLostError as lost:
            return lost
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(run, call) for call in calls]]


@pytest.mark.parametrize("end", [cancel_document, delete_document])
def test_a_document_is_called_off_while_its_work_is_being_stored(tenant: UUID, end: Callable[..., bool]) -> None:
    document = upload(tenant, pdf(mark=end.__name__), schema="invoice")
    held = _claimed(tenant, document)
    storing, called_off = Event(), Event()

    def store() -> None:
        storing.set()
        # As long as storing a large document takes: whoever calls it off has come to its lock by then.
        called_off.wait(0.5)

    def complete() -> None:
        operations.complete(tenant_id=tenant, held=held, outcome=Outcome(store=store, page_count=1), clock=SYSTEM_CLOCK)

    def call_off() -> bool:
        assert storing.wait(10)
        done = end(tenant_id=tenant, document_id=document, clock=SYSTEM_CLOCK)
        called_off.set()
        return done

    assert _together(complete, call_off) == [None, True]
    with tenant_scope(tenant):
        assert not StageRun.objects.filter(document_id=document, status__in=["pending", "running"]).exists()
        assert OutboxMessage.objects.count() == 0
        status = Document.objects.get(id=document).status
    assert status == (DocumentStatus.CANCELLED if end is cancel_document else DocumentStatus.DELETED)


def test_a_document_is_called_off_while_its_work_is_claimed_and_woken(tenant: UUID) -> None:
    """The order of locks decides whether these meet in a deadlock; many tries, since it takes the moment too."""
    for number in range(TRIES):
        document = upload(tenant, pdf(mark=str(number)), schema="invoice")
        held = _claimed(tenant, document)
        operations.complete(
            tenant_id=tenant, held=held, outcome=Outcome(store=lambda: None, page_count=400), clock=SYSTEM_CLOCK
        )
        with tenant_scope(tenant):
            pieces = list(StageRun.objects.filter(document_id=document, status=StageStatus.PENDING).order_by("-id"))
            StageRun.objects.filter(document_id=document, status=StageStatus.PENDING).update(
                reason_code=WaitingError.code, due_at="2100-01-01T00:00:00Z"
            )
            StageRun.objects.filter(id__in=[piece.id for piece in pieces[:2]]).update(due_at=pieces[0].due_at)

        def claim(ids: list[UUID]) -> None:
            for id_ in ids:
                operations.claim(tenant_id=tenant, stage_run_id=id_, lease_seconds=30)

        def cancel(of: UUID) -> None:
            cancel_document(tenant_id=tenant, document_id=of, clock=SYSTEM_CLOCK)

        _together(
            lambda ids=[piece.id for piece in pieces[:2]]: claim(ids),  # type: ignore[misc] # mypy can't infer it
            lambda of=document: cancel(of),  # type: ignore[misc]
            lambda: outbox.wake(tenant_id=tenant, reason_code=WaitingError.code),
        )
        with tenant_scope(tenant):
            assert not StageRun.objects.filter(document_id=document, status__in=["pending", "running"]).exists()
            assert OutboxMessage.objects.count() == 0
