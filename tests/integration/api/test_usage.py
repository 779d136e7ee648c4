"""Usage, budgets, policies and estimates over REST."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.documents.models import Document
from apps.inference import operations
from apps.inference.ledger import CallRecord, Reservation
from apps.inference.profiles import profile
from apps.inference.servers import ModelServer
from apps.tenants.models import Role
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.members import signed_in
from tests.faults.sglang_server import loopback_server
from tests.integration.api.conftest import Api


class _Clock:
    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment


def call(*, engine: str = "sglang:medium", prompt: int = 1000, completion: int = 50, outcome: str = "ok") -> CallRecord:
    return CallRecord(
        engine=engine,
        model=engine.removeprefix("sglang:"),
        prompt_tokens=prompt,
        cached_tokens=prompt // 2,
        completion_tokens=completion,
        images=1,
        seconds=2.0,
        cost=profile("medium").cost(prompt_tokens=prompt, completion_tokens=completion, on=date(2025, 9, 1)),
        outcome=outcome,
        gpu_seconds=8.0,
        price_date=date(2025, 8, 12),
    )


def book(
    api: Api, *calls: CallRecord, at: datetime, document: UUID | None = None, schema: str = "invoice", pages: int = 4
) -> None:
    operations.record_calls(
        tenant_id=api.tenant_id,
        document_id=document or uuid4(),
        calls=calls,
        clock=_Clock(at),
        schema_slug=schema,
        lane="bulk",
        document_pages=pages,
    )


NOON = datetime(2025, 9, 10, 12, tzinfo=UTC)
PERIOD = {"from": "2025-09-10", "to": "2025-09-11"}


def test_usage_is_added_up_by_what_was_asked_for(api: Api, other_api: Api) -> None:
    book(api, call(), call(outcome="model_broken"), at=NOON)
    book(api, call(engine="sglang:small", prompt=3000), at=NOON + timedelta(days=1), schema="nda")
    book(api, call(), at=NOON + timedelta(days=2))
    book(other_api, call(prompt=7), at=NOON)
    found = api.get("usage", by="schema", **PERIOD).json()
    assert (found["tenant"], found["from"], found["to"], found["by"]) == (
        str(api.tenant_id),
        "2025-09-10",
        "2025-09-11",
        "schema",
    )
    assert found["groups"][0] == {
        "key": "invoice",
        "calls": 2,
        "failed_calls": 1,
        "assumed_calls": 0,
        "unpriced_calls": 0,
        "prompt_tokens": 2000,
        "cached_tokens": 1000,
        "completion_tokens": 100,
        "images": 2,
        "seconds": 4.0,
        "gpu_seconds": 16.0,
        "cost": "0.001",
        "predicted_tokens": 0,
        "counted_tokens": 0,
        "documents": 1,
        "pages": 4,
        "cost_per_page": "0.00025",
        "cached_share": 0.5,
    }
    total = found["total"]
    assert (total["key"], total["calls"], total["cost"], total["documents"], total["pages"]) == ("", 3, "0.0023", 2, 8)
    keys = {
        by: [group["key"] for group in api.get("usage", by=by, **PERIOD).json()["groups"]]
        for by in ("model", "engine", "lane", "day", "month")
    }
    assert keys == {
        "model": ["medium", "small"],
        "engine": ["sglang:medium", "sglang:small"],
        "lane": ["bulk"],
        "day": ["2025-09-10", "2025-09-11"],
        "month": ["2025-09"],
    }
    assert other_api.get("usage", **PERIOD).json()["total"]["prompt_tokens"] == 7


def _predicted(prompt: int, counted: int) -> CallRecord:
    reservation = Reservation(id=uuid4(), prompt_tokens=prompt, max_tokens=100, usd=Decimal(0))
    return replace(call(prompt=counted), reservation=reservation)


def test_what_was_predicted_stands_beside_what_was_counted(api: Api, tenant: UUID) -> None:
    """Of calls of which both are known: not of one that nothing was predicted for, nor of one that broke off."""
    book(api, _predicted(1003, 1000), call(prompt=7), at=NOON)
    book(api, replace(_predicted(500, 0), outcome="model_timeout"), at=NOON)
    book(api, _predicted(2000, 2001), at=NOON, schema="nda")
    found = api.get("usage", **PERIOD).json()
    assert [
        (one["key"], one["predicted_tokens"], one["counted_tokens"], one["prompt_tokens"])
        for one in (*found["groups"], found["total"])
    ] == [("invoice", 1003, 1000, 1507), ("nda", 2000, 2001, 2001), ("", 3003, 3001, 3508)]
    client, _ = signed_in(tenant, Role.VIEWER)
    page = client.get("/usage?from=2025-09-10&to=2025-09-11").content.decode()
    cells = [f'<td class="number">{cell}</td>' for cell in ("1003 / 1000", "2000 / 2001", "3003 / 3001")]
    assert [page.count(cell) for cell in cells] == [1, 1, 1]


def test_without_days_it_is_this_month(api: Api) -> None:
    book(api, call(), at=SYSTEM_CLOCK.now())
    book(api, call(), at=SYSTEM_CLOCK.now() - timedelta(days=32))
    found = api.get("usage").json()
    today = SYSTEM_CLOCK.now().date()
    assert (found["from"], found["to"]) == (today.replace(day=1).isoformat(), today.isoformat())
    assert found["total"]["calls"] == 1
    empty = api.get("usage", to="2020-02-29").json()
    assert (empty["from"], empty["groups"], empty["total"]["cost_per_page"]) == ("2020-02-29", [], None)


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ({"from": "2025-09-11", "to": "2025-09-10"}, "bad_period", "not after 'to'"),
        ({"from": "2020-01-01", "to": "2025-09-10"}, "bad_period", "at most 1100 days"),
        ({"to": "9999-12-31"}, "bad_period", "'from'"),
        ({"by": "weather"}, "invalid_request", "errors"),
        ({"from": "yesterday"}, "invalid_request", "errors"),
    ],
)
def test_a_bad_question_is_a_problem(api: Api, query: dict[str, str], code: str, said: str) -> None:
    response = api.get("usage", **query)
    assert (response.status_code, response.headers["Content-Type"]) == (422, "application/problem+json")
    assert response.json()["code"] == code
    assert said in response.json()["detail"]


MONTH = {"period": "month", "schema": "", "usd": "5.00", "tokens": None}


def test_budgets_are_set_as_a_whole_and_show_how_they_stand(api: Api, other_api: Api) -> None:
    book(api, call(), at=SYSTEM_CLOCK.now())
    book(other_api, call(), call(), at=SYSTEM_CLOCK.now())
    assert api.get("budgets").json()["budgets"] == []
    each = {"period": "document", "schema": "nda", "tokens": 50_000}
    put = api.put("budgets", {"budgets": [{"period": "month", "usd": 5}, each]})
    assert put.status_code == 200
    found = put.json()
    assert found == api.get("budgets").json()
    assert (found["month"], found["waiting_documents"]) == (SYSTEM_CLOCK.now().date().replace(day=1).isoformat(), 0)
    assert found["budgets"] == [
        {
            **MONTH,
            "spent": {"usd": "0.0005", "tokens": 1050},
            "held": {"usd": "0.00", "tokens": 0},
            "left": {"usd": "4.9995", "tokens": None},
        },
        {**each, "usd": None, "spent": None, "held": None, "left": None},
    ]
    assert other_api.get("budgets").json()["budgets"] == []
    assert api.put("budgets", {"budgets": []}).json()["budgets"] == []


SMALL_UNHELD = (
    "No dollar budget holds sglang:small, since it has no price: set a budget of tokens, or give its profile a price "
    "in the file that QUIRE_MODEL_PROFILES names"
)
EMBEDDINGS_UNHELD = (
    "No dollar budget holds the embedding server, since it has no price: set a budget of tokens, or name a profile "
    "that has a price in QUIRE_EMBEDDINGS_PROFILE"
)


@pytest.mark.parametrize(
    ("budgets", "warnings"),
    [
        ([], []),
        ([{"period": "month", "usd": 50}], [SMALL_UNHELD]),
        ([{"period": "document", "schema": "nda", "usd": 1}], [SMALL_UNHELD]),
        # Priced models alone may run on invoices.
        ([{"period": "month", "schema": "invoice", "usd": 1}], []),
        ([{"period": "month", "usd": 50, "tokens": 9}], []),
        ([{"period": "month", "usd": 50}, {"period": "month", "schema": "nda", "tokens": 9}], [SMALL_UNHELD]),
        ([{"period": "month", "schema": "nda", "usd": 5}, {"period": "month", "tokens": 9}], []),
        # Tokens of one document don't hold a month.
        ([{"period": "month", "usd": 50}, {"period": "document", "tokens": 9}], [SMALL_UNHELD]),
        ([{"period": "month", "tokens": 9}], []),
    ],
)
def test_what_a_budget_in_dollars_does_not_hold_is_told(api: Api, budgets: Any, warnings: list[str]) -> None:
    """The shipped schemas name the house's own model: Small, which has no price."""
    api.put("policies/invoice", {"engines": ["layout", "sglang:medium"]})
    put = api.put("budgets", {"budgets": budgets})
    assert (put.status_code, put.json()["warnings"]) == (200, warnings)
    assert api.get("budgets").json()["warnings"] == warnings
    client, _ = signed_in(api.tenant_id, Role.VIEWER)
    page = client.get("/usage").content.decode()
    assert [page.count(f'<p class="reason passing">{one}.</p>') for one in (SMALL_UNHELD,)] == [len(warnings)]


