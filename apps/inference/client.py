"""The client of an SGLang server, or of any other that speaks OpenAI's chat completions."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol, TypeVar

import httpx

from apps.common.errors import QuireError
from apps.inference.adapters import PLAIN, RequestTuning, check_loaded
from apps.inference.dialects import kind_of, own_fields
from apps.inference.errors import (
    BadRequestError,
    ConnectionLostError,
    LogprobsRefusedError,
    MissingAdapterError,
    ModelsUnlistedError,
    RequestCancelledError,
    RequestWithdrawnError,
    ServerBrokenError,
    ServerBusyError,
    ServerGoneError,
    ServerTimeoutError,
    UnauthorisedError,
)
from apps.inference.fleet import bodies_of, read_workers
from apps.inference.naming import listed_name, names_of
from apps.inference.profiles import Profile, ServerKind
from apps.inference.refusals import refusal, wished_delay
from apps.inference.replies import Completion, ServedModel, read_completion, read_events, read_models

MAX_REPLY_BYTES = 8 * 1024 * 1024
# A token's event with its log-probability takes about half a KiB: a reply that may be longer than this is asked for
# without them, so that its events stay well within what is read of an answer.
MAX_LOGPROB_TOKENS = 8192
# How often a caller is asked whether it still wants the answer.
POLL_SECONDS = 0.5
# What a server says of itself is there at once, or the server isn't well: a document waits for it no longer.
LIST_SECONDS = 10.0
_EVENTS = "text/event-stream"
_REFUSED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. `read` bounds the silence between two parts of an answer, `total` the whole call, come what may."""

    connect: float = 5.0
    read: float = 300.0
    total: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    content: bytes
    is_events: bool
    retry_after: float | None


