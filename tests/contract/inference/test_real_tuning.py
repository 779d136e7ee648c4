"""A tenant's salt and adapter on a real SGLang server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from apps.inference.adapters import RequestTuning
from apps.inference.client import SglangClient, Timeouts
from apps.inference.errors import MissingAdapterError
from apps.inference.ledger import Usage

URL = os.environ.get("QUIRE_TEST_LORA_URL", "") or os.environ.get("QUIRE_TEST_INFERENCE_URL", "")
ADAPTER = os.environ.get("QUIRE_TEST_LORA_MODEL", "").partition(":")[2]
KEY = os.environ.get("QUIRE_TEST_INFERENCE_KEY")

pytestmark = [
    pytest.mark.sglang,
    pytest.mark.skipif(not URL, reason="neither QUIRE_TEST_LORA_URL nor QUIRE_TEST_INFERENCE_URL names a server"),
    pytest.mark.timeout(600),
]


@pytest.fixture
def client() -> Iterator[SglangClient]:
    client = SglangClient(base_url=URL, api_key=KEY, timeouts=Timeouts(read=300, total=500))
    yield client
    client.close()


def _usage(client: SglangClient, *, prompt: str, tuning: RequestTuning) -> Usage:
    messages = [{"role": "user", "content": prompt}]
    return client.complete(messages=messages, schema={"type": "null"}, max_tokens=10, tuning=tuning).usage


def _prompt() -> str:
    """Return words that nobody has sent before."""
    return f"{uuid4().hex} " + "The quick brown fox jumps over the lazy dog. " * 40


def test_a_salt_keeps_prefixes_apart(client: SglangClient) -> None:
    prompt = _prompt()
    one, other = (RequestTuning(cache_salt=f"salt_{uuid4().hex}") for _ in range(2))
    first = _usage(client, prompt=prompt, tuning=one)
    assert first.prompt_tokens > 100
    assert first.cached_tokens == 0
    assert _usage(client, prompt=prompt, tuning=other).cached_tokens == 0
    assert _usage(client, prompt=prompt, tuning=one).cached_tokens > 0.9 * first.prompt_tokens


@pytest.mark.skipif(not ADAPTER, reason="QUIRE_TEST_LORA_MODEL names no adapter")
def test_an_adapter_is_found_in_the_servers_list_and_answers(client: SglangClient) -> None:
    usage = _usage(client, prompt=_prompt(), tuning=RequestTuning(adapter=ADAPTER))
    assert usage.model == f"{client.model()}:{ADAPTER}"
    assert usage.completion_tokens > 0


def test_an_adapter_that_is_not_loaded_is_never_asked(client: SglangClient) -> None:
    with pytest.raises(MissingAdapterError, match=r"nobody\.letters"):
        _usage(client, prompt="?", tuning=RequestTuning(adapter="nobody.letters"))
    with pytest.raises(MissingAdapterError):
        _usage(client, prompt="?", tuning=RequestTuning(adapter=client.model()))
