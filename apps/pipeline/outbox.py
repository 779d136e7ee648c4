"""Work that is written down, and its hints: in the outbox with the work, and to the broker once that is committed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Expression

from apps.common.errors import RetryableError
from apps.common.ids import new_id
from apps.pipeline.dispatcher import Hint, dispatcher
from apps.pipeline.models import OutboxMessage, Run, StageStatus
from apps.pipeline.planning import Planned, input_digest
from apps.tenants.scope import in_tenant_scope

log = structlog.get_logger(__name__)

# Whoever raises a budget shan't wait until a hundred thousand documents are told.
WOKEN_AT_ONCE = 1000


def write_down(*, run: Run, planned: Iterable[Planned], status: StageStatus = StageStatus.PENDING) -> None:
    """Insert work and its hints, once however often it is planned, and send the hints when this is committed."""
    pieces = tuple(planned)
    if not pieces:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH written AS (
              INSERT INTO pipeline_stagerun
                (tenant_id, id, run_id, document_id, stage, shard, input_digest, first_page, last_page, lane, status,
                 fencing_token, attempts, lapses, due_at, finished_at, reason_code, reason)
              SELECT %(tenant)s, p.id, %(run)s, %(document)s, p.stage, p.shard, p.digest, p.first, p.last, %(lane)s,
                     %(status)s, 0, 0, 0, clock_timestamp(),
                     CASE WHEN %(status)s = 'done' THEN clock_timestamp() END, '', ''
              FROM unnest(%(ids)s::uuid[], %(stages)s::text[], %(shards)s::int[], %(digests)s::text[],
                          %(firsts)s::int[], %(lasts)s::int[]) AS p (id, stage, shard, digest, first, last)
              ON CONFLICT (tenant_id, run_id, stage, shard, input_digest) DO NOTHING
              RETURNING id, stage, shard
            ), hinted AS (
              INSERT INTO pipeline_outboxmessage (tenant_id, id, stage_run_id, stage, shard, lane, due_at)
              SELECT %(tenant)s, gen_random_uuid(), id, stage, shard, %(lane)s, clock_timestamp() FROM written
              WHERE %(status)s = 'pending'
            )
            SELECT id, stage, shard FROM written
            """,
            {
                "tenant": run.tenant_id,
                "run": run.id,
                "document": run.document_id,
                "lane": run.lane,
                "status": status.value,
                "ids": [new_id() for _ in pieces],
                "stages": [piece.stage for piece in pieces],
                "shards": [piece.shard for piece in pieces],
                "digests": [input_digest(source=run.source, planned=piece) for piece in pieces],
                "firsts": [piece.first_page for piece in pieces],
                "lasts": [piece.last_page for piece in pieces],
            },
        )
        written = cursor.fetchall()
    if status == StageStatus.PENDING and written:
        send_on_commit(
            [
                Hint(tenant_id=run.tenant_id, stage_run_id=id_, stage=stage, lane=run.lane, shard=shard)
                for id_, stage, shard in written
            ]
        )


def send_on_commit(hints: list[Hint]) -> None:
    """Send hints when the transaction is committed; where that fails, the sweeper does from the outbox."""

    def send() -> None:
        try:
            dispatcher().send(hints)
        except RetryableError as error:
            # The outbox has them; the sweeper sends them once the broker is back.
            log.warning("hints_not_sent", count=len(hints), code=error.code)

    transaction.on_commit(send)


def put_back(*, hint: Hint, due_at: datetime | Expression) -> None:
    """Put the hint of work that was claimed back into the outbox."""
    OutboxMessage.objects.create(
        tenant_id=hint.tenant_id,
        stage_run_id=hint.stage_run_id,
        stage=hint.stage,
        shard=hint.shard,
        lane=hint.lane,
        due_at=due_at,
    )


@in_tenant_scope
def wake(*, tenant_id: UUID, reason_code: str) -> int:
    """Let work that waits for this reason look again now. Returns how many pieces do.

    For what is mended at a known moment, as a budget that is raised: without it they look again at their own time.
    However many there are, hints for the first ones are sent here; the sweeper sends the others, which are due too.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH waiting AS MATERIALIZED (
              SELECT id FROM pipeline_stagerun
              WHERE tenant_id = %(tenant)s AND status = 'pending' AND reason_code = %(code)s
                AND due_at > clock_timestamp()
              ORDER BY id FOR NO KEY UPDATE
            ), woken AS (
              UPDATE pipeline_stagerun AS s SET due_at = clock_timestamp() FROM waiting
              WHERE s.tenant_id = %(tenant)s AND s.id = waiting.id
              RETURNING s.id, s.stage, s.lane, s.shard
            ), hinted AS (
              UPDATE pipeline_outboxmessage AS o SET due_at = clock_timestamp() FROM woken
              WHERE o.tenant_id = %(tenant)s AND o.stage_run_id = woken.id
            )
            SELECT id, stage, lane, shard FROM woken
            """,
            {"tenant": tenant_id, "code": reason_code},
        )
        hints = [
            Hint(tenant_id=tenant_id, stage_run_id=id_, stage=stage, lane=lane, shard=shard)
            for id_, stage, lane, shard in cursor
        ]
    send_on_commit(hints[:WOKEN_AT_ONCE])
    return len(hints)
