"""Writing the pipeline's state.

Locks are taken in one order: a document, its runs, their stage runs by their ids, the hints of those.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from apps.common.clock import Clock
from apps.common.errors import RetryableError, TerminalError, WaitingError
from apps.documents import operations as documents
from apps.documents.models import Document, DocumentStatus
from apps.parsing.remarks import Reason
from apps.pipeline.dispatcher import Hint
from apps.pipeline.models import OutboxMessage, Run, RunStatus, StageRun, StageStatus
from apps.pipeline.outbox import put_back, send_on_commit, write_down
from apps.pipeline.planning import Planned, plan, shards
from apps.pipeline.stages import BY_NAME, OF_THE_BYTES, STAGES, Claim, Outcome, Stage
from apps.results import operations as results
from apps.results import queries as result_queries
from apps.tenants.scope import in_tenant_scope

log = structlog.get_logger(__name__)

MAX_LAPSES = 3
BACKOFF_BASE_SECONDS = 2.0
BACKOFF_CAP_SECONDS = 300.0
# What was put back together shan't come back together; but what waits for hours, as for a month's turn, not much later.
JITTER = 0.2
JITTER_CAP_SECONDS = 300.0
# A long document may have something to say of each of its parts.
TOLD_REASONS = 3


class LeaseLostError(Exception):
    """Somebody else holds the work now, or it was cancelled: what this attempt made must not be written."""


@in_tenant_scope
def start_run(
    *, tenant_id: UUID, document_id: UUID, lane: str, source: str, clock: Clock, done: frozenset[str] = frozenset()
) -> UUID:
    """Write a run, its first work and the hint for it; the hint is sent when the transaction is committed.

    `source` is the hash of the document's bytes; `done` names stages that an earlier run has done.
    """
    run = Run.objects.create(
        tenant_id=tenant_id, document_id=document_id, source=source, lane=lane, created_at=clock.now()
    )
    write_down(run=run, planned=_whole(done), status=StageStatus.DONE)
    states = {name: [StageStatus.DONE] for name in done}
    write_down(run=run, planned=plan(states=states, page_count=None).due)
    return run.id


@in_tenant_scope
def claim(*, tenant_id: UUID, stage_run_id: UUID, lease_seconds: float) -> Claim | None:
    """Take a piece of work, or return None where it is done, held, not yet due, or cancelled.

    One statement: the newest token, the lease on the database's clock, and the end of the hint.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH claimed AS (
              UPDATE pipeline_stagerun AS s
              SET status = 'running', fencing_token = s.fencing_token + 1, attempts = s.attempts + 1,
                  lease_expires_at = clock_timestamp() + make_interval(secs => %(lease)s),
                  started_at = coalesce(s.started_at, clock_timestamp())
              WHERE s.tenant_id = %(tenant)s AND s.id = %(id)s
                AND (
                  (s.status = 'pending' AND s.due_at <= clock_timestamp())
                  OR (s.status = 'running' AND s.lease_expires_at < clock_timestamp())
                )
              RETURNING s.run_id, s.document_id, s.stage, s.shard, s.first_page, s.last_page, s.lane,
                        s.fencing_token, s.attempts, s.progress, s.started_at, s.reason_code, s.id
            ), hint AS (
              DELETE FROM pipeline_outboxmessage AS o USING claimed
              WHERE o.tenant_id = %(tenant)s AND o.stage_run_id = claimed.id
            )
            SELECT * FROM claimed
            """,
            {"tenant": tenant_id, "id": stage_run_id, "lease": lease_seconds},
        )
        row = cursor.fetchone()
    if row is None:
        return None
    return Claim(
        tenant_id=tenant_id,
        stage_run_id=stage_run_id,
        run_id=row[0],
        document_id=row[1],
        stage=row[2],
        shard=row[3],
        first_page=row[4],
        last_page=row[5],
        lane=row[6],
        token=row[7],
        attempt=row[8],
        progress=tuple(row[9]),
        since=row[10],
        waited_for=row[11],
    )


@in_tenant_scope
def renew(*, tenant_id: UUID, stage_run_id: UUID, token: int, lease_seconds: float) -> bool:
    """Extend a lease. Returns whether this attempt still holds the work."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pipeline_stagerun SET lease_expires_at = clock_timestamp() + make_interval(secs => %s) "
            "WHERE tenant_id = %s AND id = %s AND fencing_token = %s AND status = 'running'",
            [lease_seconds, tenant_id, stage_run_id, token],
        )
        return bool(cursor.rowcount == 1)


