"""Every way in which a model server misbehaves has its error, and no more requests than it deserves."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

import pytest

from apps.common.errors import QuireError, RetryableError, TerminalError
from apps.inference import client as client_module
from apps.inference import refusals
from apps.inference.adapters import RequestTuning
from apps.inference.client import MAX_LOGPROB_TOKENS, MAX_REPLY_BYTES, SglangClient, Timeouts
from apps.inference.errors import (
    BadRequestError,
    ConnectionLostError,
    ImageRefusedError,
    MissingAdapterError,
    ModelsUnlistedError,
    PromptTooLongError,
    RequestCancelledError,
    RequestWithdrawnError,
    ServerBrokenError,
    ServerBusyError,
    ServerGoneError,
    ServerTimeoutError,
    TruncatedReplyError,
    UnauthorisedError,
    WrongModelError,
)
from apps.inference.ledger import NEVER_SENT, Usage
from apps.inference.profiles import ServerKind
from apps.inference.replies import TokenLogprob
from tests.faults.sglang_server import (
    MODEL,
    ROUTER_HAS_NOBODY,
    ROUTER_REACHES_NOBODY,
    STANDARD,
    Fault,
    LoopbackServer,
    answers,
    completion,
    events,
    hangs,
    hangs_for_good,
    logprob_events,
    loopback_server,
    resets,
    says,
    squeezes,
    streams,
    trickles,
    trickles_headers,
)

MESSAGES = [{"role": "user", "content": "What is the total?"}]
SCHEMA = {"type": "object"}


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with loopback_server() as server:
        yield server


@pytest.fixture
def client(server: LoopbackServer) -> Iterator[SglangClient]:
    """A client that waits longer than any answer that comes takes, however busy the machine is."""
    client = SglangClient(base_url=f"{server.url}/v1", api_key="sesame", timeouts=Timeouts(connect=60, read=60))
    yield client
    client.close()


@pytest.fixture
def hasty(server: LoopbackServer) -> Iterator[SglangClient]:
    """A client that soon gives up. It knows the model's name already, so that the question is what it gives up."""
    client = SglangClient(
        base_url=f"{server.url}/v1", api_key="sesame", timeouts=Timeouts(connect=60, read=0.4, total=1.0)
    )
    assert _in_the_end(client.model) == MODEL
    yield client
    client.close()


def _ask(client: SglangClient) -> str:
    return client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10).text


def _in_the_end(ask: Callable[[], str]) -> str:
    """Return what a client answers that soon gives up, as often as it takes: a busy machine may be late."""
    for _ in range(100):
        with suppress(ServerTimeoutError, ModelsUnlistedError):
            return ask()
    return ask()


def _aborted(server: LoopbackServer) -> list[str]:
    """Return what the server was told to abort, once that has come: the client waits for no answer to it."""
    deadline = monotonic() + 60
    while not (server.aborted and server.requests) and monotonic() < deadline:
        sleep(0.01)
    return server.aborted


@pytest.mark.parametrize("stream", [True, False])
def test_a_request_and_its_answer(server: LoopbackServer, stream: bool) -> None:
    client = SglangClient(base_url=f"{server.url}/v1", api_key="sesame", stream=stream)
    server.reply = '{"seller": "Müller & Söhne, 東京"}'
    reply = client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10)
    client.close()
    assert reply.text == '{"seller": "Müller & Söhne, 東京"}'
    assert reply.usage == Usage(model=MODEL, prompt_tokens=1000, cached_tokens=900, completion_tokens=50)
    (request,) = server.requests
    assert request["model"] == MODEL
    assert request["messages"] == MESSAGES
    assert request["response_format"] == {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
    assert (request["max_tokens"], request["temperature"]) == (10, 0)
    assert len(request["rid"]) == 32
    assert request.get("stream", False) is stream
    assert server.keys == ["Bearer sesame"]


def test_tokens_come_with_their_log_probabilities_where_they_are_asked_for(
    client: SglangClient, server: LoopbackServer
) -> None:
    tokens = (('{"a', -0.5), ('": 1}', -0.25))
    server.faults = [streams(logprob_events(tokens))]
    reply = client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10, logprobs=True)
    assert reply.text == '{"a": 1}'
    assert reply.tokens == (*(TokenLogprob(*token) for token in tokens), TokenLogprob("</s>", 0.0))
    assert client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10).tokens is None
    # So long a reply's events would be too many.
    client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=MAX_LOGPROB_TOKENS + 1, logprobs=True)
    assert [request.get("logprobs") for request in server.requests] == [True, None, None]


