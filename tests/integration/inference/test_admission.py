"""The queue before a model server, in a real Valkey: who is let in, in what order, and what a killed one leaves."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing.synchronize import Event
from threading import Thread
from time import monotonic, sleep
from uuid import UUID, uuid4

import pytest
from redis import Redis

from apps.inference.admission import Admission, Ending
from apps.inference.capacity import Capacity
from apps.inference.errors import (
    AdmissionDownError,
    NotYourTurnError,
    RequestWithdrawnError,
    ServerBusyError,
    ServerGoneError,
    ServerRestsError,
    ServerTimeoutError,
)
from apps.inference.fairness import Lane, Terms, Ticket

ROOMY = Capacity(first=1000, most=1000, requests=100, queue=1)
ONE = Capacity(first=1000, most=1000, requests=1, queue=1)
BIG, SMALL = UUID(int=1), UUID(int=2)


def _redis() -> Redis:
    return Redis.from_url(os.environ["QUIRE_REDIS_URL"], decode_responses=True, socket_timeout=5)


def _admission(server: str, *, capacity: Capacity = ROOMY, terms: Terms | None = None) -> Admission:
    return Admission(redis=_redis(), server=server, fit=lambda: capacity, terms=terms)


@pytest.fixture
def server() -> str:
    """A name of its own, so that no test meets another's queue."""
    return f"http://{uuid4().hex}.invalid"


def _ticket(
    tokens: int, *, tenant: UUID = BIG, lane: Lane = Lane.BULK, prefix: str = "", shared: int = 0, since: float = 0
) -> Ticket:
    return Ticket(tenant_id=tenant, lane=lane, tokens=tokens, prefix=prefix, shared=shared, since=since or None)


class Queue:
    """Callers by name, driven one step at a time, without threads: the scripts decide all that is asserted here."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.redis = _redis()

    def enter(self, name: str, ticket: Ticket) -> str:
        from apps.inference.admission import _row  # noqa: PLC0415 - the wire form is the point

        answer = self.admission._run("enter", name, _row(ticket), "0")
        if answer == "unfitted":
            fit = self.admission._fit()
            self.admission._run("fit", str(fit.first), str(fit.most), str(fit.requests), str(fit.queue))
            answer = self.admission._run("enter", name, _row(ticket), "0")
        return answer

    def look(self, name: str) -> str:
        return self.admission._run("look", name)

    def finish(self, name: str, ending: Ending = Ending.ANSWERED) -> None:
        self.admission._run("finish", name, ending)

    def flying(self) -> list[str]:
        return [str(name) for name in self.redis.zrange(f"{self.admission._keys}admitted", 0, -1)]

    def served(self, count: int) -> list[str]:
        """Let calls end one by one, the longest in flight first, and return the names in the order they were let in."""
        order = []
        for _ in range(count):
            flying = self.flying()
            order.append(flying[0])
            self.finish(flying[0])
        return order


def test_calls_are_let_in_by_tokens_and_a_few_more_are_queued(server: str) -> None:
    queue = Queue(_admission(server, capacity=replace(ROOMY, queue=128)))
    assert [queue.enter(str(n), _ticket(300)) for n in range(7)] == ["admitted"] * 5 + ["waiting"] * 2
    state = queue.admission.state()
    assert (state.running, state.queued, state.waiting, state.tokens) == (3, 2, 2, 1500)
    queue.finish("0")
    assert [queue.look("5"), queue.look("6")] == ["admitted", "waiting"]


@pytest.mark.parametrize(("most", "queued"), [(1, 1), (2, 2), (128, 13)])
def test_the_servers_queue_is_short_but_never_empty(server: str, most: int, queued: int) -> None:
    """An eighth of what runs, two at least, and never more than the server takes."""
    queue = Queue(_admission(server, capacity=replace(ROOMY, requests=100, first=10_000, most=10_000, queue=most)))
    terms = [queue.enter(str(n), _ticket(100, tenant=UUID(int=n))) for n in range(130)]
    assert terms.count("admitted") == 100 + queued
    assert queue.admission.state().queued == queued


def test_a_shared_prefix_is_counted_once(server: str) -> None:
    queue = Queue(_admission(server, terms=Terms(warm_seconds=60)))
    assert queue.enter("leader", _ticket(800, prefix="d", shared=700)) == "admitted"
    queue.finish("leader")
    admitted = [queue.enter(str(n), _ticket(800, prefix="d", shared=700)) for n in range(5)]
    # 800 + 100 + 100 fill the window; one more is queued.
    assert admitted == ["admitted"] * 4 + ["waiting"]
    assert queue.admission.state().tokens == 1100


def test_the_leader_goes_first_and_the_others_follow_its_answer(server: str) -> None:
    queue = Queue(_admission(server))
    said = [queue.enter(str(n), _ticket(100, prefix="d", shared=80)) for n in range(3)]
    assert said == ["admitted", "waiting", "waiting"]
    assert queue.enter("another", _ticket(100, prefix="e", shared=80)) == "admitted"
    queue.finish("0")
    assert [queue.look("1"), queue.look("2")] == ["admitted", "admitted"]


def test_a_leader_that_fails_leaves_its_place_to_the_next(server: str) -> None:
    queue = Queue(_admission(server))
    for name in "abc":
        queue.enter(name, _ticket(100, prefix="d", shared=80))
    queue.finish("a", Ending.FAILED)
    assert [queue.look("b"), queue.look("c")] == ["admitted", "waiting"]
    queue.finish("b")
    assert queue.look("c") == "admitted"


def test_tenants_take_turns_by_tokens(server: str) -> None:
    """One call of 400 of the one tenant against four of 100 of the other, whatever the line's length."""
    queue = Queue(_admission(server, capacity=ONE, terms=Terms(quantum=400)))
    for n in range(2):
        queue.enter(f"first{n}", _ticket(100, tenant=UUID(int=9)))
    for n in range(4):
        queue.enter(f"big{n}", _ticket(400, tenant=BIG))
    for n in range(8):
        queue.enter(f"small{n}", _ticket(100, tenant=SMALL))
    assert queue.served(12) == [
        *("first0", "first1"),
        *("small0", "small1", "small2", "small3"),
        *("big0",),
        *("small4", "small5", "small6", "small7"),
        *("big1",),
    ]