@in_tenant_scope
def holds(*, tenant_id: UUID, stage_run_id: UUID, token: int) -> bool:
    """Say whether this attempt still holds the work: nobody cancelled it, and nobody else took it."""
    return StageRun.objects.filter(
        tenant_id=tenant_id, id=stage_run_id, fencing_token=token, status=StageStatus.RUNNING
    ).exists()


@in_tenant_scope
def complete(*, tenant_id: UUID, held: Claim, outcome: Outcome, clock: Clock) -> None:
    """Write what a stage made, mark it done, and plan what follows: all of it, or nothing.

    Raises LeaseLostError where the token no longer holds.
    """
    run = _lock(tenant_id=tenant_id, document_id=held.document_id, run_id=held.run_id)
    _end_attempt(held=held, status=StageStatus.DONE, reason=outcome.reason)
    if held.has_waited:
        documents.show_waiting(
            tenant_id=tenant_id, document_id=held.document_id, reason_code="", reason="", clock=clock
        )
    outcome.store()
    page_count = outcome.page_count
    if page_count is not None:
        documents.record_parse(tenant_id=tenant_id, document_id=run.document_id, page_count=page_count)
    else:
        page_count = Document.objects.values_list("page_count", flat=True).get(tenant_id=tenant_id, id=run.document_id)
    if outcome.doubtful is not None:
        Run.objects.filter(tenant_id=tenant_id, id=run.id).update(doubtful=outcome.doubtful)
        run.doubtful = outcome.doubtful
    _advance(
        run=run, page_count=page_count, stage=BY_NAME[held.stage], shard=held.shard, skip=outcome.skip, clock=clock
    )


@in_tenant_scope
def postpone(
    *, tenant_id: UUID, held: Claim, error: RetryableError, clock: Clock, outcome: Outcome | None = None
) -> None:
    """Give work back after a failure that may pass; the last attempt's failure ends the document.

    It comes back after 2, 4, 8, ... seconds, at most 300, or when the error says, within the error's own limit. What
    only waits has no last attempt: the document says what for. What `outcome` has made till then is stored, or nothing
    is written.
    """
    run = _lock(tenant_id=tenant_id, document_id=held.document_id, run_id=held.run_id)
    if outcome is not None:
        outcome.store()
        StageRun.objects.filter(tenant_id=tenant_id, id=held.stage_run_id).update(progress=list(outcome.progress))
        if outcome.doubtful is not None:
            # The next attempt may be the end: of what was asked there may be nothing left to ask.
            Run.objects.filter(tenant_id=tenant_id, id=run.id).update(doubtful=outcome.doubtful)
            run.doubtful = outcome.doubtful
    waits = isinstance(error, WaitingError)
    if not waits and held.attempt >= BY_NAME[held.stage].max_attempts:
        _give_up(run=run, held=held, error=error, clock=clock)
        return
    # The token counts every claim, also those that ended in waiting and don't count as attempts.
    before = held.token - held.attempt if waits else held.attempt - 1
    delay = min(BACKOFF_BASE_SECONDS * 2 ** min(before, 16), BACKOFF_CAP_SECONDS)
    if error.retry_after is not None:
        wished = min(error.retry_after, error.longest_wait)
        delay = wished if waits else max(delay, wished)
    delay += random.uniform(0, min(JITTER * delay, JITTER_CAP_SECONDS))  # noqa: S311 - no secret
    due_at = Now() + timedelta(seconds=delay)
    _end_attempt(held=held, status=StageStatus.PENDING, error=error)
    StageRun.objects.filter(tenant_id=tenant_id, id=held.stage_run_id).update(
        due_at=due_at, attempts=F("attempts") - int(waits)
    )
    if waits:
        documents.show_waiting(
            tenant_id=tenant_id,
            document_id=held.document_id,
            reason_code=error.code,
            reason=error.message,
            clock=clock,
        )
    hint = Hint(tenant_id=tenant_id, stage_run_id=held.stage_run_id, stage=held.stage, lane=held.lane, shard=held.shard)
    put_back(hint=hint, due_at=due_at)