def test_a_server_that_answers_in_one_piece_gives_log_probabilities_too(
    client: SglangClient, server: LoopbackServer
) -> None:
    whole = json.loads(completion("{}"))
    whole["choices"][0]["logprobs"] = {"content": [{"token": "{}", "logprob": -1}]}
    server.faults = [answers(200, json.dumps(whole).encode())]
    reply = client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10, logprobs=True)
    assert reply.tokens == (TokenLogprob("{}", -1.0),)


@pytest.mark.parametrize(
    "logprobs",
    [None, [], "no", {}, {"content": None}, {"content": []}, {"content": [1]}, {"content": [{"token": "{}"}]},
     {"content": [{"token": "{}", "logprob": None}]}, {"content": [{"token": 1, "logprob": 0}]},
     {"content": [{"token": "{}", "logprob": float("nan")}]}],
)  # fmt: skip
def test_log_probabilities_of_another_form_are_no_error(
    client: SglangClient, server: LoopbackServer, logprobs: object
) -> None:
    whole = json.loads(completion("{}"))
    whole["choices"][0]["logprobs"] = logprobs
    server.faults = [answers(200, json.dumps(whole).encode())]
    reply = client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10, logprobs=True)
    assert (reply.text, reply.tokens) == ("{}", None)


def test_a_server_that_refuses_log_probabilities_is_asked_without_from_then_on(
    client: SglangClient, server: LoopbackServer
) -> None:
    server.faults = [answers(400, b'{"message": "return_logprob is not supported here"}')]
    for _ in range(2):
        assert client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10, logprobs=True).text == "{}"
    assert [request.get("logprobs") for request in server.requests] == [True, None, None]


def test_the_longest_reply_with_log_probabilities_is_read(server: LoopbackServer) -> None:
    client = SglangClient(base_url=server.url)
    tokens = [(f"token {number}", -0.123456789012345) for number in range(MAX_LOGPROB_TOKENS)]
    body = logprob_events(tokens)
    assert len(body) < MAX_REPLY_BYTES // 2
    server.faults = [streams(body)]
    reply = client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=MAX_LOGPROB_TOKENS, logprobs=True)
    client.close()
    assert reply.tokens is not None
    assert len(reply.tokens) == MAX_LOGPROB_TOKENS + 1


TUNED = RequestTuning(cache_salt="salt")


@pytest.mark.parametrize(
    ("owner", "kind", "own"),
    [
        ("sglang", None, {"rid", "cache_salt"}),
        ("vllm", None, {"cache_salt"}),
        ("mistralai", None, set()),
        ("", None, set()),
        ("sglang", "openai", set()),
        ("mistralai", "sglang", {"rid", "cache_salt"}),
    ],
)
def test_only_a_server_that_knows_them_gets_fields_that_openai_does_not_have(
    server: LoopbackServer, owner: str, kind: ServerKind | None, own: set[str]
) -> None:
    server.owner = owner
    client = SglangClient(base_url=server.url, kind=kind)
    client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10, logprobs=True, tuning=TUNED)
    client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10)
    client.close()
    assert [request.keys() - STANDARD for request in server.requests] == [own, own - {"cache_salt"}]


