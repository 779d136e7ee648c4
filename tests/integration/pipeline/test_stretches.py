"""A document of several stretches goes through the pipeline, and comes out as one."""

from __future__ import annotations

import json
from uuid import UUID

import pymupdf
import pytest
from django.test import override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.documents import queries as documents
from apps.documents.models import DocumentStatus
from apps.extraction.notes import left_out
from apps.extraction.stretches import PAGES
from apps.extraction.values import ValueStatus
from apps.pipeline import operations
from apps.pipeline.bodies.merge import merge
from apps.pipeline.intake import cancel_document
from apps.pipeline.models import StageRun
from apps.pipeline.review import reasons_for_review
from apps.pipeline.worker import work
from apps.results import queries as results
from apps.results.doubts import Doubt
from apps.results.models import StoredStretch
from apps.schemas import operations as schemas
from apps.schemas.definitions import shipped_documents
from apps.tenants.scope import tenant_scope
from tests.factories.documents import INVOICE_LINES, pdf
from tests.factories.stages import do
from tests.factories.uploads import upload
from tests.faults.sglang_server import loopback_server
from tests.integration.pipeline.asking import CLAIM, SCHEMA, make_schema
from tests.integration.pipeline.asking import LINES as LETTER

FILLER = ((60, 60, "Terms of delivery, of packing and of insurance, continued.", 10),)
# The third stretch has two pages; the first of them is read with the second stretch too.
LAST = 2 * PAGES + 2
LATER = "tests.faults.dispatchers.LosingDispatcher"


def _long(*, last: str) -> bytes:
    """Return an invoice on page 1, pages of prose, and its total due on the last of so many that it takes three."""
    total = [line for line in INVOICE_LINES if line[2].startswith(("Total due", "GBP 781"))]
    head = [line for line in INVOICE_LINES if line not in total]
    with pymupdf.open(stream=pdf(lines=head, mark=last)) as document:
        for number in range(2, LAST + 1):
            with pymupdf.open(stream=pdf(lines=FILLER if number < LAST else total)) as page:
                document.insert_pdf(page)
        data: bytes = document.tobytes()
    return data


def _stretches(tenant: UUID) -> list[tuple[int, int]]:
    with tenant_scope(tenant):
        return list(StoredStretch.objects.order_by("first_page").values_list("first_page", "last_page"))


def _finish(tenant: UUID, document: UUID) -> None:
    """Do what is open, a piece at a time."""
    while True:
        with tenant_scope(tenant):
            piece = StageRun.objects.filter(document_id=document, status="pending").order_by("due_at", "id").first()
        if piece is None:
            return
        work(tenant_id=tenant, stage_run_id=piece.id)


def test_what_stands_in_three_stretches_is_one_result(tenant: UUID) -> None:
    document = upload(tenant, _long(last="united"), schema="invoice")
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    assert found.status in {DocumentStatus.DONE, DocumentStatus.NEEDS_REVIEW}
    (result,) = results.results_of(tenant_id=tenant, document_id=document)
    values = {value.path: value for value in result.values}
    number, seller, gross = values["/invoice_number"], values["/seller_name"], values["/gross_total"]
    assert (number.value, number.evidence[0].page, number.status) == ("NW-2025-0417", 1, ValueStatus.ACCEPTED)
    assert (gross.value, gross.evidence[0].page, gross.status) == ("781.20", LAST, ValueStatus.ACCEPTED)
    assert (seller.value, seller.evidence[0].page, seller.status) == (
        "Northwind Instruments Ltd",
        1,
        ValueStatus.ACCEPTED,
    )
    assert [values[f"/line_items/{row}/line_total"].value for row in (0, 1)] == ["480.00", "171.00"]
    assert _stretches(tenant) == []
    with tenant_scope(tenant):
        pieces = StageRun.objects.filter(document_id=document, stage__in=["extract", "merge"]).order_by(
            "stage", "shard"
        )
        assert [(piece.stage, piece.attempts) for piece in pieces] == [("extract", 1)] * 3 + [("merge", 1)]


def test_a_short_document_needs_no_merging(tenant: UUID) -> None:
    document = upload(tenant, pdf(mark="short"), schema="invoice")
    with tenant_scope(tenant):
        merge = StageRun.objects.get(document_id=document, stage="merge")
    assert (merge.status, merge.attempts) == ("done", 0)