@in_tenant_scope
def fail(*, tenant_id: UUID, held: Claim, error: TerminalError, quarantine: bool, clock: Clock) -> None:
    """End the document: no later attempt can succeed."""
    run = _lock(tenant_id=tenant_id, document_id=held.document_id, run_id=held.run_id)
    _give_up(run=run, held=held, error=error, clock=clock, quarantine=quarantine)


@in_tenant_scope
def recover(*, tenant_id: UUID, stage_run_id: UUID, clock: Clock) -> bool:
    """Take work back from a holder whose lease ran out. Returns whether it was so.

    Work that lost its worker three times would lose the next one too: its document fails, or goes on without it.
    """
    row = StageRun.objects.filter(tenant_id=tenant_id, id=stage_run_id).first()
    if row is None:
        return False
    try:
        run = _lock(tenant_id=tenant_id, document_id=row.document_id, run_id=row.run_id)
    except LeaseLostError:
        # It ended meanwhile: another piece of it failed, or somebody cancelled it.
        return False
    lapsed = StageRun.objects.select_for_update().filter(
        tenant_id=tenant_id, id=stage_run_id, status=StageStatus.RUNNING, lease_expires_at__lt=_DatabaseClock()
    )
    stage_run = lapsed.first()
    if stage_run is None:
        return False
    stage_run.lapses += 1
    if stage_run.lapses >= MAX_LAPSES:
        reason = (
            f"the worker was lost {MAX_LAPSES} times while it worked on this document: "
            "it may need more memory than there is; try again, or split the document"
        )
        needed = BY_NAME[row.stage].needed
        StageRun.objects.filter(tenant_id=tenant_id, id=stage_run_id).update(
            status=StageStatus.FAILED if needed else StageStatus.DONE,
            lapses=stage_run.lapses,
            lease_expires_at=None,
            finished_at=_DatabaseClock(),
            reason_code="worker_lost",
            reason=reason,
        )
        if needed:
            _fail(run=run, code="worker_lost", reason=reason, clock=clock)
        else:
            _go_on_without(run=run, stage=row.stage, shard=row.shard, reason=reason, clock=clock)
        return True
    # The token grows with the next claim; until then the lapsed holder must not commit either.
    StageRun.objects.filter(tenant_id=tenant_id, id=stage_run_id).update(
        status=StageStatus.PENDING,
        lapses=stage_run.lapses,
        lease_expires_at=None,
        due_at=_DatabaseClock(),
    )
    hint = Hint(tenant_id=tenant_id, stage_run_id=stage_run_id, stage=row.stage, lane=row.lane, shard=row.shard)
    put_back(hint=hint, due_at=_DatabaseClock())
    send_on_commit([hint])
    return True


@in_tenant_scope
def stop_runs(*, tenant_id: UUID, document_id: UUID, clock: Clock) -> None:
    """Cancel what is under way for a document; a worker that holds some of it can't commit any more.

    The caller holds the document's lock.
    """
    runs = list(
        Run.objects.select_for_update().filter(tenant_id=tenant_id, document_id=document_id, status=RunStatus.ACTIVE)
    )
    for run in runs:
        _close(run=run, status=RunStatus.CANCELLED, clock=clock)


@in_tenant_scope
def return_to_earlier(*, tenant_id: UUID, document_id: UUID, clock: Clock) -> bool:
    """End a document as its last finished run did, under that run's schema. Returns whether there is one.

    For a document whose reading under a further schema was called off. The caller holds the document's lock.
    """
    finished = Run.objects.filter(tenant_id=tenant_id, document_id=document_id, status=RunStatus.DONE)
    run = finished.order_by("-finished_at").first()
    if run is None:
        return False
    slug = result_queries.schema_of_run(tenant_id=tenant_id, run_id=run.id)
    documents.return_to_schema(tenant_id=tenant_id, document_id=document_id, schema_slug=slug)
    _end(run=run, doubtful=False, clock=clock)
    return True


