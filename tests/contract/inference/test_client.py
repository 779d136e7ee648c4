"""Every way in which a model server misbehaves has its error, and no more requests than it deserves."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from apps.common.errors import QuireError, RetryableError, TerminalError
from apps.inference.client import SglangClient, Timeouts
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
from tests.faults.sglang_server import (
    MODEL,
    Fault,
    LoopbackServer,
    answers,
    completion,
    hangs,
    loopback_server,
    resets,
    says,
    trickles,
)

MESSAGES = [{"role": "user", "content": "What is the total?"}]
SCHEMA = {"type": "object"}


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with loopback_server() as server:
        yield server


@pytest.fixture
def client(server: LoopbackServer) -> Iterator[SglangClient]:
    client = SglangClient(
        base_url=f"{server.url}/v1", api_key="sesame", timeouts=Timeouts(connect=2, read=0.4, total=1.0)
    )
    yield client
    client.close()


def _ask(client: SglangClient) -> str:
    return client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10).text


def test_a_request_and_its_answer(client: SglangClient, server: LoopbackServer) -> None:
    server.reply = '{"total": 1}'
    reply = client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10)
    assert (reply.text, reply.model) == ('{"total": 1}', MODEL)
    assert (reply.prompt_tokens, reply.cached_tokens, reply.completion_tokens) == (1000, 900, 50)
    (request,) = server.requests
    assert request["model"] == MODEL
    assert request["messages"] == MESSAGES
    assert request["response_format"] == {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
    assert (request["max_tokens"], request["temperature"]) == (10, 0)
    assert len(request["rid"]) == 32
    assert server.keys == ["Bearer sesame"]


@pytest.mark.parametrize(
    ("fault", "error", "retryable"),
    [
        (answers(503), ServerBusyError, True),
        (answers(429), ServerBusyError, True),
        (answers(500, b"oops"), ServerBrokenError, True),
        (answers(502, b"<html>Bad Gateway</html>", kind="text/html"), ServerBrokenError, True),
        (answers(200, b"<html>Welcome</html>", kind="text/html"), ServerBrokenError, True),
        (answers(200, b""), ServerBrokenError, True),
        (answers(200, b'{"choices": []}'), ServerBrokenError, True),
        (answers(200, completion("{}")[:80]), TruncatedReplyError, True),
        (says('{"total": 1', finish_reason="length"), TruncatedReplyError, True),
        (says("", finish_reason="abort"), ConnectionLostError, True),
        (hangs(0.8), ServerTimeoutError, True),
        (trickles(every=0.1, count=30), ServerTimeoutError, True),
        (resets(), ConnectionLostError, True),
        (answers(401), UnauthorisedError, False),
        (answers(404, b'{"message": "The model `x` does not exist"}'), WrongModelError, False),
        (
            answers(400, b'{"message": "The input is longer than the model\'s context length"}'),
            PromptTooLongError,
            False,
        ),
        (answers(400, b'{"message": "Failed to load image"}'), ImageRefusedError, False),
        (answers(400, b'{"message": "bad schema"}'), BadRequestError, False),
    ],
)
def test_a_fault_is_one_request_and_a_typed_error(
    client: SglangClient, server: LoopbackServer, fault: Fault, error: type[QuireError], retryable: bool
) -> None:
    server.faults = [fault]
    with pytest.raises(error) as raised:
        _ask(client)
    assert isinstance(raised.value, RetryableError) is retryable
    assert isinstance(raised.value, TerminalError) is not retryable
    assert len(server.requests) == 1
    assert "sesame" not in raised.value.message
    assert "total" not in raised.value.message


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("0", 0.0), ("soon", None), ("-1", None)])
def test_a_busy_server_may_say_when_to_come_again(
    client: SglangClient, server: LoopbackServer, header: str, seconds: float | None
) -> None:
    server.faults = [answers(503, Retry_After=header)]
    with pytest.raises(ServerBusyError) as raised:
        _ask(client)
    assert raised.value.retry_after == seconds


def test_what_takes_too_long_is_aborted(client: SglangClient, server: LoopbackServer) -> None:
    server.faults = [hangs(0.8)]
    with pytest.raises(ServerTimeoutError):
        _ask(client)
    assert server.aborted == [server.requests[0]["rid"]]


def test_a_cancelled_request_is_aborted(client: SglangClient, server: LoopbackServer) -> None:
    with pytest.raises(ConnectionLostError):
        client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10, cancelled=lambda: True)
    assert server.aborted == [server.requests[0]["rid"]]


def test_a_model_that_is_not_served_is_found_out_before_anything_is_sent(server: LoopbackServer) -> None:
    client = SglangClient(base_url=server.url, model="mistral-small")
    with pytest.raises(WrongModelError, match="mistral-small"):
        _ask(client)
    client.close()
    assert server.requests == []


def test_a_server_that_is_not_there(server: LoopbackServer) -> None:
    client = SglangClient(base_url="http://127.0.0.1:9", timeouts=Timeouts(connect=0.5))
    with pytest.raises(ConnectionLostError):
        _ask(client)
    client.close()


def test_an_endless_answer_is_cut_off(client: SglangClient, server: LoopbackServer) -> None:
    server.faults = [answers(200, b" " * (9 * 1024 * 1024))]
    with pytest.raises(ServerBrokenError, match="too long"):
        _ask(client)


def test_nothing_of_the_prompt_is_in_an_error(client: SglangClient, server: LoopbackServer) -> None:
    server.faults = [answers(400, json.dumps({"message": "bad: What is the total?"}).encode())]
    with pytest.raises(BadRequestError) as raised:
        _ask(client)
    assert "What is the total" not in str(raised.value)
