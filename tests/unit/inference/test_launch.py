"""How servers are started: flags that admission counts on, and no key where others can read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.inference.launch import NotLaunchableError, Place, compose, flags, router_command, server_command
from apps.inference.profiles import PROFILES, profile

DEPLOY = Path(__file__).parents[3] / "deploy" / "sglang"
LAUNCHED = sorted(name for name, one in PROFILES.items() if one.launch)


WORDS = {
    "small": (
        "--tp-size 1 --context-length 131072 --enable-multimodal --limit-mm-data-per-request {IMAGES}"
        " --mem-fraction-static 0.88 --chunked-prefill-size 8192 --schedule-policy lpm --max-queued-requests 128"
        " --constrained-json-disable-any-whitespace --enable-metrics --enable-cache-report"
    ),
    "medium": (
        "--tp-size 4 --context-length 131072 --enable-multimodal --limit-mm-data-per-request {IMAGES}"
        " --mem-fraction-static 0.85 --chunked-prefill-size 8192 --schedule-policy lpm --max-queued-requests 128"
        " --constrained-json-disable-any-whitespace --enable-metrics --enable-cache-report"
    ),
    "large": (
        "--tp-size 4 --context-length 131072 --enable-lora --quantization fp8"
        " --mem-fraction-static 0.85 --chunked-prefill-size 8192 --schedule-policy lpm --max-queued-requests 128"
        " --constrained-json-disable-any-whitespace --enable-metrics --enable-cache-report"
        " --max-lora-rank 64 --max-loras-per-batch 4"
        " --lora-target-modules q_proj k_proj v_proj o_proj gate_proj up_proj down_proj"
    ),
}


@pytest.mark.parametrize("name", LAUNCHED)
def test_a_server_is_started_with_these_words(name: str) -> None:
    place = Place(model="/weights", keys="/keys", host="10.0.0.7", port=30009)
    beginning = f"sglang serve --config /keys --model-path /weights --served-model-name {name}"
    words = f"{beginning} --host 10.0.0.7 --port 30009 {WORDS[name]}".split(" ")
    # Its value is one word, with a space in it.
    words = ['{"image": 128}' if word == "{IMAGES}" else word for word in words]
    assert server_command(profile(name), place=place) == words


def test_four_replicas_of_small_stand_behind_the_cache_aware_router() -> None:
    small = profile("small")
    assert (small.gpus, small.launch and small.launch.replicas) == (1, 4)
    workers = ["http://127.0.0.1:30001", "http://127.0.0.1:30002"]
    assert router_command(workers=workers, place=Place(model="x", keys="/keys", port=30000)) == [
        *("python3", "deploy/sglang/router.py", "/keys", "--host", "127.0.0.1", "--port", "30000"),
        *("--policy", "cache_aware", "--disable-retries"),
        *("--prometheus-host", "127.0.0.1", "--prometheus-port", "29000"),
        *("--worker-urls", *workers),
    ]


def test_what_compose_publishes_is_for_this_machine_alone() -> None:
    def ports(name: str) -> list[str]:
        return [line.strip() for line in compose(profile(name)).splitlines() if line.strip().startswith("ports:")]

    one = "ports: ['${PUBLISH:-127.0.0.1:30000}:30000']"
    assert (ports("medium"), ports("large")) == ([one], [one])
    assert ports("small") == [
        *(f"ports: ['127.0.0.1:{port}:30000']" for port in (30001, 30002, 30003, 30004)),
        "ports: ['${PUBLISH:-127.0.0.1:30000}:30000', '127.0.0.1:29000:29000']",
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
