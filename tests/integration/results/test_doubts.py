"""Why values are for a person: the same words for the page, REST and the list."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common.clock import SYSTEM_CLOCK
from apps.common.ids import new_id
from apps.documents import queries as documents
from apps.documents.models import DocumentStatus
from apps.extraction.notes import (
    LOCKED,
    Note,
    another,
    hidden,
    list_cut,
    read_twice,
    unaccounted,
    unequal,
    unread,
    unusable,
)
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.pipeline.models import Run, StageRun
from apps.pipeline.review import reasons_for_review
from apps.results.decisions import NewDecision, Verdict
from apps.results.doubts import Doubt, other_notes, reasons_by_path
from apps.results.models import Result
from apps.results.operations import decide, doubt, store_result
from apps.results.queries import results_of
from apps.schemas import queries as schemas
from apps.schemas.fields import Kind
from apps.tenants.scope import tenant_scope
from tests.factories.rows import document, evidence, result, value

REVIEW = ValueStatus.NEEDS_REVIEW
SOUND = (
    value("/invoice_number", "A-1", kind=Kind.IDENTIFIER),
    value("/issue_date", "2025-03-14", kind=Kind.DATE),
    value("/seller_name", "Northwind", kind=Kind.ORGANISATION),
    value("/currency", "GBP", kind=Kind.CURRENCY),
)
GROSS = value("/gross_total", "781.20", kind=Kind.MONEY)


def _money(path: str, text: str, *, status: ValueStatus = ValueStatus.ACCEPTED, sure: float = 0.9) -> ExtractedValue:
    return value(path, text, kind=Kind.MONEY, status=status, confidence=sure)


def _store(
    tenant: UUID,
    *values: ExtractedValue,
    notes: tuple[Note, ...] = (),
    alternatives: tuple[ExtractedValue, ...] = (),
    run_id: UUID | None = None,
) -> UUID:
    """Store a result, every row of which has the description that the schema requires."""
    document_id = document(tenant, status=DocumentStatus.NEEDS_REVIEW)
    rows = dict.fromkeys(one.path.rpartition("/")[0] for one in values if one.path.startswith("/line_items/"))
    store_result(
        tenant_id=tenant,
        document_id=document_id,
        run_id=run_id or new_id(),
        schema_slug="invoice",
        schema_version=1,
        values=(*values, *(value(f"{row}/description", "Gauge", kind=Kind.TEXT) for row in rows)),
        notes=notes,
        alternatives=alternatives,
        clock=SYSTEM_CLOCK,
    )
    return document_id


def _of_values(tenant: UUID, document_id: UUID) -> dict[str, list[tuple[Doubt, str]]]:
    (result,) = results_of(tenant_id=tenant, document_id=document_id)
    schema = schemas.version(tenant_id=tenant, slug="invoice", version=1)
    found = reasons_by_path(result=result, schema=schema)
    return {path: [(one.doubt, one.message) for one in reasons] for path, reasons in found.items()}


def _of_document(tenant: UUID, document_id: UUID) -> list[tuple[Doubt, str]]:
    reasons = reasons_for_review(tenant_id=tenant, found=[_summary(tenant, document_id)])
    return [(one.doubt, one.message) for one in reasons.get(document_id, ())]


def _summary(tenant: UUID, document_id: UUID) -> documents.DocumentSummary:
    found = documents.document(tenant_id=tenant, document_id=document_id)
    assert found is not None
    return found


def _decide(tenant: UUID, document_id: UUID, path: str, verdict: Verdict, right: str | None = None) -> DocumentStatus:
    return decide(
        tenant_id=tenant,
        document_id=document_id,
        decisions=[NewDecision(path=path, verdict=verdict, value=right)],
        decided_by="user 1",
        clock=SYSTEM_CLOCK,
    )


def test_what_is_not_on_the_page_weak_or_missing_is_told_until_it_is_decided_on(tenant: UUID) -> None:
    document_id = _store(
        tenant,
        *SOUND[:3],
        value("/due_date", "2025-04-13", kind=Kind.DATE, status=ValueStatus.UNGROUNDED, confidence=0.2, places=()),
        _money("/gross_total", "781.20", status=REVIEW, sure=0.52),
        _money("/line_items/0/line_total", "480.00"),
        _money("/line_items/1/line_total", "171.00", status=REVIEW, sure=0.3),
        _money("/line_items/2/line_total", "130.20", status=REVIEW, sure=0.3),
    )
    weak = (Doubt.LOW_CONFIDENCE, "Read with a confidence of 30%, accepted from 70% on")
    assert _of_values(tenant, document_id) == {
        "/due_date": [(Doubt.UNGROUNDED, "Not found on any page of the document")],
        "/gross_total": [(Doubt.LOW_CONFIDENCE, "Read with a confidence of 52%, accepted from 70% on")],
        "/line_items/1/line_total": [weak],
        "/line_items/2/line_total": [weak],
        "/currency": [(Doubt.REQUIRED_MISSING, "Required, but nothing was read for it")],
    }
    assert _of_document(tenant, document_id) == [
        (Doubt.UNGROUNDED, "Not found on any page: Due date"),
        (Doubt.LOW_CONFIDENCE, "Low confidence: Gross total, Line items (2)"),
        (Doubt.REQUIRED_MISSING, "Required, but missing: Currency"),
    ]
    for path, verdict in (
        ("/due_date", Verdict.REJECT),
        ("/currency", Verdict.REJECT),
        ("/line_items/0/line_total", Verdict.ACCEPT),
        ("/line_items/1/line_total", Verdict.ACCEPT),
        ("/gross_total", Verdict.ACCEPT),
    ):
        assert _decide(tenant, document_id, path, verdict) is DocumentStatus.NEEDS_REVIEW
    assert set(_of_values(tenant, document_id)) == {"/line_items/2/line_total"}
    assert _of_document(tenant, document_id) == [(Doubt.LOW_CONFIDENCE, "Low confidence: Line items (1)")]
    assert _decide(tenant, document_id, "/line_items/2/line_total", Verdict.ACCEPT) is DocumentStatus.DONE
    assert _of_values(tenant, document_id) == {}
    assert _of_document(tenant, document_id) == []


def test_an_array_whose_rows_are_all_accepted_is_not_missing(tenant: UUID) -> None:
    """A list of documents doesn't read accepted cells, and knows of them all the same."""
    document_id = document(tenant, status=DocumentStatus.NEEDS_REVIEW)
    parties = [value(f"/parties/{row}", name, kind=Kind.ORGANISATION) for row, name in enumerate(("Acme", "Northwind"))]
    term = value("/term", "P10D", kind=Kind.DURATION, status=REVIEW, confidence=0.3)
    result(tenant, document_id, *parties, term, schema_slug="nda")
    assert _of_document(tenant, document_id) == [(Doubt.LOW_CONFIDENCE, "Low confidence: Term")]


