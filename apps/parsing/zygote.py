"""The process that waits, with every library loaded, and forks one child for each document.

Started by `sandbox.Sandbox` with an empty environment. A request is a message on the control socket: four bytes of
length, JSON (see `job.Job`), and three open files: the document, the socket that the child writes frames to, and the
socket on which the child's end is reported (frames.STATUS). When the other side closes the latter, the child is killed.
When the control socket closes, everything ends.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import struct

from apps.parsing import child, confinement, frames
from apps.parsing.job import Job

_LENGTH = struct.Struct("<I")
_MAX_REQUEST_BYTES = 65536
_FDS_A_REQUEST = 3


def main(control_fd: int, *, with_ocr: bool) -> None:
    """Serve requests until the control socket closes."""
    control = socket.socket(fileno=control_fd)
    os.chdir("/")
    os.umask(0o077)
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    confinement.prefer_as_victim()
    child.load(with_ocr=with_ocr)
    protections = {
        "no_network": confinement.leave_network(),
        "no_privileges": confinement.drop_privileges(),
        "no_system_calls": _try_filter(),
    }
    gc.collect()
    gc.freeze()  # so that a child's collector doesn't copy the pages it shares
    _be_silent()
    ready = json.dumps(protections).encode()
    control.sendall(_LENGTH.pack(len(ready)) + ready)
    _serve(control)


def _be_silent() -> None:
    """Send what libraries print to nowhere: it may quote the document."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    os.close(nowhere)


def _try_filter() -> bool:
    """Return whether a child can be left without system calls."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if confinement.forbid_system_calls() else 1)
    return os.waitpid(pid, 0)[1] == 0


def _serve(control: socket.socket) -> None:
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    poller = select.poll()
    poller.register(control.fileno(), select.POLLIN)
    poller.register(woken, select.POLLIN)
    children: dict[int, int] = {}  # process -> status socket
    while True:
        for fd, events in poller.poll():
            if fd == woken:
                with contextlib.suppress(BlockingIOError):
                    os.read(woken, 4096)
            elif fd == control.fileno():
                request = _receive(control) if events & select.POLLIN else None
                if request is None:
                    for pid in children:
                        os.kill(pid, signal.SIGKILL)
                    os._exit(0)
                pid, status = _spawn(request, keep_out=[control.fileno(), woken, waker, *children.values()])
                children[pid] = status
                poller.register(status, 0)
            else:
                for pid, status in children.items():
                    if status == fd:  # the other side gave up
                        poller.unregister(fd)
                        os.kill(pid, signal.SIGKILL)
        _reap(children, poller)


def _receive(control: socket.socket) -> tuple[bytes, list[int]] | None:
    """Return a request and its open files, or None at the end."""
    data, fds, _flags, _address = socket.recv_fds(control, _LENGTH.size + _MAX_REQUEST_BYTES, _FDS_A_REQUEST)
    while len(data) < _LENGTH.size or len(data) < _LENGTH.size + _LENGTH.unpack_from(data)[0]:
        more = control.recv(_MAX_REQUEST_BYTES)
        if not more:
            return None
        data += more
    return data[_LENGTH.size :], fds


def _spawn(request: tuple[bytes, list[int]], *, keep_out: list[int]) -> tuple[int, int]:
    """Fork a child for a request. Returns its process and the status socket."""
    body, (document, output, status) = request
    zygote = os.getpid()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            confinement.die_with_parent(zygote)
            for fd in (*keep_out, status):
                os.close(fd)
            child.run(Job.from_json(body), document=document, output=output)
            code = 0
        finally:
            os._exit(code)
    os.close(document)
    os.close(output)
    return pid, status


def _reap(children: dict[int, int], poller: select.poll) -> None:
    while children:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if pid == 0:
            return
        fd = children.pop(pid)
        with contextlib.suppress(KeyError):
            poller.unregister(fd)
        with contextlib.suppress(OSError):
            os.write(fd, frames.STATUS.pack(status, usage.ru_utime, usage.ru_stime, usage.ru_maxrss))
        os.close(fd)
