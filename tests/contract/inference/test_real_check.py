"""`quire models check` asked of real SGLang servers: what it finds of each is what the server was started with."""

from __future__ import annotations

import os

import httpx
import pytest

from apps.inference.profiles import profile
from apps.inference.server_check import check_server
from apps.inference.server_findings import Finding, ServerReport, Status

URL = os.environ.get("QUIRE_TEST_INFERENCE_URL", "")
KEY = os.environ.get("QUIRE_TEST_INFERENCE_KEY")
# A model of text; its adapter is the name after the colon.
TEXT_URL = os.environ.get("QUIRE_TEST_LORA_URL", "")
TEXT_MODEL = os.environ.get("QUIRE_TEST_LORA_MODEL", "")

pytestmark = [
    pytest.mark.sglang,
    pytest.mark.skipif(not URL, reason="QUIRE_TEST_INFERENCE_URL names no SGLang server"),
    pytest.mark.timeout(600),
]
needs_text = pytest.mark.skipif(not (TEXT_URL and TEXT_MODEL), reason="QUIRE_TEST_LORA_URL names no server of text")
needs_key = pytest.mark.skipif(not KEY, reason="QUIRE_TEST_INFERENCE_KEY names no key: the server asks for none")


def _found(report: ServerReport) -> dict[str, Finding]:
    return {finding.check: finding for finding in report.findings}


def _failed(report: ServerReport) -> dict[str, str]:
    return {one.check: one.detail for one in report.findings if one.status is Status.FAILED}


def _get(url: str, path: str) -> dict[str, object]:
    headers = {"authorization": f"Bearer {KEY}"} if KEY else {}
    said: dict[str, object] = httpx.get(f"{url.removesuffix('/v1')}{path}", headers=headers, timeout=60).json()
    return said


def test_a_server_as_the_profile_wants_it_fits() -> None:
    report = check_server(url=URL, profile=profile("small"), api_key=KEY)
    said = _get(URL, "/server_info")
    found = _found(report)
    assert (report.reachable, _failed(report), report.fits) == (True, {}, True)
    assert [one.check for one in report.findings] == [
        *("reachable", "key", "model", "context", "structured output", "white space", "usage"),
        *("pictures", "pictures per request", "queue"),
    ]
    assert all(one.status is Status.OK for one in report.findings)
    assert found["context"].detail.endswith(f" tokens, {said['max_total_num_tokens']:,} in memory")
    assert found["white space"].detail == "off in JSON"
    assert found["pictures"].detail == "84 x 56 pixels cost 8 tokens, as the profile counts"
    assert found["queue"].detail.startswith(f"{said['schedule_policy']}, up to {said['max_queued_requests']} requests")
    if KEY:
        assert found["key"].detail == "accepted"


@needs_key
@pytest.mark.parametrize(
    ("key", "detail"),
    [("wrong", "the server refuses the key"), (None, "the server refuses requests without a key")],
)
def test_the_server_refuses_what_is_not_its_key(key: str | None, detail: str) -> None:
    report = check_server(url=URL, profile=profile("small"), api_key=key)
    assert _failed(report) == {"key": detail}
    assert [one.check for one in report.findings] == ["reachable", "key"]


def test_a_model_that_the_server_does_not_have_is_named() -> None:
    report = check_server(url=URL, profile=profile("small"), api_key=KEY, model="no-such-model")
    assert list(_failed(report)) == ["model"]
    assert _failed(report)["model"].startswith("there is no model 'no-such-model'; there are: ")


@needs_text
def test_a_model_of_text_takes_adapters_but_no_pictures() -> None:
    base, _, adapter = TEXT_MODEL.partition(":")
    as_text = check_server(url=TEXT_URL, profile=profile("large"), api_key=KEY)
    assert (as_text.model, _failed(as_text)) == (base, {})
    assert _found(as_text)["adapters"].detail == adapter
    as_vision = check_server(url=TEXT_URL, profile=profile("small"), api_key=KEY)
    assert list(_failed(as_vision)) == ["pictures"]


@needs_text
def test_an_adapter_is_asked_by_its_name() -> None:
    report = check_server(url=TEXT_URL, profile=profile("large"), api_key=KEY, model=TEXT_MODEL)
    assert (report.model, _failed(report)) == (TEXT_MODEL, {})
    assert _found(report)["context"].status is Status.OK
