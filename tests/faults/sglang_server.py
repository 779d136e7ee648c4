"""A model server that answers what it is told to, counts, and misbehaves in every way that was seen."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep
from typing import Any

MODEL = "tiny"
Fault = Callable[["_Handler"], None]


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


@dataclass
class LoopbackServer:
    """What the server does next, and what it was asked. `faults` are used up one a request; then `reply` answers."""

    url: str = ""
    reply: str = "{}"
    finish_reason: str = "stop"
    models: tuple[str, ...] = (MODEL,)
    faults: list[Fault] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    aborted: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    state: LoopbackServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            data = [{"id": name, "object": "model"} for name in self.state.models]
            self.send(200, json.dumps({"object": "list", "data": data}).encode())
        else:
            self.send(200, b"{}")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/abort_request":
            self.state.aborted.append(body["rid"])
            self.send(200, b"{}")
            return
        self.state.requests.append(body)
        self.state.keys.append(self.headers.get("authorization"))
        if self.state.faults:
            self.state.faults.pop(0)(self)
        else:
            self.send(200, completion(self.state.reply, finish_reason=self.state.finish_reason))

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
    """Let the model write this."""
    return answers(200, completion(text, finish_reason=finish_reason))


def hangs(seconds: float) -> Fault:
    """Take the request and say nothing for a while."""
    return lambda _handler: sleep(seconds)


def trickles(*, every: float, count: int) -> Fault:
    """Begin an answer and send a byte of it now and then."""

    def fault(handler: _Handler) -> None:
        with suppress(ConnectionError):
            handler.send_response(200)
            handler.send_header("content-length", "100000")
            handler.end_headers()
            for _ in range(count):
                handler.wfile.write(b" ")
                handler.wfile.flush()
                sleep(every)

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
        server.shutdown()
        server.server_close()
