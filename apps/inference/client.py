"""The client of an SGLang server, or of any other that speaks OpenAI's chat completions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from apps.common.errors import QuireError
from apps.inference.errors import (
    BadRequestError,
    ConnectionLostError,
    ImageRefusedError,
    PromptTooLongError,
    ServerBrokenError,
    ServerBusyError,
    ServerTimeoutError,
    TruncatedReplyError,
    UnauthorisedError,
    WrongModelError,
)

MAX_REPLY_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. `total` bounds the whole call, also one that trickles a byte at a time."""

    connect: float = 5.0
    read: float = 300.0
    total: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A complete reply. `text` is what the model wrote."""

    text: str
    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Details(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None


class _Reply(BaseModel):
    model: str = ""
    choices: list[_Choice]
    usage: _Usage = _Usage()


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]


class SglangClient:
    """Speaks to one server. Use it from one thread at a time; close it in the end.

    It never retries a busy server by itself: the pipeline waits and comes again, and a router may retry already.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str | None = None,
        model: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._timeouts = timeouts or Timeouts()
        self._wanted = model
        self._model: str | None = None
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(
            base_url=base_url.rstrip("/").removesuffix("/v1"),
            headers=headers,
            timeout=httpx.Timeout(self._timeouts.read, connect=self._timeouts.connect),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def model(self) -> str:
        """Return the model's name, checked against the server's list.

        SGLang answers 200 for a name that it doesn't have. Raises WrongModelError, and what `complete` raises.
        """
        if self._model is None:
            body = self._send("GET", "/v1/models", None, rid=None, cancelled=_never)
            try:
                served = [model.id for model in _Models.model_validate_json(body).data]
            except ValidationError:
                raise ServerBrokenError("the model server's list of models can't be read") from None
            if not served or (self._wanted is not None and self._wanted not in served):
                raise WrongModelError(
                    f"the model server doesn't serve '{self._wanted or 'any model'}'; it serves: {', '.join(served)}"
                )
            self._model = self._wanted or served[0]
        return self._model

    def complete(
        self,
        *,
        messages: Sequence[Mapping[str, Any]],
        schema: Mapping[str, Any],
        max_tokens: int,
        extra: Mapping[str, Any] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Completion:
        """Ask once. The reply is held to a JSON Schema by the server; validate it nevertheless.

        `cancelled` is asked between the parts of the answer. Raises the errors of `apps.inference.errors`.
        """
        rid = uuid.uuid4().hex
        body = {
            "model": self.model(),
            "messages": list(messages),
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
            "max_tokens": max_tokens,
            "temperature": 0,
            "rid": rid,
            **(extra or {}),
        }
        content = self._send("POST", "/v1/chat/completions", body, rid=rid, cancelled=cancelled)
        try:
            reply = _Reply.model_validate_json(content)
        except ValidationError:
            raise _unreadable(content) from None
        if not reply.choices:
            raise ServerBrokenError("the model server's answer holds no choice")
        choice = reply.choices[0]
        if choice.finish_reason == "length":
            raise TruncatedReplyError("the model's reply ran to the token limit")
        if choice.finish_reason == "abort":
            raise ConnectionLostError("the model server aborted the request")
        details = reply.usage.prompt_tokens_details
        return Completion(
            text=choice.message.content or "",
            model=reply.model,
            prompt_tokens=reply.usage.prompt_tokens,
            cached_tokens=(details.cached_tokens or 0) if details else 0,
            completion_tokens=reply.usage.completion_tokens,
        )

    def abort(self, rid: str) -> None:
        """Tell the server to stop working on a request. What can't be told is left to its own time limits."""
        with suppress(httpx.HTTPError):
            self._http.post("/abort_request", json={"rid": rid}, timeout=self._timeouts.connect)

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        rid: str | None,
        cancelled: Callable[[], bool],
    ) -> bytes:
        deadline = monotonic() + self._timeouts.total
        try:
            with self._http.stream(method, path, json=body) as response:
                content = bytearray()
                for part in response.iter_raw():
                    content += part
                    if monotonic() > deadline:
                        raise ServerTimeoutError("the model server answers too slowly")  # noqa: TRY301
                    if len(content) > MAX_REPLY_BYTES:
                        raise ServerBrokenError("the model server's answer is too long")
                    if cancelled():
                        raise ConnectionLostError("the request was cancelled")  # noqa: TRY301
                if response.status_code != httpx.codes.OK:
                    raise _refusal(response, bytes(content))
                return bytes(content)
        except (httpx.TimeoutException, ServerTimeoutError):
            if rid:
                self.abort(rid)
            raise ServerTimeoutError("the model server didn't answer in time") from None
        except httpx.HTTPError:
            raise ConnectionLostError("the model server can't be reached, or hung up") from None
        except ConnectionLostError:
            if rid:
                self.abort(rid)
            raise


def _never() -> bool:
    return False


def _unreadable(content: bytes) -> QuireError:
    """Tell a reply that was cut from one that never was an answer."""
    if content.lstrip().startswith(b"{"):
        try:
            json.loads(content)
        except ValueError:
            return TruncatedReplyError("the model server's answer is cut off")
    return ServerBrokenError("the model server answered with something that is no completion")


def _refusal(response: httpx.Response, content: bytes) -> QuireError:
    """Return the error that a status other than 200 means. The server's own words are read, never passed on."""
    status = response.status_code
    said = content[:4096].decode("utf-8", "replace").lower()
    if status in {429, 503}:
        return ServerBusyError("the model server is busy", retry_after=_retry_after(response))
    if status in {401, 403}:
        return UnauthorisedError("the model server doesn't take the key: check QUIRE_INFERENCE_API_KEY")
    if status >= 500 or status == httpx.codes.REQUEST_TIMEOUT:
        return ServerBrokenError(f"the model server answered {status}")
    if any(words in said for words in ("context length", "too long", "maximum context", "longer than", "exceeds the")):
        return PromptTooLongError("the document and the question are longer than the model's context")
    if any(words in said for words in ("image", "multimodal", "vision")):
        return ImageRefusedError("the model server can't read a page's picture, or the model takes none")
    if status == httpx.codes.NOT_FOUND and "model" in said:
        return WrongModelError("the model server doesn't have the model")
    return BadRequestError(f"the model server refuses the request ({status})")


def _retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that the server asked for; a date is left to our own back-off."""
    value = response.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86_400 else None
