"""The command line against the real REST: both sides mean the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connections

from apps.cli.app import main
from apps.common.clock import SYSTEM_CLOCK
from tests.integration.api.conftest import Api
from tests.integration.api.test_usage import book, call
from tests.unit.cli.loopback import Asked, loopback


@pytest.fixture
def quire(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve REST to the command line as a server's threads would."""

    def answer(asked: Asked) -> tuple[int, object]:
        try:
            response = api.client.generic(
                asked.method,
                asked.path,
                "" if asked.body is None else json.dumps(asked.body),
                content_type="application/json",
                headers={"authorization": asked.headers["authorization"]},
            )
            return response.status_code, response.content
        finally:
            connections.close_all()

    with loopback(answer) as server:
        monkeypatch.setenv("QUIRE_URL", server.url)
        monkeypatch.setenv("QUIRE_API_KEY", api.key)
        yield


def _said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [" ".join(line.replace("│", " ").split()) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("quire")
def test_usage_budgets_and_estimates(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    yesterday = SYSTEM_CLOCK.now() - timedelta(days=1)
    book(api, call(), call(outcome="model_broken"), at=yesterday)
    assert main(["usage", "--by", "model", "--from", yesterday.date().isoformat()]) == 0
    assert "medium 1 4 2 1 2,000 - 50% 100 2 16 0.001 0.00025" in _said(capsys)
    assert main(["usage", "--from", yesterday.date().isoformat(), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == api.get("usage", **{"from": yesterday.date().isoformat()}).json()
    assert main(["budgets", "set", "document", "--schema", "invoice", "--usd", "0.05"]) == 0
    assert main(["budgets", "set", "month", "--usd", "50", "--tokens", "9000000"]) == 0
    assert "document invoice $0.05 - - -" in _said(capsys)
    assert main(["budgets", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == api.get("budgets").json()
    assert main(["budgets", "remove", "document", "--schema", "invoice"]) == 0
    assert [one["period"] for one in api.get("budgets").json()["budgets"]] == ["month"]
    capsys.readouterr()
    api.put("policies/invoice", {"engines": ["layout", "sglang:medium"]})
    assert main(["estimate", "--schema", "invoice", "--documents", "1000", "--text-pages", "3000", "--json"]) == 0
    job = {"schema": "invoice", "documents": 1000, "pages": {"text": 3000}}
    assert json.loads(capsys.readouterr().out) == api.post("estimates", job).json()


@pytest.mark.usefixtures("quire")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["budgets", "set", "month", "--usd", "much"], "quire: Quire refuses (422): Some parts of the request"),
        (
            ["budgets", "set", "month", "--usd", "1", "--schema", "x"],
            "quire: Quire refuses (422): there is no schema 'x'",
        ),
        (["usage", "--from", "2025-02-01", "--to", "2025-01-01"], "quire: Quire refuses (422): 'from' has to be a day"),
        (["estimate", "--schema", "x", "--documents", "1", "--text-pages", "1"], "there is no schema 'x'"),
    ],
)
def test_a_refusal_is_told(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
