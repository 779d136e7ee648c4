"""From a parsed document to values with evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from apps.extraction.engines.einvoice import EInvoiceEngine
from apps.extraction.engines.protocol import Extraction, ExtractionRequest
from apps.extraction.notes import About, Note
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Attachment, ParsedDocument
from apps.schemas.definitions import parse_schema, shipped_schemas
from apps.schemas.fields import Kind
from tests.unit.extraction.einvoice import documents
from tests.unit.extraction.pages_of_words import document

INVOICE = shipped_schemas()["invoice"]
PAGE = (
    "Alpha & Söhne SARL   TVA FR12345678901",
    "Beta GmbH   USt-IdNr. DE 123 456 789",
    "Facture n° F-2024-001 du 31 janvier 2024   Échéance 01/03/2024",
    "Désignation   Qté   PU HT   Total HT",
    "Pen, blue   2   20,00   40,00",
    "Ink   3   20,00   60,00",
    "Total HT   100,00 €",
    "TVA 19 %   19,00 €",
    "Total TTC   119,00 €",
)


def extract(
    data: bytes | None,
    *,
    lines: Sequence[str] = PAGE,
    name: str = "factur-x.xml",
    wanted: frozenset[str] | None = None,
    more: tuple[Attachment, ...] = (),
) -> Extraction:
    own = () if data is None else (Attachment(name=name, media_type="application/xml", data=data),)
    parsed = replace(document(lines), attachments=(*more, *own))
    names = frozenset(field.name for field in INVOICE.fields)
    return EInvoiceEngine().extract(ExtractionRequest(document=parsed, schema=INVOICE, wanted=wanted or names))


def by_path(extraction: Extraction) -> dict[str, ExtractedValue]:
    return {value.path: value for value in extraction.values}


def test_every_value_of_the_invoice_is_found_on_its_page() -> None:
    extraction = extract(documents.cii())
    assert [(value.path, value.value, value.evidence[0].quote) for value in extraction.values] == [
        ("/invoice_number", "F-2024-001", "F-2024-001"),
        ("/issue_date", "2024-01-31", "31 janvier 2024"),
        ("/due_date", "2024-03-01", "01/03/2024"),
        ("/seller_name", "Alpha & Söhne SARL", "Alpha & Söhne SARL"),
        ("/seller_vat_id", "FR12345678901", "FR12345678901"),
        ("/buyer_name", "Beta GmbH", "Beta GmbH"),
        ("/buyer_vat_id", "DE123456789", "DE 123 456 789"),
        ("/currency", "EUR", "€"),
        ("/net_total", "100.00", "100,00"),
        ("/tax_total", "19.00", "19,00"),
        ("/gross_total", "119.00", "119,00"),
        ("/line_items/0/description", "Pen, blue", "Pen, blue"),
        ("/line_items/0/quantity", "2", "2"),
        ("/line_items/0/unit_price", "20.00", "20,00"),
        ("/line_items/0/line_total", "40.00", "40,00"),
        ("/line_items/1/description", "Ink", "Ink"),
        ("/line_items/1/quantity", "3", "3"),
        ("/line_items/1/unit_price", "20.00", "20,00"),
        ("/line_items/1/line_total", "60.00", "60,00"),
    ]
    assert {value.status for value in extraction.values} == {ValueStatus.ACCEPTED}
    assert {value.engine for value in extraction.values} == {"einvoice"}
    assert {value.confidence for value in extraction.values} == {0.99}
    assert extraction.notes == ()


def test_the_values_of_a_row_are_found_in_the_row() -> None:
    values = by_path(extract(documents.cii()))
    for row in (0, 1):
        tops = {values[f"/line_items/{row}/{column}"].evidence[0].box.y0 for column in ("description", "unit_price")}
        assert len(tops) == 1
    first, second = (values[f"/line_items/{row}/unit_price"].evidence[0] for row in (0, 1))
    assert second.box.y0 > first.box.y0


def test_kinds_are_the_schemas() -> None:
    values = by_path(extract(documents.cii()))
    assert values["/due_date"].kind is Kind.DATE
    assert values["/line_items/0/quantity"].kind is Kind.NUMBER


def test_what_no_page_shows_is_ungrounded_and_never_accepted() -> None:
    values = by_path(extract(documents.cii(), lines=[line.replace("119,00", "911,00") for line in PAGE]))
    total = values["/gross_total"]
    assert (total.value, total.status, total.evidence, total.confidence) == ("119.00", ValueStatus.UNGROUNDED, (), 0.7)
    assert values["/net_total"].status is ValueStatus.ACCEPTED


def test_an_amount_whose_sign_the_page_does_not_show_needs_review() -> None:
    data = documents.cii(type_code="381", gross="-119.00", net="-100.00", tax_totals="")
    total = by_path(extract(data))["/gross_total"]
    assert (total.value, total.status, total.confidence) == ("-119.00", ValueStatus.NEEDS_REVIEW, 0.792)
    assert total.evidence[0].quote == "119,00"


def test_totals_that_do_not_add_up_need_review() -> None:
    extraction = extract(documents.cii(net="40.00"))
    values = by_path(extraction)
    assert {values[f"/{name}"].status for name in ("net_total", "tax_total", "gross_total")} == {
        ValueStatus.NEEDS_REVIEW
    }
    assert values["/invoice_number"].status is ValueStatus.ACCEPTED
    assert tuple(map(str, extraction.notes)) == ("net and tax don't add up to the gross total in the e-invoice XML",)


def test_only_what_is_wanted_is_answered() -> None:
    extraction = extract(documents.cii(), wanted=frozenset({"currency", "line_items"}))
    assert {value.path.split("/")[1] for value in extraction.values} == {"currency", "line_items"}


def test_a_schema_of_ones_own_is_filled_where_the_names_are_the_same() -> None:
    own = parse_schema(
        {
            "type": "object",
            "properties": {
                "gross_total": {"type": "number"},
                "lines": {"type": "string"},
                "dialect": {"type": "string"},
            },
        },
        slug="own",
        version=1,
    )
    parsed = replace(
        document(PAGE), attachments=(Attachment(name="a.xml", media_type="application/xml", data=documents.cii()),)
    )
    request = ExtractionRequest(document=parsed, schema=own, wanted=frozenset({"gross_total", "lines", "dialect"}))
    assert [(value.path, value.value) for value in EInvoiceEngine().extract(request).values] == [
        ("/gross_total", "119.00")
    ]


@pytest.mark.parametrize("data", [documents.ZUGFERD_1, documents.UBL_INVOICE, documents.UBL_CREDIT_NOTE])
def test_other_dialects_give_the_same_values(data: bytes) -> None:
    ours = [(value.path, value.value) for value in extract(documents.cii()).values]
    assert [(value.path, value.value) for value in extract(data).values] == ours


def test_a_document_without_attachments_has_no_values() -> None:
    assert extract(None) == Extraction(values=())


def test_an_xml_that_cannot_be_read_is_a_note() -> None:
    assert extract(b"<CrossIndustryInvoice>") == Extraction(
        values=(), notes=(Note(text="the e-invoice XML is not well formed"),)
    )


@pytest.mark.parametrize("data", [b"<html/>", b"plain text", b"<Invoice/>", b"%PDF-1.7", b""])
def test_an_attachment_of_another_kind_is_passed_over(data: bytes) -> None:
    assert extract(data) == Extraction(values=())


def test_the_invoice_is_found_among_other_attachments() -> None:
    more = (
        Attachment(name="delivery.xml", media_type="application/xml", data=b"<DespatchAdvice/>"),
        Attachment(name="broken.xml", media_type="application/xml", data=b"<a>"),
    )
    extraction = extract(documents.cii(), more=more, name="invoice-of-ours.xml")
    assert by_path(extraction)["/invoice_number"].value == "F-2024-001"
    assert extraction.notes == (Note(text="the e-invoice XML is not well formed"),)


def test_the_name_that_the_standard_prescribes_goes_first() -> None:
    other = documents.cii().replace(b"F-2024-001", b"DRAFT")
    more = (Attachment(name="a.xml", media_type="application/xml", data=other),)
    assert by_path(extract(documents.cii(), more=more))["/invoice_number"].value == "F-2024-001"


def test_a_bare_xml_is_found_on_the_page_that_shows_its_elements() -> None:
    shown = ("ram:ID F-2024-001", "udt:DateTimeString (format 102) 20240131", "ram:GrandTotalAmount 119.00")
    values = by_path(extract(documents.cii(), lines=shown))
    assert values["/issue_date"].evidence[0].quote == "20240131"
    assert values["/gross_total"].evidence == (
        Evidence(page=1, box=values["/gross_total"].evidence[0].box, quote="119.00"),
    )


def test_the_elements_of_a_bare_xml_tell_between_equal_amounts() -> None:
    shown = ["rsm:CrossIndustryInvoice", "ram:BasisAmount 100.00", "ram:TaxBasisTotalAmount 100.00"]
    net = by_path(extract(documents.cii(), lines=shown))["/net_total"]
    page = document(shown).pages[0]
    assert net.evidence == (Evidence(page=1, box=page.words[-1].box, quote="100.00"),)


def test_lines_of_a_bare_xml_stand_further_apart() -> None:
    shown = ["rsm:CrossIndustryInvoice", "ram:Name Ink", *(["ram:Note"] * 20), "ram:LineTotalAmount 60.00"]
    values = by_path(extract(documents.cii(), lines=shown))
    assert values["/line_items/1/line_total"].status is ValueStatus.ACCEPTED
    values = by_path(extract(documents.cii(), lines=shown[1:]))
    assert values["/line_items/1/line_total"].status is ValueStatus.UNGROUNDED


def test_a_document_without_pages_is_all_ungrounded() -> None:
    parsed = ParsedDocument(
        pages=(), attachments=(Attachment(name="factur-x.xml", media_type="application/xml", data=documents.cii()),)
    )
    request = ExtractionRequest(document=parsed, schema=INVOICE, wanted=frozenset({"gross_total", "line_items"}))
    assert {value.status for value in EInvoiceEngine().extract(request).values} == {ValueStatus.UNGROUNDED}


def test_a_party_s_vat_id_is_shown_where_its_name_stands() -> None:
    lines = (
        "Alpha & Söhne SARL",
        "VAT FR12345678901",
        *("" for _ in range(12)),
        "Remarks: VAT ID FR12345678901",
    )
    value = by_path(extract(documents.cii(), lines=lines))["/seller_vat_id"]
    assert value.evidence[0].box.y0 < 0.1
    value = by_path(extract(documents.cii(), lines=lines[::-1]))["/seller_vat_id"]
    assert value.evidence[0].box.y0 > 0.3


def test_the_sign_of_a_total_shows_the_currency_not_that_of_the_share_capital() -> None:
    value = by_path(extract(documents.cii(), lines=("Alpha SARL, capital 120 000,00 €", *PAGE)))["/currency"]
    total = by_path(extract(documents.cii(), lines=("Alpha SARL, capital 120 000,00 €", *PAGE)))["/gross_total"]
    assert value.evidence[0].quote == "€"
    assert abs(value.evidence[0].box.y0 - total.evidence[0].box.y0) < 0.005


def test_a_date_beside_the_invoice_s_number_stands_before_one_on_another_page() -> None:
    first = ("Mietrechnung Nr. F-2024-001 vom 31.01.2024", "Alpha & Söhne SARL")
    second = ("Übernahme", "Rechnungsdatum: 31.01.2024")
    own = (Attachment(name="factur-x.xml", media_type="application/xml", data=documents.cii()),)
    parsed = replace(document(first, second), attachments=own)
    request = ExtractionRequest(document=parsed, schema=INVOICE, wanted=frozenset({"issue_date"}))
    (value,) = EInvoiceEngine().extract(request).values
    assert (value.evidence[0].page, value.evidence[0].quote) == (1, "31.01.2024")


@pytest.mark.parametrize(
    ("data", "old", "new", "names"),
    [
        (documents.cii(), b">119.00<", b">NaN<", {"gross_total"}),
        (documents.cii(), b">100.00</ram:TaxBasis", b">1,00.0</ram:TaxBasis", {"net_total"}),
        (documents.cii(), b">20240131<", b">soon<", {"issue_date"}),
        (documents.cii(), b">40.00<", b">INF<", {"line_items"}),
        (documents.UBL_INVOICE, b">119.00<", b">Infinity<", {"gross_total"}),
        (documents.UBL_INVOICE, b">2024-03-01<", b">later<", {"due_date"}),
        (documents.UBL_INVOICE, b">EUR<", b">money<", {"currency"}),
        (documents.UBL_INVOICE, b">3.0000<", b">three<", {"line_items"}),
        (documents.UBL_INVOICE, b">119.00<", b"> <", set()),
    ],
)
def test_what_the_xml_has_but_none_of_the_field_s_kind_is_said(
    data: bytes, old: bytes, new: bytes, names: set[str]
) -> None:
    assert old in data
    extraction = extract(data.replace(old, new))
    assert extraction.unreadable == names
    said = {note.field for note in extraction.notes if note.about is About.UNREADABLE}
    assert said == names
    assert not names & by_path(extraction).keys()


def test_the_tax_in_another_currency_does_not_stand_for_one_that_cannot_be_read() -> None:
    data = documents.UBL_INVOICE.replace(b'currencyID="EUR">19.00<', b'currencyID="EUR">NaN<')
    extraction = extract(data)
    assert "/tax_total" not in by_path(extraction)
    assert extraction.unreadable == {"tax_total"}


def test_nothing_is_said_of_fields_that_nobody_asked_for() -> None:
    extraction = extract(documents.cii(gross="NaN"), wanted=frozenset({"net_total"}))
    assert (extraction.unreadable, extraction.notes) == (frozenset(), ())
