"""The stack's first process: holds the lock, and sees to it that nothing of the stack outlives the supervisor.

It is small on purpose and does nothing but wait. Killed with SIGKILL, the supervisor takes its children along (the
kernel sends them the signal they asked for); their children in turn become this process's, which ends them. Killed
itself, the supervisor is told by the kernel and stops the stack in order.

The command that starts it holds it too, until it releases it (SIGUSR1, answered by a word in the lock's file): were
the command killed before the stack is ready, the stack would end.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from deploy.embedded import lineage

ALREADY_RUNNING = 3
LOCK = "stack.lock"
RELEASE = signal.SIGUSR1
RELEASED = b"released"


def lock(run_dir: Path) -> int | None:
    """Take the stack's lock and return what holds it, None if another process has it. Ends with its last holder."""
    descriptor = os.open(run_dir / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _await(supervisor: int) -> int:
    """Wait until the supervisor ends, reap whatever else is given to us, end the rest; return its exit code."""

    def tell(_number: int, _frame: FrameType | None) -> None:
        lineage.send(supervisor, signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, tell)
    code: int | None = None
    while code is None:
        pid, status = os.waitpid(-1, 0)
        if pid == supervisor:
            code = os.waitstatus_to_exitcode(status)

    def left() -> list[int]:
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        return lineage.descendants(os.getpid())

    lineage.end(left)
    return code if code >= 0 else 128 - code


def watch_over(body: Callable[[int], int]) -> int:
    """Run `body` in a child, the supervisor, and return its exit code when nothing of what it started is left.

    `body` gets this process's pid; its signals are blocked until it is ready for them, so that none is lost.
    """
    lineage.adopt_orphans()
    bind = lineage.die_with_parent(signal.SIGTERM)
    guard = os.getpid()
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    supervisor = os.fork()
    if supervisor == 0:
        bind()
        # An exception goes the interpreter's usual way, and its exit code is 1.
        sys.exit(body(guard))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    return _await(supervisor)


def main() -> int:
    """Start the supervisor under the lock and wait for it. Meant to run in a session of its own."""
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.guard", description=__doc__)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--fresh", action="store_true", help="begin with an empty database")
    parser.add_argument("--servers-only", action="store_true", help="no web server, no workers")
    arguments = parser.parse_args()
    held = lock(arguments.run_dir)
    if held is None:
        return ALREADY_RUNNING
    os.ftruncate(held, 0)
    os.ftruncate(sys.stdout.fileno(), 0)  # what the last run said
    os.umask(0o077)

    def release(_number: int, _frame: FrameType | None) -> None:
        lineage.outlive_parent()
        os.pwrite(held, RELEASED, 0)

    signal.signal(RELEASE, release)

    def supervise(guard: int) -> int:
        from deploy.embedded import stack  # noqa: PLC0415 - the guard stays small without it

        return stack.supervise(
            run_dir=arguments.run_dir, guard=guard, fresh=arguments.fresh, servers_only=arguments.servers_only
        )

    return watch_over(supervise)


if __name__ == "__main__":
    sys.exit(main())
