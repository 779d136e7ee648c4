"""Work is done once, whatever happens to workers and broker."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.conf import settings
from redis import Redis

from apps.common.clock import SYSTEM_CLOCK
from apps.documents import queries as documents
from apps.documents.models import TERMINAL_STATUSES, DocumentStatus, Lane
from apps.parsing import queries as parsing
from apps.pipeline.dispatcher import Kind
from apps.pipeline.intake import cancel_document
from apps.pipeline.models import OutboxMessage, StageRun, StageStatus
from apps.results import queries as results
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf, scan
from tests.factories.uploads import upload
from tests.integration.pipeline.conftest import Fleet, wait_for
from workers.lists import place_of

# Where the hints of interactive uploads wait.
PARSING = place_of(Kind(stage="parse", lane=Lane.INTERACTIVE))


def _document(tenant: UUID, document: UUID) -> documents.DocumentSummary:
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    return found


def _ended(tenant: UUID, document: UUID) -> bool:
    return _document(tenant, document).status in TERMINAL_STATUSES


def _parse_state(tenant: UUID, document: UUID) -> str:
    with tenant_scope(tenant):
        return StageRun.objects.get(document_id=document, stage="parse").status


@pytest.mark.slow
def test_a_killed_worker_loses_nothing_and_doubles_nothing(tenant: UUID, fleet: Fleet) -> None:
    """Slow: it reads a scan of several pages, so that the kill comes in the middle of the stage."""
    worker = fleet.start_worker()
    fleet.start_sweeper()
    document = upload(tenant, scan(pages=6), schema="invoice")
    wait_for(lambda: _parse_state(tenant, document) == StageStatus.RUNNING, seconds=60, what="the stage to begin")
    fleet.kill(worker)
    assert _parse_state(tenant, document) != StageStatus.DONE
    fleet.start_worker()
    wait_for(lambda: _ended(tenant, document), seconds=120, what="the document to end")
    found = _document(tenant, document)
    assert found.status in {DocumentStatus.DONE, DocumentStatus.NEEDS_REVIEW}
    assert found.blob_id is not None
    pages = parsing.page_facts(tenant_id=tenant, blob_id=found.blob_id)
    assert [page.number for page in pages] == [1, 2, 3, 4, 5, 6]
    assert len(results.results_of(tenant_id=tenant, document_id=document)) == 1
    with tenant_scope(tenant):
        parse = StageRun.objects.get(document_id=document, stage="parse")
        assert (parse.attempts, parse.lapses, parse.status) == (2, 1, StageStatus.DONE)
        assert set(StageRun.objects.filter(document_id=document).values_list("status", flat=True)) == {"done"}


@pytest.mark.slow
def test_a_flushed_broker_loses_nothing(tenant: UUID, fleet: Fleet) -> None:
    """Slow: it starts real workers."""
    uploaded = [upload(tenant, pdf(mark=f"flush {number}"), schema="invoice") for number in range(4)]
    with Redis.from_url(settings.QUIRE_REDIS_URL) as broker:
        assert broker.llen(PARSING) == 4
        broker.flushdb()
    fleet.start_worker()
    fleet.start_sweeper()
    wait_for(lambda: all(_ended(tenant, document) for document in uploaded), seconds=90, what="all to end")
    statuses = {_document(tenant, document).status for document in uploaded}
    assert statuses <= {DocumentStatus.DONE, DocumentStatus.NEEDS_REVIEW}
    with tenant_scope(tenant):
        assert OutboxMessage.objects.count() == 0


@pytest.mark.slow
def test_every_hint_delivered_three_times_makes_one_result(tenant: UUID, fleet: Fleet) -> None:
    """Slow: it starts real workers."""
    document = upload(tenant, pdf(mark="thrice"), schema="invoice")
    with Redis.from_url(settings.QUIRE_REDIS_URL) as broker:
        (message,) = broker.lrange(PARSING, 0, -1)
        broker.rpush(PARSING, message, message)
    fleet.start_worker()
    wait_for(lambda: _ended(tenant, document), seconds=90, what="the document to end")
    with tenant_scope(tenant):
        attempts = set(StageRun.objects.filter(document_id=document).values_list("stage", "attempts"))
    assert ("parse", 1) in attempts
    assert len(results.results_of(tenant_id=tenant, document_id=document)) == 1


@pytest.mark.slow
def test_a_cancelled_document_stays_cancelled(tenant: UUID, fleet: Fleet) -> None:
    """Slow: it reads a scan, so that there is something to cancel."""
    fleet.start_worker()
    document = upload(tenant, scan(pages=6), schema="invoice")
    wait_for(lambda: _parse_state(tenant, document) == StageStatus.RUNNING, seconds=60, what="the stage to begin")
    assert cancel_document(tenant_id=tenant, document_id=document, clock=SYSTEM_CLOCK)
    neighbour = upload(tenant, pdf(mark="neighbour"), schema="invoice")
    wait_for(lambda: _ended(tenant, neighbour), seconds=90, what="its neighbour to end")
    assert _document(tenant, document).status == DocumentStatus.CANCELLED
    with tenant_scope(tenant):
        assert set(StageRun.objects.filter(document_id=document).values_list("status", flat=True)) == {"cancelled"}