class _DatabaseClock(Now):
    """`clock_timestamp()`: the database's clock at this moment, not at the transaction's start."""

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, tuple[str | int, ...]]:  # noqa: ARG002
        return "clock_timestamp()", ()


def _give_up(
    *, run: Run, held: Claim, error: RetryableError | TerminalError, clock: Clock, quarantine: bool = False
) -> None:
    """End a document whose work can't be done, or let it go on to review where the rest can do without."""
    if BY_NAME[held.stage].needed:
        _end_attempt(held=held, status=StageStatus.FAILED, error=error)
        _fail(run=run, code=error.code, reason=error.message, clock=clock, quarantine=quarantine)
        return
    _end_attempt(held=held, status=StageStatus.DONE, error=error)
    _go_on_without(run=run, stage=held.stage, shard=held.shard, reason=error.message, clock=clock)


def _go_on_without(*, run: Run, stage: str, shard: int, reason: str, clock: Clock) -> None:
    """Plan what follows work that couldn't be done, and send the document to review with the reason."""
    results.note(tenant_id=run.tenant_id, run_id=run.id, note=reason)
    Run.objects.filter(tenant_id=run.tenant_id, id=run.id).update(doubtful=True)
    run.doubtful = True
    documents.show_waiting(tenant_id=run.tenant_id, document_id=run.document_id, reason_code="", reason="", clock=clock)
    page_count = Document.objects.values_list("page_count", flat=True).get(tenant_id=run.tenant_id, id=run.document_id)
    _advance(run=run, page_count=page_count, stage=BY_NAME[stage], shard=shard, clock=clock)


def _lock(*, tenant_id: UUID, document_id: UUID, run_id: UUID) -> Run:
    """Lock a document and its run until the end of the transaction. Raises LeaseLostError where the run has ended."""
    documents.lock(tenant_id=tenant_id, document_id=document_id)
    run = Run.objects.select_for_update().filter(tenant_id=tenant_id, id=run_id, status=RunStatus.ACTIVE).first()
    if run is None:
        raise LeaseLostError
    return run


def _end_attempt(
    *,
    held: Claim,
    status: StageStatus,
    error: RetryableError | TerminalError | None = None,
    reason: Reason | None = None,
) -> None:
    """Move the held work on. The caller holds the run's lock. Raises LeaseLostError."""
    if error is not None:
        reason = Reason(code=error.code, message=error.message)
    updated = StageRun.objects.filter(
        tenant_id=held.tenant_id, id=held.stage_run_id, fencing_token=held.token, status=StageStatus.RUNNING
    ).update(
        status=status,
        lease_expires_at=None,
        finished_at=None if status == StageStatus.PENDING else _DatabaseClock(),
        reason_code=reason.code if reason else "",
        reason=reason.message if reason else "",
    )
    if updated != 1:
        raise LeaseLostError


def _advance(
    *,
    run: Run,
    page_count: int | None,
    stage: Stage,
    shard: int,
    clock: Clock,
    skip: frozenset[str] = frozenset(),
) -> None:
    """Plan what the completed piece of a stage makes due. The caller holds the run's lock."""
    tenant_id = run.tenant_id
    more = shards(stage=stage, page_count=page_count)[1:] if shard == 0 and stage.shard_pages else ()
    write_down(run=run, planned=_whole(skip), status=StageStatus.DONE)
    write_down(run=run, planned=more)
    states: dict[str, list[str]] = defaultdict(list)
    for name, state in StageRun.objects.filter(tenant_id=tenant_id, run_id=run.id).values_list("stage", "status"):
        states[name].append(state)
    planned = plan(states=states, page_count=page_count)
    write_down(run=run, planned=planned.due)
    if planned.finished:
        Run.objects.filter(tenant_id=tenant_id, id=run.id).update(status=RunStatus.DONE, finished_at=clock.now())
        results.forget_asking(tenant_id=tenant_id, run_id=run.id)
        _end(run=run, doubtful=run.doubtful, clock=clock)
        return
    ended = {stage.name, *skip} & planned.complete
    reached = [one.reached for one in STAGES if one.name in ended and one.reached is not None]
    if reached:
        documents.set_status(tenant_id=tenant_id, document_id=run.document_id, status=reached[-1], clock=clock)


