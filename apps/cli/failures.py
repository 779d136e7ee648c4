"""What ends a command: a message for the person at the terminal, and an exit code that a script can act on."""

from __future__ import annotations

from apps.common.errors import QuireError

# 2 is a command line that can't be understood, as everywhere.
NO = 1
USAGE = 2
UNREACHABLE = 3


class CommandError(QuireError):
    """The command can't do what it was asked. The message says what is wrong and what to do."""

    code = "command_failed"

    def __init__(self, message: str, *, exit_code: int = NO) -> None:
        super().__init__(message)
        self.exit_code = exit_code
