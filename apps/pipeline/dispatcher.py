"""How a hint that work is due reaches a worker. The pipeline names the work; settings choose who carries the hint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Work that one worker may do as well as another: the first pieces of a stage in a lane, or the `further` ones."""

    stage: str
    lane: str
    further: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Work that may be due. `shard` is the number of the piece where a stage is cut into some.

    A dispatcher may carry no more than its kind: whoever takes the hint then does what is due of that kind, for the
    tenant whose turn it is.
    """

    tenant_id: UUID
    stage_run_id: UUID
    stage: str
    lane: str
    shard: int

    @property
    def kind(self) -> Kind:
        """What is asked of the worker that takes it."""
        return Kind(stage=self.stage, lane=self.lane, further=self.shard > 0)


class Dispatcher(Protocol):
    """Carries hints. Losing one is no harm: the sweeper sends another."""

    def send(self, hints: Sequence[Hint]) -> None:
        """Hand the hints over. Raises RetryableError where the broker can't be reached."""

    def send_again(self, *, kind: Kind, count: int) -> None:
        """Hand over so many hints for whatever is due of a kind. Raises RetryableError too."""

    def place(self, kind: Kind) -> str:
        """Return the name of the list that such a hint is put into; kinds share some."""

    def depth(self, *, place: str) -> int:
        """Return how many hints wait in a list. Raises RetryableError where the broker can't be reached."""


class InlineDispatcher:
    """Does the work in the caller's thread, at once: for tests of what the stages make."""

    def send(self, hints: Sequence[Hint]) -> None:
        from apps.pipeline.worker import work  # noqa: PLC0415 - a worker sends hints too

        for hint in hints:
            work(tenant_id=hint.tenant_id, stage_run_id=hint.stage_run_id)

    def send_again(self, *, kind: Kind, count: int) -> None:
        """Nothing is ever lost."""

    def place(self, kind: Kind) -> str:  # noqa: ARG002 - nothing ever waits
        return ""

    def depth(self, *, place: str) -> int:  # noqa: ARG002
        return 0


def dispatcher() -> Dispatcher:
    """Return the dispatcher that settings name."""
    return cast(Dispatcher, import_string(settings.QUIRE_DISPATCHER)())
