"""Which hints the sweeper sends again, on a real broker."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import Counter
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
from apps.pipeline.dispatcher import Kind
from apps.pipeline.models import OutboxMessage, StageRun, StageStatus
from apps.pipeline.stages import Outcome
from apps.pipeline.sweeping import sweep
from apps.tenants.scope import tenant_scope
from tests.integration.pipeline.steps import begin, claim, nothing
from workers.dispatch import CeleryDispatcher
from workers.lists import KINDS, place_of

NO_GRACE = timedelta(seconds=-1)
BEGUN = place_of(Kind(stage="extract", lane=Lane.BULK))


@pytest.fixture(autouse=True)
def dispatcher(alone: None) -> Iterator[None]:
    with override_settings(QUIRE_DISPATCHER="workers.dispatch.CeleryDispatcher"):
        yield


@pytest.fixture
def broker() -> Iterator[Redis]:
    with Redis.from_url(settings.QUIRE_REDIS_URL) as broker:
        yield broker
        broker.flushdb()


@pytest.fixture
def full(tenant: UUID, broker: Redis) -> Redis:
    """A broker that holds the hints of three parsed bulk documents: to extract and to index each, in one list."""
    for _ in range(3):
        document = begin(tenant)
        operations.complete(
            tenant_id=tenant,
            held=claim(tenant, document),
            outcome=Outcome(store=nothing, page_count=1),
            clock=SYSTEM_CLOCK,
        )
    assert broker.llen(BEGUN) == 6
    return broker


def _lose(broker: Redis, count: int) -> None:
    """Lose the hints that would be read next."""
    before = broker.llen(BEGUN)
    broker.rpop(BEGUN, count)
    assert broker.llen(BEGUN) == before - count


def _work(tenant: UUID, stage: str) -> list[UUID]:
    with tenant_scope(tenant):
        found = StageRun.objects.filter(stage=stage, status=StageStatus.PENDING).order_by("due_at")
        return list(found.values_list("id", flat=True))


def _resent(*, grace: timedelta = NO_GRACE) -> int:
    return sweep(dispatcher=CeleryDispatcher(), grace=grace, clock=SYSTEM_CLOCK).resent


def test_a_message_says_what_is_due_and_names_nobody(full: Redis) -> None:
    messages = [json.loads(message) for message in full.lrange(BEGUN, 0, -1)]
    assert Counter(message["headers"]["task"] for message in messages) == {"quire.extract": 3, "quire.index": 3}
    for message in messages:
        positional, named, _ = json.loads(b64decode(message["body"]))
        assert (positional, named) == ([], {"lane": "bulk", "further": False})


def test_hints_that_wait_in_their_list_are_not_sent_again(full: Redis) -> None:
    assert _resent() == 0
    assert full.llen(BEGUN) == 6


def test_hints_that_are_lost_are_sent_again_whatever_else_their_list_holds(full: Redis) -> None:
    """Any hint of a list does for any work of it: they need only be as many as there is work."""
    _lose(full, 4)
    assert _resent() == 4
    assert full.llen(BEGUN) == 6
    assert _resent() == 0


def test_the_hints_of_fresh_work_may_be_under_way_and_are_not_sent(tenant: UUID, full: Redis) -> None:
    _lose(full, 5)
    with tenant_scope(tenant):
        OutboxMessage.objects.update(due_at=Now())
    assert _resent(grace=timedelta(hours=1)) == 0
    with tenant_scope(tenant):
        old = _work(tenant, "extract")[:2]
        OutboxMessage.objects.filter(stage_run_id__in=old).update(due_at=Now() - timedelta(hours=2))
    assert _resent(grace=timedelta(hours=1)) == 2
    assert full.llen(BEGUN) == 3


def test_work_that_is_claimed_or_postponed_misses_no_hint(tenant: UUID, full: Redis) -> None:
    """A claim takes the hint out of the list and out of the outbox; what is postponed isn't due yet."""
    running, postponed, _ = _work(tenant, "extract")
    _lose(full, 2)
    assert operations.claim(tenant_id=tenant, stage_run_id=running, lease_seconds=600) is not None
    held = operations.claim(tenant_id=tenant, stage_run_id=postponed, lease_seconds=600)
    assert held is not None
    operations.postpone(tenant_id=tenant, held=held, error=RetryableError("busy", retry_after=60), clock=SYSTEM_CLOCK)
    assert _resent() == 0
    assert full.llen(BEGUN) == 4


@pytest.mark.parametrize("lane", Lane)
def test_what_is_sent_again_goes_where_it_was_sent_first(tenant: UUID, broker: Redis, lane: Lane) -> None:
    """Of a document of 900 pages the further pieces wait in lists of their own: there they are missed, and sent."""
    document = begin(tenant, lane=lane)
    broker.flushdb()
    operations.complete(
        tenant_id=tenant,
        held=claim(tenant, document),
        outcome=Outcome(store=nothing, page_count=900),
        clock=SYSTEM_CLOCK,
    )
    begin(tenant, lane=lane)
    first, further = (place_of(Kind(stage="parse", lane=lane, further=further)) for further in (False, True))

    def lists() -> dict[str, int]:
        return {place: broker.llen(place) for place in {place_of(kind) for kind in KINDS} if broker.llen(place)}

    assert lists() == {first: 1, further: 8}
    assert _resent() == 0
    broker.flushdb()
    assert _resent() == 9
    assert lists() == {first: 1, further: 8}
