"""What the person at the terminal sees: the start, the sign-in, the state of things."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.embedded.control import Credentials, Run, Status
from deploy.embedded.failures import StackError


class Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP came: like KeyboardInterrupt no error, so that nothing takes it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        return 128 + self.number


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Interrupted at the first signal; further ones are ignored, since stopping has begun and has its limits."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(number: int, _frame: FrameType | None) -> None:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stay(console: Console, run: Run) -> None:
    """Wait for a signal, which is a good end. Raises StackError if the stack ends before."""
    try:
        console.print("Ctrl-C stops everything.", highlight=False)
        run.process.wait()
    except Interrupted:
        return
    raise StackError(f"the stack ended by itself, see {run.place.logs}")


def follow_start(console: Console, run: Run) -> None:
    """Wait until the stack is ready and show what it is at. Raises StackError."""
    said: set[str] = set()

    def plain(now: Status) -> None:
        for name, member in now.members.items():
            if member.state in {"ready", "done"} and name not in said:
                said.add(name)
                console.print(f"  {name} {member.state}", highlight=False)

    if not console.is_terminal:
        console.print("Starting the stack", highlight=False)
        run.wait_ready(follow=plain)
        return
    with console.status("Starting the stack") as line:

        def live(now: Status) -> None:
            waiting = [name for name, member in now.members.items() if member.state == "starting"]
            line.update(f"Starting the stack: {', '.join(waiting)}" if waiting else "Starting the stack")

        run.wait_ready(follow=live)


def print_sign_in(console: Console, credentials: Credentials) -> None:
    """Print the portal's address and how to sign in there."""
    for name, value in (
        ("Portal", credentials.portal_url),
        ("E-mail", credentials.email),
        ("Password", credentials.password),
        ("API", credentials.api_url),
        ("API key", credentials.api_key),
    ):
        console.print(Text.assemble((f"{name:<10}", "bold"), value), soft_wrap=True)


def print_status(console: Console, now: Status) -> None:
    """Print the processes of the stack."""
    console.print(f"{now.condition.value}{f' at {now.portal_url}' if now.portal_url else ''}", highlight=False)
    if not now.members:
        return
    table = Table("process", "state", "pid", "restarts")
    for name, member in now.members.items():
        table.add_row(name, member.state, str(member.pid or ""), str(member.restarts))
    console.print(table)
