"""Start processes in order, keep them running, stop them all. Linux's and POSIX's means only, one thread."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from pwd import struct_passwd
from types import FrameType

from deploy.embedded import lineage
from deploy.embedded.failures import StackError
from deploy.embedded.ports import is_free

_TICK = 0.05
_ORPHANS_EVERY = 5.0
_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
_STABLE_AFTER = 60.0
_LARGEST_LOG = 16 * 1024 * 1024
_TAIL_LINES = 15
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start one process. `output` takes its standard output instead of the log, in a file of its own."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: Path
    account: struct_passwd | None = None
    output: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process of the stack.

    Those of one `tier` start together, after all of the tier below are ready or, being `once`, have ended well; they
    stop together too, before the tier below. `launch` is called for every start, and clears up after the last one.
    `ready` is asked again and again with what was logged since the start and the seconds since then. `then` runs as
    soon as it is ready, before anything above starts. `port` names where it listens, and `move` chooses another port
    if that one was snatched.
    """

    name: str
    tier: int
    launch: Callable[[], Launch]
    ready: Callable[[str, float], bool] = field(default=lambda _log, _seconds: True)
    then: Callable[[], None] = field(default=lambda: None)
    port: Callable[[], int] | None = None
    move: Callable[[], None] = field(default=lambda: None)
    once: bool = False
    start_seconds: float = 240.0
    stop_signal: int = signal.SIGTERM
    hard_stop_signal: int = signal.SIGKILL
    stop_seconds: float = 10.0


class State(StrEnum):
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    DONE = "done"
    DIED = "died"
    STOPPED = "stopped"


@dataclass(slots=True, kw_only=True)
class Child:
    """What the supervisor knows of a service now."""

    service: Service
    log: Path
    state: State = State.WAITING
    process: subprocess.Popen[bytes] | None = None
    started: str = ""
    began: float = 0.0
    log_from: int = 0
    restarts: int = 0
    delay: float = 0.0
    again_at: float = 0.0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def is_ready(self) -> bool:
        """Ask the service whether its process does its work by now."""
        return self.service.ready(self.logged(), time.monotonic() - self.began)

    def logged(self) -> str:
        """Return what was logged since the process was started."""
        try:
            with self.log.open("rb") as text:
                text.seek(self.log_from)
                return text.read().decode("utf-8", errors="replace")
        except OSError:
            return ""


class _Stop(Exception):  # noqa: N818 - a wish, not an error
    """Somebody asked the stack to stop."""


