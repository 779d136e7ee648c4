"""A small tenant's documents during a big one's bulk job: one backlog, one pool of workers, one model server.

The backlog is the pipeline's own, in Postgres, with its hints in Valkey; the workers take hints as a Celery worker's
threads do, and claim, work and commit by the product's code, behind the admission of the product. Only what the stage
`ask` would make of pages is left out: each document is one call, whose service time and tokens are given. Both tenants
are in the bulk lane: nothing but their turns keeps them apart.
"""

from __future__ import annotations

import math
import random
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import perf_counter, sleep
from typing import TYPE_CHECKING
from unittest import mock
from uuid import UUID

from deploy.bench.counting_server import CountingServer, counting_server
from deploy.bench.measurement import Measurement, measurement
from deploy.embedded.processes import MODEL_THREADS

if TYPE_CHECKING:
    from apps.common.clock import Clock
    from apps.pipeline.stages import Claim, Outcome

# Somewhat fewer than the pool's threads, as they are meant to be.
SLOTS, POOL, QUEUE = 12, 120_000, 128
SECONDS = (0.6, 1.0)
TOKENS = (2_000, 9_000)
MAX_TOKENS = 400
BIG_DOCUMENTS = 800
SMALL_DOCUMENTS, SMALL_WARM_UP, SMALL_EVERY = 48, 8, 0.3
WARM_UP = 3.0
PATIENCE_SECONDS = 240.0
# As the stack has it by default.
SWEEP_SECONDS = 10.0


@dataclass(slots=True)
class _Bench:
    """What the stage's stand-in needs: the server, and when which document came and was done (perf_counter)."""

    server: CountingServer
    stop: threading.Event = field(default_factory=threading.Event)
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - no secret
    came: dict[UUID, float] = field(default_factory=dict)
    done: dict[UUID, float] = field(default_factory=dict)


_running: list[_Bench] = []


def small_tenant() -> Measurement:
    """Return the small tenant's p95 from upload to values, alone and while the big one's job goes on."""
    slowest = {big: _p95(big=big) for big in (False, True)}
    return measurement(
        name="small tenant's p95: 1.5 x idle (s)",
        ours=1.5 * slowest[False],
        baseline=slowest[True],
        baseline_name="during a big tenant's bulk job",
        target=1.0,
    )


def _p95(*, big: bool) -> float:
    from django.test import override_settings  # noqa: PLC0415 - Django is set up by now

    from apps.tenants.operations import create_tenant  # noqa: PLC0415

    owner, other = (create_tenant(slug=f"bench-{secrets.token_hex(6)}", name="Bench") for _ in range(2))
    with ExitStack() as stack:
        stack.enter_context(override_settings(QUIRE_DISPATCHER="workers.dispatch.CeleryDispatcher"))
        server = stack.enter_context(counting_server(slots=SLOTS, tokens=POOL, queue=QUEUE, thrashing=0.01))
        bench = _Bench(server=server)
        job = [_upload(other, bench) for _ in range(BIG_DOCUMENTS if big else 0)]
        stack.enter_context(_workers(bench))
        sleep(WARM_UP)
        ours = []
        start = perf_counter()
        for number in range(SMALL_DOCUMENTS):
            sleep(max(0.0, start + number * SMALL_EVERY - perf_counter()))
            ours.append(_upload(owner, bench))
        _until(lambda: all(document in bench.done for document in ours), what="the small tenant's documents are done")
        left = sum(document not in bench.done for document in job)
    if big and left < MODEL_THREADS:
        sys.exit("the big tenant's job was over before the small tenant's: it takes more documents")
    counted = sorted(bench.done[document] - bench.came[document] for document in ours[SMALL_WARM_UP:])
    return counted[math.ceil(0.95 * len(counted)) - 1]


def _upload(tenant_id: UUID, bench: _Bench) -> UUID:
    """Write a bulk document that is read already, so that its question is due, and the hint for it."""
    from apps.common.clock import SYSTEM_CLOCK  # noqa: PLC0415 - Django is set up by now
    from apps.documents.models import Lane  # noqa: PLC0415
    from apps.documents.operations import register_document  # noqa: PLC0415
    from apps.pipeline.operations import start_run  # noqa: PLC0415
    from apps.pipeline.stages import STAGES  # noqa: PLC0415

    came = perf_counter()
    source = secrets.token_hex(32)
    document_id = register_document(
        tenant_id=tenant_id,
        sha256=source,
        size=1,
        media_type="application/pdf",
        key="nowhere",
        name="bench.pdf",
        schema_slug="",
        external_id="",
        lane=Lane.BULK,
        password=None,
        clock=SYSTEM_CLOCK,
    ).document_id
    bench.came[document_id] = came
    before = frozenset(stage.name for stage in STAGES) - {"ask", "look"}
    start_run(
        tenant_id=tenant_id, document_id=document_id, lane=Lane.BULK, source=source, done=before, clock=SYSTEM_CLOCK
    )
    return document_id


