"""A document in review whose values are known to the letter: its page is real, what was read of it is written here."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from apps.common.clock import SYSTEM_CLOCK
from apps.common.ids import new_id
from apps.documents.models import Document, DocumentStatus
from apps.extraction.notes import unaccounted
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.parsing.pages import Box
from apps.results.operations import store_result
from apps.schemas.fields import Kind
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.rows import evidence, value
from tests.factories.uploads import upload

# Where the factory's invoice has its total, in shares of an A4 page of 595 x 842 points.
TOTAL = Box(480 / 595, 351 / 842, 540 / 595, 364 / 842)
DUE = Box(460 / 595, 121 / 842, 520 / 595, 134 / 842)
LONG_NAME = "Calibration service for pressure gauges of the third accuracy class, with certificate"


def _money(path: str, text: str) -> ExtractedValue:
    return value(path, text, kind=Kind.MONEY, confidence=0.95)


def in_review(tenant: UUID, *, mark: str, name: str = "review.pdf") -> UUID:
    """Return a document to check: a weak total with another reading, a date on no page, no seller, two sound rows."""
    document_id = upload(tenant, pdf(mark=mark), schema="invoice", name=name)
    gross = replace(
        value("/gross_total", "781.20", kind=Kind.MONEY, status=ValueStatus.NEEDS_REVIEW, confidence=0.52),
        evidence=(evidence("781.20", box=TOTAL),),
    )
    other = replace(gross, value="718.20", evidence=(evidence("718.20", page=1, box=DUE),))
    rows = (("Pressure gauge", "4", "120.00", "1234480.00"), (LONG_NAME, "2", "1285.50", "1234171.00"))
    columns = ("description", "quantity", "unit_price", "line_total")
    cells = [
        _money(f"/line_items/{row}/{column}", text)
        if column != "description"
        else value(f"/line_items/{row}/{column}", text, confidence=0.9)
        for row, texts in enumerate(rows)
        for column, text in zip(columns, texts, strict=True)
    ]
    store_result(
        tenant_id=tenant,
        document_id=document_id,
        run_id=new_id(),
        schema_slug="invoice",
        schema_version=1,
        values=(
            value("/invoice_number", "NW-2025-0417", kind=Kind.IDENTIFIER, confidence=0.9),
            value("/issue_date", "2025-03-14", kind=Kind.DATE, confidence=0.9),
            value("/due_date", "2025-04-13", kind=Kind.DATE, status=ValueStatus.UNGROUNDED, confidence=0.2, places=()),
            value("/currency", "GBP", kind=Kind.CURRENCY, confidence=0.9),
            gross,
            *cells,
        ),
        notes=(unaccounted(name="line_items", count=1),),
        alternatives=(other,),
        clock=SYSTEM_CLOCK,
    )
    with tenant_scope(tenant):
        Document.objects.filter(id=document_id).update(status=DocumentStatus.NEEDS_REVIEW)
    return document_id