def test_a_sum_that_does_not_add_up_is_told_in_the_fields_titles_and_goes_with_a_correction(tenant: UUID) -> None:
    document_id = _store(
        tenant,
        *SOUND,
        _money("/net_total", "651.00"),
        _money("/tax_total", "103.20", status=REVIEW),
        _money("/gross_total", "781.20", status=REVIEW),
    )
    broken = (Doubt.RULE_BROKEN, "Net total + Tax total = Gross total doesn't hold")
    assert _of_values(tenant, document_id) == {"/tax_total": [broken], "/gross_total": [broken]}
    assert _of_document(tenant, document_id) == [broken]
    _decide(tenant, document_id, "/tax_total", Verdict.CORRECT, "130.20")
    assert _of_values(tenant, document_id) == {"/gross_total": [(Doubt.UNSURE, "Quire isn't sure of it")]}
    assert _of_document(tenant, document_id) == [(Doubt.UNSURE, "To check: Gross total")]


def test_a_rule_of_rows_names_the_row_on_the_page_and_the_rule_in_the_list(tenant: UUID) -> None:
    rows = [
        _money(f"/line_items/{row}/{name}", text, status=REVIEW if row else ValueStatus.ACCEPTED)
        for row, cells in enumerate((("4", "120.00", "480.00"), ("2", "85.50", "117.00")))
        for name, text in zip(("quantity", "unit_price", "line_total"), cells, strict=True)
    ]
    rule = "line_items.quantity * line_items.unit_price = line_items.line_total"
    document_id = _store(tenant, *SOUND, GROSS, *rows, notes=(unequal(rule),))
    broken = (Doubt.RULE_BROKEN, "Quantity × Unit price = Line total doesn't hold")
    assert _of_values(tenant, document_id) == {
        f"/line_items/1/{name}": [broken] for name in ("quantity", "unit_price", "line_total")
    }
    assert _of_document(tenant, document_id) == [broken]


