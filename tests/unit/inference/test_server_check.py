"""What `quire models check` finds of servers that fit, and of those that don't."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from apps.inference.profiles import profile
from apps.inference.server_check import MOST_CHECKED, check_server
from apps.inference.server_findings import Finding, ServerReport, Status
from tests.unit.cli.loopback import Asked, loopback

REPLY = {"answer": "green", "sure": True, "digit": 3}
INFO = {
    "version": "0.5.23",
    "max_total_num_tokens": 140_000,
    "schedule_policy": "lpm",
    "enable_priority_scheduling": False,
    "max_queued_requests": 128,
    "constrained_json_disable_any_whitespace": True,
    "limit_mm_data_per_request": {"image": 128},
    "enable_lora": False,
}
SHORT = {"id": "small", "max_model_len": 32_768}
LITTLE_MEMORY = "131,072 tokens, but the memory for keys and values holds 60,000: longer prompts can't run"
NO_IMAGES = {"message": "this model takes no images"}
# 84 x 56 pixels: 2 rows of 3 and a break each.
PICTURE_TOKENS = 8


class Sglang:
    """Answers as an SGLang server does that fits Mistral Small; tests change what they are about."""

    def __init__(self) -> None:
        self.models: list[dict[str, Any]] = [{"id": "small", "max_model_len": 131_072}]
        self.info: dict[str, Any] | None = dict(INFO)
        self.key: str | None = None
        self.text = json.dumps(REPLY, separators=(",", ":"))
        self.picture_status = 200
        self.picture_tokens = PICTURE_TOKENS
        self.cached: int | None = 90
        self.workers: list[dict[str, object]] | None = None

    def __call__(self, asked: Asked) -> tuple[int, object]:
        if self.key and asked.headers.get("authorization") != f"Bearer {self.key}":
            return 401, {"message": "no"}
        if asked.path == "/v1/models":
            return 200, {"data": self.models}
        if asked.path == "/server_info":
            return (404, {}) if self.info is None else (200, self.info)
        if asked.path == "/workers":
            return (404, {}) if self.workers is None else (200, {"workers": self.workers})
        assert isinstance(asked.body, dict)
        pictured = len(asked.body["messages"][1]["content"]) == 2
        if pictured and self.picture_status != 200:
            return self.picture_status, NO_IMAGES
        details = {} if self.cached is None else {"prompt_tokens_details": {"cached_tokens": self.cached}}
        usage = {"prompt_tokens": 100 + pictured * self.picture_tokens, **details}
        return 200, {"choices": [{"message": {"content": self.text}, "finish_reason": "stop"}], "usage": usage}


@contextmanager
def _checked(
    answer: Callable[[Asked], tuple[int, object]],
    *,
    name: str = "small",
    key: str | None = None,
    model: str | None = None,
) -> Iterator[ServerReport]:
    with loopback(answer) as server:
        yield check_server(url=server.url, profile=profile(name), api_key=key, model=model)


def _failed(report: ServerReport) -> dict[str, str]:
    return {finding.check: finding.detail for finding in report.findings if finding.status is Status.FAILED}


def test_a_server_that_fits() -> None:
    with _checked(Sglang()) as report:
        assert (report.reachable, report.fits, report.model, _failed(report)) == (True, True, "small", {})
    found = {finding.check: finding.detail for finding in report.findings}
    assert found["context"] == "131,072 tokens, 140,000 in memory"
    assert found["usage"] == "90 of 100 prompt tokens cached when asked again"
    assert found["pictures"] == "84 x 56 pixels cost 8 tokens, as the profile counts"
    assert found["queue"] == "lpm, up to 128 requests"


def _change(name: str, value: object) -> Callable[[Sglang], None]:
    return lambda server: setattr(server, name, value)


def _info(**changes: object) -> Callable[[Sglang], None]:
    return lambda server: setattr(server, "info", {**INFO, **changes})


@pytest.mark.parametrize(
    ("change", "check", "detail"),
    [
        (_change("models", [SHORT]), "context", "32,768 tokens; the profile counts on 131,072"),
        (_info(max_total_num_tokens=60_000), "context", LITTLE_MEMORY),
        (_change("picture_status", 400), "pictures", f"the server refuses one (400: {json.dumps(NO_IMAGES)})"),
        (_change("picture_tokens", 0), "pictures", "one is taken, but costs no tokens: the model doesn't see it"),
        (_change("picture_tokens", 12), "pictures", "84 x 56 pixels cost 12 tokens; the profile counts 8"),
        (_change("text", "green"), "structured output", "the reply is no JSON: the server doesn't know json_schema"),
        (_change("text", '{"answer":"blue"}'), "structured output", "the reply is JSON, but not of the schema"),
        (_info(constrained_json_disable_any_whitespace=False), "white space", "allowed in JSON"),
        (_info(max_queued_requests=None), "queue", "lpm, any number of requests"),
        (_info(enable_priority_scheduling=True, schedule_policy="fcfs"), "queue", "orders by priority"),
        (_info(limit_mm_data_per_request={"image": 4}), "pictures per request", "4; the profile sends up to 128"),
        (_change("cached", None), "usage", "100 prompt tokens, nothing of cached ones"),
        (_change("cached", 0), "usage", "0 of 100 prompt tokens cached when asked again"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(change: Callable[[Sglang], None], check: str, detail: str) -> None:
    server = Sglang()
    change(server)
    with _checked(server) as report:
        assert not report.fits
        assert _failed(report)[check] == detail
    assert all(finding.advice for finding in report.findings if finding.status is Status.FAILED)


def test_a_text_model_fits_a_profile_of_text() -> None:
    server = Sglang()
    server.picture_status = 400
    server.models = [{"id": "large", "max_model_len": 131_072}]
    with _checked(server, name="large") as report:
        assert report.fits


def test_another_servers_settings_are_unknown_and_no_fault() -> None:
    server = Sglang()
    server.info = None
    server.models = [{"id": "anything"}]
    with _checked(server) as report:
        assert report.fits
    unknown = [finding.check for finding in report.findings if finding.status is Status.UNKNOWN]
    assert unknown == ["context", "white space", "pictures per request", "queue"]


@pytest.mark.parametrize(
    ("form", "status"),
    [({"separators": (",", ":")}, Status.UNKNOWN), ({}, Status.UNKNOWN), ({"indent": 1}, Status.FAILED)],
)
def test_white_space_to_spare_is_seen_in_a_reply(form: dict[str, Any], status: Status) -> None:
    server = Sglang()
    server.info = None
    server.text = json.dumps(REPLY, **form)
    with _checked(server) as report:
        found = {finding.check: finding.status for finding in report.findings}
    assert found["white space"] is status


def test_a_wrong_key_and_none_are_told_apart() -> None:
    server = Sglang()
    server.key = "sesame"
    with _checked(server, key="wrong") as report:
        assert _failed(report) == {"key": "the server refuses the key"}
    with _checked(server) as report:
        assert _failed(report) == {"key": "the server refuses requests without a key"}
    with _checked(server, key="sesame") as report:
        assert report.fits


def test_a_model_that_is_not_there_is_named_with_those_that_are() -> None:
    with _checked(Sglang(), model="medium") as report:
        assert _failed(report) == {"model": "there is no model 'medium'; there are: small"}


def test_a_page_of_html_is_no_model_server() -> None:
    with _checked(lambda _: (200, b"<html>Welcome</html>")) as report:
        assert _failed(report) == {"model": "the server doesn't list its models (200: <html>Welcome</html>)"}


def test_each_server_behind_a_router_is_checked() -> None:
    router, good, bad = Sglang(), Sglang(), Sglang()
    router.info = None
    bad.info = {**INFO, "max_total_num_tokens": 60_000}
    with loopback(good) as one, loopback(bad) as other:
        router.workers = [{"url": url, "is_healthy": True} for url in (one.url, other.url, "http://127.0.0.1:9")]
        with _checked(router, key="sesame") as report:
            assert report.findings[-1] == Finding(check="servers", status=Status.OK, detail="3 behind it take requests")
            fitting, little, away = report.behind
            assert [behind.url for behind in report.behind] == [one.url, other.url, "http://127.0.0.1:9"]
            assert {asked.headers.get("authorization") for asked in one.asked} == {"Bearer sesame", None}
    assert (_failed(report), _failed(fitting), _failed(little)) == ({}, {}, {"context": LITTLE_MEMORY})
    # Only the router has to reach it.
    (found,) = away.findings
    assert (found.check, found.status) == ("reachable", Status.UNKNOWN)
    assert found.detail.startswith("not from here (")
    assert (report.failed, report.fits) == (1, False)


def test_a_server_that_the_router_passes_over_is_named() -> None:
    router, good = Sglang(), Sglang()
    with loopback(good) as one:
        router.workers = [
            {"url": one.url, "is_healthy": True},
            {"url": "http://127.0.0.1:9", "is_healthy": False},
        ]
        with _checked(router) as report:
            assert _failed(report) == {"servers": "1 of 2 take requests; not: http://127.0.0.1:9"}
            assert report.failed == 1


def test_many_servers_behind_a_router_are_not_all_asked() -> None:
    router, good = Sglang(), Sglang()
    with loopback(lambda asked: good(replace(asked, path=re.sub(r"^/\d+", "", asked.path)))) as one:
        router.workers = [{"url": f"{one.url}/{number}", "is_healthy": True} for number in range(MOST_CHECKED + 1)]
        with _checked(router) as report:
            assert report.findings[-1].detail == "17 behind it take requests; the first 16 were asked"
            assert len(report.behind) == 16


def test_nobody_there() -> None:
    report = check_server(url="http://127.0.0.1:9", profile=profile("small"))
    assert (report.reachable, list(_failed(report))) == (False, ["reachable"])


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with http"):
        check_server(url="ftp://somewhere", profile=profile("small"))
