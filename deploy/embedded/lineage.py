"""Who is whose child: find, bind and end processes, so that none outlives the stack that started it.

The exact parts read `/proc` and use Linux's `prctl`; elsewhere they do what POSIX allows, which is less.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_PROC = Path("/proc")
_ON_LINUX = sys.platform == "linux"
_LIBC = ctypes.CDLL(None, use_errno=True) if _ON_LINUX else None
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_FIELD_PARENT = 1
_FIELD_STARTED = 19


def _stat_fields(pid: int) -> list[str] | None:
    """Return the fields of `/proc/PID/stat` after the command's name (proc(5)), None if there is no such process.

    The name stands in parentheses and may hold spaces and parentheses, so the cut is at the last one.
    """
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def started_at(pid: int) -> str | None:
    """Return when a process began, in the system's own words: with the pid it names one process for ever.

    None if there is none, or if it has ended and waits to be reaped.
    """
    if _ON_LINUX:
        fields = _stat_fields(pid)
        return None if fields is None or fields[0] in "ZX" else fields[_FIELD_STARTED]
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None


def is_running(pid: int, started: str) -> bool:
    """Say whether that very process still runs: a pid that another process took since does not count."""
    return started_at(pid) == started


def _pids() -> Iterator[int]:
    for entry in _PROC.iterdir() if _ON_LINUX else ():
        if entry.name.isdecimal():
            yield int(entry.name)


def _by_parent() -> dict[int, list[int]]:
    """Return each process under its parent, those that wait to be reaped left out."""
    found: dict[int, list[int]] = {}
    for pid in _pids():
        fields = _stat_fields(pid)
        if fields is not None and fields[0] not in "ZX":
            found.setdefault(int(fields[_FIELD_PARENT]), []).append(pid)
    return found


def children(pid: int) -> list[int]:
    """Return the direct children of a process, those that wait to be reaped left out."""
    return _by_parent().get(pid, [])


def descendants(pid: int) -> list[int]:
    """Return the children of a process, theirs, and so on."""
    parents = _by_parent()
    found: list[int] = []
    todo = [pid]
    while todo:
        below = parents.get(todo.pop(), [])
        found += below
        todo += below
    return found


def working_in(folder: Path, *, program: str) -> list[int]:
    """Return the processes whose working directory is `folder` and whose executable is called `program`."""
    found = []
    for pid in _pids():
        try:
            here = (_PROC / str(pid) / "cwd").readlink()
            executable = (_PROC / str(pid) / "exe").readlink()
        except OSError:
            continue
        if here == folder and executable.name.removesuffix(" (deleted)") == program:
            found.append(pid)
    return found


def carrying(variable: str, value: str) -> list[int]:
    """Return the processes, this one and its ancestors left out, that were started with an environment variable."""
    wanted = f"{variable}={value}".encode()
    ours = set(ancestors(os.getpid()))
    found = []
    for pid in _pids():
        if pid in ours:
            continue
        try:
            environ = (_PROC / str(pid) / "environ").read_bytes()
        except OSError:
            continue
        if wanted in environ.split(b"\0"):
            found.append(pid)
    return found


def ancestors(pid: int) -> list[int]:
    """Return a process, its parent, and so on up to the first."""
    found = []
    while pid > 0:
        found.append(pid)
        fields = _stat_fields(pid)
        if fields is None:
            break
        pid = int(fields[_FIELD_PARENT])
    return found


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def send_group(pid: int, number: int) -> None:
    """Send a signal to the process group that a child of ours leads, as long as anyone is in it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def end(pids: Callable[[], list[int]], *, seconds: float = 10.0) -> bool:
    """Kill whatever `pids` returns until it returns nothing; say whether that came about in time."""
    deadline = time.monotonic() + seconds
    while found := pids():
        if time.monotonic() > deadline:
            return False
        for pid in found:
            send(pid, signal.SIGKILL)
        time.sleep(0.02)
    return True


def die_with_parent(number: int = signal.SIGKILL) -> Callable[[], None]:
    """Return what a child runs before its program: it gets that signal when the thread that started it ends.

    The kernel forgets the wish when a process changes its user, so it must come after that (prctl(2));
    `subprocess.Popen(preexec_fn=...)` does it in that order.
    """
    parent = os.getpid()

    def bind() -> None:
        if _LIBC is None:
            return
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it ended before the wish was made
            os.kill(os.getpid(), signal.SIGKILL)

    return bind


def outlive_parent() -> None:
    """Take back what `die_with_parent` asked for."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, instead of the system's first process."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
