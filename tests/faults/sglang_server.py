"""A model server that answers what it is told to, counts, and misbehaves in every way that was seen."""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "tiny"
# Of OpenAI's API, chat completions and embeddings: what Quire has a use for.
STANDARD = frozenset(
    {
        "model",
        "messages",
        "response_format",
        "max_tokens",
        "temperature",
        "stream",
        "stream_options",
        "logprobs",
        "input",
    }
)
Fault = Callable[["_Handler"], None]
# What SGLang's router (0.3.2) answers: 500 where a server doesn't take the connection, or hung up before it answered;
# 503 once it has given up on all of them.
ROUTER_REACHES_NOBODY = (
    b'{"error":{"type":"Internal Server Error","code":"call_upstream_request_error","message":"error sending request '
    b'for url (http://127.0.0.1:9/v1/chat/completions). URL: http://127.0.0.1:9/v1/chat/completions"}}'
)
ROUTER_HAS_NOBODY = (
    b'{"error":{"type":"Service Unavailable","code":"no_available_workers",'
    b'"message":"No available workers (all circuits open or unhealthy)"}}'
)


def completion(text: str, *, finish_reason: str = "stop", model: str = MODEL) -> bytes:
    """Return a reply in OpenAI's form, with the usage that SGLang adds."""
    return json.dumps(
        {
            "id": "1",
            "object": "chat.completion",
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": finish_reason,
                }
            ],
            "usage": {
                "prompt_tokens": 1000,
                "completion_tokens": 50,
                "total_tokens": 1050,
                "prompt_tokens_details": {"cached_tokens": 900},
            },
        }
    ).encode()


def events(text: str, *, finish_reason: str = "stop", model: str = MODEL) -> bytes:
    """Return the same reply as server-sent events: the text in pieces of seven characters, the usage at the end."""
    whole = json.loads(completion(text, finish_reason=finish_reason, model=model))
    deltas: list[dict[str, Any]] = [{"delta": {"role": "assistant", "content": ""}, "finish_reason": None}]
    deltas += [
        {"delta": {"content": text[start : start + 7]}, "finish_reason": None} for start in range(0, len(text), 7)
    ]
    deltas.append({"delta": {}, "finish_reason": finish_reason})
    chunks: list[dict[str, Any]] = [{"model": model, "choices": [{"index": 0, **delta}]} for delta in deltas]
    chunks.append({"model": model, "choices": [], "usage": whole["usage"]})
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


@dataclass
class LoopbackServer:
    """What the server does next, and what it was asked. `faults` are used up one a request; then `reply` answers.

    `requests` are chat completions, each page a part again and the question one; `wire` is the last body as it came.
    `embedded` requests for vectors, each of which is `vector` for every text.
    `adapters` are listed below the first model, all as of `owner`. With `is_strict` fields that OpenAI's API doesn't
    have are refused, in chat completions and elsewhere. Whatever hangs is let go by `released`.
    `list_faults` are used up by requests for the list of models. With `workers` it is SGLang's router before those
    addresses. `health` is the status of its `/health`; `got` are the GET requests, path and key.
    """

    url: str = ""
    reply: str = "{}"
    finish_reason: str = "stop"
    models: tuple[str, ...] = (MODEL,)
    adapters: tuple[str, ...] = ()
    owner: str = "sglang"
    is_strict: bool = False
    faults: list[Fault] = field(default_factory=list)
    list_faults: list[Fault] = field(default_factory=list)
    workers: dict[str, bool] | None = None
    health: int = 200
    got: list[tuple[str, str | None]] = field(default_factory=list)
    vector: tuple[float, ...] = (3.0, 4.0, *(0.0,) * 382)
    requests: list[dict[str, Any]] = field(default_factory=list)
    wire: bytes = b""
    embedded: list[dict[str, Any]] = field(default_factory=list)
    aborted: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


_PAGE_END = re.compile(r"(</page \d+ [0-9a-f]{16}>)\n\n")


