"""Brokers that misbehave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from apps.common.errors import RetryableError
from apps.pipeline.dispatcher import Hint


class LosingDispatcher:
    """Loses every hint, and remembers what it lost."""

    lost: ClassVar[list[Hint]] = []

    def send(self, hints: Sequence[Hint]) -> None:
        self.lost.extend(hints)

    def depth(self, *, stage: str, lane: str, shard: int) -> int:
        return 0


class DeadDispatcher:
    """A broker that can't be reached."""

    def send(self, hints: Sequence[Hint]) -> None:
        raise RetryableError("the broker is gone")

    def depth(self, *, stage: str, lane: str, shard: int) -> int:
        raise RetryableError("the broker is gone")
