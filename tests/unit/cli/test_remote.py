"""Which Quire a command speaks to, what it sends, and what it says when that fails."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from pydantic import BaseModel

from apps.cli.failures import CommandError
from apps.cli.remote import Remote, remote
from tests.unit.cli.loopback import loopback


class Sums(BaseModel):
    tokens: int


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a stack, and no word in the environment."""
    for name in ("QUIRE_URL", "QUIRE_API_KEY", "QUIRE_RUN_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _stack(folder: Path, url: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "credentials.json").write_text(json.dumps({"api_url": f"{url}/api/v1", "api_key": "of-the-stack"}))


@pytest.mark.parametrize("ending", ["", "/", "/api/v1", "/api/v1/"])
def test_asks_the_named_quire_with_its_key(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback(lambda _asked: (200, {"tokens": 7})) as server:
        monkeypatch.setenv("QUIRE_URL", server.url + ending)
        monkeypatch.setenv("QUIRE_API_KEY", "k1")
        with remote() as quire:
            assert quire.get("/usage", reply=Sums, query={"by": "model"}) == Sums(tokens=7)
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.headers["authorization"]) == ("GET", "/api/v1/usage?by=model", "Bearer k1")


@pytest.mark.parametrize("folder", [".run", "elsewhere"])
def test_takes_the_stack_of_the_folder(folder: str, nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if folder != ".run":
        monkeypatch.setenv("QUIRE_RUN_DIR", str(nowhere / folder))
    with loopback(lambda _asked: (200, {"tokens": 7})) as server:
        _stack(nowhere / folder, server.url)
        with remote() as quire:
            quire.get("/usage", reply=Sums)
    assert server.asked[0].headers["authorization"] == "Bearer of-the-stack"


def test_the_stacks_key_goes_nowhere_else(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _stack(nowhere / ".run", "http://127.0.0.1:1")
    monkeypatch.setenv("QUIRE_URL", "http://127.0.0.1:2")
    with pytest.raises(CommandError, match="but not QUIRE_API_KEY") as raised:
        remote()
    assert raised.value.exit_code == 2


def test_without_any_address_it_says_what_to_set() -> None:
    with pytest.raises(CommandError, match="which Quire\\? Set QUIRE_URL and QUIRE_API_KEY") as raised:
        remote()
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, {"title": "Unauthorized", "detail": "Send a living API key."}, "Quire refuses (401): Send a living"),
        (422, {"title": "Invalid request"}, "Quire refuses (422): Invalid request"),
        (422, {"detail": "Wrong.", "errors": [{"path": "/body/a", "message": "no"}]}, "(422): Wrong. (/body/a: no)"),
        (502, b"<html>bad gateway</html>", "Quire refuses (502): no reason given"),
        (200, b"<html>hello</html>", "/api/v1/usage can't be read"),
        (200, {"something": "else"}, "/api/v1/usage can't be read"),
    ],
)
def test_says_what_the_other_side_said(status: int, body: object, said: str) -> None:
    with (
        loopback(lambda _asked: (status, body)) as server,
        Remote(url=server.url, key="k") as quire,
        pytest.raises(CommandError) as raised,
    ):
        quire.get("/usage", reply=Sums)
    assert said in raised.value.message
    assert raised.value.exit_code == 1


def test_nobody_there_has_an_exit_code_of_its_own() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening: nobody answers
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with Remote(url=url, key="k") as quire, pytest.raises(CommandError, match="can't be reached") as raised:
            quire.get("/usage", reply=Sums)
    assert raised.value.exit_code == 3


@pytest.mark.parametrize("url", ["quire.example", "ftp://quire.example"])
def test_an_address_that_is_none_is_a_usage_error(url: str) -> None:
    with Remote(url=url, key="k") as quire, pytest.raises(CommandError, match="has to be a URL") as raised:
        quire.get("/usage", reply=Sums)
    assert raised.value.exit_code == 2
