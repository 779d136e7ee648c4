"""Hints over Celery."""

from __future__ import annotations

from collections.abc import Sequence

from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from apps.common.errors import RetryableError
from apps.documents.models import Lane
from apps.pipeline.dispatcher import Hint
from apps.pipeline.stages import BY_NAME, STAGES
from workers.celery import app
from workers.tasks import task_name

# The lists that kombu's Redis transport keeps for a queue: one for each priority step, 0 is read first.
LANES = {Lane.INTERACTIVE.value: 0, Lane.BULK.value: 6}
LAST, BEGINNING = 1, 3
STEP_SEPARATOR = "\x06\x16"


def priority_of(*, stage: str, lane: str, shard: int = 0) -> int:
    """Return the step of a hint: interactive before bulk, and what is begun before what isn't.

    So a document is finished before the next one is parsed, rather than all parsed before one is done. Of a stage that
    no other waits for, the further pieces come last: a long document that is being indexed keeps nobody's values
    waiting.
    """
    if not BY_NAME[stage].after:
        return LANES[lane] + BEGINNING
    awaited = any(stage in other.after for other in STAGES)
    return LANES[lane] + (0 if awaited or shard == 0 else LAST)


class BrokerDownError(RetryableError):
    """The broker can't be reached; the hints stay in the outbox."""

    code = "broker_down"


class CeleryDispatcher:
    """Sends hints as Celery messages, interactive ones to the list that workers read first."""

    def send(self, hints: Sequence[Hint]) -> None:
        try:
            with app.producer_pool.acquire(block=True, timeout=5) as producer:
                for hint in hints:
                    app.send_task(
                        task_name(hint.stage),
                        args=[str(hint.tenant_id), str(hint.stage_run_id)],
                        queue=BY_NAME[hint.stage].queue,
                        priority=priority_of(stage=hint.stage, lane=hint.lane, shard=hint.shard),
                        producer=producer,
                        retry=False,
                    )
        except (OperationalError, RedisError, OSError) as error:
            raise BrokerDownError("the message broker can't be reached") from error

    def depth(self, *, stage: str, lane: str) -> int:
        """Return the length of the list that this stage's hints of this lane lie in; other stages share it."""
        queue = BY_NAME[stage].queue
        priority = priority_of(stage=stage, lane=lane)
        key = f"{queue}{STEP_SEPARATOR}{priority}" if priority else queue
        try:
            with Redis.from_url(str(app.conf.broker_url), socket_timeout=5) as client:
                length = client.llen(key)
        except RedisError as error:
            raise BrokerDownError("the message broker can't be reached") from error
        return int(length)
