from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from apps.extraction.engines.layout import LayoutEngine
from apps.extraction.engines.protocol import ExtractionRequest
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box, ParsedDocument, Word
from apps.schemas.definitions import parse_schema, shipped_schemas
from apps.schemas.fields import Kind, Schema
from tests.factories.pages import document, page
from tests.unit.extraction.layout.invoices import INVOICES, Invoice

INVOICE = shipped_schemas()["invoice"]
COLUMNS = ("description", "quantity", "unit_price", "line_total")


def extract(
    pages: ParsedDocument,
    *,
    schema: Schema = INVOICE,
    known: tuple[ExtractedValue, ...] = (),
    but: frozenset[str] = frozenset(),
) -> dict[str, ExtractedValue]:
    wanted = frozenset(field.name for field in schema.fields) - but
    request = ExtractionRequest(document=pages, schema=schema, wanted=wanted, known=known)
    return {value.path: value for value in LayoutEngine().extract(request).values}


def single(values: dict[str, ExtractedValue]) -> dict[str, str]:
    return {path[1:]: value.value for path, value in values.items() if path.count("/") == 1}


@pytest.mark.parametrize("invoice", INVOICES, ids=[invoice.name for invoice in INVOICES])
def test_reads_every_single_field_and_no_other(invoice: Invoice) -> None:
    assert single(extract(document(invoice.drawing))) == invoice.fields


@pytest.mark.parametrize("invoice", INVOICES, ids=[invoice.name for invoice in INVOICES])
def test_reads_every_line_item(invoice: Invoice) -> None:
    values = extract(document(invoice.drawing))
    expected = {
        f"/line_items/{number}/{column}": cell
        for number, row in enumerate(invoice.items)
        for column, cell in zip(COLUMNS, row, strict=True)
        if cell
    }
    assert {path: value.value for path, value in values.items() if path.count("/") == 3} == expected


def test_quotes_the_words_that_stand_in_the_box() -> None:
    pages = document(INVOICES[1].drawing)
    values = extract(pages)
    total = values["/gross_total"]
    assert total.engine == "layout"
    assert total.evidence[0].page == 1
    assert total.evidence[0].quote == "1.428,00 €"
    box = total.evidence[0].box
    inside = [
        word.text
        for word in pages.pages[0].words
        if box.x0 - 1e-6 <= word.box.center[0] <= box.x1 + 1e-6 and box.y0 <= word.box.center[1] <= box.y1
    ]
    assert inside == ["1.428,00", "€"]


def test_amounts_that_add_up_are_accepted() -> None:
    values = extract(document(INVOICES[1].drawing))
    assert {values[f"/{name}"].status for name in ("net_total", "tax_total", "gross_total")} == {ValueStatus.ACCEPTED}
    assert min(values[f"/{name}"].confidence for name in ("net_total", "tax_total", "gross_total")) > 0.9


def test_a_total_that_does_not_add_up_is_for_review() -> None:
    wrong = INVOICES[1].drawing.replace("1.428,00 €", "1.482,00 €")
    values = extract(document(wrong))
    assert values["/gross_total"].value == "1482.00"
    assert values["/gross_total"].status is ValueStatus.NEEDS_REVIEW


def test_a_missing_tax_follows_from_the_others_with_its_formula() -> None:
    drawing = """
    Invoice No. 77                     Invoice date 2024-05-01

    Net total                                          100.00
    Gross total                                        119.00
    """
    tax = extract(document(drawing))["/tax_total"]
    assert Decimal(tax.value) == Decimal(19)
    assert tax.formula == "gross_total = net_total + tax_total, solved for tax_total"
    assert [piece.quote for piece in tax.evidence] == ["119.00", "100.00"] or [
        piece.quote for piece in tax.evidence
    ] == ["100.00", "119.00"]


def test_answers_only_what_is_wanted() -> None:
    values = extract(document(INVOICES[0].drawing), but=frozenset({"gross_total", "line_items"}))
    assert "/gross_total" not in values
    assert not [path for path in values if path.startswith("/line_items")]
    assert values["/net_total"].value == "1250.00"


