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
from dataclasses import replace
from pathlib import Path
from types import FrameType

from apps.inference.launch import Place, router_command
from deploy.embedded import lineage
from deploy.embedded.ports import free_port
from deploy.sglang.cpu.lock import Lock, temporary_folder
from deploy.sglang.cpu.places import ENVIRONMENT, LOGS, PROJECT, PYTHON, SERVERS
from deploy.sglang.cpu.servers import LAUNCHES, ROUTED, ROUTER, Server, Servers, is_healthy, log_of, routes_to

READY_SECONDS = 900.0
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
        environment = os.environ | ENVIRONMENT | {"TMPDIR": str(temporary)}
        servers = _start(running, environment=environment)
        _await_all(running, servers, leash)
        router = _start_router(running, servers, keys=temporary / "keys.yaml", environment=environment)
        _await_router(running[-1], router, servers, leash)
        servers = replace(servers, servers={**servers.servers, ROUTER: router})
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
    # Of hexadecimal digits: one that began with a dash would be read as an option.
    api_key, admin_key = secrets.token_hex(16), secrets.token_hex(16)
    servers = {}
    for launch in LAUNCHES:
        port = free_port()
        command = launch.command(port=port, api_key=api_key, admin_key=admin_key)
        running.append(_spawn(command, name=launch.name, environment=environment))
        servers[launch.name] = Server(
            url=f"http://127.0.0.1:{port}",
            model=launch.model,
            adapters=tuple(f"{launch.model}:{adapter}" for adapter in launch.adapters),
        )
    return Servers(api_key=api_key, admin_key=admin_key, servers=servers)


def _start_router(
    running: list[subprocess.Popen[bytes]], servers: Servers, *, keys: Path, environment: dict[str, str]
) -> Server:
    """Start SGLang's router before its two servers, as `quire models launch` says it."""
    keys.touch(mode=0o600)
    keys.write_text(f"api-key: {servers.api_key}\nadmin-api-key: {servers.admin_key}\n", encoding="utf-8")
    place = Place(model="", keys=str(keys), port=free_port())
    workers = [servers.servers[name].url for name in ROUTED]
    _, *command = router_command(workers=workers, place=place, metrics_port=free_port())
    running.append(_spawn([str(PYTHON), *command], name=ROUTER, environment=environment))
    return Server(url=f"http://{place.host}:{place.port}", model=servers.servers[ROUTED[0]].model)


def _spawn(command: list[str], *, name: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with log_of(LOGS, name).open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            preexec_fn=lineage.die_with_parent(),  # noqa: PLW1509 - this process has one thread
        )


def _await_router(process: subprocess.Popen[bytes], router: Server, servers: Servers, leash: _Leash) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while routes_to(router.url, api_key=servers.api_key) < len(ROUTED):
        if process.poll() is not None:
            raise _StoppedError("the router ended while it started")
        if time.monotonic() > deadline:
            raise _StoppedError(f"the router wasn't ready in {READY_SECONDS:.0f} seconds")
        leash.check(0.5)


def _await_all(running: list[subprocess.Popen[bytes]], servers: Servers, leash: _Leash) -> None:
    deadline = time.monotonic() + READY_SECONDS
    waiting = {server.url for server in servers.servers.values()}
    while waiting:
        for launch, process in zip(LAUNCHES, running, strict=True):
            if process.poll() is not None:
                raise _StoppedError(f"the server '{launch.name}' ended while it started")
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
