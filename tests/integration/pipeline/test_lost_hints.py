"""Which hints the sweeper sends again, on a real broker."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.db.models.functions import Now
from django.test import override_settings
from redis import Redis

from apps.common.clock import SYSTEM_CLOCK
from apps.common.errors import RetryableError
from apps.documents.models import Lane
from apps.pipeline import operations
from apps.pipeline.models import OutboxMessage, Run, StageRun, StageStatus
from apps.pipeline.stages import Outcome
from apps.pipeline.sweeping import sweep
from apps.tenants.scope import tenant_scope
from tests.integration.pipeline.steps import begin, claim, nothing
from workers.dispatch import STEP_SEPARATOR, CeleryDispatcher, priority_of

NO_GRACE = timedelta(seconds=-1)


@pytest.fixture(autouse=True)
def dispatcher() -> Iterator[None]:
    with override_settings(QUIRE_DISPATCHER="workers.dispatch.CeleryDispatcher"):
        yield


def _ids(message: bytes | str) -> tuple[str, str]:
    """Return the ids of the tenant and of the work that a Celery message is a hint for."""
    (tenant, work), _, _ = json.loads(b64decode(json.loads(message)["body"]))
    return tenant, work


BEGUN = f"extraction{STEP_SEPARATOR}{priority_of(stage='extract', lane=Lane.BULK)}"


def _begun(broker: Redis) -> list[str]:
    """Return the work in the list of begun bulk documents, the next hint first."""
    return [_ids(message)[1] for message in reversed(broker.lrange(BEGUN, 0, -1))]


@pytest.fixture
def full(tenant: UUID, clean_broker: Redis) -> Redis:
    """A broker that holds every hint of the outbox once, those of three parsed bulk documents last."""
    for _ in range(3):
        document = begin(tenant)
        operations.complete(
            tenant_id=tenant,
            held=claim(tenant, document),
            outcome=Outcome(store=nothing, page_count=1),
            clock=SYSTEM_CLOCK,
        )
    return clean_broker


@pytest.fixture
def clean_broker() -> Iterator[Redis]:
    """A broker that holds what tests before this one left in the outbox, and has lost nothing of it."""
    with Redis.from_url(settings.QUIRE_REDIS_URL) as broker:
        broker.flushdb()
        while sweep(dispatcher=CeleryDispatcher(), grace=NO_GRACE, clock=SYSTEM_CLOCK).resent:
            pass
        yield broker
        broker.flushdb()


def _work(tenant: UUID, stage: str) -> list[str]:
    with tenant_scope(tenant):
        found = StageRun.objects.filter(stage=stage, status=StageStatus.PENDING).order_by("due_at")
        return [str(id_) for id_ in found.values_list("id", flat=True)]


def _lose(broker: Redis, wanted: list[str]) -> None:
    kept = [message for message in broker.lrange(BEGUN, 0, -1) if _ids(message)[1] not in wanted]
    broker.delete(BEGUN)
    if kept:
        broker.rpush(BEGUN, *kept)


def test_hints_that_wait_in_their_list_are_not_sent_again(full: Redis) -> None:
    before = _begun(full)
    assert len(before) >= 6
    assert sweep(dispatcher=CeleryDispatcher(), grace=NO_GRACE, clock=SYSTEM_CLOCK).resent == 0
    assert _begun(full) == before


def test_hints_that_are_lost_are_sent_again_whatever_else_their_list_holds(tenant: UUID, full: Redis) -> None:
    """Of three documents the hints to extract are lost, while those to index wait in the same list."""
    extract, index = _work(tenant, "extract"), _work(tenant, "index")
    assert (len(extract), len(index)) == (3, 3)
    _lose(full, extract)
    left = _begun(full)
    assert sweep(dispatcher=CeleryDispatcher(), grace=NO_GRACE, clock=SYSTEM_CLOCK).resent == 3
    assert _begun(full) == [*left, *extract]
    assert sweep(dispatcher=CeleryDispatcher(), grace=NO_GRACE, clock=SYSTEM_CLOCK).resent == 0


def test_a_lost_hint_is_sent_again_among_fresh_ones(tenant: UUID, full: Redis) -> None:
    """Fresh hints are in the list, so they count as what it should hold; only older ones are sent."""
    lost, fresh = _work(tenant, "extract")[:2]
    with tenant_scope(tenant):
        OutboxMessage.objects.exclude(stage_run_id=lost).update(due_at=Now())
        OutboxMessage.objects.filter(stage_run_id=lost).update(due_at=Now() - timedelta(hours=2))
    _lose(full, [lost, fresh])
    left = _begun(full)
    assert sweep(dispatcher=CeleryDispatcher(), grace=timedelta(hours=1), clock=SYSTEM_CLOCK).resent == 1
    assert _begun(full) == [*left, lost]


def test_in_a_long_list_the_oldest_hint_that_is_not_at_its_front_is_sent(
    tenant: UUID, full: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = next(work for work in _begun(full)[1:] if work in _work(tenant, "extract"))
    monkeypatch.setattr("apps.pipeline.sweeping.FRONT", 1)
    with tenant_scope(tenant):
        OutboxMessage.objects.filter(stage_run_id=lost).update(due_at=Now() - timedelta(hours=2))
    _lose(full, [lost])
    left = _begun(full)
    assert sweep(dispatcher=CeleryDispatcher(), grace=NO_GRACE, clock=SYSTEM_CLOCK).resent == 1
    assert _begun(full) == [*left, lost]
    assert sweep(dispatcher=CeleryDispatcher(), grace=NO_GRACE, clock=SYSTEM_CLOCK).resent == 0


def test_work_that_is_claimed_or_postponed_misses_no_hint(tenant: UUID, full: Redis) -> None:
    """A claim takes the hint out of the list and out of the outbox; what is postponed isn't due yet."""
    running, postponed, _ = _work(tenant, "extract")
    _lose(full, [running, postponed])
    assert operations.claim(tenant_id=tenant, stage_run_id=UUID(running), lease_seconds=600) is not None
    held = operations.claim(tenant_id=tenant, stage_run_id=UUID(postponed), lease_seconds=600)
    assert held is not None
    operations.postpone(tenant_id=tenant, held=held, error=RetryableError("busy", retry_after=60), clock=SYSTEM_CLOCK)
    before = _begun(full)
    assert sweep(dispatcher=CeleryDispatcher(), grace=NO_GRACE, clock=SYSTEM_CLOCK).resent == 0
    assert _begun(full) == before


