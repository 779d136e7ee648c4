"""Start the stack, stop it, and see how it is, from another process."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from deploy.embedded import guard, lineage, location
from deploy.embedded.failures import StackError
from deploy.embedded.location import PROJECT, Location

_POLL = 0.1
_START_SECONDS = 300.0
_STOP_SECONDS = 75.0
_RELEASE_SECONDS = 10.0


class Condition(StrEnum):
    DOWN = "down"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One process as the supervisor last saw it."""

    state: str
    restarts: int
    pid: int | None
    started: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the stack is. `guard` and `supervisor` are pids with the time they began; None where it never ran."""

    condition: Condition
    portal_url: str
    error: str
    guard: tuple[int, str] | None
    supervisor: tuple[int, str] | None
    members: Mapping[str, Member]


_NOTHING = Status(condition=Condition.DOWN, portal_url="", error="", guard=None, supervisor=None, members={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The sign-in of a running stack, as `.run/credentials.json` has it."""

    portal_url: str
    api_url: str
    odata_url: str
    email: str
    password: str
    api_key: str
    tenant: str


def is_locked(place: Location) -> bool:
    """Say whether a stack runs, starts or stops here."""
    try:
        descriptor = os.open(place.root / guard.LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _recorded(place: Location) -> Status:
    """Return what the last supervisor wrote, true or not by now."""
    try:
        kept = json.loads(place.state.read_text("utf-8"))
        written = str(kept["state"])
        return Status(
            condition=Condition(written) if written in set(Condition) else Condition.DOWN,
            portal_url=str(kept["portal_url"]),
            error=str(kept["error"]),
            guard=(int(kept["guard"]["pid"]), str(kept["guard"]["started"])),
            supervisor=(int(kept["supervisor"]["pid"]), str(kept["supervisor"]["started"])),
            members={
                str(name): Member(
                    state=str(item["state"]),
                    restarts=int(item["restarts"]),
                    pid=int(item["pid"]) if "pid" in item else None,
                    started=str(item.get("started", "")),
                )
                for name, item in kept["processes"].items()
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _NOTHING


def status(place: Location) -> Status:
    """Return how the stack is now; a record that a crash left behind counts as down."""
    recorded = _recorded(place)
    if not is_locked(place):
        return _NOTHING
    if recorded.guard is None or not lineage.is_running(*recorded.guard):
        return Status(condition=Condition.STARTING, portal_url="", error="", guard=None, supervisor=None, members={})
    return recorded


def credentials(place: Location) -> Credentials:
    """Return the sign-in of the running stack."""
    try:
        kept = json.loads(place.credentials.read_text("utf-8"))
        return Credentials(**{name: str(kept[name]) for name in Credentials.__slots__})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StackError(f"{place.credentials} can't be read: stop the stack and start it again") from error


class AlreadyUpError(StackError):
    """Somebody else runs the stack of this location."""

    def __init__(self, place: Location) -> None:
        super().__init__(f"the stack in {place.root} is running already: `make down` stops it")


@dataclass(slots=True, kw_only=True)
class Run:
    """A stack that this process has started."""

    place: Location
    process: subprocess.Popen[bytes]

    def status(self) -> Status:
        """Return how the stack is, as far as it is this one."""
        recorded = _recorded(self.place)
        ours = recorded.guard is not None and recorded.guard[0] == self.process.pid
        return recorded if ours else _NOTHING

    def wait_ready(self, *, follow: Callable[[Status], None]) -> None:
        """Wait until everything runs; `follow` sees the states on the way.

        Raises AlreadyUpError if another start was faster, StackError if it does not come up.
        """
        deadline = time.monotonic() + _START_SECONDS
        while True:
            code = self.process.poll()
            now = self.status()
            follow(now)
            if now.condition == Condition.READY:
                return
            if code == guard.ALREADY_RUNNING:
                raise AlreadyUpError(self.place)
            if code is not None:
                raise StackError(now.error or f"the stack did not start, see {self.place.logs / 'supervisor.log'}")
            if time.monotonic() > deadline:
                raise StackError(f"the stack is not ready after {_START_SECONDS:.0f} s, see {self.place.logs}")
            time.sleep(_POLL)

    def release(self) -> None:
        """Let the stack outlive this process."""
        lineage.send(self.process.pid, guard.RELEASE)
        deadline = time.monotonic() + _RELEASE_SECONDS
        while (self.place.root / guard.LOCK).read_bytes() != guard.RELEASED:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise StackError(f"the stack ended by itself, see {self.place.logs}")
            time.sleep(_POLL)

    def stop(self) -> None:
        """Stop the stack and wait until nothing of it runs."""
        if self.process.poll() is None:
            lineage.send(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                _end(self.status())
                self.process.wait()


def wait_settled(place: Location) -> Status:
    """Wait until a stack that somebody else is starting or stopping is up or down."""
    deadline = time.monotonic() + _START_SECONDS
    while (now := status(place)).condition not in {Condition.READY, Condition.DOWN} and time.monotonic() < deadline:
        time.sleep(_POLL)
    return now


def start(place: Location, *, fresh: bool = False, servers_only: bool = False) -> Run:
    """Start the stack and return at once. It ends with the thread that calls, unless that releases it.

    Raises AlreadyUpError where one runs already, StackError where its folder can't be used.
    """
    location.make(place)
    if is_locked(place):
        raise AlreadyUpError(place)
    command = [sys.executable, "-m", "deploy.embedded.guard", str(place.root)]
    command += ["--fresh"] * fresh + ["--servers-only"] * servers_only
    with (place.logs / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=lineage.die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - it calls the kernel only
        )
    return Run(place=place, process=process)


def _end(now: Status) -> None:
    """Kill a stack that does not stop: with the guard and the supervisor, and all that is below them."""
    for identity in (now.supervisor, now.guard):
        if identity is None or not lineage.is_running(*identity):
            continue
        below = lineage.descendants(identity[0])
        for pid in (identity[0], *below):
            lineage.send(pid, signal.SIGKILL)


def stop(place: Location) -> bool:
    """Stop the stack, whoever started it; False where none runs. Afterwards nothing of it is left."""
    if not is_locked(place):
        return False
    deadline = time.monotonic() + _STOP_SECONDS
    asked = False
    while is_locked(place):
        now = status(place)
        if not asked and now.guard is not None:
            lineage.send(now.guard[0], signal.SIGTERM)
            asked = True
        if time.monotonic() > deadline:
            _end(now)
            deadline = time.monotonic() + 5
        time.sleep(_POLL)
    return True
