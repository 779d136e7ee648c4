"""Token log-probabilities as a real SGLang server gives them, streamed and in one piece. Run as test_real_server is."""

from __future__ import annotations

import json
import os

import pytest

from apps.extraction.token_logprobs import sureness
from apps.inference.client import SglangClient

URL = os.environ.get("QUIRE_TEST_INFERENCE_URL", "")
MESSAGES = [{"role": "user", "content": "Which colour, and why?"}]
SCHEMA = {
    "type": "object",
    "properties": {
        "colour": {"type": "string", "enum": ["crimson", "ultramarine", "grün"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "again": {"type": "string", "enum": ["viridian", "ochre and umber"]},
    },
    "required": ["colour", "count", "again"],
    "additionalProperties": False,
}

pytestmark = [
    pytest.mark.sglang,
    pytest.mark.skipif(not URL, reason="QUIRE_TEST_INFERENCE_URL names no SGLang server"),
    pytest.mark.timeout(600),
]


@pytest.fixture
def url() -> str:
    return URL


def test_every_value_of_a_reply_has_its_tokens(client: SglangClient) -> None:
    reply = client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=200, logprobs=True)
    assert reply.tokens is not None
    found = sureness(text=reply.text, tokens=reply.tokens)
    assert set(found) == {"/colour", "/again"}
    for sure in found.values():
        assert sure.least <= sure.mean <= 0
    assert json.loads(reply.text)["colour"] in {"crimson", "ultramarine", "grün"}


def test_a_reply_without_them_has_none(client: SglangClient) -> None:
    assert client.complete(messages=MESSAGES, schema=SCHEMA, max_tokens=200).tokens is None
