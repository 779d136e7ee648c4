"""Admission: who may ask the model server now. By tokens, for all processes together, kept in Redis or Valkey.

The rules are `admission.lua`, `fairness.lua` and `breaker.lua`; here is what a caller does with them: it stands in
line, is let in, says now and then that it lives, and tells how it ended. What is kept there may be lost at any time:
who waits stands in line again, who is in flight takes its tokens back, and the server is asked again what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid4

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from apps.common.errors import QuireError
from apps.inference.capacity import Capacity, capacity_of
from apps.inference.errors import (
    AdmissionDownError,
    ConnectionLostError,
    ModelsUnlistedError,
    NotYourTurnError,
    OffSchemaReplyError,
    RequestCancelledError,
    RequestWithdrawnError,
    ServerBusyError,
    ServerGoneError,
    ServerRestsError,
    ServerTimeoutError,
    TruncatedReplyError,
)
from apps.inference.fairness import Lane, Terms, Ticket
from apps.inference.profiles import profile
from apps.inference.servers import ModelServer, base_url

# A caller that waits looks so often whether it is still wanted, in seconds; a grant wakes it at once.
LOOK_SECONDS = 1.0
_BROKER_SECONDS = 3.0
_HERE = Path(__file__).parent
_PRELUDE = """
local P, TERMS = KEYS[1], cjson.decode(ARGV[2])
local now
do
  local clock = redis.call('TIME')
  now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
end
"""
_SCRIPT = _PRELUDE + "".join(
    (_HERE / name).read_text("utf-8") for name in ("fairness.lua", "breaker.lua", "admission.lua")
)


class Ending(StrEnum):
    """How a call ended, as `admission.lua` has it."""

    ANSWERED = "answered"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    GONE = "gone"
    FAILED = "failed"
    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The queue before one server. Tokens: `window`, `ceiling`, `tokens` (in flight); calls: the rest."""

    open: bool
    window: float
    ceiling: float
    tokens: float
    running: int
    queued: int
    waiting: int


@dataclass(slots=True, kw_only=True)
class Admitted:
    """A call that was let in. `waited` is the seconds that it stood in line.

    Ask `cancelled` at least every few seconds while the call is in flight: it also says that the call lives.
    """

    waited: float
    _asked: Callable[[], bool]
    _renew: Callable[[], None]
    _every: float
    _due: float

    def cancelled(self) -> bool:
        """Say whether the answer is no longer wanted."""
        if monotonic() >= self._due:
            self._due = monotonic() + self._every
            # Without its broker the call goes on: the work is the server's, and it's paid for.
            with suppress(AdmissionDownError):
                self._renew()
        return self._asked()


