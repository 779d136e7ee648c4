"""How a hint that work is due reaches a worker. The pipeline names the work; settings choose who carries the hint."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, cast
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Work that may be due. It carries ids only, so a queue holds nothing of a document.

    `shard` is the number of the piece where a stage is cut into some.
    """

    tenant_id: UUID
    stage_run_id: UUID
    stage: str
    lane: str
    shard: int


class Dispatcher(Protocol):
    """Carries hints. Losing one is no harm: the sweeper sends it again."""

    def send(self, hints: Sequence[Hint]) -> None:
        """Hand the hints over. Raises RetryableError where the broker can't be reached."""

    def place(self, *, stage: str, lane: str, shard: int) -> str:
        """Return the name of the list that such a hint is put into; stages share some."""

    def depth(self, *, place: str) -> int:
        """Return how many hints wait in a list. Raises RetryableError where the broker can't be reached."""

    def front(self, *, place: str, most: int) -> Collection[UUID]:
        """Return the work that the next hints of a list are for, of `most` hints. Raises RetryableError too."""


class InlineDispatcher:
    """Does the work in the caller's thread, at once: for tests of what the stages make."""

    def send(self, hints: Sequence[Hint]) -> None:
        from apps.pipeline.worker import work  # noqa: PLC0415 - a worker sends hints too

        for hint in hints:
            work(tenant_id=hint.tenant_id, stage_run_id=hint.stage_run_id)

    def place(self, *, stage: str, lane: str, shard: int) -> str:  # noqa: ARG002 - nothing ever waits
        return ""

    def depth(self, *, place: str) -> int:  # noqa: ARG002
        return 0

    def front(self, *, place: str, most: int) -> Collection[UUID]:  # noqa: ARG002
        return ()


def dispatcher() -> Dispatcher:
    """Return the dispatcher that settings name."""
    return cast(Dispatcher, import_string(settings.QUIRE_DISPATCHER)())
