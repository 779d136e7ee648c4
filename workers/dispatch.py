"""Hints over Celery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from apps.common.errors import RetryableError
from apps.pipeline.dispatcher import Hint, Kind
from apps.pipeline.stages import BY_NAME
from workers.celery import app
from workers.lists import place_of, priority_of
from workers.tasks import task_name


class BrokerDownError(RetryableError):
    """The broker can't be reached; the hints stay in the outbox."""

    code = "broker_down"


class CeleryDispatcher:
    """Sends hints as Celery messages, interactive ones to the list that workers read first.

    A message says what kind of work is due, and not whose: who takes it serves the tenant whose turn it is then
    (`apps.pipeline.turns`). So a hundred thousand messages of one tenant are before nobody.
    """

    def send(self, hints: Sequence[Hint]) -> None:
        self._send([hint.kind for hint in hints])

    def send_again(self, *, kind: Kind, count: int) -> None:
        self._send([kind] * count)

    def place(self, kind: Kind) -> str:
        return place_of(kind)

    def depth(self, *, place: str) -> int:
        with _broker() as client:
            return int(client.llen(place))

    def _send(self, kinds: Sequence[Kind]) -> None:
        try:
            with app.producer_pool.acquire(block=True, timeout=5) as producer:
                for kind in kinds:
                    app.send_task(
                        task_name(kind.stage),
                        kwargs={"lane": kind.lane, "further": kind.further},
                        queue=BY_NAME[kind.stage].queue,
                        priority=priority_of(kind),
                        producer=producer,
                        retry=False,
                    )
        except (OperationalError, RedisError, OSError) as error:
            raise BrokerDownError("the message broker can't be reached") from error


@contextmanager
def _broker() -> Iterator[Redis]:
    """Connect to the broker beside Celery, whose interface has no word for a list. Raises BrokerDownError."""
    try:
        with Redis.from_url(str(app.conf.broker_url), socket_timeout=5) as client:
            yield client
    except RedisError as error:
        raise BrokerDownError("the message broker can't be reached") from error