def test_the_houses_own_model_is_held_where_it_has_a_price(api: Api) -> None:
    with override_settings(QUIRE_INFERENCE_PROFILE="medium"):
        assert api.put("budgets", {"budgets": [{"period": "month", "usd": 50}]}).json()["warnings"] == []
    assert api.get("budgets").json()["warnings"] == [SMALL_UNHELD]


def test_an_embedding_server_without_a_price_is_told_too(api: Api) -> None:
    api.put("policies", {"engines": ["layout", "sglang:medium"]})
    with override_settings(QUIRE_EMBEDDINGS_URL="http://127.0.0.1:1"):
        assert api.get("budgets").json()["warnings"] == []
        month = {"period": "month", "usd": 50}
        assert api.put("budgets", {"budgets": [month]}).json()["warnings"] == [EMBEDDINGS_UNHELD]
        assert api.put("budgets", {"budgets": [{**month, "schema": "nda"}]}).json()["warnings"] == [EMBEDDINGS_UNHELD]
        assert api.put("budgets", {"budgets": [{**month, "tokens": 9}]}).json()["warnings"] == []
        # No document's budget is for its embeddings.
        assert api.put("budgets", {"budgets": [{**month, "period": "document"}]}).json()["warnings"] == []
        with override_settings(QUIRE_EMBEDDINGS_PROFILE="small"):
            assert api.put("budgets", {"budgets": [month]}).json()["warnings"] == [EMBEDDINGS_UNHELD]
        with override_settings(QUIRE_EMBEDDINGS_PROFILE="medium"):
            assert api.get("budgets").json()["warnings"] == []