def test_interactive_goes_first_and_bulk_keeps_its_share(server: str) -> None:
    """With a share of a fifth bulk earns 25 tokens with each interactive call of 100, and pays 100."""
    queue = Queue(_admission(server, capacity=ONE, terms=Terms(bulk_share=0.2)))
    for n in range(2):
        queue.enter(f"first{n}", _ticket(100, tenant=UUID(int=9)))
    for n in range(4):
        queue.enter(f"bulk{n}", _ticket(100))
    for n in range(12):
        queue.enter(f"inter{n}", _ticket(100, lane=Lane.INTERACTIVE))
    order = queue.served(14)[2:]
    assert [name.rstrip("0123456789") for name in order] == [
        *("inter", "bulk"),
        *("inter", "inter", "inter", "inter", "bulk"),
        *("inter", "inter", "inter", "inter", "bulk"),
    ]
    assert [name for name in order if name.startswith("inter")] == [f"inter{n}" for n in range(9)]


def test_a_document_that_comes_again_has_kept_its_place(server: str) -> None:
    queue = Queue(_admission(server, capacity=ONE))
    for name in ("first0", "first1"):
        queue.enter(name, _ticket(100))
    queue.enter("later", _ticket(100, since=2000))
    queue.enter("earlier", _ticket(100, since=1000))
    assert queue.served(4) == ["first0", "first1", "earlier", "later"]


def test_a_tenants_line_has_an_end_that_is_told_beforehand(server: str) -> None:
    queue = Queue(_admission(server, capacity=ONE, terms=Terms(line=2, again_seconds=7)))
    assert [queue.enter(str(n), _ticket(100)) for n in range(5)] == [
        *("admitted", "admitted", "waiting", "waiting"),
        "full",
    ]
    assert queue.enter("small", _ticket(100, tenant=SMALL)) == "waiting"
    with pytest.raises(NotYourTurnError) as raised:
        queue.admission.expect_room(tenant_id=BIG, lane=Lane.BULK)
    assert (raised.value.code, raised.value.retry_after) == ("model_turn", 7.0)
    queue.admission.expect_room(tenant_id=BIG, lane=Lane.INTERACTIVE)
    assert queue.admission.state().waiting == 3


def test_the_window_falls_by_a_factor_and_grows_by_a_step(server: str) -> None:
    """1,000 tokens in flight refused: 700; a step is the larger of a sixteenth of what flew and of the average call."""
    queue = Queue(_admission(server))
    for n in range(10):
        queue.enter(str(n), _ticket(100))
    assert queue.admission.state().window == 1000
    queue.finish("0", Ending.REFUSED)
    assert queue.admission.state().window == 700
    # They were let in before the cut: it was one overload.
    queue.finish("1", Ending.REFUSED)
    queue.finish("2", Ending.TIMED_OUT)
    assert queue.admission.state().window == 700
    # 700 in flight: 700 + 100 x 100 / 700.
    queue.finish("3")
    assert queue.admission.state().window == pytest.approx(700 + 100 / 7)
    # Less than half of it is in flight: it isn't what limits.
    for n in range(4, 8):
        queue.finish(str(n))
    grown = queue.admission.state().window
    assert queue.admission.state().tokens == 200
    queue.finish("8")
    assert queue.admission.state().window == grown


