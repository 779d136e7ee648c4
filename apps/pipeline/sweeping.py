"""What the sweeper does: finds work whose holder is gone and hints that were lost, and sends them again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection

from apps.common.clock import Clock
from apps.pipeline import operations
from apps.pipeline.dispatcher import Dispatcher, Hint

# One number for "the sweeper of this database"; any constant would do.
ADVISORY_LOCK = 0x51554952
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What one sweep did."""

    recovered: int
    resent: int


@contextmanager
def only_sweeper() -> Iterator[bool]:
    """Hold the advisory lock of this session. Yields whether it could be had."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
        held = bool(cursor.fetchone()[0])
    try:
        yield held
    finally:
        if held and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])


def sweep(*, dispatcher: Dispatcher, grace: timedelta, clock: Clock) -> Sweep:
    """Recover what has lapsed, then send hints again that no queue holds any more.

    A hint that is older than `grace` and unclaimed either waits in its queue or is lost. The queue's depth tells how
    many can be waiting; only what exceeds it is sent, the oldest first. Hints that wait are then sent twice at worst,
    and a claim makes the second harmless. Further pieces of long documents wait behind the first ones, and are counted
    and sent for themselves: sent as first ones, they would keep everybody else's waiting.
    """
    recovered = 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, id FROM lookup_lapsed(%s)", [BATCH])
        lapsed = cursor.fetchall()
    for tenant_id, stage_run_id in lapsed:
        recovered += operations.recover(tenant_id=tenant_id, stage_run_id=stage_run_id, clock=clock)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT stage, lane, further, waiting FROM lookup_outbox(make_interval(secs => %s))",
            [grace.total_seconds()],
        )
        queues = cursor.fetchall()
    # All are counted before any is sent: what is put into a list that stages share would hide what the next one misses.
    counted = [
        (stage, lane, further, min(waiting - dispatcher.depth(stage=stage, lane=lane, shard=int(further)), BATCH))
        for stage, lane, further, waiting in queues
    ]
    resent = 0
    for stage, lane, further, missing in counted:
        if missing <= 0:
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tenant_id, stage_run_id, stage, lane, shard "
                "FROM lookup_hints(%s, %s, %s, make_interval(secs => %s), %s)",
                [stage, lane, further, grace.total_seconds(), missing],
            )
            hints = [
                Hint(tenant_id=row[0], stage_run_id=row[1], stage=row[2], lane=row[3], shard=row[4]) for row in cursor
            ]
        dispatcher.send(hints)
        resent += len(hints)
    return Sweep(recovered=recovered, resent=resent)