class Supervisor:
    """Runs services until SIGTERM, SIGINT or SIGHUP; a second signal cuts the stopping short.

    `report` is called after every change with the children, so that others can follow.
    """

    def __init__(
        self, *, services: Sequence[Service], logs: Path, report: Callable[[str, Sequence[Child]], None]
    ) -> None:
        self._children = [Child(service=service, log=logs / f"{service.name}.log") for service in services]
        self._report = report
        self._stops = 0
        self._orphans_at = 0.0
        self._wake, wake = socket.socketpair()
        self._wake.setblocking(False)
        wake.setblocking(False)
        self._waker = wake

    def run(self) -> None:
        """Start everything, watch over it, and stop everything, whatever happens.

        Raises StackError if it can't be started.
        """
        self._listen()
        try:
            for tier in sorted({child.service.tier for child in self._children}):
                self._start_tier([child for child in self._children if child.service.tier == tier])
            self._tell("ready")
            self._watch()
        except _Stop:
            pass
        finally:
            self._tell("stopping")
            self._stop_all()

    def _listen(self) -> None:
        def asked(_number: int, _frame: FrameType | None) -> None:
            self._stops += 1

        lineage.adopt_orphans()
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, asked)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # only to be woken
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})

    def _tell(self, state: str) -> None:
        self._report(state, self._children)

    def _tick(self) -> None:
        """Wait a moment or for a signal, and learn who has ended."""
        if select.select([self._wake], [], [], _TICK)[0]:
            self._wake.recv(4096)
        self._reap()

    def _reap(self) -> None:
        by_pid = {child.process.pid: child for child in self._children if child.process is not None}
        ended = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            ended = True
            child = by_pid.get(pid)
            if child is not None and child.process is not None:
                child.process.returncode = os.waitstatus_to_exitcode(status)
                lineage.send_group(pid, signal.SIGKILL)  # what it started goes with it
        if ended or time.monotonic() > self._orphans_at:
            self._end_orphans()

    def _end_orphans(self) -> None:
        """End the processes that were left to us because the one of ours that started them is gone."""
        self._orphans_at = time.monotonic() + _ORPHANS_EVERY
        ours = {child.process.pid for child in self._children if child.process is not None}
        for pid in lineage.children(os.getpid()):
            if pid not in ours:
                lineage.send(pid, signal.SIGKILL)

    def _start(self, child: Child) -> None:
        launch = child.service.launch()
        if child.log.exists() and child.log.stat().st_size > _LARGEST_LOG:
            child.log.replace(child.log.with_suffix(".log.1"))
        account = launch.account
        with child.log.open("ab") as log:
            child.log_from = log.tell()
            output = launch.output.open("wb") if launch.output else log
            try:
                child.process = subprocess.Popen(
                    launch.command,
                    env=dict(launch.environment),
                    cwd=launch.cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=log,
                    process_group=0,  # no session: Linux would weigh each as one, and `nice` count for nothing
                    preexec_fn=lineage.die_with_parent(),  # noqa: PLW1509 - one thread, and it calls the kernel only
                    user=None if account is None else account.pw_uid,
                    group=None if account is None else account.pw_gid,
                    extra_groups=None if account is None else [],
                )
            except OSError as error:
                raise StackError(
                    f"{child.service.name} can't be started: {launch.command[0]}: {error.strerror}"
                ) from error
            finally:
                if output is not log:
                    output.close()
        child.started = lineage.started_at(child.process.pid) or ""
        child.began = time.monotonic()
        child.state = State.STARTING

    def _start_tier(self, children: Sequence[Child]) -> None:
        self._check_stop()
        attempts = dict.fromkeys((child.service.name for child in children), 1)
        for child in children:
            self._start(child)
        self._tell("starting")
        while waiting := [child for child in children if child.state == State.STARTING]:
            self._tick()
            self._check_stop()
            for child in waiting:
                name = child.service.name
                if self._settle(child):
                    self._tell("starting")
                elif not child.alive:
                    if attempts[name] >= _ATTEMPTS or child.service.port is None or is_free(child.service.port()):
                        raise StackError(f"{name} ended during the start ({_how(child)})\n{_tail(child)}")
                    attempts[name] += 1
                    child.service.move()
                    self._start(child)
                elif time.monotonic() - child.began > child.service.start_seconds:
                    raise StackError(f"{name} is not ready after {child.service.start_seconds:.0f} s\n{_tail(child)}")
            self._check_others()

    def _check_others(self) -> None:
        """Fail the start if one dies while others still start: that is nothing to mend in silence."""
        for child in self._children:
            if child.state == State.READY and not child.alive:
                raise StackError(f"{child.service.name} ended during the start ({_how(child)})\n{_tail(child)}")

    def _settle(self, child: Child) -> bool:
        """Say whether a process that was starting has come to where it should be."""
        process = child.process
        if process is None:
            return False
        if child.service.once:
            if process.returncode != 0:
                return False
            child.service.then()
            child.state = State.DONE
            return True
        if not child.alive or not child.is_ready():
            return False
        child.service.then()
        child.state = State.READY
        return True

    def _check_stop(self) -> None:
        if self._stops:
            raise _Stop

    def _watch(self) -> None:
        """Keep everything running; a process that dies comes back, later each time it dies soon after."""
        while True:
            self._tick()
            self._check_stop()
            changed = False
            now = time.monotonic()
            for child in self._children:
                if child.service.once:
                    continue
                if child.state == State.DIED:
                    if now >= child.again_at:
                        child.restarts += 1
                        self._start(child)
                        changed = True
                elif not child.alive:
                    if now - child.began > _STABLE_AFTER:
                        child.delay = 0.0
                    child.again_at = now + child.delay
                    child.delay = min(max(2 * child.delay, _FIRST_DELAY), _LONGEST_DELAY)
                    child.state = State.DIED
                    changed = True
                elif child.state == State.STARTING and child.is_ready():
                    child.state = State.READY
                    changed = True
            if changed:
                self._tell("ready")

    def _stop_all(self) -> None:
        """Stop tier by tier from the top; what does not go in its time is killed. Nothing is left afterwards."""
        for tier in sorted({child.service.tier for child in self._children}, reverse=True):
            self._stop_tier([child for child in self._children if child.service.tier == tier])

        def left() -> list[int]:
            self._reap()
            return lineage.descendants(os.getpid())

        lineage.end(left)
        for child in self._children:
            child.state = State.STOPPED

    def _stop_tier(self, children: Sequence[Child]) -> None:
        self._reap()
        asked = time.monotonic()
        hard = False
        for child in children:
            if child.alive and child.process is not None:
                lineage.send(child.process.pid, child.service.stop_signal)
        while alive := [child for child in children if child.alive]:
            self._tick()
            if not hard and self._stops > 1:
                hard = True
                for child in alive:
                    if child.process is not None:
                        lineage.send(child.process.pid, child.service.hard_stop_signal)
            for child in alive:
                if child.process is not None and time.monotonic() - asked > child.service.stop_seconds:
                    lineage.send_group(child.process.pid, signal.SIGKILL)


def _how(child: Child) -> str:
    code = child.process.returncode if child.process is not None else None
    if code is None:
        return "still running"
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _tail(child: Child) -> str:
    lines = child.logged().rstrip().splitlines()[-_TAIL_LINES:]
    return "\n".join([*(f"  | {line}" for line in lines), f"  the whole log: {child.log}"])
