"""What a model server means when it refuses. Its own words are read, and never passed on: they may quote the prompt."""

from __future__ import annotations

from http import HTTPStatus

from apps.common.errors import QuireError
from apps.inference.errors import (
    BadRequestError,
    ConnectionLostError,
    ImageRefusedError,
    LogprobsRefusedError,
    PromptTooLongError,
    ServerBrokenError,
    ServerBusyError,
    ServerGoneError,
    ServerTimeoutError,
    UnauthorisedError,
    WrongModelError,
)

_DAY = 86_400
_TOO_LONG = ("context length", "too long", "maximum context", "longer than", "exceeds the", "maximum allowed length")
_PICTURE = ("image", "multimodal", "vision")
# SGLang's router (0.3.2) answers 500 with the first where a server doesn't take the connection or hangs up before it
# answers, and 503 with the second once it has given up on all of them. The others are Envoy's 503 for the same.
_NOBODY_BEHIND = ("call_upstream_", "no_available_workers", "no healthy upstream", "upstream connect error")
# The router's, where the server hung up within its answer.
_HUNG_UP_BEHIND = "read_response_body_failed"
# A router tries to connect for so long: the 10 s of SGLang's, and what it takes to say so.
CONNECTING_SECONDS = 11.0


def refusal(*, status: int, said: str, retry_after: float | None, seconds: float = 0.0) -> QuireError:
    """Return the error that a status other than 200 means, where it came after so many seconds."""
    said = said.lower()
    of_a_router = _router_refusal(status=status, said=said, seconds=seconds)
    if of_a_router is not None:
        return of_a_router
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return ServerBusyError("the model server is busy", retry_after=retry_after)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return UnauthorisedError("the model server doesn't take the key: check QUIRE_INFERENCE_API_KEY")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
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


def _router_refusal(*, status: int, said: str, seconds: float) -> QuireError | None:
    """Return what a router or another proxy says of the server behind it, None where it says nothing.

    Its words are the same for a server that isn't there and for one that took the request and hung up, which may be the
    request's doing. What comes later than a connection could take is a server that hung up.
    """
    if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT}:
        return ServerTimeoutError("the model server didn't answer its router in time")
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    nobody = status == HTTPStatus.BAD_GATEWAY or any(words in said for words in _NOBODY_BEHIND)
    if _HUNG_UP_BEHIND in said or (nobody and seconds > CONNECTING_SECONDS):
        return ConnectionLostError("the model server hung up on its router")
    return ServerGoneError("the router before the model servers reaches none of them") if nobody else None


def wished_delay(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header; a date is left to our own back-off."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < _DAY else None
