"""Asks a running model server whether it can serve a profile: what holds, what doesn't, and what to do about it.

Works against any server that speaks OpenAI's chat completions; an SGLang server also tells its settings at
`/server_info`. SGLang's router doesn't, but where its servers are: each of them is asked too. What can't be seen is
`unknown`, which is no fault. It sends a handful of small requests.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, TypeVar

import httpx
from PIL import Image
from pydantic import BaseModel, ValidationError

from apps.inference.errors import WrongModelError
from apps.inference.fleet import Worker, read_workers
from apps.inference.naming import listed_name
from apps.inference.profiles import Profile
from apps.inference.server_findings import (
    PICTURE,
    SCHEMA,
    Finding,
    Reply,
    ServerReport,
    about_picture_tokens,
    about_schema,
    about_servers,
    about_usage,
    failed,
    ok,
    unknown,
)

CONNECT_SECONDS = 5.0
# A server that computes for others may let a small request wait long.
READ_SECONDS = 120.0
REFUSED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
MAX_REPLY_BYTES = 4 * 1024 * 1024
# Above it SGLang gives up choosing by the longest common prefix.
MAX_QUEUE = 128
SYSTEM = "You answer in one word."
# Longer than a page of the cache, whose size may be 64 tokens, and nothing that asks for JSON.
QUESTION = "Which of these is a colour: " + ", ".join(["a table", "a river", "the number nine", "green"] * 12) + "?"


class _Model(BaseModel):
    id: str
    parent: str | None = None
    max_model_len: int | None = None


class _Models(BaseModel):
    data: list[_Model]


class _Info(BaseModel):
    """What SGLang says of itself. It says its keys too: they are not read."""

    version: str | None = None
    max_total_num_tokens: int | None = None
    schedule_policy: str | None = None
    enable_priority_scheduling: bool | None = None
    max_queued_requests: int | None = None
    constrained_json_disable_any_whitespace: bool
    limit_mm_data_per_request: dict[str, int] | str | None = None
    enable_lora: bool | None = None


_Form = TypeVar("_Form", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """An answer; `status` is 0, and `content` says why, where the server didn't give one."""

    status: int
    content: bytes

    @property
    def is_good(self) -> bool:
        return self.status == httpx.codes.OK

    @property
    def said(self) -> str:
        """Return what the server said in a line, printable, at most 200 characters."""
        text = " ".join(self.content[:2000].decode("utf-8", "replace").split())
        line = "".join(sign if sign.isprintable() else "?" for sign in text[:200])
        return f"{self.status}: {line}" if self.status else line

    def read(self, form: type[_Form]) -> _Form | None:
        """Return the content read as a form, None where it isn't that."""
        try:
            return form.model_validate_json(self.content) if self.is_good else None
        except ValidationError:
            return None


# Of more servers behind a router the rest isn't asked: they are alike, or the first ones would tell.
MOST_CHECKED = 16


def check_server(*, url: str, profile: Profile, api_key: str | None = None, model: str | None = None) -> ServerReport:
    """Ask a server, by the name `model` or the profile's own there. Raises ValueError where `url` is none."""
    base = url.rstrip("/").removesuffix("/v1")
    address = httpx.URL(base)
    if address.scheme not in {"http", "https"} or not address.host:
        raise ValueError("the address has to be a URL that begins with http:// or https://")
    report, workers = _checked(base, profile=profile, api_key=api_key, model=model)
    if not workers:
        return report
    asked = [_checked(one.url, profile=profile, api_key=api_key, model=model)[0] for one in workers[:MOST_CHECKED]]
    return replace(
        report,
        findings=(*report.findings, about_servers(workers, asked=len(asked))),
        behind=tuple(one if one.reachable else _from_elsewhere(one) for one in asked),
    )


def _checked(
    base: str, *, profile: Profile, api_key: str | None, model: str | None
) -> tuple[ServerReport, tuple[Worker, ...]]:
    """Return what is found of a server itself, and the servers that it says are behind it."""
    with _http(base) as http:
        run = _Run(http=http, profile=profile, api_key=api_key, wanted=model)
        findings = tuple(run.findings())
        workers = run.workers() if run.model else ()
    report = ServerReport(url=base, profile=profile.name, model=run.model, reachable=run.reachable, findings=findings)
    return report, workers


def _from_elsewhere(report: ServerReport) -> ServerReport:
    """Return the report of a server that only the router has to reach, as in a network of containers."""
    detail = f"not from here ({report.findings[0].detail}): ask it where the router runs"
    return replace(report, findings=(unknown("reachable", detail),))


def _http(base: str) -> httpx.Client:
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    # Answers come uncompressed, so that they can be bounded.
    return httpx.Client(base_url=base, timeout=timeout, headers={"accept-encoding": "identity"})