@pytest.mark.parametrize("lane", Lane)
def test_what_is_sent_again_goes_where_it_was_sent_first(tenant: UUID, lane: Lane) -> None:
    """Of a document of 900 pages the further pieces wait in lists of their own: there they are found, and put back."""
    document = begin(tenant)
    with tenant_scope(tenant):
        StageRun.objects.update(lane=lane)
        Run.objects.update(lane=lane)
        OutboxMessage.objects.update(lane=lane)
    with Redis.from_url(settings.QUIRE_REDIS_URL) as broker:
        broker.flushdb()
        operations.complete(
            tenant_id=tenant,
            held=claim(tenant, document),
            outcome=Outcome(store=nothing, page_count=900),
            clock=SYSTEM_CLOCK,
        )

        def lists() -> dict[str, list[str]]:
            found = {key.decode(): broker.lrange(key, 0, -1) for key in broker.keys("parsing*")}
            ours = {key: [_ids(message) for message in messages] for key, messages in found.items()}
            return {key: sorted(work for owner, work in ids if owner == str(tenant)) for key, ids in ours.items()}

        sent = lists()
        assert len(sent[f"parsing{STEP_SEPARATOR}{priority_of(stage='parse', lane=lane, shard=1)}"]) == 8
        # Other tests' work is older, and is sent first where anything is missing.
        sweep(dispatcher=CeleryDispatcher(), grace=NO_GRACE, clock=SYSTEM_CLOCK)
        assert {key: ids for key, ids in lists().items() if ids} == sent
        broker.flushdb()
        sweep(dispatcher=CeleryDispatcher(), grace=NO_GRACE, clock=SYSTEM_CLOCK)
        assert {key: ids for key, ids in lists().items() if ids} == sent
