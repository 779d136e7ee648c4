"""One set of servers for a clone: the lock, held by the supervisor, which leaves its name in it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path

from deploy.embedded import lineage
from deploy.sglang.cpu.places import HOME

FILE = HOME / "lock"
# Carried by the supervisor and all that it started: finds them even when the lock's file is gone.
MARK = "QUIRE_SGLANG_HOME"


class Lock:
    """Held until the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls) -> Lock | None:
        """Take the lock for this process; None if another has it."""
        HOME.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {lineage.started_at(os.getpid())}".encode(), 0)
        return cls(descriptor)


def holder() -> int | None:
    """Return the pid of the supervisor, None if none runs."""
    try:
        pid, started = FILE.read_text(encoding="utf-8").split(maxsplit=1)
    except (FileNotFoundError, ValueError):
        return None
    return int(pid) if lineage.is_running(int(pid), started) else None


def temporary_folder() -> Path:
    """Return where the servers' sockets go: a short path, as a socket's must be, and the same one for a clone."""
    return Path(tempfile.gettempdir()) / f"quire-sglang-{hashlib.sha256(bytes(HOME)).hexdigest()[:12]}"
