"""Results: exact, replaced as a whole, and one tenant's alone."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError

from apps.common.errors import TerminalError
from apps.extraction.notes import Note
from apps.extraction.values import ValueStatus
from apps.parsing.pages import Box
from apps.results.models import Result, StoredEvidence, StoredValue
from apps.results.operations import DuplicatePathError, delete_results
from apps.results.queries import result_of_run, results_of, results_of_documents
from apps.results.render import render_result
from apps.schemas.fields import Kind
from apps.tenants.scope import SwallowedError, tenant_scope
from tests.factories.rows import document, evidence, result, value


def test_amounts_and_dates_are_stored_exactly(tenant: UUID) -> None:
    document_id = document(tenant)
    result(
        tenant,
        document_id,
        value("/gross_total", "99999999999999999999999999.999999999999", kind=Kind.MONEY),
        value("/tax_total", "-0.10", kind=Kind.MONEY),
        value("/line_items/0/quantity", "3", kind=Kind.NUMBER),
        value("/issue_date", "2024-02-29", kind=Kind.DATE),
        value("/invoice_number", "12", kind=Kind.IDENTIFIER),
        value("/net_total", "1.0000000000001", kind=Kind.MONEY),
    )
    with tenant_scope(tenant):
        rows = StoredValue.objects.filter(document_id=document_id).order_by("ordinal")
        assert list(rows.values_list("path", "number", "date")) == [
            ("/gross_total", Decimal("99999999999999999999999999.999999999999"), None),
            ("/tax_total", Decimal("-0.10"), None),
            ("/line_items/0/quantity", Decimal(3), None),
            ("/issue_date", None, date(2024, 2, 29)),
            ("/invoice_number", None, None),
            ("/net_total", None, None),  # it would have to be rounded
        ]
    (stored,) = results_of(tenant_id=tenant, document_id=document_id)
    assert stored.values[5].value == "1.0000000000001"


def test_values_come_back_as_they_went_in(tenant: UUID) -> None:
    document_id, run_id = document(tenant), uuid4()
    values = (
        value(
            "/gross_total",
            "781.20",
            kind=Kind.MONEY,
            places=(evidence("781,20 €", page=2), evidence("781.20", page=1, box=Box(0.0, 0.0, 1.0, 1.0))),
            confidence=1.0,
            formula="net_total + tax_total",
        ),
        value("/seller_name", "Müller & Söhne", places=(), status=ValueStatus.UNGROUNDED, confidence=0.0),
    )
    result_id = result(tenant, document_id, *values, run_id=run_id, notes=(Note(text="the tax was derived"),))
    (stored,) = results_of(tenant_id=tenant, document_id=document_id)
    assert stored.id == result_id
    assert stored.document_id == document_id
    assert stored.run_id == run_id
    assert (stored.schema_slug, stored.schema_version) == ("invoice", 1)
    assert stored.notes == (Note(text="the tax was derived"),)
    assert tuple(each.as_extracted() for each in stored.values) == values
    assert result_of_run(tenant_id=tenant, run_id=run_id) == stored


def test_the_public_form(tenant: UUID) -> None:
    document_id = document(tenant)
    result(tenant, document_id, value("/issue_date", "2025-03-14", kind=Kind.DATE, places=(evidence("14 March 2025"),)))
    (stored,) = results_of(tenant_id=tenant, document_id=document_id)
    assert render_result(stored) == {
        "schema": "invoice",
        "version": 1,
        "values": [
            {
                "path": "/issue_date",
                "value": "2025-03-14",
                "type": "date",
                "engine": "layout",
                "confidence": 0.75,
                "status": "accepted",
                "evidence": [{"page": 1, "box": [0.125, 0.25, 0.5, 0.75], "quote": "14 March 2025"}],
            }
        ],
    }


def test_a_repeated_run_replaces_its_values_and_keeps_its_id(tenant: UUID) -> None:
    document_id, run_id = document(tenant), uuid4()
    first = result(tenant, document_id, value("/a", "1"), value("/b", "2"), run_id=run_id, notes=(Note(text="weak"),))
    second = result(tenant, document_id, value("/b", "3"), run_id=run_id, schema_version=2)
    assert second == first
    (stored,) = results_of(tenant_id=tenant, document_id=document_id)
    assert [(each.path, each.value) for each in stored.values] == [("/b", "3")]
    assert stored.notes == ()
    assert stored.schema_version == 2
    with tenant_scope(tenant):
        assert Result.objects.count() == 1
        assert StoredValue.objects.count() == 1
        assert StoredEvidence.objects.count() == 1


def test_storing_joins_the_transaction_around_it(tenant: UUID) -> None:
    document_id = document(tenant)

    def store_and_fail() -> None:
        with tenant_scope(tenant):
            result(tenant, document_id, value("/a", "1"))
            assert Result.objects.count() == 1
            raise LookupError

    with pytest.raises(LookupError):
        store_and_fail()
    assert results_of(tenant_id=tenant, document_id=document_id) == ()


def test_a_failed_result_undoes_the_transaction_around_it(tenant: UUID) -> None:
    document_id = document(tenant)

    def store_and_go_on() -> None:
        with tenant_scope(tenant):
            result(tenant, document_id, value("/a", "1"))
            with pytest.raises(IntegrityError, match="results_evidence_page_from_one"):
                result(tenant, document_id, value("/b", "2", places=(evidence("2", page=0),)))

    with pytest.raises(SwallowedError):
        store_and_go_on()
    assert results_of(tenant_id=tenant, document_id=document_id) == ()


def test_the_same_place_twice_is_refused(tenant: UUID) -> None:
    with pytest.raises(DuplicatePathError) as refused:
        result(tenant, document(tenant), value("/a", "1"), value("/a", "2"))
    assert isinstance(refused.value, TerminalError)


def test_text_that_no_database_takes_is_stored_all_the_same(tenant: UUID) -> None:
    document_id = document(tenant)
    result(tenant, document_id, value("/a", "x\0y\ud800z", places=(evidence("\0"),)), notes=(Note(text="\0"),))
    (stored,) = results_of(tenant_id=tenant, document_id=document_id)
    assert stored.values[0].value == "x\ufffdy\ufffdz"
    assert stored.values[0].evidence[0].quote == "\ufffd"
    assert stored.notes == (Note(text="\ufffd"),)


def test_an_empty_result_is_a_result(tenant: UUID) -> None:
    document_id = document(tenant)
    result_id = result(tenant, document_id, notes=(Note(text="nothing was found"),))
    (stored,) = results_of(tenant_id=tenant, document_id=document_id)
    assert (stored.id, stored.values, stored.notes) == (result_id, (), (Note(text="nothing was found"),))


def test_the_newest_result_of_each_schema(tenant: UUID) -> None:
    document_id, other = document(tenant), document(tenant)
    old_run = uuid4()
    result(tenant, document_id, value("/a", "old"), run_id=old_run)
    newest = result(tenant, document_id, value("/a", "new"))
    contract = result(tenant, document_id, schema_slug="nda")
    of_other = result(tenant, other, value("/a", "other"))
    # A late repeat of an old run doesn't become the newest.
    result(tenant, document_id, value("/a", "older"), run_id=old_run)
    assert [stored.id for stored in results_of(tenant_id=tenant, document_id=document_id)] == [newest, contract]
    missing = uuid4()
    found = results_of_documents(tenant_id=tenant, document_ids=[document_id, other, missing])
    assert {key: [stored.id for stored in results] for key, results in found.items()} == {
        document_id: [newest, contract],
        other: [of_other],
        missing: [],
    }
    assert found[document_id][0].values[0].value == "new"


def test_deleting_takes_values_and_evidence_along(tenant: UUID) -> None:
    document_id, other = document(tenant), document(tenant)
    result(tenant, document_id, value("/a", "1"))
    result(tenant, other, value("/a", "1"))
    delete_results(tenant_id=tenant, document_id=document_id)
    assert results_of(tenant_id=tenant, document_id=document_id) == ()
    with tenant_scope(tenant):
        assert StoredValue.objects.count() == 1
        assert StoredEvidence.objects.count() == 1


def test_another_tenant_reads_replaces_and_deletes_nothing(tenant: UUID, other_tenant: UUID) -> None:
    document_id, run_id = document(tenant), uuid4()
    mine = result(tenant, document_id, value("/a", "1"), run_id=run_id)
    assert results_of(tenant_id=other_tenant, document_id=document_id) == ()
    assert results_of_documents(tenant_id=other_tenant, document_ids=[document_id]) == {document_id: ()}
    assert result_of_run(tenant_id=other_tenant, run_id=run_id) is None
    delete_results(tenant_id=other_tenant, document_id=document_id)
    # The same run's id under another tenant is another run; a foreign document can't be written to.
    theirs = result(other_tenant, document(other_tenant), value("/a", "2"), run_id=run_id)
    assert theirs != mine
    with pytest.raises(IntegrityError, match="results_result_document_id_fk"):
        result(other_tenant, document_id, value("/a", "3"))
    (stored,) = results_of(tenant_id=tenant, document_id=document_id)
    assert (stored.id, stored.values[0].value) == (mine, "1")
