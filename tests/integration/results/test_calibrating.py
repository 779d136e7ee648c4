"""Confidence as the share right, from what a tenant's people have checked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from apps.common.clock import SYSTEM_CLOCK
from apps.documents.models import DocumentStatus
from apps.extraction.calibration import ENOUGH
from apps.extraction.values import ExtractedValue
from apps.results.calibrating import _WHICH, MOST_CHECKED, curves
from apps.results.decisions import NewDecision, Verdict
from apps.results.operations import decide, delete_results
from apps.results.queries import checked, decisions_of, results_of
from apps.schemas.fields import Kind
from apps.tenants.scope import tenant_scope
from tests.factories.rows import document, result, value


def _rows(count: int, *, score: float, engine: str = "layout", first: int = 0) -> list[ExtractedValue]:
    return [
        replace(
            value(f"/line_items/{first + row}/quantity", "1", kind=Kind.NUMBER, confidence=score, places=()),
            engine=engine,
        )
        for row in range(count)
    ]


def _judge(tenant: UUID, values: list[ExtractedValue], *, wrong: int) -> UUID:
    """Store values, and have a person reject the first `wrong` of them and accept the others."""
    document_id = document(tenant, status=DocumentStatus.NEEDS_REVIEW)
    result(tenant, document_id, *values)
    decide(
        tenant_id=tenant,
        document_id=document_id,
        decisions=[
            NewDecision(path=item.path, verdict=Verdict.REJECT if number < wrong else Verdict.ACCEPT)
            for number, item in enumerate(values)
        ],
        decided_by="user",
        clock=SYSTEM_CLOCK,
    )
    return document_id


def test_a_curve_is_fitted_when_enough_is_checked_and_for_that_engine_alone(tenant: UUID, other_tenant: UUID) -> None:
    assert curves(tenant_id=tenant, schema_slug="invoice") == {}
    half = ENOUGH // 2
    _judge(tenant, _rows(half, score=0.6), wrong=half // 2)
    _judge(tenant, [*_rows(half - 1, score=0.9), *_rows(9, score=0.9, engine="sglang:small", first=half)], wrong=0)
    assert curves(tenant_id=tenant, schema_slug="invoice") == {}
    _judge(tenant, _rows(1, score=0.9), wrong=0)
    fitted = curves(tenant_id=tenant, schema_slug="invoice")
    assert set(fitted) == {"layout"}
    # Each pool with one right and one wrong more than were seen.
    assert fitted["layout"].points == ((0.6, 51 / 102), (0.9, round(101 / 102, 4)))
    assert curves(tenant_id=tenant, schema_slug="nda") == {}
    assert curves(tenant_id=other_tenant, schema_slug="invoice") == {}


def test_a_new_decision_is_in_the_next_curve(tenant: UUID) -> None:
    document_id = _judge(tenant, _rows(ENOUGH, score=0.6), wrong=0)
    before = curves(tenant_id=tenant, schema_slug="invoice")["layout"].share(0.6)
    assert curves(tenant_id=tenant, schema_slug="invoice")["layout"].share(0.6) == before == round(201 / 202, 4)
    decide(
        tenant_id=tenant,
        document_id=document_id,
        decisions=[NewDecision(path="/line_items/0/quantity", verdict=Verdict.CORRECT, value="2")],
        decided_by="user",
        clock=SYSTEM_CLOCK,
    )
    assert curves(tenant_id=tenant, schema_slug="invoice")["layout"].share(0.6) == round(200 / 202, 4)


class _Clock:
    """A clock that is wrong by as much."""

    def __init__(self, *, wrong_by: timedelta) -> None:
        self.wrong_by = wrong_by

    def now(self) -> datetime:
        return SYSTEM_CLOCK.now() + self.wrong_by


def test_a_decision_by_a_clock_that_is_late_is_in_the_next_curve(tenant: UUID) -> None:
    document_id = _judge(tenant, _rows(ENOUGH, score=0.6), wrong=0)
    assert curves(tenant_id=tenant, schema_slug="invoice")["layout"].share(0.6) == round(201 / 202, 4)
    other = document(tenant, status=DocumentStatus.NEEDS_REVIEW)
    result(tenant, other, *_rows(1, score=0.6))
    reject = NewDecision(path="/line_items/0/quantity", verdict=Verdict.REJECT)
    late = _Clock(wrong_by=timedelta(hours=-1))
    decide(tenant_id=tenant, document_id=other, decisions=[reject], decided_by="user", clock=late)
    assert curves(tenant_id=tenant, schema_slug="invoice")["layout"].share(0.6) == round(201 / 203, 4)
    # One goes and one comes: as many as before, and the newest is the same.
    delete_results(tenant_id=tenant, document_id=other)
    third = document(tenant, status=DocumentStatus.NEEDS_REVIEW)
    result(tenant, third, *_rows(1, score=0.6))
    accept = NewDecision(path="/line_items/0/quantity", verdict=Verdict.ACCEPT)
    decide(tenant_id=tenant, document_id=third, decisions=[accept], decided_by="user", clock=late)
    assert curves(tenant_id=tenant, schema_slug="invoice")["layout"].share(0.6) == round(202 / 203, 4)
    assert len(decisions_of(tenant_id=tenant, document_id=document_id)) == ENOUGH


def test_the_engines_own_score_is_kept_for_later_curves(tenant: UUID) -> None:
    document_id = document(tenant, status=DocumentStatus.NEEDS_REVIEW)
    calibrated = replace(value("/gross_total", "1.00", kind=Kind.MONEY, confidence=0.25), score=0.875)
    result(tenant, document_id, calibrated)
    (stored,) = results_of(tenant_id=tenant, document_id=document_id)
    assert (stored.values[0].confidence, stored.values[0].score) == (0.25, 0.875)
    assert stored.values[0].as_extracted() == calibrated
    decide(
        tenant_id=tenant,
        document_id=document_id,
        decisions=[NewDecision(path="/gross_total", verdict=Verdict.ACCEPT)],
        decided_by="user",
        clock=SYSTEM_CLOCK,
    )
    (decision,) = decisions_of(tenant_id=tenant, document_id=document_id)
    assert decision.score == 0.875
    assert [each.score for each in checked(tenant_id=tenant, schema_slug="invoice")] == [0.875]


def test_which_decisions_count_is_read_from_an_index_alone(tenant: UUID) -> None:
    _judge(tenant, _rows(3, score=0.9), wrong=0)
    with tenant_scope(tenant), connection.cursor() as cursor:
        # Three rows are quicker read in any other way.
        for other in ("seqscan", "bitmapscan", "sort"):
            cursor.execute(f"SET LOCAL enable_{other} = off")
        cursor.execute(f"EXPLAIN (COSTS OFF) {_WHICH}", [tenant, "invoice", MOST_CHECKED])
        plan = [line.strip() for (line,) in cursor.fetchall()]
    assert "->  Index Only Scan using results_decision_newest on results_decision" in plan
    assert [line for line in plan if line.startswith("Sort Key:")] == ["Sort Key: d.id"]
