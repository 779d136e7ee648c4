"""SGLang's router before two real servers: what it hands on, what it doesn't, and how Quire does without."""

from __future__ import annotations

import os
import threading
from time import monotonic, sleep
from uuid import uuid4

import httpx
import pytest

from apps.extraction.prompt import system_words
from apps.inference.adapters import PLAIN, RequestTuning
from apps.inference.capacity import MOST_QUEUED, Capacity, capacity_of
from apps.inference.client import SglangClient
from apps.inference.errors import MissingAdapterError, RequestCancelledError, UnauthorisedError
from apps.inference.ledger import Usage
from apps.inference.profiles import profile
from apps.inference.server_check import check_server
from apps.inference.server_findings import Finding, ServerReport, Status

URL = os.environ.get("QUIRE_TEST_ROUTER_URL", "")
KEY = os.environ.get("QUIRE_TEST_INFERENCE_KEY")
ADAPTER = os.environ.get("QUIRE_TEST_LORA_MODEL", "").partition(":")[2]
# Takes minutes on a CPU.
ENDLESS = {"type": "string", "minLength": 20_000, "maxLength": 20_000}
RUNNING = "sglang:num_running_reqs"

pytestmark = [
    pytest.mark.sglang,
    pytest.mark.skipif(not URL, reason="QUIRE_TEST_ROUTER_URL names no router"),
    pytest.mark.timeout(600),
]


@pytest.fixture
def url() -> str:
    return URL


@pytest.fixture
def workers(http: httpx.Client) -> list[str]:
    listed = http.get("/workers").json()["workers"]
    assert [worker["is_healthy"] for worker in listed] == [True, True]
    return [worker["url"] for worker in listed]