def test_a_documents_budget_is_shown_for_a_document(api: Api, other_api: Api) -> None:
    document = UUID(api.upload(pdf(), schema="invoice").json()["id"])
    book(api, call(), at=NOON, document=document)
    api.put("budgets", {"budgets": [{"period": "document", "usd": "0.0007"}]})
    (budget,) = api.get("budgets", document_id=str(document)).json()["budgets"]
    assert (budget["spent"], budget["left"]) == ({"usd": "0.0005", "tokens": 1050}, {"usd": "0.0002", "tokens": None})
    assert other_api.get("budgets", document_id=str(document)).status_code == 404


@pytest.mark.parametrize(
    ("budgets", "code", "said"),
    [
        ([{"period": "month"}], "bad_budget", "give it 'usd', 'tokens' or both"),
        ([{"period": "month", "usd": 1}, {"period": "month", "tokens": 1}], "bad_budget", "send each once"),
        ([{"period": "month", "schema": "nothing", "usd": 1}], "unknown_schema", "there is no schema 'nothing'"),
        ([{"period": "week", "usd": 1}], "invalid_request", "errors"),
        ([{"period": "month", "usd": -1}], "invalid_request", "errors"),
        ([{"period": "month", "usd": "NaN"}], "invalid_request", "errors"),
        ([{"period": "month", "tokens": 2**70}], "invalid_request", "errors"),
    ],
)
def test_a_bad_budget_changes_nothing(api: Api, budgets: Any, code: str, said: str) -> None:
    api.put("budgets", {"budgets": [{"period": "month", "usd": 5}]})
    response = api.put("budgets", {"budgets": budgets})
    assert response.status_code == 422
    assert response.json()["code"] == code
    assert said in response.json()["detail"]
    assert [one["usd"] for one in api.get("budgets").json()["budgets"]] == ["5.00"]