def test_a_rule_of_a_row_is_told_of_the_document_where_one_cell_of_it_is_weak_and_the_others_are_accepted(
    tenant: UUID,
) -> None:
    """No note tells it: the engine that weighed the cell is no model. The sum over the rows holds all along."""
    cells = [
        _money(f"/line_items/{row}/{name}", text)
        for row, texts in enumerate((("4", "120.00", "480.00"), ("10", "712", "171.00")))
        for name, text in zip(("quantity", "unit_price", "line_total"), texts, strict=True)
    ]
    cells[4] = replace(cells[4], status=REVIEW, confidence=0.59)
    document_id = _store(tenant, *SOUND, GROSS, _money("/net_total", "651.00"), *cells)
    broken = (Doubt.RULE_BROKEN, "Quantity × Unit price = Line total doesn't hold")
    weak = (Doubt.LOW_CONFIDENCE, "Read with a confidence of 59%, accepted from 70% on")
    assert _of_values(tenant, document_id) == {"/line_items/1/unit_price": [broken, weak]}
    assert _of_document(tenant, document_id) == [broken]
    _decide(tenant, document_id, "/line_items/1/quantity", Verdict.CORRECT, "0.24")
    assert _of_document(tenant, document_id) == [(Doubt.LOW_CONFIDENCE, "Low confidence: Line items (1)")]


def test_another_candidate_and_another_engine_are_told_apart(tenant: UUID) -> None:
    due = value("/due_date", "2025-04-13", kind=Kind.DATE, status=REVIEW, confidence=0.9)
    gross = replace(_money("/gross_total", "781.20", status=REVIEW), engine="sglang:small")
    document_id = _store(
        tenant,
        *SOUND,
        due,
        gross,
        notes=(another(name="due_date", page=2),),
        alternatives=(
            replace(due, value="2025-05-13", evidence=(evidence("13.5.", page=2),)),
            replace(gross, value="718.20", engine="layout", evidence=(evidence("718.20", page=3),)),
        ),
    )
    assert _of_values(tenant, document_id) == {
        "/due_date": [(Doubt.SEVERAL_CANDIDATES, "Page 2 shows another candidate")],
        "/gross_total": [(Doubt.ENGINES_DISAGREE, "Engines disagree: layout read something else on page 3")],
    }
    assert _of_document(tenant, document_id) == [
        (Doubt.ENGINES_DISAGREE, "Engines disagree: Gross total"),
        (Doubt.SEVERAL_CANDIDATES, "Several candidates: Due date"),
    ]


def test_what_is_hidden_or_against_the_schema_is_told(tenant: UUID) -> None:
    document_id = _store(
        tenant,
        *SOUND[:3],
        value("/currency", "pounds sterling", kind=Kind.CURRENCY, status=REVIEW, confidence=0.9),
        _money("/gross_total", "781.20", status=REVIEW),
        notes=(hidden(["/gross_total"]),),
    )
    told = _of_values(tenant, document_id)
    assert told["/gross_total"] == [(Doubt.HIDDEN, "In the page's text, but not to be seen on the page")]
    assert told["/currency"][0] == (Doubt.AGAINST_SCHEMA, "It doesn't have the form that the schema asks for")


def test_what_a_locked_document_kept_from_being_looked_at_is_told_once_of_the_whole(tenant: UUID) -> None:
    faint = _money("/net_total", "651.00", status=REVIEW)
    document_id = _store(
        tenant,
        *SOUND,
        replace(faint, confidence=0.3),
        _money("/gross_total", "781.20", status=REVIEW),
        notes=(LOCKED,),
    )
    message = "Its page couldn't be looked at, since the document is locked: send it again with its password"
    told = _of_values(tenant, document_id)
    assert told["/gross_total"] == [(Doubt.NOT_LOOKED_AT, message)]
    assert [doubt for doubt, _ in told["/net_total"]] == [Doubt.LOW_CONFIDENCE]
    whole = "The pages couldn't be looked at, since the document is locked: send it again with its password"
    assert (Doubt.NOT_LOOKED_AT, whole) in _of_document(tenant, document_id)
    (result,) = results_of(tenant_id=tenant, document_id=document_id)
    assert other_notes(result=result) == ()