def test_what_is_known_decides_between_amounts() -> None:
    drawing = """
    Invoice No. 78
    Total        100.00
    VAT           19.00
    Total        119.00
    """
    known = ExtractedValue(
        path="/net_total", value="100.00", kind=Kind.MONEY, engine="einvoice", confidence=1.0,
        status=ValueStatus.ACCEPTED, evidence=(Evidence(page=1, box=Box(0, 0, 1, 1), quote="100.00"),),
    )  # fmt: skip
    values = extract(document(drawing), known=(known,), but=frozenset({"net_total"}))
    assert "/net_total" not in values
    assert values["/gross_total"].value == "119.00"
    assert values["/tax_total"].value == "19.00"


def test_abstains_on_pages_that_say_nothing() -> None:
    assert extract(document("Dear all,\n\nthe meeting of 3 May 2024 is moved to room 12.")) == {}
    assert extract(ParsedDocument(pages=())) == {}
    assert extract(document("")) == {}


def test_a_page_printed_sideways_reads_the_same() -> None:
    upright, turned = page(INVOICES[2].drawing), page(INVOICES[2].drawing, turned=True)
    assert turned.width == upright.height
    values = extract(ParsedDocument(pages=(turned,)))
    assert single(values) == INVOICES[2].fields
    box = values["/gross_total"].evidence[0].box
    assert box.height > box.width * turned.width / turned.height


def test_a_slightly_turned_scan_reads_the_same() -> None:
    straight = page(INVOICES[1].drawing)
    slant = 0.008  # about half a degree: over the page's width nearly one line
    words = tuple(
        replace(
            word,
            box=Box(word.box.x0, word.box.y0 + slant * word.box.x0, word.box.x1, word.box.y1 + slant * word.box.x0),
        )
        for word in straight.words
    )
    values = extract(ParsedDocument(pages=(replace(straight, words=words),)))
    assert single(values) == INVOICES[1].fields


def test_misread_letters_in_labels_are_forgiven() -> None:
    noisy = INVOICES[2].drawing.replace("Invoice Date:", "lnvoice Date:").replace("Total Due:", "Totai Due:")
    values = single(extract(document(noisy)))
    assert values["issue_date"] == "2022-11-03"
    assert values["gross_total"] == "324.00"


def test_badly_recognised_words_lower_the_confidence() -> None:
    clear = page(INVOICES[2].drawing)
    words = tuple(
        Word(text=word.text, box=word.box, block=word.block, line=word.line, confidence=0.4) for word in clear.words
    )
    sure = extract(ParsedDocument(pages=(clear,)))["/invoice_number"].confidence
    unsure = extract(ParsedDocument(pages=(replace(clear, words=words),)))
    assert sure > 0.85
    assert unsure["/invoice_number"].confidence == pytest.approx(sure * 0.4**0.5, abs=0.01)


def test_serves_a_schema_that_nobody_foresaw() -> None:
    schema = parse_schema(
        {
            "title": "Certificate",
            "type": "object",
            "properties": {
                "policy_number": {"title": "Policy number", "type": "string", "x-quire": {"kind": "identifier"}},
                "premium": {"title": "Annual premium", "type": "string", "x-quire": {"kind": "money"}},
                "vehicle": {"title": "Vehicle", "type": "string"},
                "ends": {"title": "Expiry date", "type": "string", "format": "date"},
                "account": {"title": "Account", "type": "string", "x-quire": {"kind": "iban"}},
            },
        },
        slug="certificate",
        version=1,
    )
    drawing = """
    CERTIFICATE OF MOTOR INSURANCE

    Policy No.            MOT-99-1204417
    Vehicle make          Volkswagen Golf
    Inception date        1 April 2023
    Expiry date           31 March 2024
    Annual premium        £412.50

    Premiums are drawn from GB29 NWBK 6016 1331 9268 19.
    """
    assert single(extract(document(drawing), schema=schema)) == {
        "policy_number": "MOT-99-1204417",
        "premium": "412.50",
        "vehicle": "Volkswagen Golf",
        "ends": "2024-03-31",
        "account": "GB29NWBK60161331926819",
    }


def test_names_a_jurisdiction_from_running_sentences() -> None:
    drawing = """
    This Agreement shall be governed by and construed in accordance with the
    laws of the State of Delaware. Each party submits to the courts of Delaware.
    """
    value = extract(document(drawing), schema=shipped_schemas()["nda"])["/jurisdiction"]
    assert value.value == "Delaware"
    assert value.evidence[0].quote == "Delaware"
