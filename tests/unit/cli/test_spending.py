"""`quire usage`, `quire budgets` and `quire estimate` against a server that answers as REST does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from apps.cli.app import main
from tests.unit.cli.loopback import Asked, Loopback, loopback

SUM: dict[str, Any] = {
    "key": "",
    "calls": 1200,
    "failed_calls": 3,
    "assumed_calls": 0,
    "unpriced_calls": 0,
    "prompt_tokens": 2_000_000,
    "cached_tokens": 500_000,
    "completion_tokens": 60_000,
    "images": 40,
    "seconds": 100.5,
    "gpu_seconds": 402.0,
    "cost": "0.92",
    "predicted_tokens": 1_900_000,
    "counted_tokens": 1_900_100,
    "documents": 1000,
    "pages": 2000,
    "cost_per_page": "0.00046",
    "cached_share": 0.25,
}
USAGE = {
    "tenant": "5d2f7a68-7d5b-4bb2-8b54-1c0b1f1f3a11",
    "from": "2025-11-01",
    "to": "2025-11-25",
    "by": "model",
    "total": SUM,
    "groups": [{**SUM, "key": "[bold]mistral[/bold]"}],
}
MONTH = {
    "period": "month",
    "schema": "",
    "usd": "50.00",
    "tokens": None,
    "spent": {"usd": "49.50", "tokens": 12},
    "held": {"usd": "0.00", "tokens": 0},
    "left": {"usd": "0.50", "tokens": None},
}
EACH = {
    "period": "document",
    "schema": "nda",
    "usd": None,
    "tokens": 9000,
    "spent": None,
    "held": None,
    "left": None,
}
UNHELD = "No dollar budget holds sglang:small, since it has no price: set a budget of tokens"
FIGURES = {"low": "0.10", "expected": "1.00", "high": "4.00"}
COUNTS = {"low": 1, "expected": 2_100_000, "high": 9_000_000}
ENGINE = {"engine": "sglang:medium", "tokens": COUNTS, "usd": FIGURES, "price_since": "2025-08-12"}
ESTIMATE = {
    "schema": "nda",
    "documents": 10,
    "pages": {"text": 20, "scanned": 5},
    "engines": [{**ENGINE, "basis": "past", "documents_seen": 87}],
    "tokens": COUNTS,
    "usd": FIGURES,
    "warnings": ["The month's budget has $0.50 left"],
}


def _answer(asked: Asked) -> tuple[int, object]:
    path = asked.path.partition("?")[0].removeprefix("/api/v1")
    if path == "/usage":
        return 200, USAGE
    if path == "/budgets":
        return 200, {"month": "2025-11-01", "waiting_documents": 7, "budgets": [MONTH, EACH], "warnings": [UNHELD]}
    return 200, ESTIMATE


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with loopback(_answer) as server:
        monkeypatch.setenv("QUIRE_URL", server.url)
        monkeypatch.setenv("QUIRE_API_KEY", "k")
        yield server


def _lines(text: str) -> list[str]:
    return [" ".join(line.replace("│", " ").replace("┃", " ").split()) for line in text.splitlines()]


def test_usage_as_a_table(server: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["usage", "--by", "model", "--from", "2025-11-01", "--to", "2025-11-25"]) == 0
    assert server.asked[0].path == "/api/v1/usage?by=model&from=2025-11-01&to=2025-11-25"
    lines = _lines(capsys.readouterr().out)
    assert (
        "[bold]mistral[/bold] 1,000 2,000 1,200 3 2,000,000 1,900,000 / 1,900,100 25% 60,000 40 402 0.92 0.00046"
        in lines
    )
    assert "all 1,000 2,000 1,200 3 2,000,000 1,900,000 / 1,900,100 25% 60,000 40 402 0.92 0.00046" in lines


def test_usage_as_json_is_what_rest_says(server: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["usage", "--json"]) == 0
    assert server.asked[0].path == "/api/v1/usage?by=schema"
    said = json.loads(capsys.readouterr().out)
    assert (said["from"], said["groups"], said["total"]) == ("2025-11-01", USAGE["groups"], SUM)


def test_a_key_does_not_see_other_tenants_and_who_does_is_told(
    server: Loopback, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["usage", "--by", "tenant"]) == 2
    assert capsys.readouterr() == (
        "",
        "quire: a key sees its own tenant alone. For all tenants, on the server's machine, with the login that owns "
        "the tables in QUIRE_DATABASE_OWNER_URL: python manage.py usage_by_tenant\n",
    )
    assert server.asked == []


@pytest.mark.parametrize(
    "arguments",
    [["usage", "--by", "weather"], ["usage", "--from", "yesterday"], ["budgets", "set", "month"], ["budgets", "set"]],
)
def test_a_question_that_is_none_is_a_usage_error(server: Loopback, arguments: list[str]) -> None:
    assert main(arguments) == 2
    assert server.asked == []


def test_budgets_as_a_table(server: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budgets"]) == 0
    out = capsys.readouterr().out
    lines = _lines(out)
    assert "month all $50.00 $49.50 $0.00 $0.50" in lines
    assert "document nda 9,000 tokens - - -" in lines
    assert lines[-2:] == ["7 documents wait for money: raise the budget that is spent.", f"{UNHELD}."]
    assert len(server.asked) == 1


def test_setting_one_budget_keeps_the_others(server: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budgets", "set", "month", "--usd", "75", "--json"]) == 0
    _, put = server.asked
    assert (put.method, put.path, put.headers["content-type"]) == ("PUT", "/api/v1/budgets", "application/json")
    assert put.body == {
        "budgets": [
            {"period": "document", "schema": "nda", "usd": None, "tokens": 9000},
            {"period": "month", "schema": "", "usd": "75", "tokens": None},
        ]
    }
    said = json.loads(capsys.readouterr().out)
    assert (said["budgets"], said["warnings"]) == ([MONTH, EACH], [UNHELD])


def test_removing_one_budget_keeps_the_others(server: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budgets", "remove", "document", "--schema", "nda"]) == 0
    assert server.asked[1].body == {"budgets": [{"period": "month", "schema": "", "usd": "50.00", "tokens": None}]}
    capsys.readouterr()
    assert main(["budgets", "remove", "document"]) == 1
    assert capsys.readouterr().err == "quire: there is no budget for each document of all schemas together\n"
    assert len(server.asked) == 3


def test_without_budgets_it_says_how_to_set_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = {"month": "2025-11-01", "waiting_documents": 0, "budgets": [], "warnings": []}
    with loopback(lambda _: (200, nothing)) as server:
        monkeypatch.setenv("QUIRE_URL", server.url)
        monkeypatch.setenv("QUIRE_API_KEY", "k")
        assert main(["budgets"]) == 0
    assert capsys.readouterr().out == (
        "No budget is set: models may cost anything. Set one: quire budgets set month --usd 50\n"
    )


def test_an_estimate(server: Loopback, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["estimate", "--schema", "nda", "--documents", "10", "--text-pages", "20", "--scanned-pages", "5"]
    assert main(arguments) == 0
    assert server.asked[0].body == {"schema": "nda", "documents": 10, "pages": {"text": 20, "scanned": 5}}
    lines = _lines(capsys.readouterr().out)
    assert "sglang:medium 87 documents of yours 2,100,000 0.10 1.00 4.00" in lines
    assert lines[-1] == "The month's budget has $0.50 left."
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ESTIMATE


def test_what_has_no_price_is_unknown_and_never_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unpriced = {**SUM, "key": "small", "unpriced_calls": 1200, "cost": None, "cost_per_page": None}
    unpriced |= {"predicted_tokens": 0, "counted_tokens": 0}
    engine = {**ESTIMATE["engines"][0], "engine": "sglang:small", "usd": None, "price_since": None}  # type: ignore[index]
    replies = {
        "/api/v1/usage": {**USAGE, "total": unpriced, "groups": [unpriced]},
        "/api/v1/estimates": {**ESTIMATE, "engines": [engine], "usd": None, "warnings": ["Its price is unknown"]},
    }
    with loopback(lambda asked: (200, replies[asked.path.partition("?")[0]])) as server:
        monkeypatch.setenv("QUIRE_URL", server.url)
        monkeypatch.setenv("QUIRE_API_KEY", "k")
        assert main(["usage"]) == 0
        lines = _lines(capsys.readouterr().out)
        assert "small 1,000 2,000 1,200 3 2,000,000 - 25% 60,000 40 402 unknown unknown" in lines
        assert "all 1,000 2,000 1,200 3 2,000,000 - 25% 60,000 40 402 unknown unknown" in lines
        arguments = ["estimate", "--schema", "nda", "--documents", "10", "--text-pages", "20"]
        assert main(arguments) == 0
        out = capsys.readouterr().out
        assert "sglang:small 87 documents of yours 2,100,000 unknown unknown unknown" in _lines(out)
        assert "all 2,100,000 unknown unknown unknown" in _lines(out)
        assert "0.00" not in out
        assert _lines(out)[-1] == "Its price is unknown."
        assert main([*arguments, "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["usd"], said["engines"][0]["usd"], said["engines"][0]["price_since"]) == (None, None, None)


def test_an_estimate_of_fewer_pages_than_documents_is_a_usage_error(
    server: Loopback, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["estimate", "--schema", "nda", "--documents", "10", "--text-pages", "9"]) == 2
    assert "each document has at least one page" in capsys.readouterr().err
    assert server.asked == []


def test_a_refusal_says_why(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback(lambda _: (422, {"detail": "there is no schema 'x'"})) as server:
        monkeypatch.setenv("QUIRE_URL", server.url)
        monkeypatch.setenv("QUIRE_API_KEY", "k")
        assert main(["estimate", "--schema", "x", "--documents", "1", "--text-pages", "1"]) == 1
    assert capsys.readouterr() == ("", "quire: Quire refuses (422): there is no schema 'x'\n")
