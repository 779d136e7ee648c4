"""The ways of failing: worth another attempt, worth waiting for, or neither."""

from __future__ import annotations


class QuireError(Exception):
    """An error whose message is written for the person who has to act on it.

    `code` is stable and machine readable; `message` says what is wrong and what to do. Neither ever holds document
    text or a secret.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class RetryableError(QuireError):
    """The same attempt may succeed later: a server that is busy, a connection that broke.

    `retry_after` is the other side's wish in seconds, if it gave one; `longest_wait` is how far it is heeded.
    """

    code = "retryable"
    longest_wait = 300.0

    def __init__(self, message: str, *, code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class WaitingError(RetryableError):
    """Nothing is wrong with the work: what it needs isn't there now, a server or a budget.

    It waits, however long that takes, and the reason is shown meanwhile. `retry_after` is when to look again, in
    seconds; without it each look comes later than the one before.
    """

    code = "waiting"


class TerminalError(QuireError):
    """No later attempt can succeed: the input or the configuration has to change."""

    code = "terminal"