@override_settings(QUIRE_DISPATCHER=LATER)
def test_stretches_read_under_two_versions_of_a_schema_are_not_mixed(tenant: UUID) -> None:
    document = upload(tenant, _long(last="versions"), schema="invoice")
    for stage, shard in [("parse", 0), ("parse", 1), ("extract", 0), ("extract", 1)]:
        do(tenant, document, stage, shard=shard)
    assert _stretches(tenant) == [(1, PAGES), (PAGES + 1, 2 * PAGES)]
    newer = dict(shipped_documents()["invoice"]) | {"description": "An invoice, said otherwise."}
    schemas.add_version(tenant_id=tenant, slug="invoice", document=newer, clock=SYSTEM_CLOCK)
    _finish(tenant, document)
    (result,) = results.results_of(tenant_id=tenant, document_id=document)
    assert left_out(first=2 * PAGES + 1, last=LAST) in result.notes
    assert result.schema_version == 1
    assert LAST not in {place.page for value in result.values for place in value.evidence}
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    assert found.status == DocumentStatus.NEEDS_REVIEW
    told = reasons_for_review(tenant_id=tenant, found=[found])[document]
    assert Doubt.PAGE_UNREAD in {reason.doubt for reason in told}


@override_settings(QUIRE_DISPATCHER=LATER)
def test_merging_looks_at_every_page_whether_it_was_cancelled(tenant: UUID) -> None:
    document = upload(tenant, _long(last="watched"), schema="invoice")
    for stage, shard in [("parse", 0), ("parse", 1), ("extract", 0), ("extract", 1), ("extract", 2)]:
        do(tenant, document, stage, shard=shard)
    with tenant_scope(tenant):
        piece = StageRun.objects.get(document_id=document, stage="merge")
    held = operations.claim(tenant_id=tenant, stage_run_id=piece.id, lease_seconds=60)
    assert held is not None
    looks = iter([False] * PAGES)
    with pytest.raises(operations.LeaseLostError):
        merge(claim=held, clock=SYSTEM_CLOCK, cancelled=lambda: next(looks, True))
    assert _stretches(tenant) == [(1, PAGES), (PAGES + 1, 2 * PAGES), (2 * PAGES + 1, LAST)]


@override_settings(QUIRE_DISPATCHER=LATER)
def test_a_cancelled_document_leaves_no_stretch(tenant: UUID) -> None:
    document = upload(tenant, _long(last="cancelled"), schema="invoice")
    for stage, shard in [("parse", 0), ("parse", 1), ("extract", 0)]:
        do(tenant, document, stage, shard=shard)
    assert _stretches(tenant) == [(1, PAGES)]
    assert cancel_document(tenant_id=tenant, document_id=document, clock=SYSTEM_CLOCK)
    assert _stretches(tenant) == []


@override_settings(QUIRE_DISPATCHER=LATER)
def test_what_was_left_out_stays_doubtful_whatever_the_model_answers(tenant: UUID) -> None:
    make_schema(tenant)
    with pymupdf.open(stream=pdf(lines=LETTER)) as letter:
        for _ in range(2, LAST + 1):
            with pymupdf.open(stream=pdf(lines=FILLER)) as page:
                letter.insert_pdf(page)
        document = upload(tenant, letter.tobytes(), schema="promise")
    for stage, shard in [("parse", 0), ("parse", 1), ("extract", 0), ("extract", 1)]:
        do(tenant, document, stage, shard=shard)
    newer = dict(SCHEMA) | {"description": "A letter that promises something, said otherwise."}
    schemas.add_version(tenant_id=tenant, slug="promise", document=newer, clock=SYSTEM_CLOCK)
    with loopback_server() as server, override_settings(QUIRE_INFERENCE_URL=server.url):
        server.reply = json.dumps({"warranty_code": CLAIM})
        _finish(tenant, document)
        assert server.requests
    (result,) = results.results_of(tenant_id=tenant, document_id=document)
    assert [value.status for value in result.values] == [ValueStatus.ACCEPTED]
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    assert found.status == DocumentStatus.NEEDS_REVIEW
    told = reasons_for_review(tenant_id=tenant, found=[found])[document]
    assert [reason.doubt for reason in told] == [Doubt.PAGE_UNREAD]
