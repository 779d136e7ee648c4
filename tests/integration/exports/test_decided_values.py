"""An export shows what people decided, as the results do."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from apps.common.clock import SYSTEM_CLOCK
from apps.documents.models import DocumentStatus
from apps.extraction.values import ValueStatus
from apps.results.decisions import NewDecision, Verdict
from apps.results.operations import decide
from apps.results.queries import results_of
from apps.schemas.fields import Kind
from tests.factories.rows import document, result, value
from tests.integration.exports.reading import csv_rows, parquet_table


def _decided(tenant: UUID) -> UUID:
    document_id = document(tenant, status=DocumentStatus.NEEDS_REVIEW)
    doubtful = ValueStatus.NEEDS_REVIEW
    result(
        tenant,
        document_id,
        value("/invoice_number", "A-1", kind=Kind.IDENTIFIER, status=doubtful),
        value("/issue_date", "2025-03-14", kind=Kind.DATE, status=doubtful),
        value("/net_total", "100.00", kind=Kind.MONEY, status=doubtful),
        value("/gross_total", "119.00", kind=Kind.MONEY, status=doubtful),
        value("/seller_name", "Nobody", kind=Kind.ORGANISATION, status=ValueStatus.UNGROUNDED),
        value("/line_items/0/line_total", "60.00", kind=Kind.MONEY, status=doubtful),
    )
    for decision in (
        NewDecision(path="/invoice_number", verdict=Verdict.ACCEPT),
        NewDecision(path="/issue_date", verdict=Verdict.REJECT),
        NewDecision(path="/net_total", verdict=Verdict.REJECT),
        NewDecision(path="/net_total", verdict=Verdict.CORRECT, value="101.00"),
        NewDecision(path="/seller_name", verdict=Verdict.ACCEPT),
        NewDecision(path="/due_date", verdict=Verdict.CORRECT, value="2025-04-13"),
        NewDecision(path="/tax_total", verdict=Verdict.REJECT),
        NewDecision(path="/line_items/0/line_total", verdict=Verdict.CORRECT, value="61.00"),
    ):
        decide(tenant_id=tenant, document_id=document_id, decisions=[decision], decided_by="user", clock=SYSTEM_CLOCK)
    return document_id


def test_the_feed_of_values_is_what_the_results_show(tenant: UUID, other_tenant: UUID) -> None:
    document_id = _decided(tenant)
    rows = csv_rows(tenant, "values")
    assert [(row["path"], row["value"], row["engine"], row["status"]) for row in rows] == [
        ("/invoice_number", "A-1", "layout", "accepted"),
        ("/issue_date", "2025-03-14", "layout", "rejected"),
        ("/net_total", "101.00", "review", "accepted"),
        ("/gross_total", "119.00", "layout", "needs_review"),
        ("/seller_name", "Nobody", "layout", "accepted"),
        ("/line_items/0/line_total", "61.00", "review", "accepted"),
        ("/due_date", "2025-04-13", "review", "accepted"),
    ]
    (shown,) = results_of(tenant_id=tenant, document_id=document_id)
    assert [(row["path"], row["value"], row["engine"], row["status"], float(row["confidence"])) for row in rows] == [
        (each.path, each.value, each.engine, each.status.value, each.confidence) for each in shown.values
    ]
    assert [row["quote"] for row in rows] == ["A-1", "2025-03-14", "100.00", "119.00", "Nobody", "60.00", ""]
    assert csv_rows(other_tenant, "values") == []


def test_a_schemas_table_has_the_right_values_and_none_that_was_rejected(tenant: UUID) -> None:
    _decided(tenant)
    (row,) = parquet_table(tenant, "invoice").to_pylist()
    assert (row["invoice_number"], row["issue_date"], str(row["due_date"])) == ("A-1", None, "2025-04-13")
    assert (row["net_total"], row["gross_total"], row["tax_total"]) == (Decimal(101), Decimal(119), None)
    assert (row["seller_name"], row["needs_review"]) == ("Nobody", True)
    (item,) = parquet_table(tenant, "invoice.line_items").to_pylist()
    assert (item["line_total"], item["needs_review"]) == (Decimal(61), False)
