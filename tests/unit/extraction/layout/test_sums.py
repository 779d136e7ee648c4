"""Sums of rows against totals, and what is left to pay against what it comes to."""

from __future__ import annotations

import pytest

from apps.extraction.engines.layout import LayoutEngine
from apps.extraction.engines.protocol import Extraction, ExtractionRequest
from apps.extraction.notes import missed_sum
from apps.extraction.values import ValueStatus
from apps.schemas.definitions import shipped_schemas
from tests.factories.pages import document

INVOICE = shipped_schemas()["invoice"]
ROWS = """
Invoice no. 4711
Invoice date: 2024-03-04

Description                      Quantity        Unit price          Amount
Rope                                    2             50.00          100.00
Chain                                   3             20.00           60.00
"""
TOTALS = """
Net total                                                            {net}
VAT 10%                                                              {tax}
Gross total                                                          {gross}
"""


def _read(drawing: str) -> Extraction:
    wanted = frozenset(field.name for field in INVOICE.fields)
    return LayoutEngine().extract(ExtractionRequest(document=document(drawing), schema=INVOICE, wanted=wanted))


def _statuses(found: Extraction, column: str) -> list[ValueStatus]:
    return [
        value.status
        for value in found.values
        if value.path.startswith("/line_items/") and value.path.endswith(f"/{column}")
    ]


def test_rows_that_miss_the_net_total_are_for_a_person() -> None:
    found = _read(ROWS + TOTALS.format(net="150.00", tax="15.00", gross="165.00"))
    assert _statuses(found, "line_total") == [ValueStatus.NEEDS_REVIEW] * 2
    assert _statuses(found, "quantity") == [ValueStatus.ACCEPTED] * 2
    assert missed_sum(name="line_items", column="line_total", total="net_total") in found.notes


@pytest.mark.parametrize(
    "between",
    ["", "\nSubtotal                                                             160.00\nDiscount   -10.00\n"],
    ids=["rows make the net total", "rows make the subtotal"],
)
def test_rows_that_make_what_the_page_states_are_accepted(between: str) -> None:
    net, tax, gross = ("150.00", "15.00", "165.00") if between else ("160.00", "16.00", "176.00")
    found = _read(ROWS + between + TOTALS.format(net=net, tax=tax, gross=gross))
    assert _statuses(found, "line_total") == [ValueStatus.ACCEPTED] * 2
    assert found.notes == ()


@pytest.mark.parametrize(
    ("paid", "due"), [("Already paid", "Amount due"), ("Anzahlung", "Zahlbetrag"), ("Acompte versé", "Net à payer")]
)
def test_what_is_left_to_pay_is_not_the_gross_total(paid: str, due: str) -> None:
    found = _read(f"""
Invoice no. 4711
Net total                            193.77
VAT                                   21.30
{paid}                               50.00
{due}                               165.07
""")
    (gross,) = (value for value in found.values if value.path == "/gross_total")
    assert (gross.value, gross.formula) == ("215.07", "net_total + tax_total")
    assert [piece.quote for piece in gross.evidence] == ["193.77", "21.30"]


def test_a_printed_gross_total_stands_before_what_is_left_to_pay() -> None:
    found = _read(
        TOTALS.format(net="193.77", tax="21.30", gross="215.07")
        + """
Already paid                                                         50.00
Amount due                                                          165.07
"""
    )
    (gross,) = (value for value in found.values if value.path == "/gross_total")
    assert (gross.value, gross.formula, gross.status) == ("215.07", None, ValueStatus.ACCEPTED)


DISCOUNTED = """
Invoice no. 4711
Invoice date: 2024-03-04

Description                      Quantity        Unit price    Discount          Amount
Nougat                                 20              4.55        {rate}           81.90
Biscuits                               15              3.20                      48.00
Oil                                    25             19.80                     495.00
"""


def test_a_row_less_its_printed_discount_adds_up() -> None:
    right, wrong = _read(DISCOUNTED.format(rate="10%")), _read(DISCOUNTED.format(rate="30%"))
    for row in (0, 1):
        total, price = f"/line_items/{row}/line_total", f"/line_items/{row}/unit_price"
        assert (_confidence(right, total) > _confidence(wrong, total)) is (row == 0)
        # What one unit costs after the discount isn't printed.
        assert _confidence(right, price) == _confidence(wrong, price)


def _confidence(found: Extraction, path: str) -> float:
    return next(value.confidence for value in found.values if value.path == path)


@pytest.mark.parametrize("words", ["Please remit until 2019-07-01.", "Payable until 2019-07-01."])
def test_a_date_in_the_payment_s_words_is_the_due_date(words: str) -> None:
    found = _read(f"Invoice no. 4711\nInvoice date: 2019-06-10\n\nTotal   100.00 EUR\n\n{words}")
    assert [value.value for value in found.values if value.path == "/due_date"] == ["2019-07-01"]


def test_a_sign_of_several_currencies_is_not_believed_beside_another_currency_s_own() -> None:
    drawing = """
Invoice no. 4711
Rope    24.00 $
Chain    6.00 $
Nails    1.00 $
Total    31.00
Summary   Amount ({mark})
"""
    said = {}
    for mark in ("RM", "net"):
        (value,) = (value for value in _read(drawing.format(mark=mark)).values if value.path == "/currency")
        said[mark] = value.status
    assert said == {"RM": ValueStatus.NEEDS_REVIEW, "net": ValueStatus.ACCEPTED}


def test_a_position_s_number_is_no_price() -> None:
    found = _read("""
Invoice no. 4711

Pos   Description          Net price      Quantity         Amount
1     Steel coil                                10        1000.00
2     Bumper                                    10        1000.00
""")
    cells = {value.path: value.value for value in found.values if value.path.startswith("/line_items/0/")}
    assert cells == {
        "/line_items/0/description": "Steel coil",
        "/line_items/0/quantity": "10",
        "/line_items/0/line_total": "1000.00",
    }
