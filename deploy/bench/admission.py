"""Admission in front of a counting server: are its slots busy, does overload cost anything, does a small tenant suffer.

Everything but the model is real: the client, the admission in Valkey, threads as a worker's pool has them. A document
that is put back comes again later, as the sweeper lets it. The server's calls take 0.6 to 1 second, and it slows down
by 1% with each call in its queue, so that too much of a good thing would show.
"""

from __future__ import annotations

import heapq
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter, sleep, time
from uuid import UUID

from apps.common.errors import WaitingError
from apps.inference.admission import admission
from apps.inference.admitted_client import REPLY_SHARE, AdmittedClient
from apps.inference.client import SglangClient
from apps.inference.errors import RequestCancelledError
from apps.inference.fairness import Lane
from deploy.bench.counting_server import CountingServer, counting_server
from deploy.bench.measurement import Measurement, measurement
from deploy.bench.turns import small_tenant

SLOTS, POOL, QUEUE = 24, 240_000, 128
SECONDS = (0.6, 1.0)
TOKENS = (2_000, 9_000)
CAPACITY = SLOTS / (sum(SECONDS) / 2)  # calls a second, if the slots are never empty
MAX_TOKENS = 400
WORKERS = 64
WARM_UP, MEASURED = 3.0, 9.0
LOADS = (1, 2, 4)
BIG, SMALL = UUID(int=1), UUID(int=2)


@dataclass(order=True, slots=True)
class _Piece:
    """A document with one question. `due` is when a worker may take it, `since` when it first came (perf_counter)."""

    due: float
    since: float
    tenant_id: UUID = field(compare=False)
    seconds: float = field(compare=False)
    tokens: int = field(compare=False)


class _Backlog:
    """The documents that wait for a worker, the one that is due first in front."""

    def __init__(self, pieces: Sequence[_Piece]) -> None:
        self._heap = list(pieces)
        heapq.heapify(self._heap)
        self._lock = threading.Lock()
        self.taken: list[float] = []  # seconds from coming to the answer

    def next(self) -> _Piece | None:
        with self._lock:
            if self._heap and self._heap[0].due <= perf_counter():
                return heapq.heappop(self._heap)
        return None

    def put_back(self, piece: _Piece, *, seconds: float) -> None:
        piece.due = perf_counter() + seconds
        with self._lock:
            heapq.heappush(self._heap, piece)

    def answered(self, piece: _Piece) -> None:
        with self._lock:
            self.taken.append(perf_counter() - piece.since)


def measure() -> list[Measurement]:
    """Measure; the services are running and Django is set up."""
    return [*_busy(), _overload(), small_tenant()]


def _busy() -> list[Measurement]:
    """Four tenants have more than enough to do."""
    with _server() as server:
        pieces = _pieces(count=2000, tenants=[UUID(int=n) for n in range(1, 5)], every=0.0)
        with _workers(server, _Backlog(pieces), count=WORKERS):
            # Each worker makes its client first, which takes a core for a while.
            while server.load.answered < 2 * WORKERS:
                sleep(0.05)
            share = _watched(server, server.busy_share)
        longest = max(1, server.load.longest_queue)
    return [
        measurement(
            name="slots of the model server that are busy (%)",
            ours=100 * share,
            baseline=100.0,
            baseline_name="all of them, always",
            target=0.97,
        ),
        measurement(
            name="calls that may be queued at the server",
            ours=float(QUEUE),
            baseline=float(longest),
            baseline_name="the longest queue",
            target=1.0,
        ),
    ]


def _overload() -> Measurement:
    """Documents come at a rate, and go on coming."""
    rates = {}
    for load in LOADS:
        every = 1 / (load * CAPACITY)
        count = int((WARM_UP + MEASURED + 1) / every)
        with _server() as server:
            backlog = _Backlog(_pieces(count=count, tenants=[BIG, SMALL], every=every))
            with _workers(server, backlog, count=WORKERS):
                rates[load] = _watched(server, lambda: server.load.answered / MEASURED)
    return measurement(
        name="goodput at four times overload (calls/s)",
        ours=rates[max(LOADS)],
        baseline=max(rates.values()),
        baseline_name=f"its peak at {', '.join(map(str, LOADS))} times",
        target=0.95,
    )


def _pieces(*, count: int, tenants: Sequence[UUID], every: float) -> list[_Piece]:
    """Return documents that come one after the other from now on, the same each time but for their hour."""
    dice = random.Random(7)  # noqa: S311 - no secret
    now = perf_counter()
    return [
        _Piece(
            due=now + number * every,
            since=now + number * every,
            tenant_id=tenants[number % len(tenants)],
            seconds=dice.uniform(*SECONDS),
            tokens=dice.randint(*TOKENS),
        )
        for number in range(count)
    ]


@contextmanager
def _server() -> Iterator[CountingServer]:
    with counting_server(slots=SLOTS, tokens=POOL, queue=QUEUE, thrashing=0.01) as server:
        yield server


def _watched(server: CountingServer, figure: Callable[[], float]) -> float:
    sleep(WARM_UP)
    server.reset()
    sleep(MEASURED)
    return figure()


@contextmanager
def _workers(server: CountingServer, backlog: _Backlog, *, count: int) -> Iterator[None]:
    """Run threads that take documents off the backlog for the length of the block."""
    stop = threading.Event()
    threads = [threading.Thread(target=_work, args=(server, backlog, stop)) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _work(server: CountingServer, backlog: _Backlog, stop: threading.Event) -> None:
    client = SglangClient(base_url=server.url)
    try:
        while not stop.is_set():
            piece = backlog.next()
            if piece is None:
                stop.wait(0.01)
                continue
            try:
                _ask(client, server, piece, stop)
            except WaitingError as error:
                backlog.put_back(piece, seconds=error.retry_after or 1.0)
            except RequestCancelledError:
                return
            else:
                backlog.answered(piece)
    finally:
        client.close()


def _ask(client: SglangClient, server: CountingServer, piece: _Piece, stop: threading.Event) -> None:
    admitted = AdmittedClient(
        client=client,
        admission=admission(server.url),
        tenant_id=piece.tenant_id,
        lane=Lane.BULK,
        since=datetime.fromtimestamp(time() - perf_counter() + piece.since, tz=UTC),
    )
    admitted.expect_room()
    admitted.complete(
        messages=[{"role": "user", "content": f"{piece.seconds} {piece.tokens}"}],
        schema={"type": "object"},
        max_tokens=MAX_TOKENS,
        prompt_tokens=piece.tokens - int(MAX_TOKENS * REPLY_SHARE),
        cancelled=stop.is_set,
    )
