"""The outside of the sandbox: starting the zygote, handing it documents, hearing its children out, ending them."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Generator
from pathlib import Path

from apps.parsing.errors import CODES, SandboxLost, unparsable
from apps.parsing.frames import HEAD, MAX_FRAME_BYTES, STATUS, Kind
from apps.parsing.job import Job

_ROOT = str(Path(__file__).resolve().parents[2])
_START = (
    "import sys; sys.path.insert(0, sys.argv[2]); "
    "from apps.parsing.zygote import main; main(int(sys.argv[1]), with_ocr=sys.argv[3] == 'ocr')"
)
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "OMP_THREAD_LIMIT": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Memory in pieces of 2 MiB: a child lives for some 50 ms, and would spend a tenth of them on faults of 4 KiB.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
_LENGTH = struct.Struct("<I")
_START_SECONDS = 60.0
_RECEIVE_BYTES = 1024 * 1024
_LOST = "the process that reads documents was ended from outside: the document will be tried again"
_NEAR_LIMIT = 0.7


class Zygote:
    """A running zygote. It ends when `close` is called or when this process ends, for whatever reason.

    One without OCR has a third of the memory, so that its children start in half the time.
    """

    def __init__(self, *, with_ocr: bool) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-c", _START, str(theirs.fileno()), _ROOT, "ocr" if with_ocr else "text"],
                env=_ENVIRONMENT | _library_path(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd="/",
                process_group=0,  # in the worker's session: Linux weighs sessions first, and `nice` only within one
            )
        finally:
            theirs.close()
        self.owner = os.getpid()
        self._control = ours
        self._lock = threading.Lock()
        _zygotes.add(self)
        self.protections = self._wait_until_ready()

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        """Return whether the process lives and was started by this one, not by the one that this was forked from."""
        return self.owner == os.getpid() and self._process.poll() is None

    def spawn(self, job: Job, *, document: int) -> Child:
        """Have a child do the job on an open file. Raises SandboxLost."""
        frames, their_frames = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        status, their_status = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        body = job.to_json()
        try:
            with self._lock:
                socket.send_fds(
                    self._control,
                    [_LENGTH.pack(len(body)) + body],
                    [document, their_frames.fileno(), their_status.fileno()],
                )
        except OSError as error:
            frames.close()
            status.close()
            raise SandboxLost(_LOST) from error
        finally:
            their_frames.close()
            their_status.close()
        return Child(job=job, frames=frames, status=status)

    def close(self) -> None:
        """End the process and its children, unless they are another process's."""
        self._control.close()
        if self.owner != os.getpid():
            return
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """Let go of a zygote that belongs to the process that this one was forked from."""
        self._control.close()
        self._process.returncode = 0  # so that Popen neither waits for it nor warns

    def _wait_until_ready(self) -> dict[str, bool]:
        self._control.settimeout(_START_SECONDS)
        try:
            (size,) = _LENGTH.unpack(_receive_exactly(self._control, _LENGTH.size))
            ready: dict[str, bool] = json.loads(_receive_exactly(self._control, size))
        except (OSError, EOFError, struct.error) as error:
            self.close()
            raise SandboxLost("the process that reads documents doesn't start: see its output") from error
        self._control.settimeout(None)
        return ready


_zygotes: weakref.WeakSet[Zygote] = weakref.WeakSet()


def _forget_inherited() -> None:
    """Let a forked process not keep its parent's zygotes alive by holding their sockets open."""
    for zygote in list(_zygotes):
        zygote.forget()


os.register_at_fork(after_in_child=_forget_inherited)


class Child:
    """A document being worked on. Iterate over its frames once; close it in any case."""

    def __init__(self, *, job: Job, frames: socket.socket, status: socket.socket) -> None:
        self._job = job
        self._frames = frames
        self._status = status
        self._seconds_left = job.limits.wall_seconds

    def frames(self) -> Generator[tuple[Kind, bytes]]:
        """Yield what the child says, up to DONE. Raises UnparsableError, SandboxLost."""
        buffer = bytearray()
        received = 0
        limits = self._job.limits
        while True:
            start = 0
            while len(buffer) - start >= HEAD.size:
                kind, size = HEAD.unpack_from(buffer, start)
                if size > MAX_FRAME_BYTES:
                    raise unparsable(code="crashed")
                end = start + HEAD.size + size
                if len(buffer) < end:
                    break
                payload = bytes(memoryview(buffer)[start + HEAD.size : end])
                start = end
                if kind == Kind.FAILED:
                    raise _failure(payload)
                yield Kind(kind), payload
                if kind == Kind.DONE:
                    return
            del buffer[:start]
            data = self._receive()
            if not data:
                raise self._verdict()
            received += len(data)
            if received > 2 * limits.max_output_bytes:
                raise unparsable(code="too_much_output")
            buffer += data

    def allow_pages(self, pages: int) -> None:
        """Give the child the time of so many pages."""
        self._seconds_left += self._job.limits.wall_seconds_per_page * pages

    def close(self) -> None:
        """End the child if it still runs: the zygote kills it when it sees this end of the socket gone."""
        self._frames.close()
        self._status.close()

    def _receive(self) -> bytes:
        """Wait for data within the time that is left; b"" at the end. Only time spent here counts."""
        began = time.monotonic()
        poller = select.poll()
        poller.register(self._frames, select.POLLIN)
        if not poller.poll(max(self._seconds_left, 0.0) * 1000):
            raise unparsable(code="too_slow")
        data = self._frames.recv(_RECEIVE_BYTES)
        self._seconds_left -= time.monotonic() - began
        return data

    def _verdict(self) -> Exception:
        """Return why a child ended without a last word."""
        self._status.settimeout(5.0)
        try:
            status, user, system, peak_kib = STATUS.unpack(_receive_exactly(self._status, STATUS.size))
        except (OSError, EOFError):
            return SandboxLost(_LOST)
        limits = self._job.limits
        ending = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if ending == signal.SIGXCPU or (ending == signal.SIGKILL and user + system >= self._job.cpu_seconds_at_most):
            return unparsable(code="too_slow")
        if ending in {signal.SIGKILL, signal.SIGTERM}:
            return SandboxLost(_LOST)
        if peak_kib * 1024 > _NEAR_LIMIT * limits.memory_bytes:
            return unparsable(code="too_much_memory")
        return unparsable(code="crashed")


def _failure(payload: bytes) -> Exception:
    """Return the error that a child reports; what it says is checked, it may be anything."""
    try:
        said = json.loads(payload)
        code = said["code"]
        facts = {str(name): int(value) for name, value in said["facts"].items()}
        return unparsable(code=code if code in CODES else "crashed", **facts)
    except (ValueError, KeyError, TypeError, AttributeError):
        return unparsable(code="crashed")


def _library_path() -> dict[str, str]:
    """Return what some Python installations need to find their own libraries."""
    names = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {name: os.environ[name] for name in names if name in os.environ}


def _receive_exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data