class _Run:
    """One run of the checks; what an earlier one has seen is there for the later ones."""

    def __init__(self, *, http: httpx.Client, profile: Profile, api_key: str | None, wanted: str | None) -> None:
        self._http = http
        self._profile = profile
        self._key = api_key
        self._wanted = wanted
        self._info: _Info | None = None
        self._models: list[_Model] = []
        self._plain_tokens: int | None = None
        self.model: str | None = None
        self.reachable = False

    def findings(self) -> Iterator[Finding]:
        """Yield what each check found; ends early where the later ones would make no sense."""
        listed = self._send("GET", "/v1/models")
        self.reachable = listed.status != 0
        if not self.reachable:
            yield failed("reachable", listed.said, "check the address, and whether the server has started")
            return
        yield ok("reachable", "the server answers")
        if listed.status in REFUSED:
            yield self._about_refusal()
            return
        model = self._about_model(listed)
        if self.model is None:
            yield model
            return
        # SGLang's router lists its models to anybody: only an answer tells whether the key is taken.
        first = self._ask(QUESTION)
        if first.status in REFUSED:
            yield self._about_refusal()
            return
        yield self._about_key()
        yield model
        info = self._send("GET", "/server_info")
        self._info = info.read(_Info)
        yield self._about_context()
        yield from self._about_replies(first)
        yield from self._about_pictures()
        yield self._about_queue()
        if self._profile.lora:
            yield self._about_adapters()

    def workers(self) -> tuple[Worker, ...]:
        """Return the servers behind this one, as SGLang's router lists them."""
        answer = self._send("GET", "/workers")
        return read_workers(answer.content) if answer.is_good else ()

    def _about_refusal(self) -> Finding:
        advice = "check it" if self._key else "set QUIRE_INFERENCE_API_KEY"
        return failed("key", f"the server refuses {'the' if self._key else 'requests without a'} key", advice)

    def _about_key(self) -> Finding:
        if not self._key:
            return ok("key", "the server asks for none: start it with one where others can reach it")
        if self._ask(QUESTION, with_key=False).is_good:
            return ok("key", "the server answers without the key too: does it take any?")
        return ok("key", "accepted")

    def _about_model(self, listed: _Answer) -> Finding:
        models = listed.read(_Models)
        if models is None:
            return failed(
                "model", f"the server doesn't list its models ({listed.said})", "is it an OpenAI-compatible server?"
            )
        self._models = models.data
        names = [one.id for one in models.data]
        # SGLang answers for names that it doesn't have, so the list is what counts; an adapter names its base.
        bases = [one.id for one in models.data if one.parent is None]
        if self._wanted is None:
            if not bases:
                return failed("model", "the server has no model", "start it with one")
            try:
                self.model = listed_name(bases, profile=self._profile)
            except WrongModelError:
                return failed(
                    "model",
                    f"none is the profile's by its name; there are: {', '.join(bases)}",
                    "choose by --model, and for Quire by QUIRE_INFERENCE_MODEL, or check another --profile",
                )
            more = ", ".join(name for name in bases if name != self.model)
            return ok("model", f"{self.model}; also {more}" if more else self.model)
        # base:adapter is how SGLang is asked for an adapter that it lists alone.
        if self._wanted in names or self._wanted.partition(":")[2] in names:
            self.model = self._wanted
            return ok("model", self._wanted)
        return failed(
            "model",
            f"there is no model '{self._wanted}'; there are: {', '.join(names) or 'none'}",
            "name one of these as QUIRE_INFERENCE_MODEL, or start the server with --served-model-name",
        )

    def _about_context(self) -> Finding:
        needed = self._profile.context
        base = (self.model or "").partition(":")[0]
        lengths = [one.max_model_len for one in self._models if one.id in {self.model, base} and one.max_model_len]
        pool = self._info.max_total_num_tokens if self._info else None
        if not lengths:
            return unknown("context", f"the server doesn't tell its context; the profile counts on {needed:,} tokens")
        if lengths[0] < needed:
            return failed(
                "context",
                f"{lengths[0]:,} tokens; the profile counts on {needed:,}",
                f"start it with --context-length {needed}, or lower the profile's context in a file of your own",
            )
        if pool is not None and pool < needed:
            return failed(
                "context",
                f"{lengths[0]:,} tokens, but the memory for keys and values holds {pool:,}: longer prompts can't run",
                "raise --mem-fraction-static, quantise the model, or use more GPUs",
            )
        return ok("context", f"{lengths[0]:,} tokens" + (f", {pool:,} in memory" if pool is not None else ""))

    def _about_replies(self, first: _Answer) -> Iterator[Finding]:
        """Structured output, white space, usage and the cache, from the first question asked again."""
        again = self._ask(QUESTION)
        reply = again.read(Reply)
        if reply is None or not reply.choices:
            yield failed("structured output", f"the server refuses it ({again.said})", _advice(again))
            return
        text = reply.choices[0].message.content or ""
        yield about_schema(text, reason=reply.choices[0].finish_reason)
        yield self._about_white_space(text)
        self._plain_tokens = reply.usage.prompt_tokens if reply.usage else None
        yield about_usage(first.read(Reply), reply)

    def _about_white_space(self, text: str) -> Finding:
        option = "--constrained-json-disable-any-whitespace"
        advice = f"start it with {option}: a model may write white space until its reply ends"
        # With white space off, SGLang's grammar puts one space behind each comma and colon.
        forms = ((",", ":"), (", ", ": "))
        try:
            read = json.loads(text)
            is_compact = any(text == json.dumps(read, separators=form, ensure_ascii=False) for form in forms)
        except ValueError:
            is_compact = False
        if self._info is not None:
            if self._info.constrained_json_disable_any_whitespace:
                return ok("white space", "off in JSON")
            return failed("white space", "allowed in JSON", advice)
        if not is_compact:
            return failed("white space", "the reply holds white space to spare", advice)
        return unknown("white space", f"this reply held none to spare; whether {option} is set can't be seen")

    def _about_pictures(self) -> Iterator[Finding]:
        rule = self._profile.images
        if rule is None:
            yield ok("pictures", "the profile sends text only")
            return
        answer = self._ask(QUESTION, picture=_picture())
        reply = answer.read(Reply)
        if reply is None:
            advice = "serve a model that takes pictures (SGLang: --enable-multimodal), or use a profile for text only"
            if not 400 <= answer.status < 500:
                advice = _advice(answer)
            yield failed("pictures", f"the server refuses one ({answer.said})", advice)
            return
        width, height = PICTURE
        expected = rule.tokens(width=width, height=height)
        if reply.usage is None or self._plain_tokens is None:
            yield unknown("pictures", "one is taken; whether the model saw it can't be told without usage")
        else:
            counted = reply.usage.prompt_tokens - self._plain_tokens
            yield about_picture_tokens(counted, expected=expected, is_exact=self._profile.tokenizer is not None)
        yield self._about_picture_limit()

    def _about_picture_limit(self) -> Finding:
        wanted = self._profile.images.per_request if self._profile.images else None
        if self._info is None:
            return unknown("pictures per request", "the server doesn't tell its limit")
        limit = self._info.limit_mm_data_per_request
        if not isinstance(limit, dict) or "image" not in limit:
            return ok("pictures per request", "no limit but the context")
        if limit["image"] < (wanted or 1):
            return failed(
                "pictures per request",
                f"{limit['image']}; the profile sends up to {wanted or 'as many as fit the context'}",
                f"start it with --limit-mm-data-per-request '{{\"image\": {wanted or MAX_QUEUE}}}'",
            )
        return ok("pictures per request", str(limit["image"]))

    def _about_queue(self) -> Finding:
        info = self._info
        if info is None or info.schedule_policy is None:
            return unknown("queue", "the server doesn't tell how it orders requests")
        length = info.max_queued_requests
        if length is None or length > MAX_QUEUE:
            return failed(
                "queue",
                f"{info.schedule_policy}, {'any number' if length is None else length} of requests",
                f"start it with --max-queued-requests {MAX_QUEUE}: a longer queue is served without regard to prefixes",
            )
        if info.enable_priority_scheduling:
            return failed(
                "queue",
                "orders by priority",
                "start it without --enable-priority-scheduling and with --schedule-policy lpm: Quire orders itself",
            )
        hint = "" if info.schedule_policy == "lpm" else "; --schedule-policy lpm would reuse more of the prefixes"
        return ok("queue", f"{info.schedule_policy}, up to {length} requests{hint}")

    def _about_adapters(self) -> Finding:
        names = [one.id for one in self._models if one.parent is not None]
        if names:
            return ok("adapters", ", ".join(names))
        if self._info is not None and self._info.enable_lora:
            return ok("adapters", "can be loaded, none is")
        return unknown("adapters", "none are seen; tenants with an adapter need --enable-lora")

    def _ask(self, question: str, *, picture: str | None = None, with_key: bool = True) -> _Answer:
        text = {"type": "text", "text": question}
        content = [{"type": "image_url", "image_url": {"url": picture}}, text] if picture else [text]
        body = {
            "model": self.model,
            "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
            "max_tokens": 200,
            "temperature": 0,
        }
        return self._send("POST", "/v1/chat/completions", body=body, with_key=with_key)

    def _send(self, method: str, path: str, *, body: Mapping[str, Any] | None = None, with_key: bool = True) -> _Answer:
        headers = {"authorization": f"Bearer {self._key}"} if self._key and with_key else {}
        content = bytearray()
        try:
            with self._http.stream(method, path, headers=headers, json=body) as response:
                for part in response.iter_raw():
                    content += part
                    if len(content) > MAX_REPLY_BYTES:
                        return _Answer(status=0, content=b"the answer is too long")
        except httpx.TimeoutException:
            return _Answer(status=0, content=b"no answer in time")
        except httpx.HTTPError as error:
            return _Answer(status=0, content=(str(error) or type(error).__name__).encode())
        return _Answer(status=response.status_code, content=bytes(content))


def _picture() -> str:
    file = BytesIO()
    Image.new("RGB", PICTURE, "white").save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _advice(answer: _Answer) -> str:
    if answer.status in {0, httpx.codes.TOO_MANY_REQUESTS} or answer.status >= 500:
        return "is the server busy? Ask again; its log says more"
    return "the server's log says more"
