"""What no cheaper engine finds is asked of the model, with the page's text and picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from django.test import override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.documents.models import DocumentStatus
from apps.extraction.calibration import ENOUGH
from apps.extraction.notes import Note
from apps.extraction.values import ValueStatus
from apps.inference.models import ModelCall
from apps.pipeline.models import StageRun
from apps.results import queries as results
from apps.results.decisions import NewDecision, Verdict
from apps.results.operations import decide
from apps.results.render import render_result
from apps.schemas.operations import create_schema
from apps.search.queries import search
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.rows import document as document_row
from tests.factories.rows import result as stored_result
from tests.factories.rows import value as stored_value
from tests.factories.uploads import upload
from tests.faults.sglang_server import Fault, LoopbackServer, answers, loopback_server
from tests.integration.pipeline.asking import LINES, SCHEMA, look_again, make_schema, status, upload_letter


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with loopback_server() as server, override_settings(QUIRE_INFERENCE_URL=server.url):
        yield server


def test_the_models_answer_is_grounded_stored_and_paid_for(tenant: UUID, server: LoopbackServer) -> None:
    claim = {"value": "ZX-81-PUMP", "quote": "the promise ZX-81-PUMP", "page": 1}
    server.reply = json.dumps({"warranty_code": claim})
    make_schema(tenant)
    document = upload_letter(tenant)
    assert status(tenant, document) == (DocumentStatus.DONE, "")
    (result,) = results.results_of(tenant_id=tenant, document_id=document)
    (value,) = result.values
    assert (value.path, value.value, value.engine) == ("/warranty_code", "ZX-81-PUMP", "sglang:small")
    assert value.status is ValueStatus.ACCEPTED
    (evidence,) = value.evidence
    assert (evidence.page, evidence.quote.strip(",")) == (1, "ZX-81-PUMP")
    (request,) = server.requests
    text, image, question = request["messages"][1]["content"]
    assert "our grandchildren will honour" in text["text"]
    assert image["image_url"]["url"].startswith("data:image/jpeg;base64,/9j/")
    assert "Warranty code" in question["text"]
    with tenant_scope(tenant):
        call = ModelCall.objects.get()
    assert (call.document_id, call.engine, call.outcome) == (document, "sglang:small", "ok")
    assert (call.prompt_tokens, call.cached_tokens, call.images, call.cost) == (1000, 900, 1, Decimal(0))


def test_what_an_embedding_server_took_is_in_the_ledger(tenant: UUID, server: LoopbackServer) -> None:
    make_schema(tenant, {**SCHEMA, "x-quire": {"engines": ["layout"]}})
    with override_settings(QUIRE_EMBEDDINGS_URL=server.url, QUIRE_EMBEDDINGS_PROFILE="medium"):
        upload_letter(tenant)
        search(tenant_id=tenant, query="grandchildren", limit=1, clock=SYSTEM_CLOCK)
        server.faults = [answers(401)]
        upload_letter(tenant, mark="b")
    texts = len(server.embedded[0]["input"])
    assert (texts, len(server.embedded)) == (1, 3)
    with tenant_scope(tenant):
        calls = ModelCall.objects.filter(engine="embeddings").order_by("created_at")
        assert [
            (call.model, call.lane, call.prompt_tokens, call.cost, call.outcome, call.document_id) for call in calls
        ] == [
            # 7 tokens at 0.40 dollars a million.
            ("remote:default", "interactive", 7, Decimal("0.0000028"), "ok", None),
            ("remote:default", "interactive", 7, Decimal("0.0000028"), "ok", None),
            ("remote:default", "interactive", 0, Decimal(0), "embeddings_refused", None),
        ]
        assert {call.price_date for call in calls} == {date(2025, 8, 12)}


def test_a_total_that_no_page_shows_is_kept_with_its_formula(tenant: UUID, server: LoopbackServer) -> None:
    how = {"kind": "money", "labels": {"en": []}}
    document = {
        "$schema": SCHEMA["$schema"],
        "type": "object",
        "title": "Offer",
        "properties": {
            name: {"type": "string", "title": name, "maxLength": 20, "x-quire": how}
            for name in ("work", "parts", "sum")
        },
        "x-quire": {"engines": ["sglang:small"], "rules": ["work + parts = sum"]},
    }
    create_schema(tenant_id=tenant, slug="offer", document=document, clock=SYSTEM_CLOCK)
    said = {"work": "310.00", "parts": "45.50", "sum": "355.50"}
    server.reply = json.dumps({name: {"value": value, "quote": value, "page": 1} for name, value in said.items()})
    lines = ((60, 80, "We need 310.00 for the time", 10), (60, 110, "and 45.50 for a new seal.", 10))
    uploaded = upload(tenant, pdf(lines=lines), schema="offer", name="offer.pdf")
    assert status(tenant, uploaded) == (DocumentStatus.DONE, "")
    (result,) = results.results_of(tenant_id=tenant, document_id=uploaded)
    work, parts, total = render_result(result)["values"]
    assert "formula" not in work
    assert "formula" not in parts
    assert (total["value"], total["status"], total["formula"]) == ("355.50", "accepted", "work + parts")
    assert [place["quote"] for place in total["evidence"]] == ["310.00", "45.50"]
    assert (work["confidence"], parts["confidence"], total["confidence"]) == (0.9, 0.9, 0.81)


def test_an_invented_answer_goes_to_review(tenant: UUID, server: LoopbackServer) -> None:
    server.reply = json.dumps({"warranty_code": {"value": "AB-12", "quote": "code AB-12", "page": 1}})
    make_schema(tenant)
    document = upload_letter(tenant)
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
    (result,) = results.results_of(tenant_id=tenant, document_id=document)
    assert [(value.status, value.evidence) for value in result.values] == [(ValueStatus.UNGROUNDED, ())]


def test_a_second_schema_ends_no_review_of_the_first(tenant: UUID, server: LoopbackServer) -> None:
    """The document is done once what is doubtful under either is decided on."""
    server.reply = json.dumps({"warranty_code": {"value": "AB-12", "quote": "code AB-12", "page": 1}})
    make_schema(tenant)
    data = pdf(lines=LINES)
    document = upload(tenant, data, schema="promise")
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
    fine = {**SCHEMA, "title": "Letter", "required": [], "x-quire": {"engines": ["layout"]}}
    create_schema(tenant_id=tenant, slug="letter", document=fine, clock=SYSTEM_CLOCK)
    assert upload(tenant, data, schema="letter") == document
    assert [one.schema_slug for one in results.results_of(tenant_id=tenant, document_id=document)] == [
        "letter",
        "promise",
    ]
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
    reject = NewDecision(path="/warranty_code", verdict=Verdict.REJECT, schema="promise")
    decide(tenant_id=tenant, document_id=document, decisions=[reject], decided_by="key", clock=SYSTEM_CLOCK)
    assert status(tenant, document) == (DocumentStatus.DONE, "")


def test_a_busy_server_makes_the_document_wait_and_the_call_is_counted(tenant: UUID, server: LoopbackServer) -> None:
    server.faults = [answers(503, Retry_After="30")]
    make_schema(tenant)
    document = upload_letter(tenant)
    assert status(tenant, document) == (DocumentStatus.EXTRACTED, "model_busy")
    with tenant_scope(tenant):
        ask = StageRun.objects.get(document_id=document, stage="ask")
        assert (ask.status, ask.reason_code, ask.attempts) == ("pending", "model_busy", 0)
        assert list(ModelCall.objects.values_list("outcome", flat=True)) == ["model_busy"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [(answers(401), "model_unauthorised"), (answers(404, b'{"message": "model"}'), "wrong_model")],
    ids=["wrong key", "wrong model"],
)
def test_what_no_document_can_help_makes_it_wait_and_say_so(
    tenant: UUID, server: LoopbackServer, fault: Fault, code: str
) -> None:
    """However often it is looked at; and when it is mended the document ends, and says nothing of it any more."""
    found = {"value": "ZX-81-PUMP", "quote": "the promise ZX-81-PUMP", "page": 1}
    server.reply = json.dumps({"warranty_code": found})
    server.faults = [fault] * 6
    make_schema(tenant)
    document = upload_letter(tenant)
    for _ in range(6):
        assert status(tenant, document) == (DocumentStatus.EXTRACTED, code)
        look_again(tenant, document)
    assert status(tenant, document) == (DocumentStatus.DONE, "")


def test_a_server_that_breaks_on_a_document_costs_it_the_model_not_its_values(
    tenant: UUID, server: LoopbackServer
) -> None:
    server.faults = [answers(500)] * 5
    make_schema(tenant)
    document = upload_letter(tenant)
    for _ in range(4):
        assert status(tenant, document)[0] == DocumentStatus.EXTRACTED
        look_again(tenant, document)
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
    (result,) = results.results_of(tenant_id=tenant, document_id=document)
    assert Note(text="the model server answered 500") in result.notes
    assert len(server.requests) == 5


def test_without_a_server_nothing_is_asked(tenant: UUID) -> None:
    make_schema(tenant)
    document = upload_letter(tenant)
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
    with tenant_scope(tenant):
        assert StageRun.objects.get(document_id=document, stage="ask").attempts == 0
        assert ModelCall.objects.count() == 0


def test_a_model_that_was_mostly_wrong_here_is_accepted_no_more(tenant: UUID, server: LoopbackServer) -> None:
    reviewed = document_row(tenant, status=DocumentStatus.NEEDS_REVIEW)
    wrong = [
        replace(stored_value(f"/warranty_code/{row}", "x", confidence=0.9), engine="sglang:small")
        for row in range(ENOUGH)
    ]
    server.reply = json.dumps({"warranty_code": {"value": "ZX-81-PUMP", "quote": "the promise ZX-81-PUMP", "page": 1}})
    create_schema(tenant_id=tenant, slug="promise", document=SCHEMA, clock=SYSTEM_CLOCK)
    stored_result(tenant, reviewed, *wrong, schema_slug="promise")
    decide(
        tenant_id=tenant,
        document_id=reviewed,
        decisions=[
            NewDecision(path=value.path, verdict=Verdict.ACCEPT if row % 4 == 0 else Verdict.REJECT)
            for row, value in enumerate(wrong)
        ],
        decided_by="user",
        clock=SYSTEM_CLOCK,
    )
    document = upload_letter(tenant)
    (result,) = results.results_of(tenant_id=tenant, document_id=document)
    (value,) = result.values
    # One right and one wrong more than were seen: 51 of 202.
    assert (value.score, value.confidence, value.status) == (0.9, 0.2525, ValueStatus.NEEDS_REVIEW)
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
