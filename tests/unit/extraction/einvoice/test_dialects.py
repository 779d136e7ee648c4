"""Every dialect and profile says the same invoice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from facturx import xml_check_xsd

from apps.extraction.engines.einvoice import cii, ubl
from apps.extraction.engines.einvoice.invoice import Invoice, Line
from apps.extraction.engines.einvoice.xml import read_root
from tests.unit.extraction.einvoice import documents

WHOLE = Invoice(
    dialect="CII",
    invoice_number="F-2024-001",
    issue_date="2024-01-31",
    due_date="2024-03-01",
    seller_name="Alpha & Söhne SARL",
    seller_vat_id="FR12345678901",
    buyer_name="Beta GmbH",
    buyer_vat_id="DE123456789",
    currency="EUR",
    net_total="100.00",
    tax_total="19.00",
    gross_total="119.00",
    lines=(
        Line(description="Pen, blue", quantity="2", unit_price="20.00", line_total="40.00"),
        Line(description="Ink", quantity="3", unit_price="20.00", line_total="60.00"),
    ),
)


@pytest.mark.parametrize("profile", documents.WITH_LINES)
def test_cii_with_lines(profile: str) -> None:
    assert cii.read(read_root(documents.cii(profile))) == WHOLE


def test_basic_wl_has_no_lines() -> None:
    assert cii.read(read_root(documents.cii(documents.BASIC_WL))) == replace(WHOLE, lines=())


def test_minimum_has_totals_and_names() -> None:
    expected = replace(WHOLE, lines=(), due_date=None, buyer_vat_id=None)
    assert cii.read(read_root(documents.cii(documents.MINIMUM))) == expected


def test_zugferd_1_has_other_wrappers_and_remarks_between_the_lines() -> None:
    assert cii.read(read_root(documents.ZUGFERD_1)) == replace(WHOLE, dialect="ZUGFeRD 1")


def test_ubl_invoice() -> None:
    assert ubl.read(read_root(documents.UBL_INVOICE)) == replace(WHOLE, dialect="UBL Invoice")


def test_ubl_credit_note_has_its_due_date_with_the_means_of_payment() -> None:
    assert ubl.read(read_root(documents.UBL_CREDIT_NOTE)) == replace(WHOLE, dialect="UBL CreditNote")


@pytest.mark.parametrize(
    ("xml", "flavor", "level"),
    [
        (documents.cii(documents.MINIMUM), "factur-x", "minimum"),
        (documents.cii(documents.BASIC_WL), "factur-x", "basicwl"),
        (documents.cii(documents.BASIC), "factur-x", "basic"),
        (documents.cii(documents.EN16931), "factur-x", "en16931"),
        (documents.cii(documents.EXTENDED), "factur-x", "extended"),
        (documents.cii(documents.XRECHNUNG), "factur-x", "en16931"),
        (documents.ZUGFERD_1, "zugferd", "comfort"),
        (documents.UBL_INVOICE, "ubl-2.1-invoice", "en16931"),
        (documents.UBL_CREDIT_NOTE, "ubl-2.1-creditnote", "en16931"),
    ],
)
def test_what_these_tests_read_is_valid(xml: bytes, flavor: str, level: str) -> None:
    """Against the official XSDs, so that the dialects are the real ones."""
    assert xml_check_xsd(xml, flavor=flavor, level=level) is True


class TestDetails:
    def test_a_credit_note_keeps_its_sign(self) -> None:
        data = documents.cii(
            type_code="381",
            net="-100.00",
            gross="-119.00",
            tax_totals='<ram:TaxTotalAmount currencyID="EUR">-19.00</ram:TaxTotalAmount>',
        )
        read = cii.read(read_root(data))
        assert (read.net_total, read.tax_total, read.gross_total) == ("-100.00", "-19.00", "-119.00")

    def test_of_two_tax_totals_the_one_in_the_invoices_currency_counts(self) -> None:
        both = (
            '<ram:TaxTotalAmount currencyID="CHF">20.50</ram:TaxTotalAmount>'
            '<ram:TaxTotalAmount currencyID="EUR">19.00</ram:TaxTotalAmount>'
        )
        assert cii.read(read_root(documents.cii(tax_totals=both))).tax_total == "19.00"

    def test_a_tax_total_without_currency_counts(self) -> None:
        alone = "<ram:TaxTotalAmount>19.00</ram:TaxTotalAmount>"
        assert cii.read(read_root(documents.cii(tax_totals=alone))).tax_total == "19.00"

    def test_a_missing_total_is_missing(self) -> None:
        assert cii.read(read_root(documents.cii(tax_totals=""))).tax_total is None

    def test_group_and_information_lines_bill_nothing(self) -> None:
        lines = (
            documents.line(1, "Set", "1", "60.00", "60.00", status="GROUP")
            + documents.line(2, "Pen", "1", "60.00", "60.00", status="DETAIL")
            + documents.line(3, "Made in Ulm", "1", "0.00", "0.00", status="INFORMATION")
        )
        read = cii.read(read_root(documents.cii(documents.EXTENDED, lines=lines)))
        assert [line.description for line in read.lines] == ["Pen"]

    @pytest.mark.parametrize("text", ["1,00", "1e3", "NaN", "one", "", "9" * 60])
    def test_what_is_no_decimal_is_missing(self, text: str) -> None:
        assert cii.read(read_root(documents.cii(net=text))).net_total is None

    @pytest.mark.parametrize(
        ("text", "day"),
        [("20240131", "2024-01-31"), ("202401311430", "2024-01-31"), ("2024-01-31", "2024-01-31"), ("20241331", None)],
    )
    def test_dates_with_and_without_time(self, text: str, day: str | None) -> None:
        data = documents.cii().replace(b">20240131<", f">{text}<".encode())
        assert cii.read(read_root(data)).issue_date == day

    def test_an_empty_document_has_nothing(self) -> None:
        read = cii.read(read_root(b"<CrossIndustryInvoice/>"))
        assert read == Invoice(
            dialect="CII",
            invoice_number=None,
            issue_date=None,
            due_date=None,
            seller_name=None,
            seller_vat_id=None,
            buyer_name=None,
            buyer_vat_id=None,
            currency=None,
            net_total=None,
            tax_total=None,
            gross_total=None,
            lines=(),
        )
