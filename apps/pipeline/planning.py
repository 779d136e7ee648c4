"""What follows: pure logic over the stages' states."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apps.pipeline.models import StageStatus
from apps.pipeline.stages import STAGES, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A piece of work to write down. Pages count from 1; 0 and 0 mean the whole document."""

    stage: str
    shard: int
    first_page: int
    last_page: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`due` is to be written down now; `complete` are the stages that are done; `finished` says that all are."""

    due: tuple[Planned, ...]
    complete: frozenset[str]
    finished: bool


def shards(*, stage: Stage, page_count: int | None) -> tuple[Planned, ...]:
    """Cut a stage into pieces. While the pages aren't counted yet, only the first piece is known."""
    if stage.shard_pages is None:
        return (Planned(stage=stage.name, shard=0, first_page=0, last_page=0),)
    if page_count is None:
        return (Planned(stage=stage.name, shard=0, first_page=1, last_page=stage.shard_pages),)
    starts = range(1, max(page_count, 1) + 1, stage.shard_pages)
    return tuple(
        Planned(
            stage=stage.name,
            shard=number,
            first_page=first,
            last_page=min(first + stage.shard_pages - 1, max(page_count, 1)),
        )
        for number, first in enumerate(starts)
    )


def plan(*, states: Mapping[str, Iterable[str]], page_count: int | None) -> Plan:
    """Return what is due, given the states of each stage's pieces.

    A stage is complete when it has pieces and all are done; a stage that isn't needed has one piece that was born done.
    """
    complete: set[str] = set()
    due: list[Planned] = []
    for stage in STAGES:
        ready = all(name in complete for name in stage.after)
        pieces = tuple(states.get(stage.name, ()))
        if pieces:
            if all(state == StageStatus.DONE for state in pieces):
                complete.add(stage.name)
        elif ready:
            due.extend(shards(stage=stage, page_count=page_count))
    return Plan(due=tuple(due), complete=frozenset(complete), finished=len(complete) == len(STAGES))


def input_digest(*, source: str, planned: Planned) -> str:
    """Return what went into a piece of work: the bytes' hash, the stage and its page range."""
    text = f"{source}:{planned.stage}:{planned.first_page}-{planned.last_page}"
    return hashlib.sha256(text.encode()).hexdigest()