@pytest.mark.parametrize("stream", [True, False])
def test_a_server_that_refuses_what_it_does_not_know_is_asked_in_openais_words(
    server: LoopbackServer, stream: bool
) -> None:
    server.is_strict = True
    server.owner = "mistralai"
    server.reply = '{"total": 1}'
    client = SglangClient(base_url=server.url, stream=stream)
    reply = client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10, logprobs=True, tuning=TUNED)
    client.close()
    assert reply.text == '{"total": 1}'
    told = SglangClient(base_url=server.url, kind="sglang", stream=stream)
    with pytest.raises(BadRequestError):
        told.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10)
    told.close()


def test_a_server_that_knows_no_abort_is_told_by_the_connections_end(server: LoopbackServer) -> None:
    server.owner = "mistralai"
    client = SglangClient(base_url=server.url, timeouts=Timeouts(read=60, total=60))
    cancelled = threading.Event()
    server.faults = [hangs_for_good(cancelled.set)]
    with pytest.raises(RequestCancelledError):
        client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10, cancelled=cancelled.is_set)
    client.close()
    assert server.aborted == []


def test_neighbouring_texts_are_sent_as_one(client: SglangClient, server: LoopbackServer) -> None:
    """Chat templates put nothing between texts, mistral-common a blank line: one text is the same tokens for both."""
    texts = [{"type": "text", "text": text} for text in ("one", "two", "three")]
    picture = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}}
    content = [texts[0], texts[1], picture, texts[2]]
    client.complete(messages=[{"role": "user", "content": content}], schema=SCHEMA, max_tokens=10)
    joined = [{"type": "text", "text": "one\n\ntwo"}, picture, texts[2]]
    assert json.loads(server.wire)["messages"] == [{"role": "user", "content": joined}]


def test_a_server_that_does_not_stream_is_understood(client: SglangClient, server: LoopbackServer) -> None:
    server.faults = [answers(200, completion('{"total": 2}'))]
    assert _ask(client) == '{"total": 2}'


def test_an_answer_is_not_compressed_on_its_way(client: SglangClient, server: LoopbackServer) -> None:
    server.faults = [squeezes('{"total": 3}')]
    assert _ask(client) == '{"total": 3}'


@pytest.mark.parametrize(
    ("fault", "error", "retryable"),
    [
        (answers(503), ServerBusyError, True),
        (answers(429), ServerBusyError, True),
        (answers(500, b"oops"), ServerBrokenError, True),
        (answers(502, b"<html>Bad Gateway</html>", kind="text/html"), ServerGoneError, True),
        (answers(500, ROUTER_REACHES_NOBODY), ServerGoneError, True),
        (answers(503, ROUTER_HAS_NOBODY), ServerGoneError, True),
        (answers(408), ServerTimeoutError, True),
        (answers(504), ServerTimeoutError, True),
        (answers(200, b"<html>Welcome</html>", kind="text/html"), ServerBrokenError, True),
        (answers(200, b""), ServerBrokenError, True),
        (answers(200, b'{"choices": []}'), ServerBrokenError, True),
        (answers(200, completion("{}")[:80]), TruncatedReplyError, True),
        (says('{"total": 1', finish_reason="length"), TruncatedReplyError, True),
        (streams(events('{"total": 1}')[:200]), TruncatedReplyError, True),
        (streams(events("{}").replace(b"data: [DONE]", b"").replace(b'"stop"', b"null")), TruncatedReplyError, True),
        (streams(b""), TruncatedReplyError, True),
        (streams(b"data: [1]\n\n"), ServerBrokenError, True),
        (
            streams(b'data: {"error": {"message": "The request queue is full.", "code": 503}}\n\n'),
            ServerBusyError,
            True,
        ),
        (streams(b'data: {"error": {"message": "oops"}}\n\n'), ServerBrokenError, True),
        (says("", finish_reason="abort"), ConnectionLostError, True),
        (resets(), ConnectionLostError, True),
        (answers(401), UnauthorisedError, True),
        (answers(404, b'{"message": "The model `x` does not exist"}'), WrongModelError, True),
        (
            answers(400, b'{"message": "The input is longer than the model\'s context length"}'),
            PromptTooLongError,
            False,
        ),
        (
            answers(400, b'{"message": "Requested token count exceeds the model\'s maximum context length of 9"}'),
            PromptTooLongError,
            False,
        ),
        (answers(400, b'{"message": "Failed to load image"}'), ImageRefusedError, False),
        (answers(400, b'{"message": "Image count 4 exceeds limit 3 per request."}'), ImageRefusedError, False),
        (answers(400, b'{"message": "bad schema"}'), BadRequestError, False),
    ],
)
def test_a_fault_is_one_request_and_a_typed_error(
    client: SglangClient, server: LoopbackServer, fault: Fault, error: type[QuireError], retryable: bool
) -> None:
    server.faults = [fault]
    _is_refused(client, error=error, retryable=retryable)
    assert len(server.requests) == 1


