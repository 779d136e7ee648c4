"""What can go wrong with a model's server, told apart by what to do about it."""

from __future__ import annotations

from apps.common.errors import RetryableError, TerminalError, WaitingError
from apps.inference.ledger import NOTHING, Usage


class ServerBusyError(WaitingError):
    """503 or 429: the queue is full. `retry_after` is the server's wish, where it has one."""

    code = "model_busy"


class ServerTimeoutError(RetryableError):
    """Nothing came in time, or it came too slowly."""

    code = "model_timeout"


class ServerGoneError(WaitingError):
    """Nobody takes the connection, or a router has nobody to hand it on to: it is down, or its address is wrong."""

    code = "model_unreachable"


class ConnectionLostError(RetryableError):
    """The server hung up in the middle of its answer. The request itself may be what brings it down."""

    code = "model_hung_up"


class RequestCancelledError(RetryableError):
    """The caller no longer wants the answer; the server was told."""

    code = "model_cancelled"


class RequestWithdrawnError(RequestCancelledError):
    """The same before anything was sent, as in the line before the server: it costs nothing."""

    code = "model_withdrawn"


class ServerBrokenError(RetryableError):
    """The server answered with an error of its own, or with something that is no answer."""

    code = "model_broken"


class TruncatedReplyError(RetryableError):
    """The reply ended before it was complete, at the token limit or elsewhere. It was paid for: `usage` says what."""

    code = "reply_truncated"

    def __init__(self, message: str, *, usage: Usage = NOTHING) -> None:
        super().__init__(message)
        self.usage = usage


class OffSchemaReplyError(RetryableError):
    """The reply is JSON, but not what was asked for. It is never stored."""

    code = "reply_off_schema"


class PromptTooLongError(TerminalError):
    """The prompt is beyond the model's context."""

    code = "prompt_too_long"


class ImageRefusedError(TerminalError):
    """The server can't read a page's picture, or the model takes none."""

    code = "image_refused"


class BadRequestError(TerminalError):
    """The server refuses the request for another reason."""

    code = "model_refused"


class LogprobsRefusedError(BadRequestError):
    """The server takes no request for token log-probabilities: the same one without them is answered."""

    code = "logprobs_refused"


class WrongModelError(WaitingError):
    """The server doesn't have the model that was asked for; SGLang would answer with another one's words."""

    code = "wrong_model"


class MissingAdapterError(WaitingError):
    """The server hasn't loaded the tenant's adapter; its model would answer without what it was trained for."""

    code = "missing_adapter"


class ModelsUnlistedError(WaitingError):
    """The server doesn't list its models, so nobody knows whose answers it would give: nothing is sent.

    `is_silent` says that it gave no answer at all.
    """

    code = "models_unlisted"

    def __init__(self, message: str, *, is_silent: bool = False) -> None:
        super().__init__(message)
        self.is_silent = is_silent


class UnauthorisedError(WaitingError):
    """The server doesn't take the key. The documents can't help it: they wait until the configuration is right."""

    code = "model_unauthorised"


class ServerRestsError(ServerGoneError):
    """Several calls met nobody, or no answer in time: the breaker is open, and one call at a time tries the server.

    Nothing was sent.
    """

    code = "model_rests"


class NotYourTurnError(WaitingError):
    """There is no room at the model server yet. The document comes again and keeps its place."""

    code = "model_turn"


class AdmissionDownError(WaitingError):
    """Redis or Valkey, where the turns at the model server are kept, can't be reached."""

    code = "broker_down"