class Admission:
    """The queue before one server. Threads and processes share it; `fit` asks the server what it can hold."""

    def __init__(self, *, redis: Redis, server: str, fit: Callable[[], Capacity], terms: Terms | None = None) -> None:
        """Use `redis` with `decode_responses`. `server` names the server; only its hash becomes part of keys."""
        self._redis = redis
        # The braces keep all keys of a server on one node of a cluster.
        self._keys = f"quire:admission:{{{blake2b(server.encode(), digest_size=8).hexdigest()}}}:"
        self._fit = fit
        self.terms = terms or Terms()
        self._terms = json.dumps(asdict(self.terms))
        self._script = redis.register_script(_SCRIPT)

    @contextmanager
    def admitted(
        self, ticket: Ticket, *, cancelled: Callable[[], bool] = lambda: False, begun: bool = False
    ) -> Iterator[Admitted]:
        """Wait for a turn, and hold its tokens for the length of the block; the error that leaves it tells how it went.

        `begun` says that the document was let in before: it waits for longer. Raises NotYourTurnError where the line
        is full or the wait is long, ServerRestsError while the breaker is open, AdmissionDownError without a broker,
        RequestWithdrawnError, and ServerGoneError.
        """
        caller, row = uuid4().hex, _row(ticket)
        started = monotonic()
        ending = Ending.LEFT
        try:
            self._wait(caller, row, cancelled=cancelled, begun=begun)
            every = self.terms.lease_seconds / 3
            now = monotonic()
            yield Admitted(
                waited=now - started,
                _asked=cancelled,
                _renew=lambda: self._renew(caller, row),
                _every=every,
                _due=now + every,
            )
            ending = Ending.ANSWERED
        except BaseException as error:
            ending = ending_of(error)
            raise
        finally:
            # What can't be told lapses with the lease.
            with suppress(AdmissionDownError):
                self._run("finish", caller, ending)

    def expect_room(self, *, tenant_id: UUID, lane: Lane) -> None:
        """Find out cheaply that it isn't worth preparing a call now. Raises as `admitted` does before it waits."""
        self._turned_away(self._run("ask", lane, str(tenant_id)))

    def state(self) -> State:
        """Return what is going on. Raises AdmissionDownError."""
        return State(**json.loads(self._run("state")))

    def _wait(self, caller: str, row: str, *, cancelled: Callable[[], bool], begun: bool) -> None:
        deadline = monotonic() + (self.terms.long_patience if begun else self.terms.patience)
        answer = self._enter(caller, row, begun=begun)
        while answer != "admitted":
            if cancelled():
                raise RequestWithdrawnError("the request was cancelled")
            left = deadline - monotonic()
            if left <= 0:
                raise self._not_yet()
            try:
                granted = self._redis.blpop([f"{self._keys}grant:{caller}"], timeout=max(0.05, min(LOOK_SECONDS, left)))
            except RedisError:
                raise _down() from None
            if granted:
                return
            answer = self._run("look", caller)
            self._turned_away(answer)
            if answer == "lost":
                answer = self._enter(caller, row, begun=True)

    def _enter(self, caller: str, row: str, *, begun: bool) -> str:
        answer = self._run("enter", caller, row, str(int(begun)))
        if answer == "unfitted":
            fit = self._fit()
            self._run("fit", str(fit.first), str(fit.most), str(fit.requests), str(fit.queue))
            answer = self._run("enter", caller, row, str(int(begun)))
        self._turned_away(answer)
        return answer

    def _renew(self, caller: str, row: str) -> None:
        self._run("renew", caller, row)

    def _turned_away(self, answer: str) -> None:
        if answer == "full":
            raise self._not_yet()
        word, _, seconds = answer.partition(":")
        if word == "open":
            raise ServerRestsError(
                "the model server doesn't answer; one call at a time tries it", retry_after=float(seconds)
            )

    def _not_yet(self) -> NotYourTurnError:
        return NotYourTurnError("waits for its turn at the model server", retry_after=self.terms.again_seconds)

    def _run(self, command: str, *arguments: str) -> str:
        try:
            return str(self._script(keys=[self._keys], args=[command, self._terms, *arguments]))
        except RedisError:
            raise _down() from None


def ending_of(error: BaseException) -> Ending:
    """Return what an error says about the server."""
    match error:
        case ServerRestsError() | RequestCancelledError() | NotYourTurnError() | AdmissionDownError():
            return Ending.LEFT
        case ServerBusyError():
            return Ending.REFUSED
        case ServerTimeoutError():
            return Ending.TIMED_OUT
        case ServerGoneError() | ConnectionLostError() | ModelsUnlistedError(is_silent=True):
            return Ending.GONE
        case TruncatedReplyError() | OffSchemaReplyError():
            return Ending.ANSWERED
        case QuireError():
            return Ending.FAILED
    return Ending.LEFT


def admission(server: str) -> Admission:
    """Return the process's one queue before the house's own server, at this address."""
    return _admission(
        settings.QUIRE_REDIS_URL, base_url(server), settings.QUIRE_INFERENCE_API_KEY, settings.QUIRE_INFERENCE_PROFILE
    )


def admission_to(server: ModelServer) -> Admission:
    """Return the process's one queue before a server. Profiles that have the same server stand in the same queue."""
    if not server.own:
        return admission(server.url)
    return _admission(settings.QUIRE_REDIS_URL, server.base, server.api_key, server.profile)


@cache
def _admission(broker: str, server: str, api_key: str | None, profile_name: str) -> Admission:
    redis = Redis.from_url(
        broker,
        decode_responses=True,
        socket_timeout=_BROKER_SECONDS,
        socket_connect_timeout=_BROKER_SECONDS,
        # A connection that the broker closed meanwhile is made anew; what is run twice does no harm.
        retry=Retry(NoBackoff(), 1),
    )
    return Admission(
        redis=redis,
        server=server,
        fit=lambda: capacity_of(url=server, profile=profile(profile_name), api_key=api_key),
    )


def _row(ticket: Ticket) -> str:
    return json.dumps(
        {
            "tenant": str(ticket.tenant_id),
            "lane": ticket.lane,
            "own": ticket.tokens - ticket.shared,
            "shared": ticket.shared,
            "prefix": ticket.prefix,
            "since": ticket.since or 0,
        }
    )


def _down() -> AdmissionDownError:
    return AdmissionDownError("the message broker, which keeps the turns at the model server, can't be reached")
