"""How servers are started: flags that admission counts on, and no key where others can read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.inference.launch import NotLaunchableError, Place, compose, flags, router_command, server_command
from apps.inference.profiles import PROFILES, profile

DEPLOY = Path(__file__).parents[3] / "deploy" / "sglang"
LAUNCHED = sorted(name for name, one in PROFILES.items() if one.launch)


def test_four_gpus_serve_medium_with_131_072_tokens() -> None:
    command = " ".join(server_command(profile("medium"), place=Place(model="/weights")))
    assert "--model-path /weights --served-model-name medium" in command
    assert "--tp-size 4 --context-length 131072 --enable-multimodal" in command


def test_four_replicas_of_small_stand_behind_the_cache_aware_router() -> None:
    small = profile("small")
    assert (small.gpus, small.launch and small.launch.replicas) == (1, 4)
    workers = ["http://127.0.0.1:30001", "http://127.0.0.1:30002"]
    assert router_command(workers=workers, place=Place(model="x", keys="/keys", port=30000)) == [
        *("python3", "deploy/sglang/router.py", "/keys", "--host", "127.0.0.1", "--port", "30000"),
        *("--policy", "cache_aware", "--disable-retries", "--prometheus-port", "29000"),
        *("--worker-urls", *workers),
    ]


@pytest.mark.parametrize("name", LAUNCHED)
def test_every_server_is_started_as_admission_counts_on(name: str) -> None:
    chosen = flags(profile(name))
    assert chosen["schedule-policy"] == "lpm"
    assert "enable-priority-scheduling" not in chosen
    assert isinstance(chosen["max-queued-requests"], int)
    assert 1 <= chosen["max-queued-requests"] <= 128
    assert all(
        chosen[flag] is True
        for flag in ("constrained-json-disable-any-whitespace", "enable-metrics", "enable-cache-report")
    )
    assert ("limit-mm-data-per-request" in chosen) is (profile(name).images is not None)
    assert ("enable-lora" in chosen) is profile(name).lora


@pytest.mark.parametrize("name", LAUNCHED)
def test_no_key_is_on_a_command_line(name: str) -> None:
    words = server_command(profile(name), place=Place(model="m", keys="/keys.yaml"))
    assert words[:4] == ["sglang", "serve", "--config", "/keys.yaml"]
    assert not {"--api-key", "--admin-api-key"} & {*words, *router_command(workers=[], place=Place(model="m"))}


@pytest.mark.parametrize("name", LAUNCHED)
def test_the_shipped_compose_file_is_what_the_command_prints(name: str) -> None:
    assert (DEPLOY / f"compose.{name}.yaml").read_text("utf-8") == compose(profile(name))


def test_there_is_no_compose_file_of_a_profile_that_is_gone() -> None:
    assert sorted(path.name for path in DEPLOY.glob("compose.*.yaml")) == [f"compose.{name}.yaml" for name in LAUNCHED]


def test_a_server_that_runs_already_is_not_started() -> None:
    with pytest.raises(NotLaunchableError, match="for servers that run already"):
        flags(profile("any"))