def test_a_call_larger_than_the_window_makes_it_grow_by_one_step(server: str) -> None:
    """One call of 30,000 at a time on a server that holds 400,000."""
    queue = Queue(_admission(server, capacity=replace(ROOMY, first=400_000, most=400_000)))

    def call(number: int, ending: Ending) -> float:
        assert queue.enter(str(number), _ticket(30_000)) == "admitted"
        queue.finish(str(number), ending)
        return queue.admission.state().window

    cut = [call(number, Ending.REFUSED) for number in range(8)]
    # What flew is the window itself from the second on: 30,000 x 0.7, then 0.7 of it each time.
    assert cut == pytest.approx([30_000 * 0.7**times for times in range(1, 9)])
    # A step is that one call, whatever share of it the window is.
    assert call(8, Ending.ANSWERED) == pytest.approx(cut[-1] + 30_000)
    assert call(9, Ending.ANSWERED) == pytest.approx((cut[-1] + 30_000) * (1 + 30_000**2 / (cut[-1] + 30_000) ** 2))


def test_the_window_never_passes_what_the_server_holds(server: str) -> None:
    queue = Queue(_admission(server, capacity=replace(ROOMY, first=950)))
    for n in range(9):
        queue.enter(str(n), _ticket(100))
    for n in range(9):
        queue.enter(f"more{n}", _ticket(100))
        queue.finish(str(n))
    for n in range(9):
        queue.finish(f"more{n}")
    assert queue.admission.state().window <= 1000
    assert queue.admission.state().ceiling == 1000


def test_a_time_out_cuts_too_and_a_failure_of_another_kind_does_not(server: str) -> None:
    queue = Queue(_admission(server))
    for n in range(10):
        queue.enter(str(n), _ticket(100))
    queue.finish("0", Ending.FAILED)
    queue.finish("1", Ending.LEFT)
    assert queue.admission.state().window == 1000
    queue.finish("2", Ending.TIMED_OUT)
    # 800 were in flight.
    assert queue.admission.state().window == pytest.approx(560)


@pytest.mark.parametrize(
    ("error", "window"), [(ServerBusyError("busy"), 700), (ServerTimeoutError("slow"), 700), (ValueError("a"), 1000)]
)
def test_the_error_that_leaves_the_block_is_what_is_learnt(server: str, error: Exception, window: int) -> None:
    admission = _admission(server)
    with pytest.raises(type(error)), admission.admitted(_ticket(1000)):
        raise error
    assert (admission.state().window, admission.state().tokens) == (window, 0)


def _hold(url: str, server: str, held: Event, until: Event) -> None:
    redis = Redis.from_url(url, decode_responses=True)
    admission = Admission(redis=redis, server=server, fit=lambda: ONE, terms=Terms(lease_seconds=3.0))
    with admission.admitted(_ticket(1000)):
        held.set()
        until.wait()


def test_a_killed_process_holds_its_tokens_no_longer_than_its_lease(server: str) -> None:
    processes = multiprocessing.get_context("spawn")
    held, until = processes.Event(), processes.Event()
    process = processes.Process(target=_hold, args=(os.environ["QUIRE_REDIS_URL"], server, held, until))
    process.start()
    assert held.wait(60)
    admission = _admission(server, capacity=ONE)
    assert admission.state().running == 1
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with ExitStack() as calls:
        # One more may be queued behind it; the second has to wait for the lease.
        calls.enter_context(admission.admitted(_ticket(1000)))
        calls.enter_context(admission.admitted(_ticket(1000)))
        state = admission.state()
    assert (state.running, state.queued) == (1, 1)


