"""How the server that a module's tests ask is reached: `url`, which each module has of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest

from apps.inference.client import SglangClient, Timeouts

KEY = os.environ.get("QUIRE_TEST_INFERENCE_KEY")


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    """The server's own interface, beside the one that is OpenAI's."""
    headers = {"authorization": f"Bearer {KEY}"} if KEY else {}
    with httpx.Client(base_url=url.removesuffix("/v1"), headers=headers, timeout=60) as http:
        yield http


@pytest.fixture(params=[True, False], ids=["events", "one piece"])
def client(request: pytest.FixtureRequest, url: str) -> Iterator[SglangClient]:
    """Quire's client, by each of its two ways to read a reply."""
    client = SglangClient(base_url=url, api_key=KEY, timeouts=Timeouts(read=300, total=500), stream=request.param)
    yield client
    client.close()