def test_rows_pages_and_models_that_fell_short_are_told_of_the_whole(tenant: UUID) -> None:
    run_id = new_id()
    document_id = _store(
        tenant,
        *SOUND,
        GROSS,
        run_id=run_id,
        notes=(
            unaccounted(name="line_items", count=3),
            replace(unread(page=7), by="sglang:small"),
            replace(unusable("the reply isn't what was asked for, 3 times"), by="sglang:small"),
            replace(list_cut(name="line_items"), by="sglang:small"),
            read_twice(name="line_items", page=3),
            Note(text="terms of the glossary that a question had no room for: 4", by="sglang:small"),
            Note(text="the model server answered 500"),
        ),
    )
    now = SYSTEM_CLOCK.now()
    with tenant_scope(tenant):
        run = Run.objects.create(
            tenant_id=tenant, id=run_id, document_id=document_id, source="0", lane="bulk", created_at=now
        )
        StageRun.objects.create(
            tenant_id=tenant,
            run_id=run.id,
            document_id=document_id,
            stage="ask",
            input_digest="0",
            lane="bulk",
            status="done",
            due_at=now,
            reason_code="model_broken",
            reason="the model server answered 500",
        )
    assert _of_values(tenant, document_id) == {}
    assert _of_document(tenant, document_id) == [
        (Doubt.ROWS_UNACCOUNTED, "Line items: 3 rows of its table are unaccounted for"),
        (Doubt.PAGE_UNREAD, "Page 7 alone is longer than the model's context and was not read"),
        (
            Doubt.MODEL_UNUSABLE,
            "The model gave no usable answer: the reply isn't what was asked for, 3 times",
        ),
        (Doubt.LIST_CUT, "Line items: as many items as a reply can hold, there may be more"),
        (Doubt.ROWS_READ_TWICE, "Line items: a row on page 3 was read in two ways"),
        (Doubt.STAGE_FAILED, "The model could not be asked: the model server answered 500"),
    ]
    (result,) = results_of(tenant_id=tenant, document_id=document_id)
    assert tuple(map(str, other_notes(result=result))) == (
        "sglang:small: terms of the glossary that a question had no room for: 4",
        "the model server answered 500",
    )


def test_each_of_many_hidden_values_keeps_its_reason(tenant: UUID) -> None:
    rows = [_money(f"/line_items/{row}/line_total", "1.00") for row in range(30)]
    document_id = _store(tenant, *SOUND, GROSS, *rows)
    (result,) = results_of(tenant_id=tenant, document_id=document_id)
    paths = [one.path for one in rows]
    ids = [one.id for one in result.values if one.path in paths]
    for _ in range(2):
        doubt(tenant_id=tenant, result_id=result.id, value_ids=ids, note=hidden(paths))
    (result,) = results_of(tenant_id=tenant, document_id=document_id)
    assert result.notes == (hidden(paths),)
    told = (Doubt.HIDDEN, "In the page's text, but not to be seen on the page")
    assert _of_values(tenant, document_id) == {path: [told] for path in paths}


def test_a_note_that_was_stored_as_text_is_still_told(tenant: UUID) -> None:
    document_id = _store(tenant, *SOUND, _money("/gross_total", "781.20", status=REVIEW))
    with tenant_scope(tenant):
        Result.objects.filter(tenant_id=tenant, document_id=document_id).update(
            notes=[
                "in the page's text, but not to be seen on the page: /gross_total",
                "line_items: 3 rows of its table are unaccounted for",
            ]
        )
    assert _of_values(tenant, document_id) == {
        "/gross_total": [(Doubt.HIDDEN, "In the page's text, but not to be seen on the page")]
    }
    assert _of_document(tenant, document_id) == [
        (Doubt.HIDDEN, "Not to be seen on the page: Gross total"),
        (Doubt.ROWS_UNACCOUNTED, "Line items: 3 rows of its table are unaccounted for"),
    ]


def test_a_document_in_review_says_at_least_that_it_is_for_a_person(tenant: UUID) -> None:
    document_id = _store(tenant, *SOUND, GROSS)
    assert _of_document(tenant, document_id) == [
        (Doubt.UNSURE, "Quire isn't sure of this document: look it over"),
    ]


def test_only_documents_in_review_have_reasons_and_only_for_their_tenant(tenant: UUID, other_tenant: UUID) -> None:
    weak = _money("/gross_total", "781.20", status=REVIEW, sure=0.1)
    document_id = _store(tenant, *SOUND, weak)
    done = document(tenant, status=DocumentStatus.DONE)
    found = [_summary(tenant, document_id), _summary(tenant, done)]
    with CaptureQueriesContext(connection) as asked:
        told = reasons_for_review(tenant_id=tenant, found=found)
    assert {id_: [one.doubt for one in reasons] for id_, reasons in told.items()} == {
        document_id: [Doubt.LOW_CONFIDENCE]
    }
    # What the caller has at hand isn't read again.
    assert [query["sql"] for query in asked if "documents_document" in query["sql"]] == []
    # Another tenant that had the summary would still see nothing of the values.
    (strange,) = reasons_for_review(tenant_id=other_tenant, found=found)[document_id]
    assert strange.message == "Quire isn't sure of this document: look it over"
