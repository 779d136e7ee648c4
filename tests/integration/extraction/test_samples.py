"""Shipped samples as they are read without a model: values, and where on the page each of them stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import deploy.samples
from apps.extraction.cascade import Answers, run
from apps.extraction.engines.einvoice import EInvoiceEngine
from apps.extraction.engines.layout import LayoutEngine
from apps.extraction.engines.protocol import ExtractionRequest
from apps.extraction.notes import unreadable
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.parsing import sniff
from apps.parsing.pages import ParsedDocument
from apps.parsing.sandbox import Sandbox
from apps.schemas.definitions import shipped_schemas

SAMPLES = Path(deploy.samples.__file__).parent
INVOICE = shipped_schemas()["invoice"]
Read = tuple[ParsedDocument, dict[str, ExtractedValue]]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


def _document(path: Path, sandbox: Sandbox) -> ParsedDocument:
    media_type = sniff.sniff(path.read_bytes()[: sniff.HEAD_BYTES])
    assert media_type is not None
    return sandbox.read_document(path=path, media_type=media_type)


def _answers(document: ParsedDocument) -> Answers:
    request = ExtractionRequest(
        document=document, schema=INVOICE, wanted=frozenset(field.name for field in INVOICE.fields)
    )
    return run(request=request, engines=(EInvoiceEngine(), LayoutEngine()))


def _read(name: str, sandbox: Sandbox) -> Read:
    document = _document(SAMPLES / name, sandbox)
    return document, {value.path: value for value in _answers(document).values}


def _within(read: Read, path: str) -> list[str]:
    """Return the words in a value's box."""
    document, values = read
    (evidence,) = values[path].evidence
    box = evidence.box
    page = document.pages[evidence.page - 1]
    return [
        word.text
        for word in page.words
        if box.x0 < word.box.center[0] < box.x1 and box.y0 < word.box.center[1] < box.y1
    ]


def test_every_line_of_an_xml_has_places_of_its_own(sandbox: Sandbox) -> None:
    _, values = _read("invoice-de-discounts.ubl.xml", sandbox)
    lines = {path: value for path, value in values.items() if path.startswith("/line_items/")}
    places = [(value.evidence[0].page, value.evidence[0].box) for value in lines.values()]
    assert len(lines) == len(set(places)) == 16
    tops = {
        path: (value.evidence[0].page, round(value.evidence[0].box.y0, 2))
        for path, value in lines.items()
        if path.endswith("/quantity")
    }
    assert tops == {
        "/line_items/0/quantity": (2, 0.64),
        "/line_items/1/quantity": (2, 0.92),
        "/line_items/2/quantity": (3, 0.26),
        "/line_items/3/quantity": (3, 0.49),
    }


def test_lines_of_a_zugferd_1_invoice_are_those_of_its_xml(sandbox: Sandbox) -> None:
    _, values = _read("invoice-de-discounts-zugferd1.pdf", sandbox)
    lines = {path: value for path, value in values.items() if path.startswith("/line_items/")}
    assert len(lines) == 16
    assert {value.engine for value in lines.values()} == {"einvoice"}
    # The page prints the price and the amount before the line's discount, which the XML has taken off.
    assert [(path, value.value) for path, value in lines.items() if value.status is ValueStatus.UNGROUNDED] == [
        ("/line_items/0/unit_price", "3.3333"),
        ("/line_items/0/line_total", "10.00"),
    ]


@pytest.mark.parametrize("name", ["invoice-en-workshop.pdf", "photo-en-workshop.jpg"])
def test_a_date_under_its_heading_and_one_behind_its_label(name: str, sandbox: Sandbox) -> None:
    read = _read(name, sandbox)
    values = read[1]
    for path in ("/issue_date", "/due_date"):
        assert (values[path].value, values[path].evidence[0].quote) == ("2013-06-03", "Jun 3, 2013")
        assert _within(read, path) == ["Jun", "3,", "2013"]
    assert values["/issue_date"].evidence[0].box.y0 < 0.2 < 0.5 < values["/due_date"].evidence[0].box.y0


def test_a_payment_advice_goes_to_the_seller(sandbox: Sandbox) -> None:
    _, values = _read("photo-en-workshop.jpg", sandbox)
    assert values["/seller_name"].value == "Orange Demo Inc."
    assert (values["/buyer_name"].value, values["/buyer_name"].status) == (
        "Bayside Wholesale",
        ValueStatus.NEEDS_REVIEW,
    )


def test_a_scan_s_amounts_stay_in_their_columns_and_no_line_is_without_its_text(sandbox: Sandbox) -> None:
    read = _read("scan-fr-mill.pdf", sandbox)
    values = read[1]
    assert {
        name: values[f"/{name}"].value for name in ("seller_name", "seller_vat_id", "buyer_name", "buyer_vat_id")
    } == {
        "seller_name": "Au bon moulin SARL",
        "seller_vat_id": "FR11999999998",
        "buyer_name": "Ma jolie boutique",
        "buyer_vat_id": "FR19787878784",
    }
    assert {row: _within(read, f"/line_items/{row}/line_total") for row in range(3)} == {
        0: ["81,90", "€"],
        1: ["48,00", "€"],
        2: ["495,00", "€"],
    }
    assert {row: _within(read, f"/line_items/{row}/unit_price") for row in range(3)} == {
        0: ["4,55", "€"],
        1: ["3,20", "€"],
        2: ["19,80", "€"],
    }
    # Recognition is unsure of this one's accents.
    text = values["/line_items/2/description"]
    assert text.value.startswith("Huile d'olive")
    assert text.status is ValueStatus.NEEDS_REVIEW


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1E+400"])
def test_a_total_that_an_xml_gives_as_no_amount_goes_to_a_person(amount: str, sandbox: Sandbox, tmp_path: Path) -> None:
    name = "invoice-de-discounts.ubl.xml"
    path = tmp_path / name
    xml = (SAMPLES / name).read_text()
    path.write_text(xml.replace(">215.07</cbc:TaxInclusiveAmount>", f">{amount}</cbc:TaxInclusiveAmount>"))
    answers = _answers(_document(path, sandbox))
    totals = [value for value in answers.values if value.path == "/gross_total"]
    assert [(value.engine, value.status) for value in totals if value.status is ValueStatus.ACCEPTED] == []
    assert answers.unreadable == {"gross_total"}
    assert answers.doubtful(schema=INVOICE)
    assert replace(unreadable(name="gross_total"), by="einvoice") in answers.notes


def test_what_the_page_s_amounts_make_does_not_stand_for_a_total_that_is_no_amount(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    name = "invoice-de-discounts.ubl.xml"
    path = tmp_path / name
    xml = (SAMPLES / name).read_text()
    for total in ("215.07</cbc:TaxInclusiveAmount>", "165.07</cbc:PayableAmount>"):
        xml = xml.replace(f">{total}", f">NaN{total[6:]}")
    path.write_text(xml)
    found = {value.path: value for value in _answers(_document(path, sandbox)).values}
    assert (found["/gross_total"].value, found["/gross_total"].formula, found["/gross_total"].status) == (
        "215.07",
        "net_total + tax_total",
        ValueStatus.NEEDS_REVIEW,
    )
    assert found["/net_total"].status is ValueStatus.ACCEPTED
