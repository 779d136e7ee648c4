"""`make sglang` and `make sglang-stop`: start the servers and leave them running, end them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.embedded import lineage
from deploy.sglang.cpu import install
from deploy.sglang.cpu.lock import MARK, holder, temporary_folder
from deploy.sglang.cpu.places import ENVIRONMENT, HERE, HOME, LOGS, MODELS, PROJECT, PYTHON, SERVERS
from deploy.sglang.cpu.servers import LAUNCHES, ROUTER, Servers, log_of, read_servers
from deploy.sglang.cpu.supervisor import ALREADY_RUNNING, RELEASE

TAIL_LINES = 15
STOP_SECONDS = 30.0


class FailedError(Exception):
    """The servers couldn't be started; the message says why."""


class Leash:
    """Holds the servers: unless it is released they end with this process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.is_released = False

    def release(self) -> None:
        """Let the servers go on when this process ends."""
        os.write(self._descriptor, RELEASE)
        self.is_released = True


def running() -> Servers | None:
    """Return the servers that are ready, None if none are."""
    return read_servers() if holder() is not None else None


@contextmanager
def started() -> Iterator[tuple[Servers, Leash | None]]:
    """Yield the servers, ready; they end after the block unless their leash is released.

    The leash is None for servers that were there before: they are left alone. Raises FailedError.
    """
    servers = running()
    if servers is not None:
        yield servers, None
        return
    _write_models()
    end_leftovers()
    read, write = os.pipe()
    with (LOGS / "supervisor.log").open("wb") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "deploy.sglang.cpu.supervisor", str(read)],
            cwd=PROJECT,
            env=os.environ | {MARK: str(HOME)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(read,),
            start_new_session=True,  # Ctrl-C at the terminal is for the command alone
        )
    os.close(read)
    leash = Leash(write)
    try:
        yield _await(supervisor), leash
    finally:
        os.close(write)
        if not leash.is_released:
            supervisor.wait()


def _await(supervisor: subprocess.Popen[bytes]) -> Servers:
    _say("SGLang: starting the servers")
    while supervisor.poll() is None:
        servers = read_servers()
        if servers is not None:
            return servers
        time.sleep(0.5)
    if supervisor.returncode == ALREADY_RUNNING:
        raise FailedError("another command is starting the servers")
    raise FailedError(f"the servers couldn't be started\n{last_words()}")


def last_words() -> str:
    """Return the ends of the logs, each under its name."""
    logs = [LOGS / "supervisor.log", *(log_of(LOGS, name) for name in (*(launch.name for launch in LAUNCHES), ROUTER))]
    return "\n".join(_tail(log) for log in logs)


def _write_models() -> None:
    """Write the models where what writes them has changed since."""
    source, written = HERE / "models.py", MODELS / "models.py"
    if written.exists() and written.read_bytes() == source.read_bytes():
        return
    _say("SGLang: writing the models")
    shutil.rmtree(MODELS, ignore_errors=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / "models.log"
    with log.open("wb") as out:
        code = subprocess.run(
            [PYTHON, source, MODELS], env=os.environ | ENVIRONMENT, stdout=out, stderr=subprocess.STDOUT, check=False
        ).returncode
    if code != 0:
        raise FailedError(f"the models couldn't be written\n{_tail(log)}")
    shutil.copyfile(source, written)


def stop() -> None:
    """End the servers and whatever is left of earlier ones."""
    pid = holder()
    if pid is not None:
        lineage.send(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while holder() is not None and time.monotonic() < deadline:
            time.sleep(0.1)
    end_leftovers()


def end_leftovers() -> None:
    """End what carries this clone's mark: its supervisor was killed, or didn't end in time."""
    if not lineage.end(lambda: lineage.carrying(MARK, str(HOME))):
        raise FailedError("servers of an earlier start are left and can't be ended")
    SERVERS.unlink(missing_ok=True)
    shutil.rmtree(temporary_folder(), ignore_errors=True)


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return "\n".join([f"--- {log.relative_to(PROJECT)}", *lines[-TAIL_LINES:]])


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main() -> int:
    """Return the exit code."""
    try:
        if sys.argv[1:] == ["stop"]:
            stop()
            return 0
        if install.main() != 0:
            return 1
        with started() as (servers, leash):
            if leash is not None:
                leash.release()
        for name, server in servers.servers.items():
            _say(f"  {server.url}  {name}: {', '.join((server.model, *server.adapters))}")
        _say(f"The keys are in {SERVERS.relative_to(PROJECT)}; `make sglang-stop` ends the servers.")
    except FailedError as failure:
        _say(f"quire: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        _say("\nquire: interrupted; nothing of it runs on")
        sys.exit(130)
