"""SGLang's router before two servers that die: the real router, whose servers needn't be real to be gone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from apps.common.errors import QuireError
from apps.inference.admission import Ending, ending_of
from apps.inference.client import SglangClient
from apps.inference.launch import Place, router_command
from deploy.embedded.ports import free_port
from deploy.sglang.cpu.places import ENVIRONMENT, PROJECT, PYTHON
from tests.faults.sglang_server import loopback_server

KEY = "of-the-router"
MESSAGES = [{"role": "user", "content": "What is the total?"}]

pytestmark = [
    pytest.mark.sglang,
    pytest.mark.skipif(not PYTHON.exists(), reason="`make sglang` has not installed SGLang's router here"),
    pytest.mark.timeout(600),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A router that runs, and how its servers are killed."""

    url: str
    kill: Callable[[], None]


def _serve(told: Connection) -> None:
    with loopback_server() as server:
        server.reply = '{"total": 1}'
        told.send(server.url)
        signal.pause()


def _start() -> tuple[str, BaseProcess]:
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    assert ours.poll(60)
    return ours.recv(), process


@contextmanager
def _router(*, workers: list[str], folder: Path) -> Iterator[str]:
    keys = folder / "keys.yaml"
    keys.write_text(f"api-key: {KEY}\n", encoding="utf-8")
    place = Place(model="", keys=str(keys), port=free_port())
    _, *command = router_command(workers=workers, place=place, metrics_port=free_port())
    url = f"http://{place.host}:{place.port}"
    with (folder / "router.log").open("wb") as log:
        router = subprocess.Popen(
            [str(PYTHON), *command], cwd=PROJECT, env=os.environ | ENVIRONMENT, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        deadline = monotonic() + 400
        while _takes_calls(url) < len(workers):
            assert router.poll() is None, (folder / "router.log").read_text(errors="replace")[-2000:]
            assert monotonic() < deadline
            sleep(0.5)
        yield url
    finally:
        router.kill()
        router.wait()


def _takes_calls(url: str) -> int:
    try:
        answer = httpx.get(f"{url}/workers", headers={"authorization": f"Bearer {KEY}"}, timeout=10)
    except httpx.HTTPError:
        return 0
    return sum(worker["is_healthy"] for worker in answer.json()["workers"])


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        urls, servers = zip(*(_start() for _ in range(2)), strict=True)

        def kill() -> None:
            for server in servers:
                server.kill()
                server.join()

        stack.callback(kill)
        yield Fleet(url=stack.enter_context(_router(workers=list(urls), folder=tmp_path)), kill=kill)


def _asked(client: SglangClient) -> QuireError | str:
    try:
        return client.complete(messages=MESSAGES, schema={"type": "object"}, max_tokens=10).text
    except QuireError as error:
        return error


def test_a_dead_fleet_is_gone_from_the_first_call_to_the_routers_giving_up(fleet: Fleet) -> None:
    """It answers 500 for each server until that has failed ten times, then 503: a gone server all the while."""
    headers = {"authorization": f"Bearer {KEY}"}
    client = SglangClient(base_url=fleet.url, api_key=KEY)
    assert _asked(client) == '{"total": 1}'
    fleet.kill()
    said: list[tuple[int, str]] = []
    with httpx.Client(base_url=fleet.url, headers=headers, timeout=30) as http:
        while (503, "no_available_workers") not in said:
            assert len(said) < 40
            error = _asked(client)
            assert isinstance(error, QuireError)
            assert (error.code, ending_of(error)) == ("model_unreachable", Ending.GONE)
            answer = http.post("/v1/chat/completions", json={"model": "tiny", "messages": MESSAGES})
            said.append((answer.status_code, answer.json()["error"]["code"]))
    error = _asked(client)
    assert isinstance(error, QuireError)
    assert (error.code, ending_of(error)) == ("model_unreachable", Ending.GONE)
    # A client that has yet to read the list of models learns no less.
    other = SglangClient(base_url=fleet.url, api_key=KEY)
    error = _asked(other)
    assert isinstance(error, QuireError)
    assert (error.code, ending_of(error)) == ("model_unreachable", Ending.GONE)
    assert set(said) == {(500, "call_upstream_request_error"), (503, "no_available_workers")}
    client.close()
    other.close()
