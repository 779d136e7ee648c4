"""Whose work a worker does next: tenants take turns, however much of it one of them has."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from apps.common.ids import new_id
from apps.pipeline import operations
from apps.pipeline.dispatcher import Kind
from apps.pipeline.stages import BY_NAME, STAGES, Claim
from apps.tenants.scope import in_tenant_scope

# Each is a kind that a tenant has work of. Who finds all of these taken leaves the rest to the other workers.
MOST_TRIES = 64


def claim_in_turn(*, kinds: Sequence[Kind], lease_seconds: float) -> Claim | None:
    """Take a piece of work that is due, of one of these kinds; None where there is none. Their stages share a queue.

    Next is the tenant that holds the fewest workers of that queue's pool; of those that hold as few, the one that
    was served the longest ago; and of its work the oldest. So shares are even in the workers' time, whatever a
    piece takes, and a tenant that comes anew gets the first worker that is free.
    """
    queue = BY_NAME[kinds[0].stage].queue
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tenant_id, stage, lane, further FROM lookup_turns("
            "%s::varchar[], %s::varchar[], %s::boolean[], %s, %s::varchar[], %s)",
            [
                [kind.stage for kind in kinds],
                [kind.lane for kind in kinds],
                [kind.further for kind in kinds],
                queue,
                [stage.name for stage in STAGES if stage.queue == queue],
                MOST_TRIES,
            ],
        )
        turns = cursor.fetchall()
    for tenant_id, stage, lane, further in turns:
        held = _claim_oldest(
            tenant_id=tenant_id,
            kind=Kind(stage=stage, lane=lane, further=further),
            queue=queue,
            lease_seconds=lease_seconds,
        )
        if held is not None:
            return held
    return None


@in_tenant_scope
def _claim_oldest(*, tenant_id: UUID, kind: Kind, queue: str, lease_seconds: float) -> Claim | None:
    """Take the tenant's oldest work of a kind that nobody else is taking, and note that it was served.

    The work is locked before its hint, as everywhere. The sub-select keeps the planner from turning
    `(shard > 0) = false` into `shard <= 0`, which is no column of the index.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT s.id FROM pipeline_outboxmessage AS o
            JOIN pipeline_stagerun AS s ON s.tenant_id = o.tenant_id AND s.id = o.stage_run_id
            WHERE o.tenant_id = %s AND o.stage = %s AND o.lane = %s AND (o.shard > 0) = (SELECT %s)
              AND o.due_at <= statement_timestamp() AND s.status = 'pending' AND s.due_at <= clock_timestamp()
            ORDER BY o.due_at LIMIT 1 FOR NO KEY UPDATE OF s SKIP LOCKED
            """,
            [tenant_id, kind.stage, kind.lane, kind.further],
        )
        row = cursor.fetchone()
        if row is None:
            return None
        held = operations.claim(tenant_id=tenant_id, stage_run_id=row[0], lease_seconds=lease_seconds)
        cursor.execute(
            "INSERT INTO pipeline_turn (tenant_id, id, queue, served_at) VALUES (%s, %s, %s, clock_timestamp()) "
            "ON CONFLICT (tenant_id, queue) DO UPDATE SET served_at = excluded.served_at",
            [tenant_id, new_id(), queue],
        )
    return held