def test_a_raised_budget_lets_a_parked_document_go_on(api: Api, other_api: Api) -> None:
    api.put("policies/receipt", {"engines": ["sglang:medium"]})
    api.put("budgets", {"budgets": [{"period": "month", "schema": "receipt", "usd": 0}]})
    with (
        loopback_server() as server,
        override_settings(QUIRE_INFERENCE_URL=server.url, QUIRE_INFERENCE_PROFILE="medium"),
    ):
        server.reply = (
            '{"merchant_name": null, "merchant_address": null, "date": null, "total": null, "currency": null}'
        )
        path = f"documents/{api.upload(pdf(), schema='receipt').json()['id']}"
        parked = api.get(path).json()
        assert (parked["status"], parked["reason_code"]) == ("extracted", "budget_spent")
        assert parked["reason"].startswith("The month's budget of $0.00 for schema receipt is spent; raise it or wait")
        assert api.get("budgets").json()["waiting_documents"] == 1
        assert other_api.get("budgets").json()["waiting_documents"] == 0
        # Another tenant's money wakes nobody here.
        other_api.put("budgets", {"budgets": [{"period": "month", "usd": 100}]})
        assert (api.get(path).json()["status"], server.requests) == ("extracted", [])
        assert api.put("budgets", {"budgets": [{"period": "month", "usd": 100}]}).json()["waiting_documents"] == 0
        done = api.get(path).json()
        assert (done["status"], done["reason"]) == ("needs_review", "")
    assert api.get("usage").json()["total"]["cost"] == "0.0005"
    assert other_api.get("usage").json()["total"]["calls"] == 0


def test_policies_say_whose_word_counts(api: Api, other_api: Api) -> None:
    own = ["einvoice", "layout", "sglang"]
    assert api.get("policies/invoice").json() == {"schema": "invoice", "engines": own, "source": "schema"}
    found = api.put("policies", {"engines": ["layout"]}).json()
    assert found["everywhere"] == ["layout"]
    assert {one["source"] for one in found["schemas"]} == {"tenant"}
    put = api.put("policies/nda", {"engines": ["layout", "sglang:medium"]})
    nda = {"schema": "nda", "engines": ["layout", "sglang:medium"], "source": "tenant_schema"}
    assert (put.status_code, put.json()) == (200, nda)
    assert api.delete("policies").status_code == 204
    assert api.delete("policies").status_code == 404
    found = api.get("policies").json()
    assert found["everywhere"] is None
    assert {one["schema"]: one["source"] for one in found["schemas"]} == {
        "advertising-contract": "schema",
        "invoice": "schema",
        "nda": "tenant_schema",
        "receipt": "schema",
    }
    assert other_api.get("policies/nda").json()["source"] == "schema"
    assert other_api.delete("policies/nda").status_code == 404
    assert api.delete("policies/nda").status_code == 204
    assert api.get("policies/nda").json()["source"] == "schema"


@pytest.mark.parametrize(
    ("path", "engines", "status", "code"),
    [
        ("policies/invoice", ["oracle"], 422, "bad_policy"),
        ("policies/invoice", ["layout", "layout"], 422, "bad_policy"),
        ("policies/invoice", ["sglang:none-such"], 422, "unknown_profile"),
        ("policies/invoice", [], 422, "invalid_request"),
        ("policies/nothing", ["layout"], 404, "not_found"),
        ("policies", ["oracle"], 422, "bad_policy"),
    ],
)
def test_a_bad_policy_is_refused(api: Api, path: str, engines: list[str], status: int, code: str) -> None:
    response = api.put(path, {"engines": engines})
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_an_estimate_without_a_past_is_arithmetic(api: Api) -> None:
    api.put("policies/receipt", {"engines": ["layout", "sglang:small", "sglang:medium"]})
    api.put("budgets", {"budgets": [{"period": "month", "usd": "0.50"}, {"period": "document", "tokens": 9_999_999}]})
    found = api.post("estimates", {"schema": "receipt", "documents": 1000, "pages": {"scanned": 1500}})
    assert found.status_code == 200
    answer = found.json()
    assert (answer["schema"], answer["documents"], answer["pages"]) == ("receipt", 1000, {"text": 0, "scanned": 1500})
    small, medium = answer["engines"]
    assert (small["engine"], small["basis"], small["documents_seen"], small["price_since"]) == (
        "sglang:small",
        "arithmetic",
        0,
        None,
    )
    assert small["usd"] is None
    assert (medium["engine"], medium["price_since"], medium["tokens"]["low"]) == ("sglang:medium", "2025-08-12", 0)
    # A quarter of the documents is taken to go on to the second model; by pages of 800 + 48 tokens and a picture of
    # 55 x 40, and a call for each document.
    by_pages = 1500 * (800 + 48 + 2200)
    assert by_pages < small["tokens"]["expected"] < by_pages + 1000 * 1000
    assert abs(medium["tokens"]["expected"] * 4 - small["tokens"]["expected"]) <= 8
    # What the first model costs is unknown, and so is the whole.
    assert answer["usd"] is None
    assert Decimal(medium["usd"]["expected"]) > 0
    assert Decimal("0.4") * by_pages / 4_000_000 < Decimal(medium["usd"]["expected"]) < Decimal(medium["usd"]["high"])
    unknown, warning = answer["warnings"]
    assert unknown.startswith("The price of sglang:small is unknown, so what the job costs is unknown too")
    assert warning.startswith("The month's budget has $0.50 left, and the job takes about $0.")
    assert "documents may wait until it is raised" in warning or "documents will wait until it is raised" in warning


