"""What a model server means when it refuses. Its own words are read, and never passed on: they may quote the prompt."""

from __future__ import annotations

from http import HTTPStatus

from apps.common.errors import QuireError
from apps.inference.errors import (
    BadRequestError,
    ImageRefusedError,
    LogprobsRefusedError,
    PromptTooLongError,
    ServerBrokenError,
    ServerBusyError,
    UnauthorisedError,
    WrongModelError,
)

_DAY = 86_400
_TOO_LONG = ("context length", "too long", "maximum context", "longer than", "exceeds the", "maximum allowed length")
_PICTURE = ("image", "multimodal", "vision")


def refusal(*, status: int, said: str, retry_after: float | None) -> QuireError:
    """Return the error that a status other than 200 means."""
    said = said.lower()
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return ServerBusyError("the model server is busy", retry_after=retry_after)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return UnauthorisedError("the model server doesn't take the key: check QUIRE_INFERENCE_API_KEY")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return ServerBrokenError(f"the model server answered {status}")
    if any(words in said for words in _TOO_LONG):
        return PromptTooLongError("the document and the question are longer than the model's context")
    if any(words in said for words in _PICTURE):
        return ImageRefusedError("the model server can't read a page's picture, or the model takes none")
    if status == HTTPStatus.NOT_FOUND and "model" in said:
        return WrongModelError("the model server doesn't have the model")
    if "logprob" in said:
        return LogprobsRefusedError("the model server gives no token log-probabilities")
    return BadRequestError(f"the model server refuses the request ({status})")


def wished_delay(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header; a date is left to our own back-off."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < _DAY else None
