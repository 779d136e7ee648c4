"""Decisions: on top of values, never over them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from django.db import ProgrammingError, connection

from apps.common.clock import SYSTEM_CLOCK
from apps.documents.models import Document, DocumentStatus
from apps.extraction.values import ValueStatus
from apps.results.decisions import (
    BadDecisionError,
    CheckedValue,
    Correction,
    NewDecision,
    Seen,
    StaleDecisionError,
    UnderWayError,
    Verdict,
)
from apps.results.models import Decision, Result, StoredValue
from apps.results.operations import decide, delete_results, undecided_runs
from apps.results.queries import checked, corrections, decisions_of, result_of_run, results_of
from apps.schemas.fields import Kind
from apps.tenants.scope import tenant_scope
from tests.factories.rows import document, evidence, result, value

NUMBER = value("/invoice_number", "A-1", kind=Kind.IDENTIFIER, confidence=0.875)
GROSS = value(
    "/gross_total",
    "781.20",
    kind=Kind.MONEY,
    status=ValueStatus.NEEDS_REVIEW,
    confidence=0.5,
    places=(evidence("Total 781,20"),),
)
DATE = value("/issue_date", "2025-03-14", kind=Kind.DATE, status=ValueStatus.UNGROUNDED, confidence=0.0, places=())
# What an invoice must have besides.
REQUIRED = (
    value("/seller_name", "Northwind", kind=Kind.ORGANISATION),
    value("/currency", "GBP", kind=Kind.CURRENCY),
)


def _in_review(tenant: UUID) -> UUID:
    return document(tenant, status=DocumentStatus.NEEDS_REVIEW)


def _decide(tenant: UUID, document_id: UUID, *decisions: NewDecision, by: str = "user 1") -> DocumentStatus:
    return decide(tenant_id=tenant, document_id=document_id, decisions=decisions, decided_by=by, clock=SYSTEM_CLOCK)


def _accept(path: str) -> NewDecision:
    return NewDecision(path=path, verdict=Verdict.ACCEPT)


def _correct(path: str, right: str) -> NewDecision:
    return NewDecision(path=path, verdict=Verdict.CORRECT, value=right)


def _reject(path: str) -> NewDecision:
    return NewDecision(path=path, verdict=Verdict.REJECT)


def _shown(tenant: UUID, document_id: UUID) -> dict[str, tuple[str, str, float, ValueStatus]]:
    (stored,) = results_of(tenant_id=tenant, document_id=document_id)
    return {each.path: (each.value, each.engine, each.confidence, each.status) for each in stored.values}


def test_a_correction_is_shown_and_the_engines_value_stays(tenant: UUID) -> None:
    document_id = _in_review(tenant)
    result(tenant, document_id, NUMBER, GROSS, DATE, *REQUIRED)
    _decide(tenant, document_id, _accept("/invoice_number"), _correct("/gross_total", "718.20"), _reject("/issue_date"))
    (stored,) = results_of(tenant_id=tenant, document_id=document_id)
    shown = _shown(tenant, document_id)
    assert shown["/invoice_number"] == ("A-1", "layout", 0.875, ValueStatus.ACCEPTED)
    assert shown["/gross_total"] == ("718.20", "review", 1.0, ValueStatus.ACCEPTED)
    assert shown["/issue_date"] == ("2025-03-14", "layout", 0.0, ValueStatus.REJECTED)
    assert stored.values[1].evidence == GROSS.evidence
    raw = result_of_run(tenant_id=tenant, run_id=stored.run_id)
    assert raw is not None
    assert [each.as_extracted() for each in raw.values] == [NUMBER, GROSS, DATE, *REQUIRED]


def test_accepting_a_doubtful_value_accepts_it(tenant: UUID) -> None:
    document_id = _in_review(tenant)
    result(tenant, document_id, GROSS)
    _decide(tenant, document_id, _accept("/gross_total"))
    assert _shown(tenant, document_id) == {"/gross_total": ("781.20", "layout", 0.5, ValueStatus.ACCEPTED)}


def test_the_last_decision_holds_and_the_earlier_stay_written(tenant: UUID) -> None:
    document_id = _in_review(tenant)
    result(tenant, document_id, GROSS)
    for decision in (_reject("/gross_total"), _correct("/gross_total", "1.00"), _correct("/gross_total", "2.00")):
        _decide(tenant, document_id, decision, by="user 2")
    assert _shown(tenant, document_id)["/gross_total"][0] == "2.00"
    written = decisions_of(tenant_id=tenant, document_id=document_id)
    assert [(each.turn, each.verdict, each.value, each.said) for each in written] == [
        (1, Verdict.REJECT, "", "781.20"),
        (2, Verdict.CORRECT, "1.00", "781.20"),
        (3, Verdict.CORRECT, "2.00", "781.20"),
    ]
    assert {(each.decided_by, each.engine, each.score, each.schema_slug) for each in written} == {
        ("user 2", "layout", 0.5, "invoice")
    }


def test_the_database_lets_nobody_change_or_take_away_a_decision(tenant: UUID) -> None:
    document_id = _in_review(tenant)
    result(tenant, document_id, GROSS)
    _decide(tenant, document_id, _accept("/gross_total"))
    with pytest.raises(ProgrammingError, match="permission denied"), tenant_scope(tenant):
        Decision.objects.update(value="1.00")
    with pytest.raises(ProgrammingError, match="permission denied"), tenant_scope(tenant):
        connection.cursor().execute("DELETE FROM results_decision")


def test_a_decision_on_what_has_changed_since_it_was_seen_is_refused(tenant: UUID) -> None:
    document_id = _in_review(tenant)
    result_id = result(tenant, document_id, NUMBER, GROSS)
    first = replace(_correct("/gross_total", "1.00"), seen=Seen(result_id=result_id, turn=0))
    _decide(tenant, document_id, first)
    with pytest.raises(StaleDecisionError, match="this has changed since you saw it"):
        _decide(tenant, document_id, replace(_accept("/gross_total"), seen=Seen(result_id=result_id, turn=0)))
    with pytest.raises(StaleDecisionError):
        _decide(tenant, document_id, replace(_accept("/gross_total"), seen=Seen(result_id=uuid4(), turn=1)))
    assert _shown(tenant, document_id)["/gross_total"][0] == "1.00"
    _decide(tenant, document_id, replace(_accept("/gross_total"), seen=Seen(result_id=result_id, turn=1)))
    assert _shown(tenant, document_id)["/gross_total"][0] == "781.20"


def test_a_document_is_done_when_all_that_is_doubtful_is_decided_on(tenant: UUID) -> None:
    document_id = _in_review(tenant)
    result(tenant, document_id, NUMBER, GROSS, DATE, *REQUIRED)
    assert _decide(tenant, document_id, _accept("/invoice_number")) is DocumentStatus.NEEDS_REVIEW
    assert _decide(tenant, document_id, _accept("/gross_total")) is DocumentStatus.NEEDS_REVIEW
    assert _decide(tenant, document_id, _correct("/issue_date", "2025-03-15")) is DocumentStatus.DONE
    with tenant_scope(tenant):
        row = Document.objects.get(id=document_id)
    assert (row.status, row.completed_at is not None) == (DocumentStatus.DONE, True)


def test_a_required_field_without_a_value_is_doubtful_too(tenant: UUID) -> None:
    document_id = _in_review(tenant)
    result(tenant, document_id, NUMBER, DATE, *REQUIRED)  # no gross_total
    assert _decide(tenant, document_id, _accept("/issue_date")) is DocumentStatus.NEEDS_REVIEW
    assert _decide(tenant, document_id, _correct("/gross_total", "12.00")) is DocumentStatus.DONE
    (stored,) = results_of(tenant_id=tenant, document_id=document_id)
    added = stored.values[-1]
    assert (added.path, added.value, added.kind, added.engine) == ("/gross_total", "12.00", Kind.MONEY, "review")
    assert (added.status, added.confidence, added.evidence) == (ValueStatus.ACCEPTED, 1.0, ())
    assert [(each.engine, each.said, each.score) for each in decisions_of(tenant_id=tenant, document_id=document_id)][
        1
    ] == ("", "", None)


def test_a_document_is_accepted_as_a_whole_once_no_value_is_left(tenant: UUID) -> None:
    document_id = _in_review(tenant)
    result_id = result(tenant, document_id, NUMBER, GROSS, DATE, *REQUIRED)
    whole = _accept("")
    with pytest.raises(BadDecisionError, match="some values are still to be decided on"):
        _decide(tenant, document_id, whole)
    for wrong in (_reject(""), _correct("", "all")):
        with pytest.raises(BadDecisionError, match="the whole can be accepted, but not corrected"):
            _decide(tenant, document_id, wrong)
    with tenant_scope(tenant):
        runs = set(Result.objects.filter(id=result_id).values_list("run_id", flat=True))
    assert undecided_runs(tenant_id=tenant, document_id=document_id) == runs
    assert decisions_of(tenant_id=tenant, document_id=document_id) == ()
    before = _shown(tenant, document_id)
    assert _decide(tenant, document_id, _accept("/gross_total"), _accept("/issue_date"), whole) is DocumentStatus.DONE
    assert undecided_runs(tenant_id=tenant, document_id=document_id) == frozenset()
    # It is none on a value: nothing is added to them, in the database's own view of them neither.
    after = _shown(tenant, document_id)
    assert (after.keys(), {after[path][0] for path in after}) == (before.keys(), {before[path][0] for path in before})
    with tenant_scope(tenant), connection.cursor() as cursor:
        cursor.execute("SELECT path FROM results_currentvalue WHERE result_id = %s", [result_id])
        assert {path for (path,) in cursor} == before.keys()


def test_a_field_that_the_document_lacks_is_said_to_be_absent(tenant: UUID) -> None:
    document_id = _in_review(tenant)
    result(tenant, document_id, NUMBER, *REQUIRED, value("/issue_date", "2025-03-14", kind=Kind.DATE))
    assert _decide(tenant, document_id, _reject("/gross_total")) is DocumentStatus.DONE
    assert "/gross_total" not in _shown(tenant, document_id)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Kind.MONEY, "1234.50", "1,234.50"),
        (Kind.DATE, "2025-03-14", "14.03.2025"),
        (Kind.DATE, "2024-02-29", "2025-02-29"),
        (Kind.INTEGER, "12", "12.5"),
        (Kind.CURRENCY, "EUR", "€"),
        (Kind.BOOLEAN, "true", "yes"),
        (Kind.IBAN, "DE89370400440532013000", "DE89 3704 0044 0532 0130 00"),
        (Kind.IDENTIFIER, "A-1", " A-1"),
        (Kind.TEXT, "two words", "two  words"),
        (Kind.TEXT, "x", ""),
    ],
)
def test_a_correction_is_canonical_or_refused(tenant: UUID, kind: Kind, good: str, bad: str) -> None:
    document_id = _in_review(tenant)
    result(tenant, document_id, value("/a", "?", kind=kind))
    with pytest.raises(BadDecisionError, match=f"/a: write a value of the kind {kind.value} as"):
        _decide(tenant, document_id, _correct("/a", bad))
    _decide(tenant, document_id, _correct("/a", good))
    assert _shown(tenant, document_id)["/a"][0] == good


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (_accept("/nothing"), "no value at one of these paths"),
        (_accept("/line_items"), "no value at one of these paths"),
        (_accept("/due_date"), "nothing was read here that could be accepted"),
        (NewDecision(path="/gross_total", verdict=Verdict.CORRECT), "'correct' needs the right value"),
        (NewDecision(path="/gross_total", verdict=Verdict.ACCEPT, value="1.00"), "a value goes with 'correct' alone"),
        (NewDecision(path="/gross_total", verdict=Verdict.REJECT, value="1.00"), "a value goes with 'correct' alone"),
        (NewDecision(path="/gross_total", verdict=Verdict.ACCEPT, schema="nda"), "no value at one of these paths"),
    ],
)
def test_a_bad_decision_takes_the_good_ones_with_it(tenant: UUID, decision: NewDecision, words: str) -> None:
    document_id = _in_review(tenant)
    result(tenant, document_id, NUMBER, GROSS)
    with pytest.raises(BadDecisionError, match=words):
        _decide(tenant, document_id, _accept("/invoice_number"), decision)
    assert decisions_of(tenant_id=tenant, document_id=document_id) == ()


def test_two_decisions_on_one_value_in_one_call_are_refused(tenant: UUID) -> None:
    document_id = _in_review(tenant)
    result(tenant, document_id, GROSS)
    with pytest.raises(BadDecisionError, match="two decisions are on the same value"):
        _decide(tenant, document_id, _accept("/gross_total"), _reject("/gross_total"))


def test_a_path_of_two_schemas_wants_the_schema_named(tenant: UUID) -> None:
    document_id = _in_review(tenant)
    currency = value("/currency", "GBP", kind=Kind.CURRENCY, status=ValueStatus.NEEDS_REVIEW)
    result(tenant, document_id, currency)
    result(tenant, document_id, currency, schema_slug="receipt")
    with pytest.raises(BadDecisionError, match="say which is meant, in 'schema'"):
        _decide(tenant, document_id, _accept("/currency"))
    _decide(tenant, document_id, NewDecision(path="/currency", verdict=Verdict.ACCEPT, schema="receipt"))
    shown = results_of(tenant_id=tenant, document_id=document_id)
    assert {each.schema_slug: each.values[0].status for each in shown} == {
        "invoice": ValueStatus.NEEDS_REVIEW,
        "receipt": ValueStatus.ACCEPTED,
    }


@pytest.mark.parametrize("status", [DocumentStatus.PARSED, DocumentStatus.EXTRACTED, DocumentStatus.DELETED])
def test_what_is_under_way_is_not_decided_on(tenant: UUID, status: DocumentStatus) -> None:
    document_id = document(tenant, status=status)
    result(tenant, document_id, GROSS)
    with pytest.raises(UnderWayError):
        _decide(tenant, document_id, _accept("/gross_total"))


def test_checked_values_are_judged_by_the_last_decision(tenant: UUID) -> None:
    document_id = _in_review(tenant)
    result(tenant, document_id, NUMBER, GROSS, DATE)
    _decide(tenant, document_id, _accept("/invoice_number"), _accept("/gross_total"), _reject("/issue_date"))
    _decide(tenant, document_id, _correct("/gross_total", "781.2"), _correct("/due_date", "2025-04-01"))
    assert sorted(checked(tenant_id=tenant, schema_slug="invoice"), key=lambda each: each.score) == [
        CheckedValue(engine="layout", score=0.0, right=False),
        CheckedValue(engine="layout", score=0.5, right=True),
        CheckedValue(engine="layout", score=0.875, right=True),
    ]
    _decide(tenant, document_id, _correct("/gross_total", "781.21"))
    assert CheckedValue(engine="layout", score=0.5, right=False) in checked(tenant_id=tenant, schema_slug="invoice")
    assert checked(tenant_id=tenant, schema_slug="nda") == ()


def test_corrections_are_those_that_hold_the_newest_first(tenant: UUID) -> None:
    class At:
        def __init__(self, day: int) -> None:
            self.day = day

        def now(self) -> datetime:
            return datetime(2025, 1, self.day, tzinfo=UTC)

    first, second = _in_review(tenant), _in_review(tenant)
    for document_id in (first, second):
        result(tenant, document_id, NUMBER, GROSS)
    for day, document_id, decision in (
        (1, first, _correct("/gross_total", "1.00")),
        (2, first, _correct("/gross_total", "2.00")),
        (3, second, _correct("/gross_total", "3.00")),
        (4, second, _correct("/invoice_number", "B-1")),
        (5, second, _accept("/invoice_number")),
    ):
        decide(tenant_id=tenant, document_id=document_id, decisions=[decision], decided_by="key", clock=At(day))
    expected = (
        Correction(document_id=second, path="/gross_total", said="781.20", value="3.00", quote="Total 781,20"),
        Correction(document_id=first, path="/gross_total", said="781.20", value="2.00", quote="Total 781,20"),
    )
    assert corrections(tenant_id=tenant, schema_slug="invoice", limit=9) == expected
    assert corrections(tenant_id=tenant, schema_slug="invoice", limit=1) == expected[:1]


def test_deleting_a_documents_results_takes_its_decisions_along(tenant: UUID) -> None:
    document_id = _in_review(tenant)
    result(tenant, document_id, GROSS)
    _decide(tenant, document_id, _accept("/gross_total"))
    delete_results(tenant_id=tenant, document_id=document_id)
    assert decisions_of(tenant_id=tenant, document_id=document_id) == ()
    assert checked(tenant_id=tenant, schema_slug="invoice") == ()


def test_another_tenant_decides_on_nothing_and_sees_nothing(tenant: UUID, other_tenant: UUID) -> None:
    document_id = _in_review(tenant)
    result(tenant, document_id, GROSS)
    _decide(tenant, document_id, _correct("/gross_total", "1.00"))
    with pytest.raises(UnderWayError):
        _decide(other_tenant, document_id, _accept("/gross_total"))
    assert decisions_of(tenant_id=other_tenant, document_id=document_id) == ()
    assert checked(tenant_id=other_tenant, schema_slug="invoice") == ()
    assert corrections(tenant_id=other_tenant, schema_slug="invoice", limit=9) == ()
    with tenant_scope(tenant):
        assert StoredValue.objects.get(document_id=document_id).value == "781.20"
