"""A tenant's LoRA adapter, asked for by the model's name, on a real SGLang server."""

from __future__ import annotations

import os

import httpx
import pytest

from apps.inference.client import SglangClient, Timeouts

URL = os.environ.get("QUIRE_TEST_LORA_URL", "")
MODEL = os.environ.get("QUIRE_TEST_LORA_MODEL", "")
KEY = os.environ.get("QUIRE_TEST_INFERENCE_KEY")
SENTENCE = {"type": "string", "minLength": 40, "maxLength": 40}
MESSAGES = [{"role": "user", "content": "Tell me about the quick brown fox."}]

pytestmark = [
    pytest.mark.sglang,
    pytest.mark.skipif(not (URL and MODEL), reason="QUIRE_TEST_LORA_URL and _MODEL name no server with an adapter"),
    pytest.mark.timeout(600),
]


def _say(model: str) -> tuple[str, str]:
    headers = {"authorization": f"Bearer {KEY}"} if KEY else {}
    body = {"model": model, "messages": MESSAGES, "max_tokens": 32, "temperature": 0, "ignore_eos": True}
    answer = httpx.post(f"{URL}/v1/chat/completions", headers=headers, json=body, timeout=300)
    answer.raise_for_status()
    said = answer.json()
    return said["model"], said["choices"][0]["message"]["content"]


def test_an_adapter_is_listed_under_its_model() -> None:
    headers = {"authorization": f"Bearer {KEY}"} if KEY else {}
    listed = httpx.get(f"{URL}/v1/models", headers=headers, timeout=60).json()["data"]
    base, _, adapter = MODEL.partition(":")
    assert {one["id"] for one in listed} == {base, adapter}
    assert {one["id"]: one["parent"] for one in listed}[adapter] == base


def test_an_adapter_changes_what_is_said() -> None:
    base = MODEL.partition(":")[0]
    plain, adapted = _say(base), _say(MODEL)
    assert adapted[1] != plain[1]
    assert _say(base) == plain
    assert _say(MODEL) == adapted
    assert (plain[0], adapted[0]) == (base, MODEL)


def test_an_unknown_adapter_is_an_error() -> None:
    """Not silently the model without it, as an unknown model's name is."""
    with pytest.raises(httpx.HTTPStatusError) as raised:
        _say(f"{MODEL.partition(':')[0]}:nobody")
    assert raised.value.response.status_code == 400


def test_a_reply_of_an_adapter_is_of_the_schema() -> None:
    client = SglangClient(base_url=URL, api_key=KEY, timeouts=Timeouts(read=300, total=500))
    reply = client.complete(messages=MESSAGES, schema=SENTENCE, max_tokens=400, extra={"model": MODEL})
    client.close()
    assert reply.text.startswith('"')
    assert reply.usage.completion_tokens > 0
