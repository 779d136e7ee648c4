"""Numbers of any length and form: kept exactly, shown to a person, or refused, and the document's other values stay."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.extraction.arithmetic import judge
from apps.extraction.candidates.amounts import read_number
from apps.extraction.canonical import as_decimal, canonical
from apps.extraction.cascade import Answers, run
from apps.extraction.engines.einvoice import EInvoiceEngine
from apps.extraction.engines.einvoice.xml import decimal
from apps.extraction.engines.layout import LayoutEngine
from apps.extraction.engines.protocol import ExtractionRequest
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.parsing.pages import Attachment, ParsedDocument
from apps.results.typed import number_of
from apps.schemas.definitions import shipped_schemas
from apps.schemas.fields import Field, Kind, Rule, Schema
from tests.factories.pages import document
from tests.unit.extraction.einvoice import documents

INVOICE = shipped_schemas()["invoice"]
HUGE = "9" * 26 + ".99"
DIGITS = st.from_regex(r"[0-9]{1,45}(\.[0-9]{1,25})?", fullmatch=True)
ODD = st.one_of(
    DIGITS,
    st.from_regex(r"-?[0-9]{1,3}(,[0-9]{3}){0,13}\.[0-9]{2}", fullmatch=True),
    st.sampled_from(
        ["NaN", "-NaN", "sNaN", "Infinity", "-INF", "1E400", "1e-400", "9E+999999999999999999", "0e0", "-0"]
    ),
    st.sampled_from(["0." + "0" * 30 + "1", "9" * 60, "-" + "9" * 40 + "." + "9" * 20, "١٢٣", "0" * 50, "1 " * 20]),
)


def _run(pages: ParsedDocument, *engines: LayoutEngine | EInvoiceEngine, schema: Schema = INVOICE) -> Answers:
    wanted = frozenset(field.name for field in schema.fields)
    return run(request=ExtractionRequest(document=pages, schema=schema, wanted=wanted), engines=engines)


def _page(gross: str, net: str = "100.00") -> ParsedDocument:
    return document(f"""
Invoice no. 4711
Invoice date: 2024-03-04

Description               Quantity      Unit price      Amount
Rope                             2           {net}      {net}

Net total                 {net} EUR
VAT 19%                   19.00 EUR
Gross total:              {gross} EUR
""")


def _values(answers: Answers) -> dict[str, ExtractedValue]:
    return {value.path: value for value in answers.values}


def test_an_amount_of_28_digits_goes_to_review_and_costs_no_other_value() -> None:
    values = _values(_run(_page(HUGE), LayoutEngine()))
    assert (values["/gross_total"].value, values["/gross_total"].status) == (HUGE, ValueStatus.NEEDS_REVIEW)
    assert (values["/invoice_number"].value, values["/invoice_number"].status) == ("4711", ValueStatus.ACCEPTED)
    assert (values["/issue_date"].value, values["/issue_date"].status) == ("2024-03-04", ValueStatus.ACCEPTED)


def test_a_barcode_is_no_amount() -> None:
    assert read_number(text="9" * 40, decimal=".") == (Decimal("9" * 40), ())
    assert read_number(text="9" * 41, decimal=".") is None


def test_an_e_invoice_with_a_total_of_32_digits_keeps_it_exactly_for_a_person() -> None:
    total = "9" * 32 + ".00"
    data = documents.UBL_INVOICE.replace(b">119.00<", f">{total}<".encode())
    assert total.encode() in data
    pages = document(f"Invoice F-2024-001\nTotal without VAT 100.00\nVAT 19.00\nGross total {total}")
    answers = _run(
        ParsedDocument(pages=pages.pages, attachments=(Attachment(name="x.xml", media_type="text/xml", data=data),)),
        EInvoiceEngine(),
        LayoutEngine(),
    )
    values = _values(answers)
    assert (values["/gross_total"].value, values["/gross_total"].status) == (total, ValueStatus.NEEDS_REVIEW)
    assert (values["/invoice_number"].value, values["/invoice_number"].engine) == ("F-2024-001", "einvoice")


@settings(max_examples=60, deadline=None)
@given(gross=ODD, net=ODD)
def test_what_is_accepted_of_a_page_is_stored_without_rounding(gross: str, net: str) -> None:
    answers = _run(_page(gross, net), LayoutEngine())
    for value in answers.values:
        if value.kind in {Kind.MONEY, Kind.NUMBER} and value.status is ValueStatus.ACCEPTED:
            assert number_of(kind=value.kind, value=value.value) == Decimal(value.value)
    assert _values(answers)["/invoice_number"].value == "4711"


@settings(max_examples=60, deadline=None)
@given(gross=ODD, net=ODD, line=ODD)
def test_what_is_accepted_of_an_e_invoice_is_stored_without_rounding(gross: str, net: str, line: str) -> None:
    data = documents.cii(net=net, gross=gross, lines=documents.line(1, "Pen", line, line, net))
    pages = document(f"Invoice F-2024-001\nPen   {line}   {line}   {net}\nNet total {net}\nVAT 19.00\nTotal {gross}")
    answers = _run(
        ParsedDocument(pages=pages.pages, attachments=(Attachment(name="x.xml", media_type="text/xml", data=data),)),
        EInvoiceEngine(),
        LayoutEngine(),
    )
    for value in answers.values:
        if value.kind in {Kind.MONEY, Kind.NUMBER} and value.status is ValueStatus.ACCEPTED:
            assert number_of(kind=value.kind, value=value.value) == Decimal(value.value)
    assert _values(answers)["/invoice_number"].value == "F-2024-001"


@given(text=ODD)
def test_an_xml_decimal_is_exact_or_refused(text: str) -> None:
    found = decimal(text)
    assert found is None or Decimal(found) == Decimal(text)


@given(text=st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{1,8})?", fullmatch=True))
def test_a_models_amount_is_exact(text: str) -> None:
    found = canonical(text, Kind.MONEY, language="en")
    assert found is not None
    assert as_decimal(found) in {Decimal(text), Decimal(text.replace(".", ""))}


def test_a_negative_amount_of_30_digits_keeps_its_last_one() -> None:
    assert canonical("-" + "1" * 29 + "2", Kind.MONEY) == "-" + "1" * 29 + "2"


@pytest.mark.parametrize(("gross", "holds"), [("3" * 35 + ".33", True), ("3" * 34 + "4.33", False)])
def test_sums_of_long_numbers_are_not_rounded(gross: str, *, holds: bool) -> None:
    names = ("net", "tax", "gross")
    schema = Schema(
        slug="s",
        version=1,
        title="S",
        description="",
        fields=tuple(Field(name=name, title=name, kind=Kind.MONEY) for name in names),
        rules=(Rule(left="net + tax", right="gross"),),
    )
    values = [
        ExtractedValue(
            path=f"/{name}", value=text, kind=Kind.MONEY, engine="x", confidence=0.9, status=ValueStatus.NEEDS_REVIEW
        )
        for name, text in zip(names, ("1" * 35 + ".11", "2" * 35 + ".22", gross), strict=True)
    ]
    judgement = judge(values=values, schema=schema)
    assert bool(judgement.holds) is holds
    assert bool(judgement.broken) is not holds