@contextmanager
def _workers(bench: _Bench) -> Iterator[None]:
    """Run a pool as large as the stack's, and a sweeper, for the length of the block."""
    from apps.pipeline.stages import BY_NAME  # noqa: PLC0415 - Django is set up by now

    ask = replace(BY_NAME["ask"], body="deploy.bench.turns.call")
    _running.append(bench)
    threads = [threading.Thread(target=_work, args=(bench,)) for _ in range(MODEL_THREADS)]
    threads.append(threading.Thread(target=_sweep, args=(bench,)))
    with mock.patch.dict(BY_NAME, ask=ask):
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            bench.stop.set()
            for thread in threads:
                thread.join()
            _running.remove(bench)


def _work(bench: _Bench) -> None:
    """Do as a thread of a Celery worker: take a message off the list, do what it says."""
    from django.conf import settings  # noqa: PLC0415 - Django is set up by now
    from django.db import connection  # noqa: PLC0415
    from redis import Redis  # noqa: PLC0415

    from apps.documents.models import Lane  # noqa: PLC0415
    from apps.pipeline.dispatcher import Kind  # noqa: PLC0415
    from apps.pipeline.worker import work_in_turn  # noqa: PLC0415
    from workers.lists import place_of, together_with  # noqa: PLC0415

    kind = Kind(stage="ask", lane=Lane.BULK)
    with Redis.from_url(settings.QUIRE_REDIS_URL) as broker:
        while not bench.stop.is_set():
            if broker.brpop([place_of(kind)], timeout=1) is not None:
                work_in_turn(kinds=together_with(kind))
    connection.close()


def _sweep(bench: _Bench) -> None:
    from django.db import connection  # noqa: PLC0415 - Django is set up by now

    from apps.common.clock import SYSTEM_CLOCK  # noqa: PLC0415
    from apps.pipeline.dispatcher import dispatcher  # noqa: PLC0415
    from apps.pipeline.sweeping import sweep  # noqa: PLC0415

    while not bench.stop.wait(SWEEP_SECONDS):
        sweep(dispatcher=dispatcher(), grace=timedelta(seconds=SWEEP_SECONDS), clock=SYSTEM_CLOCK)
    connection.close()


def call(*, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:  # noqa: ARG001 - a stage's body
    """Ask one question of the counting server, in the place of `ask`."""
    from apps.inference.admission import admission  # noqa: PLC0415 - Django is set up by now
    from apps.inference.admitted_client import REPLY_SHARE, AdmittedClient  # noqa: PLC0415
    from apps.inference.client import SglangClient  # noqa: PLC0415
    from apps.inference.fairness import Lane  # noqa: PLC0415
    from apps.pipeline.stages import Outcome  # noqa: PLC0415

    (bench,) = _running
    seconds, tokens = bench.dice.uniform(*SECONDS), bench.dice.randint(*TOKENS)
    client = AdmittedClient(
        client=SglangClient(base_url=bench.server.url),
        admission=admission(bench.server.url),
        tenant_id=claim.tenant_id,
        lane=Lane(claim.lane),
        since=claim.since,
    )
    try:
        client.expect_room()
        client.complete(
            messages=[{"role": "user", "content": f"{seconds} {tokens}"}],
            schema={"type": "object"},
            max_tokens=MAX_TOKENS,
            prompt_tokens=tokens - int(MAX_TOKENS * REPLY_SHARE),
            cancelled=lambda: cancelled() or bench.stop.is_set(),
        )
    finally:
        client.close()

    def store() -> None:
        bench.done[claim.document_id] = perf_counter()

    return Outcome(store=store)


def _until(condition: Callable[[], bool], *, what: str) -> None:
    deadline = perf_counter() + PATIENCE_SECONDS
    while not condition():
        if perf_counter() > deadline:
            sys.exit(f"after {PATIENCE_SECONDS:g} s it is not so that {what}")
        sleep(0.05)
