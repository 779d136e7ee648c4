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
from apps.pipeline.dispatcher import Dispatcher, Kind

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
    """Recover what has lapsed, then send hints for what no list holds a hint for any more.

    Work that is due and unclaimed has a hint in its list, which kinds share, or its hint is lost. Any hint of a list
    does for any work of it, so only their numbers count: what is due, fresh work too, tells how many hints a list
    should hold, and its depth how many are missing. So many are sent, but no more than there is work older than
    `grace`: the hints of what is younger may be under way. One too many finds nothing to do.
    """
    recovered = 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, id FROM lookup_lapsed(%s)", [BATCH])
        lapsed = cursor.fetchall()
    for tenant_id, stage_run_id in lapsed:
        recovered += operations.recover(tenant_id=tenant_id, stage_run_id=stage_run_id, clock=clock)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT stage, lane, further, waiting, old FROM lookup_outbox(make_interval(secs => %s))",
            [grace.total_seconds()],
        )
        due = cursor.fetchall()
    lists: defaultdict[str, list[tuple[Kind, int, int]]] = defaultdict(list)
    for stage, lane, further, waiting, old in due:
        kind = Kind(stage=stage, lane=lane, further=further)
        lists[dispatcher.place(kind)].append((kind, waiting, old))
    resent = 0
    for place, kinds in lists.items():
        missing = sum(waiting for _, waiting, _ in kinds) - dispatcher.depth(place=place)
        count = min(missing, sum(old for _, _, old in kinds), BATCH)
        if count > 0:
            dispatcher.send_again(kind=kinds[0][0], count=count)
            resent += count
    return Sweep(recovered=recovered, resent=resent)
