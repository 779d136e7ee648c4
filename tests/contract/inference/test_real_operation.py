"""What running a real SGLang server rests on: what it tells of itself, what it counts, whom and when it refuses.

Run by `make test-sglang`. Nothing here needs more of the server than the launch profiles ask for.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest

from apps.inference.client import SglangClient, Timeouts
from apps.inference.errors import ServerBusyError, UnauthorisedError

URL = os.environ.get("QUIRE_TEST_INFERENCE_URL", "")
KEY = os.environ.get("QUIRE_TEST_INFERENCE_KEY")
# Beyond it a flood would be no test but an attack.
MOST = 200
# Long enough for a flood's calls to overlap.
SENTENCE = {"type": "string", "minLength": 300, "maxLength": 300}
WORD = {"type": "string", "minLength": 1, "maxLength": 5}

pytestmark = [
    pytest.mark.sglang,
    pytest.mark.skipif(not URL, reason="QUIRE_TEST_INFERENCE_URL names no SGLang server"),
    pytest.mark.timeout(600),
]


@pytest.fixture
def url() -> str:
    return URL


def _metric(http: httpx.Client, name: str) -> float:
    """Return a metric's value, summed over its labels. Raises KeyError where there is none."""
    lines = [line for line in http.get("/metrics").text.splitlines() if line.startswith((f"{name}{{", f"{name} "))]
    if not lines:
        raise KeyError(name)
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def test_the_server_says_what_it_can_hold(http: httpx.Client) -> None:
    """Admission counts on the pool of keys and values, `quire models check` on the rest."""
    said = http.get("/server_info").json()
    (model,) = http.get("/v1/models").json()["data"]
    assert tuple(map(int, said["version"].split(".")[:3])) >= (0, 5, 23)
    assert said["max_total_num_tokens"] == _metric(http, "sglang:max_total_num_tokens")
    assert 0 < said["max_req_input_len"] <= model["max_model_len"]
    assert said["enable_cache_report"] is True
    assert said["constrained_json_disable_any_whitespace"] is True
    assert http.get("/model_info").json()["has_image_understanding"] is True


def test_the_server_is_alive(http: httpx.Client) -> None:
    assert http.get("/health").status_code == 200
    assert http.get("/health_generate").status_code == 200


def test_a_stranger_is_refused() -> None:
    if not KEY:
        pytest.skip("QUIRE_TEST_INFERENCE_KEY names no key, so the server takes everybody")
    for wrong in (None, "not-the-key"):
        stranger = SglangClient(base_url=URL, api_key=wrong)
        with pytest.raises(UnauthorisedError):
            stranger.model()
        stranger.close()


def test_metrics_count_what_the_usage_says(http: httpx.Client, client: SglangClient) -> None:
    """Each name is one that a dashboard or the admission reads."""
    counters = {
        "prompt": "sglang:prompt_tokens_total",
        "completion": "sglang:generation_tokens_total",
        "cached": "sglang:cached_tokens_total",
    }
    message = [{"role": "user", "content": "Once upon a time there was a page. " * 40}]
    client.complete(messages=message, schema=WORD, max_tokens=60)
    before = {what: _metric(http, name) for what, name in counters.items()}
    usage = client.complete(messages=message, schema=WORD, max_tokens=60).usage
    after = {what: _metric(http, name) for what, name in counters.items()}
    grown = {what: after[what] - before[what] for what in counters}
    # Somebody else may use the server too.
    assert grown["prompt"] >= usage.prompt_tokens > 100
    assert grown["completion"] >= usage.completion_tokens > 0
    # All but what follows the text and the last token, which is always computed.
    assert grown["cached"] >= usage.cached_tokens >= 0.9 * usage.prompt_tokens
    for gauge in ("sglang:num_running_reqs", "sglang:num_queue_reqs", "sglang:token_usage"):
        assert _metric(http, gauge) >= 0


def test_tenants_share_no_prefix(client: SglangClient) -> None:
    """`cache_salt` keeps what one tenant sent from speeding up, and so betraying itself to, another."""
    message = [{"role": "user", "content": "A page that two tenants have. " * 40}]

    def cached(salt: str) -> int:
        reply = client.complete(messages=message, schema=WORD, max_tokens=60, extra={"cache_salt": salt})
        return reply.usage.cached_tokens

    # Names of their own: an earlier run asked the same.
    one, other = (f"{tenant}-{os.urandom(8).hex()}" for tenant in ("one", "other"))
    assert cached(one) == 0
    assert cached(one) > 100
    assert cached(other) == 0


@pytest.mark.parametrize("stream", [True, False], ids=["events", "one piece"])
def test_what_is_beyond_the_queue_is_refused_at_once(http: httpx.Client, *, stream: bool) -> None:
    said = http.get("/server_info").json()
    running, queued = said["max_running_requests"], said["max_queued_requests"]
    if running is None or queued is None or running + queued > MOST:
        pytest.skip("the server's queue is unbounded, or too long to be filled by a test")
    many = running + 2 * queued
    at_once = Barrier(many)

    def ask(number: int) -> str:
        client = SglangClient(base_url=URL, api_key=KEY, timeouts=Timeouts(read=300, total=500), stream=stream)
        client.model()
        at_once.wait(timeout=60)
        try:
            message = [{"role": "user", "content": f"{number}: say something"}]
            return client.complete(messages=message, schema=SENTENCE, max_tokens=1000).text
        except ServerBusyError as refused:
            return refused.code
        finally:
            client.close()

    with ThreadPoolExecutor(many) as threads:
        answers = list(threads.map(ask, range(many)))
    refused = [answer for answer in answers if answer == ServerBusyError.code]
    # Of no certain length: seen was a reply of 63 tokens whose text is "", though 300 characters were asked for.
    served = [answer for answer in answers if answer.startswith('"')]
    assert len(served) + len(refused) == many
    assert len(served) >= queued
    assert refused


def test_the_admin_key_keeps_administration_apart() -> None:
    url, admin = os.environ.get("QUIRE_TEST_LORA_URL"), os.environ.get("QUIRE_TEST_INFERENCE_ADMIN_KEY")
    if not url or not admin:
        pytest.skip("QUIRE_TEST_LORA_URL or QUIRE_TEST_INFERENCE_ADMIN_KEY is not given")
    for key, status in ((KEY, 401), (admin, 200)):
        headers = {"authorization": f"Bearer {key}"}
        assert httpx.post(f"{url}/flush_cache", headers=headers, timeout=60).status_code == status
