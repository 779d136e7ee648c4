"""An embedding server as it should be, and as it may be."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from django.test import override_settings

from apps.common.errors import QuireError, RetryableError
from apps.inference.embeddings import (
    BATCH,
    DIMENSIONS,
    EmbeddingsDownError,
    EmbeddingsRefusedError,
    RemoteEmbedder,
    embedder,
    local_embedder,
)
from apps.inference.ledger import EmbeddingUsage
from tests.faults.sglang_server import Fault, LoopbackServer, answers, hangs, loopback_server, resets, vectors

ROW = (3.0, 4.0, *(0.0,) * (DIMENSIONS - 2))


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with loopback_server() as server:
        yield server


def test_vectors_are_in_the_texts_order_and_of_unit_length(server: LoopbackServer) -> None:
    """The server answers the last one first: `index` says which is which."""
    server.faults = [answers(200, vectors([ROW, (0.0, 5.0, *ROW[2:])]))]
    model = RemoteEmbedder(url=f"{server.url}/v1", model="m", api_key="sesame")
    found = model.embed(["one", "", "two"])
    assert found.dtype == np.float32
    assert found[:, :2].tolist() == pytest.approx(np.array([[0.6, 0.8], [0, 0], [0, 1]]))
    assert server.embedded == [{"model": "m", "input": ["one", "two"]}]
    assert server.keys == ["Bearer sesame"]
    assert model.name == "remote:m"


def test_many_texts_go_in_batches(server: LoopbackServer) -> None:
    found = RemoteEmbedder(url=server.url).embed([str(number) for number in range(BATCH + 1)])
    assert found.shape == (BATCH + 1, DIMENSIONS)
    assert [len(request["input"]) for request in server.embedded] == [BATCH, 1]


def test_what_a_server_took_is_added_up(server: LoopbackServer) -> None:
    usage = EmbeddingUsage()
    model = RemoteEmbedder(url=server.url)
    model.embed([str(number) for number in range(BATCH + 1)], usage=usage)
    assert (usage.requests, usage.tokens, usage.unreported) == (2, 7 * (BATCH + 1), 0)
    assert usage.seconds > 0
    server.faults = [answers(200, json.dumps({"data": [{"index": 0, "embedding": ROW}]}).encode())]
    model.embed(["a server that counts nothing"], usage=usage)
    # Four small letters are one: one for "a" and "that" each, two for each of the others.
    assert (usage.requests, usage.tokens, usage.unreported) == (3, 7 * (BATCH + 1), 8)


@pytest.mark.parametrize(
    ("fault", "unreported"),
    [
        (answers(503), 0),
        (answers(429), 0),
        (answers(401), 0),
        (answers(400), 0),
        (answers(500), 2),
        (resets(), 2),
        (hangs(1.0), 2),
        (answers(200, b"<html>"), 2),
        (answers(200, b" " * (5 * 1024 * 1024)), 2),
    ],
)
def test_what_a_server_may_have_done_without_a_word_is_estimated(
    server: LoopbackServer, fault: Fault, unreported: int
) -> None:
    usage = EmbeddingUsage()
    server.faults = [fault]
    with pytest.raises(QuireError):
        RemoteEmbedder(url=server.url, timeout=0.4).embed(["secret"], usage=usage)
    assert (usage.requests, usage.tokens, usage.unreported) == (1, 0, unreported)


def test_a_server_that_cannot_be_reached_took_nothing() -> None:
    usage = EmbeddingUsage()
    with pytest.raises(EmbeddingsDownError) as raised:
        RemoteEmbedder(url="http://127.0.0.1:1").embed(["secret"], usage=usage)
    assert raised.value.code == "embeddings_down"
    assert (usage.requests, usage.tokens, usage.unreported) == (1, 0, 0)


def test_nothing_asks_nothing(server: LoopbackServer) -> None:
    assert RemoteEmbedder(url=server.url).embed([]).shape == (0, DIMENSIONS)
    assert RemoteEmbedder(url=server.url).embed([" "]).tolist() == [[0.0] * DIMENSIONS]
    assert server.embedded == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (answers(503, Retry_After="7"), EmbeddingsDownError),
        (answers(429), EmbeddingsDownError),
        (answers(500, b"oops"), EmbeddingsDownError),
        (resets(), EmbeddingsDownError),
        (hangs(1.0), EmbeddingsDownError),
        (answers(400), EmbeddingsRefusedError),
        (answers(404), EmbeddingsRefusedError),
        (answers(200, b"<html>"), EmbeddingsRefusedError),
        (answers(200, b""), EmbeddingsRefusedError),
        (answers(200, b" " * (5 * 1024 * 1024)), EmbeddingsRefusedError),
        (answers(200, vectors([])), EmbeddingsRefusedError),
        (answers(200, vectors([ROW, ROW])), EmbeddingsRefusedError),
        (answers(200, vectors([ROW[:-1]])), EmbeddingsRefusedError),
        (answers(200, vectors([(float("nan"), *ROW[1:])])), EmbeddingsRefusedError),
        (answers(200, vectors([(float("inf"), *ROW[1:])])), EmbeddingsRefusedError),
        (answers(200, vectors([ROW]).replace(b'"index": 0', b'"index": 1')), EmbeddingsRefusedError),
    ],
)
def test_a_fault_is_one_request_and_a_typed_error(server: LoopbackServer, fault: Fault, error: type[Exception]) -> None:
    server.faults = [fault]
    with pytest.raises(error) as raised:
        RemoteEmbedder(url=server.url, timeout=0.4).embed(["a secret"])
    assert len(server.embedded) == 1
    assert "secret" not in str(raised.value)


def test_a_busy_server_may_say_when_to_come_again(server: LoopbackServer) -> None:
    server.faults = [answers(503, Retry_After="7")]
    with pytest.raises(RetryableError) as raised:
        RemoteEmbedder(url=server.url).embed(["one"])
    assert raised.value.retry_after == 7.0


def test_a_process_has_one_embedder_for_a_server(server: LoopbackServer) -> None:
    assert embedder() is embedder()
    with override_settings(QUIRE_EMBEDDINGS_URL=server.url):
        remote = embedder()
        assert remote is embedder()
        with override_settings(QUIRE_EMBEDDINGS_MODEL="another"):
            assert embedder().name == "remote:another"
    assert (remote.name, embedder()) == ("remote:default", local_embedder())


def test_the_server_is_asked_with_the_settings_key_and_model(server: LoopbackServer) -> None:
    named = {"QUIRE_EMBEDDINGS_API_KEY": "a-key", "QUIRE_EMBEDDINGS_MODEL": "minilm"}
    with override_settings(QUIRE_EMBEDDINGS_URL=server.url, **named):
        embedder().embed(["one"])
    assert server.keys[-1] == "Bearer a-key"
    assert server.embedded[-1]["model"] == "minilm"