def _end(*, run: Run, doubtful: bool, clock: Clock) -> None:
    """Say that a document is done, or in review with the reason. The caller holds its lock."""
    reason = _reason_of_the_bytes(run)
    in_review = doubtful or reason or _is_open(run)
    documents.set_status(
        tenant_id=run.tenant_id,
        document_id=run.document_id,
        status=DocumentStatus.NEEDS_REVIEW if in_review else DocumentStatus.DONE,
        reason_code=reason.code if reason else "",
        reason=reason.message if reason else "",
        terminal=True,
        clock=clock,
    )


def _is_open(run: Run) -> bool:
    """Return whether what a finished run of the document read, under whatever schema, still waits for a person."""
    finished = Run.objects.filter(tenant_id=run.tenant_id, document_id=run.document_id, status=RunStatus.DONE)
    doubtful = set(finished.filter(doubtful=True).values_list("id", flat=True))
    if not doubtful:
        return False
    return bool(doubtful & results.undecided_runs(tenant_id=run.tenant_id, document_id=run.document_id))


def _reason_of_the_bytes(run: Run) -> Reason | None:
    """Return what the stages that hold for any schema had to say, also those of an earlier run of the document."""
    said = StageRun.objects.filter(
        tenant_id=run.tenant_id, document_id=run.document_id, stage__in=OF_THE_BYTES, status=StageStatus.DONE
    ).exclude(reason="")
    reasons = list(dict.fromkeys(said.order_by("first_page", "shard").values_list("reason_code", "reason")))
    if not reasons:
        return None
    told = "; ".join(reason for _, reason in reasons[:TOLD_REASONS])
    further = len(reasons) - TOLD_REASONS
    if further > 0:
        told += f"; so it is in {further} further part{'s' if further > 1 else ''} of the document"
    return Reason(code=reasons[0][0], message=told)


def _whole(stages: frozenset[str]) -> list[Planned]:
    return [Planned(stage=name, shard=0, first_page=0, last_page=0) for name in sorted(stages)]


def _fail(*, run: Run, code: str, reason: str, clock: Clock, quarantine: bool = False) -> None:
    _close(run=run, status=RunStatus.FAILED, clock=clock)
    documents.set_status(
        tenant_id=run.tenant_id,
        document_id=run.document_id,
        status=DocumentStatus.QUARANTINED if quarantine else DocumentStatus.FAILED,
        reason_code=code,
        reason=reason,
        terminal=True,
        clock=clock,
    )


def _close(*, run: Run, status: RunStatus, clock: Clock) -> None:
    """End a run and all of its work that hasn't ended. The caller holds the run's lock."""
    Run.objects.filter(tenant_id=run.tenant_id, id=run.id).update(status=status, finished_at=clock.now())
    pieces = StageRun.objects.filter(tenant_id=run.tenant_id, run_id=run.id)
    unfinished = list(
        pieces.filter(status__in=[StageStatus.PENDING, StageStatus.RUNNING])
        .select_for_update(no_key=True)
        .order_by("id")
        .values_list("id", flat=True)
    )
    pieces.filter(id__in=unfinished).update(
        status=StageStatus.CANCELLED, lease_expires_at=None, finished_at=_DatabaseClock()
    )
    OutboxMessage.objects.filter(tenant_id=run.tenant_id, stage_run_id__in=unfinished).delete()
    results.forget_stretches(tenant_id=run.tenant_id, run_id=run.id)
    results.forget_asking(tenant_id=run.tenant_id, run_id=run.id)
