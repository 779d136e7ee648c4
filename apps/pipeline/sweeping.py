"""What the sweeper does: finds work whose holder is gone and hints that were lost, and sends them again."""

from __future__ import annotations

from collections import defaultdict
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
# How far a list that misses something is looked through, from where it is read: about a megabyte of messages.
FRONT = 1000


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
    """Recover what has lapsed, then send hints again that no list holds any more.

    A hint that is unclaimed either waits in its list, which stages share, or is lost. What is due, fresh hints too,
    tells how many a list should hold, and its depth how many are missing: so many are sent, the oldest first, of those
    that are older than `grace` and not at the list's front. What waits isn't sent again, which would keep all behind it
    waiting; only in a list longer than its front may a hint be twice, and a claim makes the second harmless.
    """
    recovered = 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, id FROM lookup_lapsed(%s)", [BATCH])
        lapsed = cursor.fetchall()
    for tenant_id, stage_run_id in lapsed:
        recovered += operations.recover(tenant_id=tenant_id, stage_run_id=stage_run_id, clock=clock)
    with connection.cursor() as cursor:
        cursor.execute("SELECT stage, lane, further, waiting FROM lookup_outbox()")
        waiting = cursor.fetchall()
    lists: defaultdict[str, list[tuple[str, str, bool, int]]] = defaultdict(list)
    for stage, lane, further, count in waiting:
        lists[dispatcher.place(stage=stage, lane=lane, shard=int(further))].append((stage, lane, further, count))
    resent = 0
    for place, kinds in lists.items():
        stages, lanes, furthers, counts = zip(*kinds, strict=True)
        missing = min(sum(counts) - dispatcher.depth(place=place), BATCH)
        if missing <= 0:
            continue
        # Looked at before the outbox: what is claimed between the two is in neither.
        held = dispatcher.front(place=place, most=FRONT)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tenant_id, stage_run_id, stage, lane, shard FROM lookup_hints("
                "%s::varchar[], %s::varchar[], %s::boolean[], %s::uuid[], make_interval(secs => %s), %s)",
                [list(stages), list(lanes), list(furthers), list(held), grace.total_seconds(), missing],
            )
            hints = [
                Hint(tenant_id=row[0], stage_run_id=row[1], stage=row[2], lane=row[3], shard=row[4]) for row in cursor
            ]
        dispatcher.send(hints)
        resent += len(hints)
    return Sweep(recovered=recovered, resent=resent)