def _apart(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request with its texts taken apart where a page ends: neighbours are sent as one."""
    for message in body.get("messages", ()):
        if isinstance(message["content"], list):
            message["content"] = [
                {**part, "text": text} if "text" in part else part
                for part in message["content"]
                for text in (_PAGE_END.sub("\\1\0", part["text"]).split("\0") if "text" in part else ("",))
            ]
    return body


class _Handler(BaseHTTPRequestHandler):
    state: LoopbackServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def do_GET(self) -> None:
        self.state.got.append((self.path, self.headers.get("authorization")))
        if self.path == "/v1/models" and self.state.list_faults:
            self.state.list_faults.pop(0)(self)
        elif self.path == "/v1/models":
            card = {"object": "model", "owned_by": self.state.owner}
            data = [{"id": name, **card} for name in self.state.models]
            data += [{"id": name, "parent": self.state.models[0], **card} for name in self.state.adapters]
            self.send(200, json.dumps({"object": "list", "data": data}).encode())
        elif self.path == "/workers" and self.state.workers is not None:
            workers = [{"url": url, "is_healthy": healthy} for url, healthy in self.state.workers.items()]
            self.send(200, json.dumps({"workers": workers}).encode())
        elif self.path == "/health":
            self.send(self.state.health, b"")
        else:
            self.send(200, b"{}")

    def do_POST(self) -> None:
        self.state.wire = self.rfile.read(int(self.headers["content-length"]))
        body = json.loads(self.state.wire)
        if self.path == "/abort_request":
            self.state.aborted.append(body["rid"])
            self.send(200, b"{}")
            return
        embedding = self.path == "/v1/embeddings"
        (self.state.embedded if embedding else self.state.requests).append(body if embedding else _apart(body))
        self.state.keys.append(self.headers.get("authorization"))
        strange = sorted(body.keys() - STANDARD) if self.state.is_strict else []
        if strange:
            self.send(400, json.dumps({"error": {"message": f"Unrecognized request argument: {strange[0]}"}}).encode())
        elif self.state.faults:
            self.state.faults.pop(0)(self)
        elif embedding:
            self.send(200, vectors([self.state.vector] * len(body["input"])))
        else:
            self.write(self.state.reply, finish_reason=self.state.finish_reason, stream=body.get("stream", False))

    def write(self, text: str, *, finish_reason: str, stream: bool) -> None:
        if stream:
            self.send(200, events(text, finish_reason=finish_reason), kind="text/event-stream; charset=utf-8")
        else:
            self.send(200, completion(text, finish_reason=finish_reason))

    def send(self, status: int, body: bytes, *, kind: str = "application/json", **headers: str) -> None:
        with suppress(ConnectionError):
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)


def answers(status: int, body: bytes = b"{}", *, kind: str = "application/json", **headers: str) -> Fault:
    """Answer this."""
    return lambda handler: handler.send(status, body, kind=kind, **headers)


def says(text: str, *, finish_reason: str = "stop") -> Fault:
    """Let the model write this, as events where they were asked for."""
    return lambda handler: handler.write(
        text, finish_reason=finish_reason, stream=handler.state.requests[-1].get("stream", False)
    )


def logprob_events(tokens: Sequence[tuple[str, float]], *, ends: str = "</s>") -> bytes:
    """Return a reply as SGLang streams it with `logprobs`: an event a token, its log-probability beside its text."""
    chunks: list[dict[str, Any]] = [
        {
            "model": MODEL,
            "choices": [
                {
                    "index": 0,
                    "delta": {"content": "" if token == ends else token},
                    "logprobs": {"content": [_logprob(token, logprob)]},
                    "finish_reason": "stop" if token == ends else None,
                }
            ],
        }
        for token, logprob in (*tokens, (ends, 0.0))
    ]
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


def _logprob(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode()), "top_logprobs": []}


def streams(body: bytes) -> Fault:
    """Answer with these events."""
    return answers(200, body, kind="text/event-stream")


def squeezes(text: str) -> Fault:
    """Compress the answer if the request allows it, as a proxy before the server may."""

    def fault(handler: _Handler) -> None:
        if "gzip" in handler.headers.get("accept-encoding", ""):
            handler.send(200, gzip.compress(completion(text)), content_encoding="gzip")
        else:
            handler.send(200, completion(text))

    return fault


def vectors(rows: list[tuple[float, ...]]) -> bytes:
    """Return an answer of the embeddings endpoint, the last row first: a reader must go by `index`. 7 tokens a text."""
    data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]
    usage = {"prompt_tokens": 7 * len(rows), "total_tokens": 7 * len(rows)}
    return json.dumps({"object": "list", "model": MODEL, "data": data[::-1], "usage": usage}).encode()


def hangs(seconds: float) -> Fault:
    """Take the request and say nothing for a while, then answer well."""

    def fault(handler: _Handler) -> None:
        if not handler.state.released.wait(seconds):
            handler.write("{}", finish_reason="stop", stream=handler.state.requests[-1].get("stream", False))

    return fault


def hangs_for_good(when: Callable[[], None]) -> Fault:
    """Take the request, tell that it is there, and say nothing until the server ends."""

    def fault(handler: _Handler) -> None:
        when()
        handler.state.released.wait()

    return fault


def trickles(*, every: float) -> Fault:
    """Begin an answer and send a byte of it now and then, until the server ends or the client has gone."""

    def fault(handler: _Handler) -> None:
        with suppress(ConnectionError):
            handler.send_response(200)
            handler.send_header("content-length", "100000")
            handler.end_headers()
            while not handler.state.released.wait(every):
                handler.wfile.write(b" ")
                handler.wfile.flush()

    return fault


def trickles_headers(*, every: float) -> Fault:
    """Never come to the end of the answer's headers."""

    def fault(handler: _Handler) -> None:
        with suppress(ConnectionError):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
            while not handler.state.released.wait(every):
                handler.wfile.write(b"z")
                handler.wfile.flush()

    return fault


def resets() -> Fault:
    """Begin an answer and cut the connection."""

    def fault(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"choices":')
        handler.wfile.flush()
        # Linger of zero makes the close a reset.
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        handler.connection.close()
        handler.close_connection = True

    return fault


@contextmanager
def loopback_server() -> Iterator[LoopbackServer]:
    """Run a server on a free port for the length of the block."""
    state = LoopbackServer()
    handler = type("Handler", (_Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a fault breaks connections on purpose
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
