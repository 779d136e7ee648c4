"""Brokers that misbehave."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar
from uuid import UUID

from apps.common.errors import RetryableError
from apps.pipeline.dispatcher import Hint


class LosingDispatcher:
    """Loses every hint, and remembers what it lost."""

    lost: ClassVar[list[Hint]] = []

    def send(self, hints: Sequence[Hint]) -> None:
        self.lost.extend(hints)

    def place(self, *, stage: str, lane: str, shard: int) -> str:
        return f"{stage} {lane}"

    def depth(self, *, place: str) -> int:
        return 0

    def front(self, *, place: str, most: int) -> Collection[UUID]:
        return ()


class DeadDispatcher:
    """A broker that can't be reached."""

    def send(self, hints: Sequence[Hint]) -> None:
        raise RetryableError("the broker is gone")

    def place(self, *, stage: str, lane: str, shard: int) -> str:
        return ""

    def depth(self, *, place: str) -> int:
        raise RetryableError("the broker is gone")

    def front(self, *, place: str, most: int) -> Collection[UUID]:
        raise RetryableError("the broker is gone")
