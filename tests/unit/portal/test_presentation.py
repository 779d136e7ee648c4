"""What a page shows of a value."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from apps.extraction.values import ValueStatus
from apps.portal.presentation import show
from apps.results.queries import DocumentResult, DocumentValue
from apps.schemas.definitions import shipped_schemas
from apps.schemas.fields import Kind


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("net_total + tax_total", "Net total + Tax total"),
        ("sum(line_items.line_total)", "sum of Line total"),
        (None, ""),
    ],
)
def test_a_formula_is_shown_in_the_fields_titles(formula: str | None, shown: str) -> None:
    value = DocumentValue(
        id=UUID(int=4),
        path="/gross_total",
        value="119.00",
        kind=Kind.MONEY,
        engine="layout",
        confidence=0.8,
        status=ValueStatus.ACCEPTED,
        evidence=(),
        formula=formula,
    )
    result = DocumentResult(
        id=UUID(int=1),
        document_id=UUID(int=2),
        run_id=UUID(int=3),
        schema_slug="invoice",
        schema_version=1,
        notes=(),
        created_at=datetime(2025, 3, 14, tzinfo=UTC),
        values=(value,),
    )
    fields = show(result=result, schema=shipped_schemas()["invoice"]).fields
    assert [field.shown.formula for field in fields if field.shown.value] == [shown]
