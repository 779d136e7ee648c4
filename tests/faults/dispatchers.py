"""Brokers that misbehave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from apps.common.errors import RetryableError
from apps.pipeline.dispatcher import Hint, Kind


class LosingDispatcher:
    """Loses every hint, and remembers what it lost."""

    lost: ClassVar[list[Hint]] = []
    lost_again: ClassVar[Counter[Kind]] = Counter()

    def send(self, hints: Sequence[Hint]) -> None:
        self.lost.extend(hints)

    def send_again(self, *, kind: Kind, count: int) -> None:
        self.lost_again[kind] += count

    def place(self, kind: Kind) -> str:
        return f"{kind.stage} {kind.lane} {kind.further}"

    def depth(self, *, place: str) -> int:
        return 0


class DeadDispatcher:
    """A broker that can't be reached."""

    def send(self, hints: Sequence[Hint]) -> None:
        raise RetryableError("the broker is gone")

    def send_again(self, *, kind: Kind, count: int) -> None:
        raise RetryableError("the broker is gone")

    def place(self, kind: Kind) -> str:
        return ""

    def depth(self, *, place: str) -> int:
        raise RetryableError("the broker is gone")