class ChatClient(Protocol):
    """What an engine asks. `waited` is the seconds that the last call waited before it was sent."""

    waited: float

    def complete(
        self,
        *,
        messages: Sequence[Mapping[str, Any]],
        schema: Mapping[str, Any],
        max_tokens: int,
        temperature: float = 0.0,
        logprobs: bool = False,
        prompt_tokens: int | None = None,
        tuning: RequestTuning = PLAIN,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Completion:
        """As `SglangClient.complete`. `prompt_tokens` is for who counts before it sends."""


class SglangClient:
    """Speaks to one server. Use it from one thread at a time, without a running event loop; close it in the end.

    It has a small event loop of its own, for only so can a call be given up at any moment: before the headers, which
    SGLang sends after the whole prefill, or between two bytes. What is given up is aborted on the server too, which
    would go on for seconds otherwise. It never retries a busy server by itself: the pipeline waits and comes again,
    and a router may retry already.

    With `stream` the reply comes as events: a server that is stuck is found out after `read` seconds of silence,
    however long the whole reply takes. A server that answers in one piece nevertheless is understood as well.

    `kind` says which fields of its own the server takes; None goes by what it lists. None of them goes to a server that
    is neither SGLang nor vLLM: some refuse what they don't know.

    `model` is the name to ask for, None: that of the profile among those that the server lists. `suffix` ends the names
    of the server's settings, for who has to mend them.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str | None = None,
        model: str | None = None,
        profile: Profile | None = None,
        timeouts: Timeouts | None = None,
        stream: bool = True,
        kind: ServerKind | None = None,
        suffix: str = "",
    ) -> None:
        self.waited = 0.0
        self._said_kind = kind
        self._timeouts = timeouts or Timeouts()
        self._wanted = model
        self._profile = profile
        self._suffix = suffix
        self._served: tuple[ServedModel, ...] | None = None
        # What the servers behind a router list, None of one that doesn't tell; nothing where it is no router.
        self._behind: tuple[tuple[ServedModel, ...] | None, ...] | None = None
        self._stream = stream
        self._gives_logprobs = True
        self._runner = asyncio.Runner()
        # Compressed answers would have to be bounded twice, and there is nothing to gain: they are short.
        headers = {"accept-encoding": "identity"}
        if api_key:
            headers["authorization"] = f"Bearer {api_key}"
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/").removesuffix("/v1"),
            headers=headers,
            timeout=httpx.Timeout(self._timeouts.read, connect=self._timeouts.connect),
        )

    def close(self) -> None:
        """Close the connections."""
        if not self._http.is_closed:
            self._runner.run(self._http.aclose())
        self._runner.close()

    def model(self, cancelled: Callable[[], bool] = lambda: False) -> str:
        """Return the model's name, checked against the server's list.

        SGLang answers 200 for a name that it doesn't have. Raises WrongModelError, and what `complete` raises before it
        sends anything.
        """
        listed = self._list(cancelled)
        if self._wanted is not None and any(one.name == self._wanted for one in listed):
            return self._wanted
        return listed_name(
            # Adapters stand in the list too, also other tenants', whose names the error mustn't tell.
            [one.name for one in listed if one.parent in {None, one.name}],
            profile=self._profile,
            wanted=self._wanted,
            setting=f"QUIRE_INFERENCE_MODEL{self._suffix}",
        )

    def lists(self, profile: Profile, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Say whether the server serves a profile's model under a name that is its own. Raises as `model`."""
        return any(one.name in names_of(profile) for one in self._list(cancelled))

    def kind(self) -> ServerKind:
        """Return the kind of server. Raises what `complete` raises."""
        return self._said_kind or kind_of(next((one.owner for one in self._list() if one.owner), ""))

    def _list(self, cancelled: Callable[[], bool] = lambda: False) -> tuple[ServedModel, ...]:
        """Return what the server lists, asked once. What goes wrong here is no question's fault: none was sent."""
        if self._served is None:
            try:
                answer = self._call("GET", "/v1/models", cancelled=cancelled, seconds=LIST_SECONDS)
                self._served = read_models(answer.content)
            except RequestCancelledError:
                raise RequestWithdrawnError("the request was cancelled") from None
            except (UnauthorisedError, ServerBusyError, ServerGoneError):
                raise
            except QuireError as error:
                raise ModelsUnlistedError(
                    f"the model server doesn't list its models at /v1/models ({error.message}): it may be starting, or "
                    f"QUIRE_INFERENCE_URL{self._suffix} may not be the address of an OpenAI-compatible server",
                    is_silent=isinstance(error, ServerTimeoutError | ConnectionLostError),
                ) from None
        return self._served

    def _adapted(self, adapter: str, cancelled: Callable[[], bool]) -> str:
        """Return the model's name with the adapter's, checked against the server's list. Raises MissingAdapterError.

        SGLang's router lists no adapters: each server behind it has to.
        """
        model = self.model(cancelled)
        try:
            check_loaded(adapter, model=model, lists=[self._list(cancelled)])
        except MissingAdapterError:
            if self._behind is None:
                self._behind = self._ask_behind(cancelled)
            if not self._behind:
                raise
            check_loaded(adapter, model=model, lists=self._behind, is_router=True)
        return f"{model}:{adapter}"

    def _ask_behind(self, cancelled: Callable[[], bool]) -> tuple[tuple[ServedModel, ...] | None, ...]:
        """Return what each healthy server behind a router lists."""

        async def asked() -> list[bytes | None]:
            answer = await self._send("GET", "/workers", None)
            workers = read_workers(answer.content) if answer.status == httpx.codes.OK else ()
            urls = [f"{worker.url}/v1/models" for worker in workers if worker.is_healthy]
            return await bodies_of(self._http, urls, seconds=LIST_SECONDS / 2)

        try:
            bodies = self._runner.run(self._watched(asked(), rid=None, cancelled=cancelled, seconds=LIST_SECONDS))
        except RequestCancelledError:
            raise RequestWithdrawnError("the request was cancelled") from None
        except (ServerTimeoutError, ConnectionLostError, ServerBrokenError) as error:
            raise ModelsUnlistedError(
                f"the model server doesn't say which servers are behind it ({error.message})", is_silent=True
            ) from None
        return tuple(None if body is None else _models_or_none(body) for body in bodies)

    def complete(
        self,
        *,
        messages: Sequence[Mapping[str, Any]],
        schema: Mapping[str, Any],
        max_tokens: int,
        temperature: float = 0.0,
        logprobs: bool = False,
        extra: Mapping[str, Any] | None = None,
        prompt_tokens: int | None = None,  # noqa: ARG002 - of use to who admits calls
        tuning: RequestTuning = PLAIN,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Completion:
        """Ask once. The reply is held to a JSON Schema by the server; validate it nevertheless.

        With `logprobs` the reply's tokens come with their log-probabilities, where the server gives them and
        `max_tokens` is at most MAX_LOGPROB_TOKENS. A server that refuses such a request is asked again without, once.
        `tuning` is the tenant's; its salt goes to the kinds of server that know it.
        `cancelled` is asked twice a second, from the calling thread; it must not touch the ORM. Raises the errors of
        `apps.inference.errors`.
        """
        model = self._adapted(tuning.adapter, cancelled) if tuning.adapter else self.model(cancelled)
        body: dict[str, Any] = {
            "model": model,
            "messages": [_joined(message) for message in messages],
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
            "max_tokens": max_tokens,
            "temperature": temperature,
            **own_fields(self.kind(), rid=uuid.uuid4().hex, cache_salt=tuning.cache_salt),
            **(extra or {}),
        }
        if self._stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if logprobs and self._gives_logprobs and max_tokens <= MAX_LOGPROB_TOKENS:
            try:
                return self._completed({**body, "logprobs": True}, tuning=tuning, cancelled=cancelled)
            except LogprobsRefusedError:
                self._gives_logprobs = False
        return self._completed(body, tuning=tuning, cancelled=cancelled)

    def _completed(
        self, body: Mapping[str, Any], *, tuning: RequestTuning, cancelled: Callable[[], bool]
    ) -> Completion:
        try:
            answer = self._call("POST", "/v1/chat/completions", body=body, rid=body.get("rid"), cancelled=cancelled)
        except BadRequestError:
            if tuning.adapter:
                # Unloaded since the list was read? Then it isn't the request that is wrong.
                self._served = self._behind = None
                self._adapted(tuning.adapter, cancelled)
            raise
        return read_events(answer.content) if answer.is_events else read_completion(answer.content)

    def abort(self, rid: str) -> None:
        """Tell the server to stop working on a request of another client. What can't be told goes on there.

        SGLang refuses it to the ordinary key where it has one for administration, and its router hands it on to nobody.
        """
        self._runner.run(self._abort(rid))

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        rid: str | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        seconds: float | None = None,
    ) -> _Answer:
        if cancelled():
            raise RequestWithdrawnError("the request was cancelled")
        sending = self._send(method, path, body)
        started = monotonic()
        answer = self._runner.run(self._watched(sending, rid=rid, cancelled=cancelled, seconds=seconds))
        if answer.status in _REFUSED:
            setting = f"QUIRE_INFERENCE_API_KEY{self._suffix}"
            raise UnauthorisedError(f"the model server doesn't take the key: check {setting}")
        if answer.status != httpx.codes.OK:
            said = answer.content[:4096].decode("utf-8", "replace")
            took = monotonic() - started
            raise refusal(status=answer.status, said=said, retry_after=answer.retry_after, seconds=took)
        return answer

    async def _watched(
        self,
        sending: Coroutine[Any, Any, _Found],
        *,
        rid: str | None,
        cancelled: Callable[[], bool],
        seconds: float | None = None,
    ) -> _Found:
        """Wait for the answer, but no longer than it may take or is wanted; abort what doesn't come to its end."""
        deadline = monotonic() + min(self._timeouts.total, seconds or self._timeouts.total)
        task = asyncio.ensure_future(sending)
        try:
            while not task.done():
                left = deadline - monotonic()
                if left <= 0:
                    raise ServerTimeoutError("the model server answers too slowly")  # noqa: TRY301
                await asyncio.wait({task}, timeout=min(left, POLL_SECONDS))
                if not task.done() and cancelled():
                    raise RequestCancelledError("the request was cancelled")  # noqa: TRY301
            return task.result()
        except BaseException:
            # This closes the connection, by which SGLang ends the request within seconds, also behind its router; where
            # it may be told so, it ends at once.
            task.cancel()
            await asyncio.wait({task})
            if rid is not None:
                await self._abort(rid)
            raise

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> _Answer:
        content = bytearray()
        try:
            async with self._http.stream(method, path, **_encoded(body)) as response:
                async for part in response.aiter_raw():
                    content += part
                    if len(content) > MAX_REPLY_BYTES:
                        raise ServerBrokenError("the model server's answer is too long")
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise ServerGoneError("the model server can't be reached") from None
        except httpx.TimeoutException:
            raise ServerTimeoutError("the model server didn't answer in time") from None
        except httpx.HTTPError:
            raise ConnectionLostError("the model server hung up") from None
        return _Answer(
            status=response.status_code,
            content=bytes(content),
            is_events=response.headers.get("content-type", "").lower().startswith(_EVENTS),
            retry_after=wished_delay(response.headers.get("retry-after")),
        )

    async def _abort(self, rid: str) -> None:
        with suppress(httpx.HTTPError, TimeoutError):
            async with asyncio.timeout(self._timeouts.connect):
                await self._http.post("/abort_request", json={"rid": rid})


def _models_or_none(content: bytes) -> tuple[ServedModel, ...] | None:
    try:
        return read_models(content)
    except ServerBrokenError:
        return None


def _joined(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message whose neighbouring texts are one, a blank line apart.

    So mistral-common encodes them; the chat templates that servers go by put nothing between them. Sent as one text
    they are the same tokens everywhere, those that were counted.
    """
    content = message["content"]
    if isinstance(content, str):
        return dict(message)
    parts: list[dict[str, Any]] = []
    for part in content:
        if part["type"] == "text" and parts and parts[-1]["type"] == "text":
            parts[-1] = {**part, "text": f"{parts[-1]['text']}\n\n{part['text']}"}
        else:
            parts.append(dict(part))
    return {**message, "content": parts}


def _encoded(body: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a body as ASCII: what a broken text layer yields, halves of surrogate pairs, can't be sent as UTF-8."""
    if body is None:
        return {}
    return {
        "content": json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii"),
        "headers": {"content-type": "application/json"},
    }
