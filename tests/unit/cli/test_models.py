"""`quire models`: the table, the check's exit codes, how a server is started."""

from __future__ import annotations

import json

import pytest

from apps.cli.app import main
from tests.unit.cli.loopback import loopback
from tests.unit.inference.test_server_check import Sglang


def test_the_table_shows_every_profile_with_its_dated_price(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    for words in ("Mistral Small 3.1", "Mistral Medium 3.1", "Mistral Large 2", "131,072", "0.40 / 2.00 since"):
        assert words in said


def test_json_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert found.keys() >= {"small", "medium", "large", "any"}
    assert found["large"]["images"] is None


def test_a_server_that_fits_is_0_and_one_that_does_not_1(capsys: pytest.CaptureFixture[str]) -> None:
    server = Sglang()
    with loopback(server) as there:
        assert main(["models", "check", there.url]) == 0
        assert "as 'small': it can." in capsys.readouterr().out
        server.models = [{"id": "small", "max_model_len": 8192}]
        assert main(["models", "check", there.url, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [one["check"] for one in report["findings"] if one["status"] == "failed"] == ["context"]


def test_a_server_of_another_profiles_model_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    """Quire would send it nothing."""
    server = Sglang()
    server.models = [{"id": "medium", "max_model_len": 131_072}]
    with loopback(server) as there:
        assert main(["models", "check", there.url, "--json"]) == 1
    (found,) = (one for one in json.loads(capsys.readouterr().out)["findings"] if one["status"] == "failed")
    assert (found["check"], found["detail"]) == ("model", "none is the profile's by its name; there are: medium")


@pytest.mark.parametrize(
    ("arguments", "environment", "profile", "model"),
    [
        ([], {}, "small", "small"),
        ([], {"QUIRE_INFERENCE_PROFILE": "medium"}, "medium", "medium"),
        (["--profile", "medium"], {"QUIRE_INFERENCE_MODEL": "small"}, "medium", "medium"),
        ([], {"QUIRE_INFERENCE_MODEL": "large"}, "small", "large"),
        (["--profile", "medium"], {"QUIRE_INFERENCE_MODEL_MEDIUM": "large"}, "medium", "large"),
        (["--model", "medium"], {"QUIRE_INFERENCE_MODEL": "large"}, "small", "medium"),
    ],
)
def test_a_check_is_of_the_profile_and_the_name_that_quire_would_ask_for(
    arguments: list[str],
    environment: dict[str, str],
    profile: str,
    model: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    server = Sglang()
    server.models = [{"id": name, "max_model_len": 131_072} for name in ("large", "medium", "small")]
    with loopback(server) as there:
        main(["models", "check", there.url, *arguments, "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (report["profile"], report["model"]) == (profile, model)


@pytest.mark.parametrize(("profile", "failed"), [("small", []), ("medium", ["key"])])
def test_the_key_is_the_profiles_own_where_it_has_one(
    profile: str, failed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Sglang()
    server.key = "sesame"
    server.models = [{"id": name, "max_model_len": 131_072} for name in ("medium", "small")]
    monkeypatch.setenv("QUIRE_INFERENCE_API_KEY", "sesame")
    monkeypatch.setenv("QUIRE_INFERENCE_API_KEY_MEDIUM", "other")
    with loopback(server) as there:
        main(["models", "check", there.url, "--profile", profile, "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [one["check"] for one in findings if one["status"] == "failed"] == failed


def test_the_servers_behind_a_router_are_shown_with_what_is_wrong_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    router, server = Sglang(), Sglang()
    server.models = [{"id": "small", "max_model_len": 8192}]
    with loopback(server) as behind, loopback(router) as there:
        router.workers = [{"url": behind.url, "is_healthy": True}]
        assert main(["models", "check", there.url]) == 1
    said = capsys.readouterr().out
    assert f"{behind.url}, behind it:" in said
    assert f"{there.url} as 'small': 1 to mend before it can." in said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["check", "http://127.0.0.1:9"], 3, ""),
        (["check", "nonsense"], 2, "begins with http:// or https://"),
        (["check", "http://127.0.0.1:9", "--profile", "tiny"], 2, "there is no profile 'tiny'"),
        (["check", "http://127.0.0.1:9", "--api-key-env", "NO_SUCH_KEY"], 2, "the environment has no NO_SUCH_KEY"),
        (["launch", "medium"], 2, "name --model-path"),
        (["launch", "any"], 1, "Quire can't start one"),
    ],
)
def test_what_cannot_be_done_has_its_exit_code(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", *arguments]) == code
    assert said in capsys.readouterr().err


def test_four_servers_and_their_router_are_started_on_ports_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "launch", "small", "--json"]) == 0
    *servers, router = json.loads(capsys.readouterr().out)
    ports = [server[server.index("--port") + 1] for server in servers]
    assert ports == ["30001", "30002", "30003", "30004"]
    assert [server[-2:] for server in servers] == [["--base-gpu-id", str(number)] for number in range(4)]
    assert router[-4:] == [f"http://127.0.0.1:{port}" for port in ports]
