"""The stages as data: what follows what, who does it, and how large a piece is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from apps.common.clock import Clock
from apps.common.errors import RetryableError
from apps.documents.models import DocumentStatus
from apps.extraction import stretches
from apps.parsing.remarks import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to do one piece of work until the lease ends. Only the holder of the newest token can commit.

    `since` is when the work was first claimed: what has waited since then goes before what came later.
    `progress` is what an earlier attempt had done of it, in words of the stage's own; `waited_for` the code of what
    stopped the one before, empty where there was none.
    """

    tenant_id: UUID
    stage_run_id: UUID
    run_id: UUID
    document_id: UUID
    stage: str
    shard: int
    first_page: int
    last_page: int
    lane: str
    token: int
    attempt: int
    since: datetime
    progress: tuple[str, ...] = ()
    waited_for: str = ""

    @property
    def has_waited(self) -> bool:
        """Whether an earlier claim ended in waiting: it took a token, and isn't counted as an attempt."""
        return self.token > self.attempt


def _nothing() -> None:
    """Store nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a stage made. `store` writes it, inside the transaction that checks the token; it must be quick.

    `page_count` is told by the stage that first learns it, and lets the planner cut later work into shards.
    `skip` names stages of this run that aren't needed. `doubtful` sends the document to review at its end, unless a
    later stage says otherwise; `reason`, of a stage that holds for any schema, does so whatever later ones find, and is
    shown there. `discard` takes back what lies outside the database, where it couldn't be committed.

    `stopped_by` says that the work isn't done: what was made till then is stored, the rest is another attempt's or
    waits, as the error has it, and `progress` tells the next attempt what it needn't do again.
    """

    store: Callable[[], None] = _nothing
    discard: Callable[[], None] | None = None
    page_count: int | None = None
    skip: frozenset[str] = field(default_factory=frozenset)
    doubtful: bool | None = None
    reason: Reason | None = None
    stopped_by: RetryableError | None = None
    progress: tuple[str, ...] = ()


class Body(Protocol):
    """The work of a stage: reads, computes, and writes nothing. It is called without a transaction."""

    def __call__(self, *, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:
        """Do the work. Raises RetryableError, TerminalError, or anything else, which counts as a defect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One kind of work.

    `after` are the stages that must be done before it; `queue` the pool of workers that suits it; `body` the dotted
    path of its work; `preload` that of what its workers load before they take any; `shard_pages` the size of a piece,
    None where a document is one piece; `reached` the state of the document once all pieces are done. Where a stage that
    isn't `needed` can't be done, the document goes on without it, to review.
    """

    name: str
    body: str
    queue: str
    preload: str | None = None
    after: tuple[str, ...] = ()
    shard_pages: int | None = None
    reached: DocumentStatus | None = None
    max_attempts: int = 5
    needed: bool = True


STAGES: tuple[Stage, ...] = (
    Stage(
        name="parse",
        body="apps.pipeline.bodies.parse.parse",
        queue="parsing",
        shard_pages=100,
        reached=DocumentStatus.PARSED,
    ),
    Stage(name="render", body="apps.pipeline.bodies.render.render", queue="parsing", after=("parse",), shard_pages=50),
    Stage(
        name="extract",
        body="apps.pipeline.bodies.extract.extract",
        queue="extraction",
        preload="apps.inference.embeddings.preload",
        after=("parse",),
        shard_pages=stretches.PAGES,
    ),
    Stage(
        name="merge",
        body="apps.pipeline.bodies.merge.merge",
        queue="extraction",
        after=("extract",),
        reached=DocumentStatus.EXTRACTED,
    ),
    Stage(name="ask", body="apps.pipeline.bodies.ask.ask", queue="model", after=("merge", "render"), needed=False),
    Stage(name="look", body="apps.pipeline.bodies.look.look", queue="extraction", after=("ask",)),
    Stage(
        name="index",
        body="apps.pipeline.bodies.index.index",
        queue="extraction",
        preload="apps.inference.embeddings.preload",
        after=("parse",),
        shard_pages=20,
    ),
)

BY_NAME = {stage.name: stage for stage in STAGES}

OF_THE_BYTES = frozenset({"parse", "render", "index"})
"""The stages whose outcome holds for any schema: another run of the same document needn't repeat them."""
