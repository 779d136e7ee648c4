"""Starts the servers, writes `.run/sglang.json` when all are ready, and ends them all: when told, or when one ends.

It has a leash: the read end of a pipe whose other end the command holds that started it. Unless the command lets go
with a word, the servers end with it, whatever became of it. The servers die with this process by the kernel's hand, and
what they spawned is handed to it when they end; so killing any of them leaves nothing behind.
"""

from __future__ import annotations

import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import time
from types import FrameType

from deploy.embedded import lineage
from deploy.embedded.ports import free_port
from deploy.sglang.cpu.lock import Lock, temporary_folder
from deploy.sglang.cpu.places import ENVIRONMENT, LOGS, SERVERS
from deploy.sglang.cpu.servers import LAUNCHES, Server, Servers, is_healthy, log_of

READY_SECONDS = 400.0
END_SECONDS = 10.0
RELEASE = b"released"
ALREADY_RUNNING = 3


class _StoppedError(Exception):
    """The servers are to end."""


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    raise _StoppedError("told to stop")


class _Leash:
    """The read end of the command's pipe; `None` once the command let go."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def check(self, seconds: float) -> None:
        """Wait; raise when the command ended without letting go."""
        if self._descriptor is None:
            time.sleep(seconds)
        elif select.select([self._descriptor], [], [], seconds)[0]:
            if os.read(self._descriptor, 64) != RELEASE:
                raise _StoppedError("the command that started the servers ended")
            self._descriptor = None


def main() -> int:
    """Run until told to end; the argument is the leash's file descriptor."""
    lineage.adopt_orphans()
    lock = Lock.take()
    if lock is None:
        return ALREADY_RUNNING
    leash = _Leash(int(sys.argv[1]))
    temporary = temporary_folder()
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(mode=0o700)
    running: list[subprocess.Popen[bytes]] = []
    code = 1
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _on_signal)
    try:
        servers = _start(running, environment=os.environ | ENVIRONMENT | {"TMPDIR": str(temporary)})
        _await_all(running, servers, leash)
        servers.write()
        while all(one.poll() is None for one in running) and SERVERS.exists():
            leash.check(1.0)
        code = 0 if all(one.poll() is None for one in running) else 1
    except _StoppedError as why:
        sys.stderr.write(f"{why}\n")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        SERVERS.unlink(missing_ok=True)
        _end(running)
        shutil.rmtree(temporary, ignore_errors=True)
    return code


def _start(running: list[subprocess.Popen[bytes]], *, environment: dict[str, str]) -> Servers:
    api_key, admin_key = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    servers = {}
    for launch in LAUNCHES:
        port = free_port()
        with log_of(LOGS, launch).open("wb") as log:
            running.append(
                subprocess.Popen(
                    launch.command(port=port, api_key=api_key, admin_key=admin_key),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    preexec_fn=lineage.die_with_parent(),  # noqa: PLW1509 - this process has one thread
                )
            )
        servers[launch.model] = Server(
            url=f"http://127.0.0.1:{port}",
            model=launch.model,
            adapters=tuple(f"{launch.model}:{adapter}" for adapter in launch.adapters),
        )
    return Servers(api_key=api_key, admin_key=admin_key, servers=servers)


def _await_all(running: list[subprocess.Popen[bytes]], servers: Servers, leash: _Leash) -> None:
    deadline = time.monotonic() + READY_SECONDS
    waiting = {server.url for server in servers.servers.values()}
    while waiting:
        for launch, process in zip(LAUNCHES, running, strict=True):
            if process.poll() is not None:
                raise _StoppedError(f"the server of the model '{launch.model}' ended while it started")
        if time.monotonic() > deadline:
            raise _StoppedError(f"the servers weren't ready in {READY_SECONDS:.0f} seconds")
        leash.check(1.0)
        waiting = {url for url in waiting if not is_healthy(url)}


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    """End the servers and whatever they spawned: politely first, so that they take back their shared memory."""
    for process in running:
        process.terminate()
    deadline = time.monotonic() + END_SECONDS
    for process in running:
        try:
            process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    lineage.end(lambda: lineage.descendants(os.getpid()))


if __name__ == "__main__":
    sys.exit(main())