def test_an_estimate_is_made_of_the_tenants_own_past(api: Api, other_api: Api) -> None:
    """Twenty documents of two pages each; medium was asked about every second one, always for as much."""
    api.put("policies/receipt", {"engines": ["layout", "sglang:medium"]})
    now = SYSTEM_CLOCK.now()
    with tenant_scope(api.tenant_id):
        made = [
            Document(
                tenant_id=api.tenant_id,
                name=f"{number}.pdf",
                schema_slug="receipt",
                status="done",
                page_count=2,
                created_at=now,
                updated_at=now,
                completed_at=now,
            )
            for number in range(20)
        ]
        Document.objects.bulk_create(made)
    for one in made[::2]:
        book(api, call(prompt=4000, completion=200), at=now - timedelta(hours=1), document=one.id, schema="receipt")
        # The same document under another schema is another matter.
        book(api, call(prompt=9999), at=now - timedelta(hours=1), document=one.id, schema="nda")
    job = {"schema": "receipt", "documents": 1000, "pages": {"text": 2000}}
    (engine,) = api.post("estimates", job).json()["engines"]
    assert (engine["basis"], engine["documents_seen"]) == ("past", 20)
    # 1,000 prompt tokens a page over all pages, and 50 of completion; at $0.40 and $2.00 a million.
    assert engine["tokens"]["expected"] == 2000 * 1050
    assert engine["usd"]["expected"] == "1.00"
    # Each is 0 or 4,000: 2,000 from the mean, over 19 degrees of freedom; of 1,000 to come and 20 that were seen.
    error = 1.96 * (20 * 2000**2 / 19) ** 0.5 * (1000 + 1000**2 / 20) ** 0.5 * (1 + 1 / 20)
    assert abs((engine["tokens"]["high"] - 2000 * 1050) - error) < 2
    assert abs((2000 * 1050 - engine["tokens"]["low"]) - error) < 2
    assert other_api.post("estimates", job).json()["engines"][0]["basis"] == "arithmetic"


def test_documents_that_are_there_are_counted(api: Api, other_api: Api) -> None:
    document = api.upload(pdf(), schema="invoice").json()["id"]
    found = api.post("estimates", {"schema": "nda", "document_ids": [document, document]}).json()
    assert (found["documents"], found["pages"]) == (1, {"text": 1, "scanned": 0})
    foreign = other_api.post("estimates", {"schema": "nda", "document_ids": [document]})
    assert (foreign.status_code, foreign.json()["code"]) == (404, "no_such_documents")
    assert foreign.json()["detail"] == f"1 of these documents aren't there; the first is {document}"


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ({}, "send either 'pages'"),
        ({"documents": 2, "pages": {"text": 1}}, "fewer pages than documents"),
        ({"pages": {"text": 1}}, "say how many 'documents'"),
        ({"documents": 1, "document_ids": [str(UUID(int=1))]}, "'document_ids' are counted"),
        ({"document_ids": [str(UUID(int=1))] * 1001}, "at most 1000"),
    ],
)
def test_a_job_that_isnt_one_is_refused(api: Api, job: dict[str, Any], said: str) -> None:
    response = api.post("estimates", {"schema": "nda", **job})
    assert response.status_code == 422
    assert said in response.json()["errors"][0]["message"]


