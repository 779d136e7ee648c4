"""Hints over Celery."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

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
STEPS = {
    Lane.INTERACTIVE.value: {"begun": 0, "new": 3, "further": 4, "unawaited": 5},
    Lane.BULK.value: {"begun": 6, "further": 6, "unawaited": 7, "new": 9},
}
STEP_SEPARATOR = "\x06\x16"


def priority_of(*, stage: str, lane: str, shard: int = 0) -> int:
    """Return the step of a hint, the lowest first: interactive before bulk, and what is begun before what is new.

    So a document is finished before the next one is parsed, rather than all parsed before one is done. The further
    pieces of a long document come behind: in the interactive lane behind every document's first ones, so that nobody
    waits for a long one; in bulk only those that no other stage waits for, since what is begun shall end there.
    """
    if shard > 0:
        kind = "further" if any(stage in other.after for other in STAGES) else "unawaited"
    else:
        kind = "begun" if BY_NAME[stage].after else "new"
    return STEPS[lane][kind]


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

    def place(self, *, stage: str, lane: str, shard: int) -> str:
        """Return the key of the list: a queue has one for each priority."""
        queue = BY_NAME[stage].queue
        priority = priority_of(stage=stage, lane=lane, shard=shard)
        return f"{queue}{STEP_SEPARATOR}{priority}" if priority else queue

    def depth(self, *, place: str) -> int:
        with _broker() as client:
            return int(client.llen(place))

    def front(self, *, place: str, most: int) -> Collection[UUID]:
        # Kombu puts in at the left and takes out at the right.
        with _broker() as client:
            messages = client.lrange(place, -most, -1)
        return {work_of(message) for message in messages}


def work_of(message: bytes | str) -> UUID:
    """Return the work that a message is a hint for: the second argument of its task (workers.tasks)."""
    arguments, _, _ = json.loads(b64decode(json.loads(message)["body"]))
    return UUID(arguments[1])


@contextmanager
def _broker() -> Iterator[Redis]:
    """Connect to the broker beside Celery, whose interface has no word for a list. Raises BrokerDownError."""
    try:
        with Redis.from_url(str(app.conf.broker_url), socket_timeout=5) as client:
            yield client
    except RedisError as error:
        raise BrokerDownError("the message broker can't be reached") from error
