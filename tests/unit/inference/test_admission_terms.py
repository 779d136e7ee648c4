"""What a ticket says of a request, what an error says of a server, and what a server is taken to hold."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest

from apps.inference.admission import Ending, ending_of
from apps.inference.capacity import Capacity, capacity_of
from apps.inference.errors import (
    AdmissionDownError,
    BadRequestError,
    ConnectionLostError,
    ModelsUnlistedError,
    NotYourTurnError,
    RequestCancelledError,
    RequestWithdrawnError,
    ServerBrokenError,
    ServerBusyError,
    ServerGoneError,
    ServerRestsError,
    ServerTimeoutError,
    TruncatedReplyError,
    UnauthorisedError,
)
from apps.inference.fairness import IMAGE_TOKENS, Lane, Ticket
from apps.inference.profiles import profile

ONE, OTHER = UUID(int=1), UUID(int=2)
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}}


def _ticket(tenant: UUID, *texts: str, tokens: int | None = None, image: bool = False) -> Ticket:
    parts: list[dict[str, Any]] = [{"type": "text", "text": text} for text in texts]
    if image:
        parts.insert(0, IMAGE)
    messages: list[dict[str, Any]] = [{"role": "system", "content": "s" * 30}, {"role": "user", "content": parts}]
    return Ticket.of(tenant_id=tenant, lane=Lane.BULK, messages=messages, max_tokens=100, tokens=tokens)


def test_questions_on_a_document_share_its_prefix_and_tenants_share_none() -> None:
    first, second = _ticket(ONE, "page", "question"), _ticket(ONE, "page", "another")
    assert first.prefix == second.prefix != ""
    assert _ticket(OTHER, "page", "question").prefix != first.prefix
    assert _ticket(ONE, "other page", "question").prefix != first.prefix
    # The parts' borders count: the server's cache would differ too.
    assert _ticket(ONE, "a", "bc", "q").prefix != _ticket(ONE, "ab", "c", "q").prefix


def test_tokens_are_estimated_where_they_are_not_known() -> None:
    ticket = _ticket(ONE, "p" * 300, "q" * 30)
    # 30 / 3 + 1 of the system, 300 / 3 + 1 of the page, 30 / 3 + 1 of the question, 100 of the reply.
    assert (ticket.tokens, ticket.shared) == (11 + 101 + 11 + 100, 112)
    assert _ticket(ONE, "p" * 300, "q" * 30, image=True).tokens == ticket.tokens + IMAGE_TOKENS
    exact = _ticket(ONE, "p" * 300, "q" * 30, tokens=180)
    assert (exact.tokens, exact.shared) == (180, 180 - 11 - 100)


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (ServerBusyError(""), Ending.REFUSED),
        (ServerTimeoutError(""), Ending.TIMED_OUT),
        (ServerGoneError(""), Ending.GONE),
        (ConnectionLostError(""), Ending.GONE),
        (TruncatedReplyError(""), Ending.ANSWERED),
        (ServerBrokenError(""), Ending.FAILED),
        (UnauthorisedError(""), Ending.FAILED),
        (ModelsUnlistedError(""), Ending.FAILED),
        (ModelsUnlistedError("", is_silent=True), Ending.GONE),
        (BadRequestError(""), Ending.FAILED),
        (ServerRestsError(""), Ending.LEFT),
        (NotYourTurnError(""), Ending.LEFT),
        (AdmissionDownError(""), Ending.LEFT),
        (RequestCancelledError(""), Ending.LEFT),
        (RequestWithdrawnError(""), Ending.LEFT),
        (KeyboardInterrupt(), Ending.LEFT),
    ],
)
def test_what_an_error_says_of_the_server(error: BaseException, ending: Ending) -> None:
    assert ending_of(error) is ending


@contextmanager
def _server(said: dict[str, object]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Say nothing."""

        def do_GET(self) -> None:
            body = json.dumps(said.get(self.path, {})).encode()
            self.send_response(200 if self.path in said else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


INFO = {"max_total_num_tokens": 500_000, "max_running_requests": 64, "max_queued_requests": 40}
NOBODY = "http://127.0.0.1:9"


def _workers(*urls: str, unhealthy: str = "http://127.0.0.1:10") -> dict[str, object]:
    workers: list[dict[str, object]] = [{"url": url, "is_healthy": True} for url in urls]
    return {"workers": [*workers, {"url": unhealthy, "is_healthy": False}], "total": len(urls) + 1}


@pytest.mark.parametrize(
    ("said", "capacity"),
    [
        ({"/server_info": INFO}, Capacity(first=500_000, most=500_000, requests=64, queue=40)),
        (
            {"/server_info": INFO | {"max_queued_requests": None, "dp_size": 2}},
            Capacity(first=1_000_000, most=1_000_000, requests=64, queue=128),
        ),
        (
            {"/server_info": INFO | {"max_queued_requests": 0}},
            Capacity(first=500_000, most=500_000, requests=64, queue=1),
        ),
        (
            {"/server_info": INFO, "/workers": _workers(NOBODY, f"{NOBODY}1")},
            Capacity(first=1_000_000, most=1_000_000, requests=128, queue=80),
        ),
        (
            {"/workers": _workers(NOBODY, f"{NOBODY}1")},
            Capacity(first=2 * 131_072, most=32 * 131_072, requests=512, queue=32),
        ),
        ({"/workers": _workers()}, Capacity(first=131_072, most=16 * 131_072, requests=256, queue=16)),
        (
            {"/workers": _workers("file:///etc/passwd", "grpc://127.0.0.1:9")},
            Capacity(first=131_072, most=16 * 131_072, requests=256, queue=16),
        ),
        ({}, Capacity(first=131_072, most=16 * 131_072, requests=256, queue=16)),
        (
            {"/server_info": {"max_total_num_tokens": "?"}},
            Capacity(first=131_072, most=2_097_152, requests=256, queue=16),
        ),
    ],
    ids=[
        "sglang",
        "data parallel, endless queue",
        "no queue",
        "router that speaks for all",
        "router before servers that can't be reached",
        "router before none that is healthy",
        "no servers' addresses",
        "another server",
        "nonsense",
    ],
)
def test_what_a_server_holds(said: dict[str, object], capacity: Capacity) -> None:
    with _server(said) as url:
        assert capacity_of(url=url, profile=profile("small")) == capacity


def test_a_router_holds_what_each_server_behind_it_holds() -> None:
    small = {"max_total_num_tokens": 100_000, "max_running_requests": 8, "max_queued_requests": 10}
    with ExitStack() as servers:
        large = servers.enter_context(_server({"/server_info": INFO})).removesuffix("/v1")
        little = servers.enter_context(_server({"/server_info": small})).removesuffix("/v1")
        listed = _workers(large, little, f"{little}/", unhealthy=f"{large}/other")
        router = servers.enter_context(_server({"/workers": listed}))
        held = capacity_of(url=router, profile=profile("small"))
        assert held == Capacity(first=600_000, most=600_000, requests=72, queue=50)
        # One that takes calls but can't be asked counts as a server that doesn't tell.
        router = servers.enter_context(_server({"/workers": _workers(little, NOBODY)}))
        held = capacity_of(url=router, profile=profile("small"))
        assert held == Capacity(first=231_072, most=100_000 + 16 * 131_072, requests=264, queue=26)


def test_a_server_that_is_not_there_is_told_apart() -> None:
    with pytest.raises(ServerGoneError):
        capacity_of(url="http://127.0.0.1:9", profile=profile("small"))