def test_what_a_model_without_a_price_costs_is_unknown(api: Api) -> None:
    assert api.put("policies/nda", {"engines": ["sglang:small", "sglang:medium"]}).status_code == 200
    job = {"schema": "nda", "documents": 1, "pages": {"text": 1}}
    found = api.post("estimates", job).json()
    small, medium = found["engines"]
    assert (small["engine"], small["usd"], small["price_since"]) == ("sglang:small", None, None)
    assert (medium["engine"], medium["price_since"]) == ("sglang:medium", "2025-08-12")
    assert float(medium["usd"]["high"]) > 0
    assert small["tokens"]["expected"] > 0
    assert found["usd"] is None
    assert found["warnings"] == [
        "The price of sglang:small is unknown, so what the job costs is unknown too, and no budget in dollars holds "
        "it: give its profile a price in the file that QUIRE_MODEL_PROFILES names"
    ]
    with override_settings(QUIRE_INFERENCE_URL="http://127.0.0.1:9"):
        assert api.post("estimates", job).json()["warnings"][0] == (
            "No setting names a server of sglang:medium: documents go on without it unless the server at "
            "QUIRE_INFERENCE_URL lists a model of that name; name one by QUIRE_INFERENCE_URL_MEDIUM"
        )
    own = ModelServer(profile="medium", url="http://127.0.0.1:9", suffix="_MEDIUM")
    with override_settings(QUIRE_INFERENCE_SERVERS={"medium": own}):
        assert api.post("estimates", job).json()["warnings"][0] == (
            "No setting names a server of sglang:small: documents go on without it; name one by "
            "QUIRE_INFERENCE_URL_SMALL"
        )
    assert api.put("policies/nda", {"engines": ["layout"]}).status_code == 200
    assert api.post("estimates", job).json()["usd"] == {"low": "0.00", "expected": "0.00", "high": "0.00"}


def test_usage_of_a_model_without_a_price_has_no_cost(api: Api) -> None:
    book(api, call(), at=NOON)
    unpriced = replace(call(engine="sglang:small"), cost=Decimal(0), price_date=None)
    book(api, unpriced, replace(unpriced, prompt_tokens=0, completion_tokens=0, outcome="model_busy"), at=NOON)
    found = api.get("usage", by="model", **PERIOD).json()
    shown = [(one["key"], one["calls"], one["unpriced_calls"], one["cost"]) for one in found["groups"]]
    assert shown == [("medium", 1, 0, "0.0005"), ("small", 2, 1, None)]
    assert found["groups"][1]["cost_per_page"] is None
    assert (found["total"]["unpriced_calls"], found["total"]["cost"]) == (1, None)


def test_an_estimate_for_a_schema_that_isnt_there_is_refused(api: Api) -> None:
    response = api.post("estimates", {"schema": "nothing", "documents": 1, "pages": {"text": 1}})
    assert (response.status_code, response.json()["code"]) == (422, "unknown_schema")


@pytest.mark.parametrize(
    "day", ["2020", "1757462400", "2025-09-10T00:00:00", "20250910", "10.9.2025", "", "2025-09-31"]
)
@pytest.mark.parametrize("name", ["from", "to"])
def test_a_day_in_another_form_is_refused_with_the_form_that_is_wanted(api: Api, name: str, day: str) -> None:
    response = api.get("usage", **{name: day})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    (error,) = response.json()["errors"]
    assert error["path"] == f"/query/{name}"
    assert "write a day as 2026-01-31" in error["message"]


def test_all_of_it_needs_a_key(api: Api) -> None:
    for path in ("usage", "budgets", "policies", "policies/nda"):
        assert api.client.get(f"/api/v1/{path}").status_code == 401
    assert api.client.post("/api/v1/estimates", {}, content_type="application/json").status_code == 401


def test_it_is_all_described(api: Api) -> None:
    paths = api.client.get("/api/v1/openapi.json").json()["paths"]
    assert {
        path.removeprefix("/api/v1"): sorted(methods)
        for path, methods in paths.items()
        if path.split("/")[3] in {"usage", "budgets", "policies", "estimates"}
    } == {
        "/usage": ["get"],
        "/budgets": ["get", "put"],
        "/policies": ["delete", "get", "put"],
        "/policies/{slug}": ["delete", "get", "put"],
        "/estimates": ["post"],
    }
    names = [one["name"] for one in paths["/api/v1/usage"]["get"]["parameters"]]
    assert names == ["by", "from", "to"]
