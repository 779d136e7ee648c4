from __future__ import annotations

from decimal import Decimal

import pytest

from apps.extraction.candidates.amounts import find_amounts, read_number
from apps.extraction.candidates.candidate import DocumentLocale, Hit

POINT = DocumentLocale(language="en", decimal=".", currency="USD")
COMMA = DocumentLocale(language="de", decimal=",", currency="EUR")


def sure(text: str, locale: DocumentLocale = POINT) -> list[tuple[str, str | None, str]]:
    hits = find_amounts(text=text, locale=locale)
    return [(hit.value, hit.unit, text[hit.start : hit.end]) for hit in hits if hit.confidence > 0.5]


@pytest.mark.parametrize(
    ("text", "value", "unit", "quote"),
    [
        ("$1,234.56", "1234.56", "USD", "$1,234.56"),
        ("$ 250.00", "250.00", "USD", "$ 250.00"),
        ("USD 12.00", "12.00", "USD", "USD 12.00"),
        ("12.00 USD", "12.00", "USD", "12.00 USD"),
        ("RM60.30", "60.30", "MYR", "RM60.30"),
        ("RM 60.30", "60.30", "MYR", "RM 60.30"),
        ("CHF 1'234.56", "1234.56", "CHF", "CHF 1'234.56"),
        ("£1,000", "1000", "GBP", "£1,000"),
        ("($37.50)", "-37.50", "USD", "($37.50)"),
        ("$(37.50)", "-37.50", "USD", "$(37.50)"),
        ("(37.50)", "-37.50", None, "(37.50)"),
        ("-$37.50", "-37.50", "USD", "-$37.50"),
        ("$-37.50", "-37.50", "USD", "$-37.50"),
        ("37.50-", "-37.50", None, "37.50-"),
        ("37.50 CR", "-37.50", None, "37.50 CR"),
        ("Total:$9.90", "9.90", "USD", "$9.90"),
        ("60.30", "60.30", None, "60.30"),
        ("US$ 5.00", "5.00", "USD", "US$ 5.00"),
        ("S$5.00", "5.00", "SGD", "S$5.00"),
    ],
)
def test_an_amount_with_a_point(text: str, value: str, unit: str | None, quote: str) -> None:
    assert sure(text) == [(value, unit, quote)]


@pytest.mark.parametrize(
    ("text", "value", "unit", "quote"),
    [
        ("1.234,56 €", "1234.56", "EUR", "1.234,56 €"),
        ("1.234,56€", "1234.56", "EUR", "1.234,56€"),
        ("1 234,56 €", "1234.56", "EUR", "1 234,56 €"),
        ("1\u202f234,56 EUR", "1234.56", "EUR", "1\u202f234,56 EUR"),
        ("EUR 1.234.567,89", "1234567.89", "EUR", "EUR 1.234.567,89"),
        ("-100,00 €", "-100.00", "EUR", "-100,00 €"),
        ("100,00-", "-100.00", None, "100,00-"),
        ("12,50 Euro", "12.50", "EUR", "12,50 Euro"),
        ("€ 1.000", "1000", "EUR", "€ 1.000"),
    ],
)
def test_an_amount_with_a_comma(text: str, value: str, unit: str | None, quote: str) -> None:
    assert sure(text, COMMA) == [(value, unit, quote)]


@pytest.mark.parametrize(
    "text", ["19 %", "19,00%", "12:30", "A4", "3D", "10.5.2", "1/2", "Page 1 of 2", "007.00", "3x", "2 kg"]
)
def test_what_is_no_amount_is_not_sure(text: str) -> None:
    assert sure(text) == []


def test_a_mark_between_two_numbers_is_the_nearer_ones() -> None:
    assert sure("118 $203,800.00") == [("203800.00", "USD", "$203,800.00")]
    assert sure("2 € 5,00", COMMA) == [("5.00", "EUR", "€ 5,00")]
    assert sure("2,00€ 5,00€", COMMA) == [("2.00", "EUR", "2,00€"), ("5.00", "EUR", "5,00€")]


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("20 pcs\t4,55 €\t81,90 €", [("4.55", "EUR", "4,55 €"), ("81.90", "EUR", "81,90 €")]),
        ("3,20 €\t48,00", [("3.20", "EUR", "3,20 €"), ("48.00", None, "48,00")]),
        ("4,55\t€\t81,90\t€", [("4.55", None, "4,55"), ("81.90", None, "81,90")]),
        ("4,55 € 81,90 €", [("4.55", "EUR", "4,55 €"), ("81.90", "EUR", "81,90 €")]),
        ("1,00 EUR 2,00 EUR 3,00 EUR", [("1.00", "EUR", "1,00 EUR"), ("2.00", "EUR", "2,00 EUR"),
                                        ("3.00", "EUR", "3,00 EUR")]),
        ("EUR 1,00 EUR 2,00 EUR 3,00", [("1.00", "EUR", "EUR 1,00"), ("2.00", "EUR", "EUR 2,00"),
                                        ("3.00", "EUR", "EUR 3,00")]),
        ("5\t€ 12,00\t€ 60,00", [("12.00", "EUR", "€ 12,00"), ("60.00", "EUR", "€ 60,00")]),
        ("1,00 € " * 15, [("1.00", "EUR", "1,00 €")] * 15),
    ],
)  # fmt: skip
def test_a_mark_between_columns_stays_in_its_own(text: str, amounts: list[tuple[str, str | None, str]]) -> None:
    assert sure(text, COMMA) == amounts


def test_a_percentage_is_marked() -> None:
    (hit,) = find_amounts(text="VAT 19,00 %", locale=COMMA)
    assert (hit.value, hit.unit) == ("19.00", "%")


def test_what_is_taken_is_left_out() -> None:
    text = "01.02.2020 10,00"
    date = Hit(start=0, end=10, value="2020-02-01", confidence=1.0)
    assert [hit.value for hit in find_amounts(text=text, locale=COMMA, taken=[date])] == ["10.00"]


def test_an_amount_torn_by_recognition() -> None:
    (hit,) = find_amounts(text="Total 49 .40", locale=POINT, torn=True)
    assert (hit.value, hit.start, hit.end) == ("49.40", 6, 12)


def test_columns_keep_numbers_apart() -> None:
    assert [hit.value for hit in find_amounts(text="1\t234,56", locale=COMMA)] == ["1", "234.56"]


@pytest.mark.parametrize(
    ("text", "decimal", "value", "others"),
    [
        ("1.234", ".", "1.234", ("1234",)),
        ("1.234", ",", "1234", ("1.234",)),
        ("1.234", None, "1234", ("1.234",)),
        ("0.125", ",", "0.125", ()),
        ("1.234.567", ".", "1234567", ()),
        ("12,5", ".", "12.5", ()),
        ("1,234.5", ",", "1234.5", ()),
        (".50", ".", "0.50", ()),
    ],
)
def test_the_decimal_sign_decides_what_the_shape_leaves_open(
    text: str, decimal: str | None, value: str, others: tuple[str, ...]
) -> None:
    assert read_number(text=text, decimal=decimal) == (Decimal(value), tuple(map(Decimal, others)))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("BR-4529-ZFIM-712", []),
        ("Toolbox 0815CO-123 10", ["10"]),
        ("EUR-500", ["500"]),
        ("Total-12.50", ["12.50"]),
        ("Total -712", ["-712"]),
    ],
)
def test_the_tail_of_a_code_is_no_number(text: str, values: list[str]) -> None:
    assert [hit.value for hit in find_amounts(text=text, locale=POINT)] == values