def _work(url: str, server: str, seed: int, calls: int) -> None:
    redis = Redis.from_url(url, decode_responses=True)
    terms = Terms(patience=60, line=1000)
    admission = Admission(redis=redis, server=server, fit=lambda: replace(ROOMY, requests=3, queue=2), terms=terms)

    def call(number: int) -> None:
        tenant = UUID(int=1 + number % 3)
        lane = Lane.BULK if number % 2 else Lane.INTERACTIVE
        ticket = _ticket(100 + 37 * (number % 5), tenant=tenant, lane=lane, prefix=str(number % 4), shared=50)
        with admission.admitted(ticket):
            inside = redis.incr(f"{server}:inside")
            redis.lpush(f"{server}:seen", inside)
            sleep(0.002)
            redis.decr(f"{server}:inside")

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(call, range(seed, seed + calls)))


def test_many_processes_never_pass_the_limit_and_all_get_their_turn(server: str) -> None:
    processes = multiprocessing.get_context("spawn")
    workers = [
        processes.Process(target=_work, args=(os.environ["QUIRE_REDIS_URL"], server, seed, 60)) for seed in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    seen = [int(value) for value in _redis().lrange(f"{server}:seen", 0, -1)]
    _redis().delete(f"{server}:seen", f"{server}:inside")
    assert len(seen) == 180
    # Three that run and two that are queued.
    assert max(seen) <= 5
    state = _admission(server).state()
    assert (state.tokens, state.running, state.queued, state.waiting) == (0, 0, 0, 0)


def _forget(admission: Admission) -> None:
    redis = _redis()
    redis.delete(*redis.scan_iter(match=f"{admission._keys.replace('[', '')}*", count=1000))


def test_a_broker_that_forgot_all_costs_no_call(server: str) -> None:
    """Who waits stands in line again, who is in flight takes its tokens back."""
    admission = _admission(server, capacity=ONE, terms=Terms(lease_seconds=0.3))
    with ExitStack() as calls:
        flying = calls.enter_context(admission.admitted(_ticket(700)))
        calls.enter_context(admission.admitted(_ticket(300)))
        let_in: list[float] = []

        def wait() -> None:
            with admission.admitted(_ticket(100)) as call:
                let_in.append(call.waited)

        waiting = Thread(target=wait)
        waiting.start()
        _until(lambda: admission.state().waiting == 1)
        _forget(admission)
        sleep(0.15)
        assert not flying.cancelled()
        assert admission.state().tokens == 700
        waiting.join(timeout=20)
        assert len(let_in) == 1
    assert admission.state().tokens == 0


def test_without_a_broker_a_document_waits(server: str) -> None:
    gone = Redis.from_url("redis://127.0.0.1:9/0", decode_responses=True)
    admission = Admission(redis=gone, server=server, fit=lambda: ROOMY)
    with pytest.raises(AdmissionDownError) as raised, admission.admitted(_ticket(1)):
        pass
    assert raised.value.code == "broker_down"


def test_a_call_in_flight_outlives_its_broker(server: str) -> None:
    admission = _admission(server, terms=Terms(lease_seconds=0.0))
    with admission.admitted(_ticket(1)) as call:
        admission._script = Redis.from_url("redis://127.0.0.1:9/0").register_script("return 1")
        assert not call.cancelled()


def test_who_is_cancelled_in_the_line_leaves_it(server: str) -> None:
    admission = _admission(server, capacity=ONE)
    with admission.admitted(_ticket(1)), admission.admitted(_ticket(1)):
        asked: list[int] = []

        def cancelled() -> bool:
            asked.append(admission.state().waiting)
            return len(asked) == 2

        with pytest.raises(RequestWithdrawnError), admission.admitted(_ticket(1), cancelled=cancelled):
            pass
        assert asked == [1, 1]
        assert admission.state().waiting == 0


def test_a_worker_is_not_held_for_long_but_for_what_it_has_begun(server: str) -> None:
    admission = _admission(server, capacity=ONE, terms=Terms(patience=0.1, long_patience=60))
    with ExitStack() as calls:
        for _ in range(2):
            calls.enter_context(admission.admitted(_ticket(1)))
        with pytest.raises(NotYourTurnError, match="waits for its turn"), admission.admitted(_ticket(1)):
            pass
        assert admission.state().waiting == 0
        with ThreadPoolExecutor(1) as threads:
            later = threads.submit(lambda: _hold_once(admission))
            _until(lambda: admission.state().waiting == 1)
            sleep(0.3)
            assert admission.state().waiting == 1
            calls.close()
            assert later.result(timeout=20)


def _hold_once(admission: Admission) -> bool:
    with admission.admitted(_ticket(1), begun=True):
        return True


def _until(true: Callable[[], bool]) -> None:
    deadline = monotonic() + 20
    while not true():
        assert monotonic() < deadline
        sleep(0.01)


@contextmanager
def _failing(admission: Admission, error: Exception) -> Iterator[None]:
    with pytest.raises(type(error)), admission.admitted(_ticket(1)):
        raise error
    yield


@pytest.mark.parametrize("error", [ServerGoneError("gone"), ServerTimeoutError("slow")])
def test_the_breaker_opens_is_tried_by_one_and_closes(server: str, error: Exception) -> None:
    admission = _admission(server, terms=Terms(failures=3, pause=0.3))
    for _ in range(3):
        assert not admission.state().open
        with _failing(admission, error):
            pass
    assert admission.state().open
    with pytest.raises(ServerRestsError) as raised, admission.admitted(_ticket(1)):
        pass
    assert raised.value.code == "model_rests"
    assert raised.value.retry_after is not None
    assert 0 < raised.value.retry_after <= 0.3
    with pytest.raises(ServerRestsError):
        admission.expect_room(tenant_id=BIG, lane=Lane.BULK)
    sleep(0.35)
    # To ask is not yet to try.
    for _ in range(2):
        admission.expect_room(tenant_id=BIG, lane=Lane.BULK)
    with admission.admitted(_ticket(1)):
        # One call tries it; the others wait for what it meets.
        with pytest.raises(ServerRestsError) as waits, admission.admitted(_ticket(1)):
            pass
        assert waits.value.retry_after == 0.3
        # Nor is it worth preparing a call meanwhile.
        with pytest.raises(ServerRestsError) as asked:
            admission.expect_room(tenant_id=BIG, lane=Lane.BULK)
        assert asked.value.retry_after == 0.3
        assert admission.state().open
    assert not admission.state().open
    with admission.admitted(_ticket(1)):
        assert admission.state().running == 1


def test_a_try_that_fails_doubles_the_pause(server: str) -> None:
    admission = _admission(server, terms=Terms(failures=1, pause=0.2, longest_pause=0.6))
    with _failing(admission, ServerGoneError("gone")):
        pass
    for pause in (0.4, 0.6, 0.6):
        _until(lambda: _tried(admission))
        # The pause itself, not what is left of it: that depends on how busy the machine is.
        assert _redis().hget(f"{admission._keys}breaker", "pause") == str(pause)


def _tried(admission: Admission) -> bool:
    """Try the server if it's time, and fail."""
    try:
        with admission.admitted(_ticket(1)):
            raise ServerGoneError("gone")  # noqa: TRY301 - what a call in the block meets
    except ServerRestsError:
        return False
    except ServerGoneError:
        return True


def test_an_answer_in_between_keeps_the_breaker_closed(server: str) -> None:
    admission = _admission(server, terms=Terms(failures=2))
    for _ in range(3):
        with _failing(admission, ServerGoneError("gone")):
            pass
        with admission.admitted(_ticket(1)):
            pass
    assert not admission.state().open


def test_who_stands_in_the_line_goes_when_the_breaker_opens(server: str) -> None:
    admission = _admission(server, capacity=ONE, terms=Terms(failures=1, patience=60))
    with ExitStack() as calls:
        for _ in range(2):
            calls.enter_context(admission.admitted(_ticket(1)))
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(lambda: _hold_once(admission))
            _until(lambda: admission.state().waiting == 1)
            admission._run("finish", "somebody", Ending.GONE)
            with pytest.raises(ServerRestsError):
                waiting.result(timeout=20)
    assert admission.state().waiting == 0


def test_a_server_that_cannot_be_asked_what_it_holds_opens_the_breaker(server: str) -> None:
    def fit() -> Capacity:
        raise ServerGoneError("gone")

    admission = Admission(redis=_redis(), server=server, fit=fit, terms=Terms(failures=2))
    for error in (ServerGoneError, ServerGoneError, ServerRestsError):
        with pytest.raises(error) as raised, admission.admitted(_ticket(1)):
            pass
        assert type(raised.value) is error


def test_keys_tell_nothing_of_the_server_or_the_document() -> None:
    server = "http://user:secret@models.invalid/v1"
    admission = _admission(server)
    ticket = Ticket.of(
        tenant_id=BIG,
        lane=Lane.BULK,
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "Confidential"}, {"type": "text", "text": "q"}]}
        ],
        max_tokens=10,
    )
    redis = _redis()
    with admission.admitted(ticket):
        names = list(redis.scan_iter(match=f"{admission._keys}*"))
        rows = json.dumps([redis.hgetall(name) for name in names if redis.type(name) == "hash"])
    assert names
    for secret in ("secret", "models", "Confidential"):
        assert secret not in "".join(names)
        assert secret not in rows
    _forget(admission)
