"""What a model server answers, checked at the edge: a completion in one piece, or as server-sent events."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from pydantic import BaseModel, ValidationError

from apps.common.errors import QuireError
from apps.inference.errors import ConnectionLostError, ServerBrokenError, TruncatedReplyError
from apps.inference.ledger import NOTHING, Usage
from apps.inference.refusals import refusal


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token as the model wrote it, and the natural logarithm of its probability, at most 0.

    The text of a token that is a part of a character holds U+FFFD.
    """

    text: str
    logprob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A complete reply. `text` is what the model wrote; `tokens` its tokens, None where the server doesn't give them.

    Among the tokens may be some that are no part of the text, such as the one that ends it.
    """

    text: str
    usage: Usage
    tokens: tuple[TokenLogprob, ...] | None = None


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    logprobs: object = None
    finish_reason: str | None = None


class _Details(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None

    def of(self, model: str) -> Usage:
        details = self.prompt_tokens_details
        return Usage(
            model=model,
            prompt_tokens=self.prompt_tokens,
            cached_tokens=(details.cached_tokens or 0) if details else 0,
            completion_tokens=self.completion_tokens,
        )


class _Reply(BaseModel):
    model: str = ""
    choices: list[_Choice]
    usage: _Usage | None = None


class _Part(BaseModel):
    delta: _Message
    logprobs: object = None
    finish_reason: str | None = None


class _Error(BaseModel):
    message: str = ""
    code: int | str | None = None


class _Event(BaseModel):
    model: str = ""
    choices: list[_Part] = []
    usage: _Usage | None = None
    error: _Error | None = None


class _Model(BaseModel):
    id: str
    parent: str | None = None
    owned_by: str | None = None


class _Models(BaseModel):
    data: list[_Model]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """What a server lists: a model, or an adapter with the name of its model as `parent`; `owner` as it says."""

    name: str
    parent: str | None = None
    owner: str = ""


def read_models(content: bytes) -> tuple[ServedModel, ...]:
    """Return what a server lists. Raises ServerBrokenError."""
    try:
        return tuple(
            ServedModel(name=model.id, parent=model.parent, owner=model.owned_by or "")
            for model in _Models.model_validate_json(content).data
        )
    except ValidationError:
        raise ServerBrokenError("the model server's list of models can't be read") from None


def read_completion(content: bytes) -> Completion:
    """Return a reply that came in one piece. Raises TruncatedReplyError, ConnectionLostError, ServerBrokenError."""
    try:
        reply = _Reply.model_validate_json(content)
    except ValidationError:
        raise _unreadable(content) from None
    if not reply.choices:
        raise ServerBrokenError("the model server's answer holds no choice")
    choice = reply.choices[0]
    usage = reply.usage.of(reply.model) if reply.usage else Usage(model=reply.model)
    tokens = _tokens(choice.logprobs)
    return _finished(choice.message.content or "", reason=choice.finish_reason, usage=usage, tokens=tokens)


def read_events(content: bytes) -> Completion:
    """Return a reply that came as events. Raises as `read_completion`, and what an error among the events means."""
    text: list[str] = []
    tokens: list[TokenLogprob] = []
    reason: str | None = None
    usage = NOTHING
    ended = False
    for data in _data(content):
        if data == b"[DONE]":
            ended = True
            break
        try:
            event = _Event.model_validate_json(data)
        except ValidationError:
            raise _unreadable(data) from None
        if event.error is not None:
            # The status was sent long before: what would have been in its place is among the events.
            code = event.error.code
            raise refusal(status=code if isinstance(code, int) else 500, said=event.error.message, retry_after=None)
        if event.usage is not None:
            usage = event.usage.of(event.model)
        elif event.model and not usage.model:
            usage = Usage(model=event.model)
        for part in event.choices[:1]:
            text.append(part.delta.content or "")
            tokens += _tokens(part.logprobs) or ()
            reason = part.finish_reason or reason
    if not ended and reason is None:
        raise TruncatedReplyError("the model server's answer is cut off", usage=usage)
    return _finished("".join(text), reason=reason, usage=usage, tokens=tuple(tokens) or None)


def _finished(text: str, *, reason: str | None, usage: Usage, tokens: tuple[TokenLogprob, ...] | None) -> Completion:
    if reason == "length":
        raise TruncatedReplyError("the model's reply ran to the token limit", usage=usage)
    if reason == "abort":
        raise ConnectionLostError("the model server aborted the request")
    return Completion(text=text, usage=usage, tokens=tokens)


def _tokens(logprobs: object) -> tuple[TokenLogprob, ...] | None:
    """Return what `logprobs` holds, in OpenAI's form. What is of another form is passed over, as it isn't needed."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list):
        return None
    found = []
    for item in content:
        text, logprob = (item.get("token"), item.get("logprob")) if isinstance(item, dict) else (None, None)
        if not isinstance(text, str) or not isinstance(logprob, int | float) or math.isnan(logprob):
            return None
        found.append(TokenLogprob(text, min(0.0, float(logprob))))
    return tuple(found) or None


def _data(content: bytes) -> Iterator[bytes]:
    for line in content.split(b"\n"):
        if line.startswith(b"data:"):
            yield line.removeprefix(b"data:").strip()


def _unreadable(content: bytes) -> QuireError:
    """Tell a reply that was cut from one that never was an answer."""
    if content.lstrip().startswith(b"{"):
        try:
            orjson.loads(content)
        except orjson.JSONDecodeError:
            return TruncatedReplyError("the model server's answer is cut off")
    return ServerBrokenError("the model server answered with something that is no completion")