def _running(http: httpx.Client, workers: list[str]) -> float:
    lines = [line for url in workers for line in http.get(f"{url}/metrics").text.splitlines()]
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{RUNNING}{{"))


def _usage(client: SglangClient, *, system: str, prompt: str, tuning: RequestTuning = PLAIN) -> Usage:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": prompt}]
    return client.complete(messages=messages, schema={"type": "null"}, max_tokens=10, tuning=tuning).usage


def _prompt() -> str:
    """Return words that nobody has sent before."""
    return f"{uuid4().hex} " + "The quick brown fox jumps over the lazy dog. " * 40


def test_the_router_hands_on_neither_what_its_servers_hold_nor_an_abort(http: httpx.Client, workers: list[str]) -> None:
    assert http.get("/server_info").status_code == 404
    assert http.post("/abort_request", json={"rid": "nobody's"}).status_code == 404
    for url in workers:
        assert http.get(f"{url}/server_info").status_code == 200


def test_it_holds_what_its_servers_hold_together(http: httpx.Client, workers: list[str]) -> None:
    one, other = (capacity_of(url=url, profile=profile("large"), api_key=KEY) for url in workers)
    assert one.first == http.get(f"{workers[0]}/server_info").json()["max_total_num_tokens"]
    assert capacity_of(url=URL, profile=profile("large"), api_key=KEY) == Capacity(
        first=one.first + other.first,
        most=one.most + other.most,
        requests=one.requests + other.requests,
        queue=min(one.queue + other.queue, MOST_QUEUED),
    )


def test_each_of_its_servers_is_checked(workers: list[str]) -> None:
    report = check_server(url=URL, profile=profile("large"), api_key=KEY)
    assert (report.findings[-1], report.failed) == (
        Finding(check="servers", status=Status.OK, detail="2 behind it take requests"),
        0,
    )
    assert [one.url for one in report.behind] == workers

    def unseen(one: ServerReport) -> list[str]:
        return [finding.check for finding in one.findings if finding.status is Status.UNKNOWN]

    assert unseen(report) == ["context", "white space", "queue", "adapters"]
    assert [unseen(one) for one in report.behind] == [[], []]


@pytest.mark.skipif(not KEY, reason="QUIRE_TEST_INFERENCE_KEY names no key")
def test_a_stranger_is_refused() -> None:
    stranger = SglangClient(base_url=URL, api_key="not-the-key")
    # It lists its models to anybody.
    assert stranger.model()
    with pytest.raises(UnauthorisedError):
        stranger.complete(messages=[{"role": "user", "content": "?"}], schema={"type": "null"}, max_tokens=10)
    stranger.close()


def test_a_second_question_finds_the_document_computed(client: SglangClient) -> None:
    """Cache-aware: it comes to the server that has read the first."""
    document = _prompt()
    first = _usage(client, system="Read.", prompt=f"{document} What is the total?")
    second = _usage(client, system="Read.", prompt=f"{document} Who is the seller?")
    assert first.cached_tokens < 20
    assert second.cached_tokens > 0.9 * second.prompt_tokens


def test_tenants_share_no_prefix_though_their_salts_are_dropped(client: SglangClient) -> None:
    """Where the first of these fails, the router hands the salt on, and prompts needn't begin with a mark."""
    one, other = (RequestTuning(cache_salt=f"salt_{uuid4().hex}") for _ in range(2))
    prompt = _prompt()
    _usage(client, system=system_words(), prompt=prompt, tuning=one)
    assert _usage(client, system=system_words(), prompt=prompt, tuning=other).cached_tokens > 100
    marked, others = system_words(mark=one.mark), system_words(mark=other.mark)
    first = _usage(client, system=marked, prompt=prompt, tuning=one)
    # What stands before the mark: the template's own marks.
    assert first.cached_tokens < 20
    assert _usage(client, system=others, prompt=prompt, tuning=other).cached_tokens < 20
    assert _usage(client, system=marked, prompt=prompt, tuning=one).cached_tokens > 0.9 * first.prompt_tokens


@pytest.mark.skipif(not ADAPTER, reason="QUIRE_TEST_LORA_MODEL names no adapter")
def test_an_adapter_of_the_servers_behind_it_answers_though_it_lists_none(
    http: httpx.Client, client: SglangClient
) -> None:
    """Where the first of these fails, the router lists adapters, and its servers needn't be asked."""
    model = client.model()
    assert [one["id"] for one in http.get("/v1/models").json()["data"]] == [model]
    prompt = _prompt()
    plain = _usage(client, system="Read.", prompt=prompt)
    adapted = _usage(client, system="Read.", prompt=prompt, tuning=RequestTuning(adapter=ADAPTER))
    assert (plain.model, adapted.model) == (model, f"{model}:{ADAPTER}")
    # What the model has computed without its adapter is of no use with it: the adapter did answer.
    assert adapted.cached_tokens < 20 < adapted.prompt_tokens


def test_an_adapter_that_no_server_behind_it_has_is_never_asked(http: httpx.Client, client: SglangClient) -> None:
    count = sum(worker["is_healthy"] for worker in http.get("/workers").json()["workers"])
    with pytest.raises(MissingAdapterError, match=f"{count} of the {count} servers behind the router haven't loaded"):
        _usage(client, system="Read.", prompt="?", tuning=RequestTuning(adapter="nobody.letters"))


def test_what_is_cancelled_ends_on_the_server_behind_it(
    http: httpx.Client, client: SglangClient, workers: list[str]
) -> None:
    """By its connection, which the router closes in turn: no abort comes through."""
    client.model()
    cancelled = threading.Event()
    seen: list[float] = []

    def cancel_when_it_runs() -> None:
        with httpx.Client(headers=dict(http.headers), timeout=60) as watching:
            deadline = monotonic() + 60
            while monotonic() < deadline and not seen:
                running = _running(watching, workers)
                if running:
                    seen.append(running)
                sleep(0.2)
        cancelled.set()

    watcher = threading.Thread(target=cancel_when_it_runs)
    watcher.start()
    with pytest.raises(RequestCancelledError):
        client.complete(
            messages=[{"role": "user", "content": "?"}], schema=ENDLESS, max_tokens=20_000, cancelled=cancelled.is_set
        )
    watcher.join()
    assert seen == [1.0]
    deadline = monotonic() + 60
    while monotonic() < deadline and _running(http, workers):
        sleep(0.5)
    assert _running(http, workers) == 0