def test_a_server_that_hangs_up_late_on_its_router_is_told_from_one_that_isnt_there(
    client: SglangClient, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The router's words are the same; only the first may be the request's doing."""
    monkeypatch.setattr(refusals, "CONNECTING_SECONDS", 0.1)

    def late(handler: Any) -> None:
        sleep(0.2)
        answers(500, ROUTER_REACHES_NOBODY)(handler)

    server.faults = [late]
    _is_refused(client, error=ConnectionLostError, retryable=True)


def _is_refused(client: SglangClient, *, error: type[QuireError], retryable: bool) -> None:
    with pytest.raises(error) as raised:
        _ask(client)
    assert isinstance(raised.value, RetryableError) is retryable
    assert isinstance(raised.value, TerminalError) is not retryable
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


@pytest.mark.parametrize("fault", [hangs_for_good(lambda: None), trickles(every=0.1), trickles_headers(every=0.1)])
def test_what_takes_too_long_is_one_request_and_aborted(
    hasty: SglangClient, server: LoopbackServer, fault: Fault
) -> None:
    server.faults = [fault]
    _is_refused(hasty, error=ServerTimeoutError, retryable=True)
    assert _aborted(server) == [server.requests[0]["rid"]]
    assert len(server.requests) == 1


def test_the_whole_call_is_bounded_also_where_silence_may_be_long(server: LoopbackServer) -> None:
    """The server would answer well in the end: only the bound on the whole call can make this fail."""
    client = SglangClient(base_url=server.url, timeouts=Timeouts(read=60, total=0.3))
    assert _in_the_end(client.model) == MODEL
    server.faults = [hangs(30)]
    with pytest.raises(ServerTimeoutError, match="too slowly"):
        _ask(client)
    client.close()


def test_a_request_that_is_cancelled_while_the_server_is_silent_is_aborted(server: LoopbackServer) -> None:
    client = SglangClient(base_url=server.url, timeouts=Timeouts(read=60, total=60))
    client.model()
    cancelled = threading.Event()
    server.faults = [hangs_for_good(cancelled.set)]
    with pytest.raises(RequestCancelledError):
        client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10, cancelled=cancelled.is_set)
    client.close()
    assert server.aborted == [server.requests[0]["rid"]]


def test_a_request_that_is_cancelled_before_it_is_sent_is_not_sent(
    client: SglangClient, server: LoopbackServer
) -> None:
    with pytest.raises(RequestWithdrawnError):
        client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10, cancelled=lambda: True)
    assert server.requests == []


def test_after_a_failure_the_client_goes_on(client: SglangClient, server: LoopbackServer) -> None:
    for fault in (resets(), answers(503)):
        server.faults = [fault]
        with pytest.raises(RetryableError):
            _ask(client)
        assert _ask(client) == "{}"


def test_after_what_took_too_long_the_client_goes_on(hasty: SglangClient, server: LoopbackServer) -> None:
    server.faults = [hangs_for_good(lambda: None)]
    with pytest.raises(ServerTimeoutError):
        _ask(hasty)
    assert _in_the_end(lambda: _ask(hasty)) == "{}"


def test_a_reply_that_was_cut_says_what_it_cost(client: SglangClient, server: LoopbackServer) -> None:
    server.faults = [says('{"total": 1', finish_reason="length")]
    with pytest.raises(TruncatedReplyError) as raised:
        _ask(client)
    assert raised.value.usage == Usage(model=MODEL, prompt_tokens=1000, cached_tokens=900, completion_tokens=50)


def test_half_a_surrogate_pair_can_be_sent(client: SglangClient, server: LoopbackServer) -> None:
    server.reply = "{}"
    client.complete(messages=[{"role": "user", "content": "a\ud800b"}], schema=SCHEMA, max_tokens=10)
    assert server.requests[0]["messages"][0]["content"] == "a\ud800b"


def test_a_model_that_is_not_served_is_found_out_before_anything_is_sent(server: LoopbackServer) -> None:
    client = SglangClient(base_url=server.url, model="mistral-small")
    with pytest.raises(WrongModelError, match="mistral-small"):
        _ask(client)
    client.close()
    assert server.requests == []


def test_a_server_that_is_not_there(server: LoopbackServer) -> None:
    client = SglangClient(base_url="http://127.0.0.1:9", timeouts=Timeouts(connect=0.5))
    with pytest.raises(ServerGoneError):
        _ask(client)
    client.close()


@pytest.mark.parametrize(
    ("fault", "why", "is_silent"),
    [
        (answers(404, b'{"message": "Not Found"}'), "the model server refuses the request (404)", False),
        (answers(405), "the model server refuses the request (405)", False),
        (answers(200, b"<html>Welcome</html>", kind="text/html"), "the model server's list of models can't be read",
         False),
        (answers(200, b""), "the model server's list of models can't be read", False),
        (answers(500, b"oops"), "the model server answered 500", False),
        (resets(), "the model server hung up", True),
    ],
)  # fmt: skip
def test_a_server_that_does_not_list_its_models_is_asked_nothing_and_waited_for(
    client: SglangClient, server: LoopbackServer, fault: Fault, why: str, is_silent: bool
) -> None:
    server.list_faults = [fault]
    with pytest.raises(ModelsUnlistedError) as raised:
        _ask(client)
    assert raised.value.message == (
        f"the model server doesn't list its models at /v1/models ({why}): it may be starting, or QUIRE_INFERENCE_URL "
        "may not be the address of an OpenAI-compatible server"
    )
    assert raised.value.is_silent is is_silent
    assert raised.value.code in NEVER_SENT
    assert server.requests == []
    assert _ask(client) == "{}"


def test_a_list_that_does_not_come_is_waited_for_ten_seconds_at_most(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client_module.LIST_SECONDS == 10.0
    monkeypatch.setattr(client_module, "LIST_SECONDS", 0.2)
    client = SglangClient(base_url=server.url, timeouts=Timeouts(connect=60, read=60, total=60))
    server.list_faults = [hangs_for_good(lambda: None)]
    with pytest.raises(ModelsUnlistedError, match="answers too slowly") as raised:
        _ask(client)
    client.close()
    assert raised.value.is_silent
    assert server.requests == []


def test_who_waits_for_the_list_can_be_cancelled_and_nothing_was_sent(
    client: SglangClient, server: LoopbackServer
) -> None:
    cancelled = threading.Event()
    server.list_faults = [hangs_for_good(cancelled.set)]
    with pytest.raises(RequestWithdrawnError):
        client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10, cancelled=cancelled.is_set)
    assert (server.requests, server.aborted) == ([], [])


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        (
            answers(401),
            UnauthorisedError,
            "the model server doesn't take the key: check QUIRE_INFERENCE_API_KEY_MEDIUM",
        ),
        (answers(503), ServerBusyError, "the model server is busy"),
    ],
)
def test_what_is_wrong_with_the_whole_server_is_told_by_its_list_too(
    server: LoopbackServer, fault: Fault, error: type[QuireError], message: str
) -> None:
    client = SglangClient(base_url=server.url, suffix="_MEDIUM")
    server.list_faults = [fault]
    with pytest.raises(error) as raised:
        _ask(client)
    client.close()
    assert raised.value.message == message


def _adapted(client: SglangClient) -> str:
    tuning = RequestTuning(adapter="acme.letters")
    return client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=10, tuning=tuning).text


@pytest.fixture
def behind() -> Iterator[tuple[LoopbackServer, LoopbackServer]]:
    with loopback_server() as one, loopback_server() as other:
        one.adapters = other.adapters = ("acme.letters",)
        yield one, other


def test_behind_a_router_each_healthy_server_has_to_have_the_adapter(
    client: SglangClient, server: LoopbackServer, behind: tuple[LoopbackServer, LoopbackServer]
) -> None:
    """SGLang's router lists no adapters of its own."""
    one, other = behind
    server.workers = {one.url: True, f"{other.url}/": True, "http://127.0.0.1:9": False}
    for _ in range(2):
        assert _adapted(client) == "{}"
    assert [request["model"] for request in server.requests] == ["tiny:acme.letters"] * 2
    # Asked once, with the key.
    assert one.got == other.got == [("/v1/models", "Bearer sesame")]
    assert one.requests == other.requests == []


def test_an_adapter_that_a_server_behind_the_router_lacks_is_waited_for(
    client: SglangClient, server: LoopbackServer, behind: tuple[LoopbackServer, LoopbackServer]
) -> None:
    one, other = behind
    server.workers = {one.url: True, other.url: True}
    other.adapters = ("acme",)
    with pytest.raises(MissingAdapterError) as raised:
        _adapted(client)
    assert raised.value.message == (
        "1 of the 2 servers behind the router haven't loaded the adapter 'acme.letters' for 'tiny': load it on each of "
        "them, or take it out of the tuning"
    )
    assert server.requests == []


@pytest.mark.parametrize("listing", [None, answers(401), answers(200, b"<html>")])
def test_an_adapter_that_can_not_be_seen_behind_the_router_is_said_to_be(
    client: SglangClient,
    server: LoopbackServer,
    behind: tuple[LoopbackServer, LoopbackServer],
    listing: Fault | None,
) -> None:
    one, other = behind
    other.list_faults = [listing] if listing else []
    server.workers = {one.url: True, other.url if listing else "http://127.0.0.1:9": True}
    with pytest.raises(MissingAdapterError) as raised:
        _adapted(client)
    assert raised.value.message == (
        "the model server is a router, which lists no adapters, and 1 of the 2 servers behind it can't be asked from "
        "here about the adapter 'acme.letters' for 'tiny': let Quire reach them by the addresses that the router has, "
        "or take it out of the tuning"
    )
    assert server.requests == []


def test_an_adapter_that_was_unloaded_behind_the_router_is_looked_for_again(
    client: SglangClient, server: LoopbackServer, behind: tuple[LoopbackServer, LoopbackServer]
) -> None:
    one, other = behind
    server.workers = {one.url: True, other.url: True}
    assert _adapted(client) == "{}"
    one.adapters = ()
    server.faults = [answers(400, b'{"message": "not loaded"}')]
    with pytest.raises(MissingAdapterError, match="1 of the 2 servers"):
        _adapted(client)


def test_an_endless_answer_is_cut_off(client: SglangClient, server: LoopbackServer) -> None:
    server.faults = [answers(200, b" " * (9 * 1024 * 1024))]
    with pytest.raises(ServerBrokenError, match="too long"):
        _ask(client)


def test_nothing_of_the_prompt_is_in_an_error(client: SglangClient, server: LoopbackServer) -> None:
    server.faults = [answers(400, json.dumps({"message": "bad: What is the total?"}).encode())]
    with pytest.raises(BadRequestError) as raised:
        _ask(client)
    assert "What is the total" not in str(raised.value)
