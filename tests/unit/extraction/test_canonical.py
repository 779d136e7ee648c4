"""Canonical values."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.extraction import dates, numerals
from apps.extraction.canonical import (
    all_readings,
    as_date,
    as_decimal,
    canonical,
    duration,
    has_valid_check,
    period_words,
)
from apps.schemas.fields import Kind


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1234", "1234"),
            ("1.234,56", "1234.56"),
            ("1,234.56", "1234.56"),
            ("1 234,56", "1234.56"),
            ("1\u00a0234,56", "1234.56"),
            ("1\u202f234\u202f567,80", "1234567.80"),
            ("1'234.56", "1234.56"),
            ("1’234.56", "1234.56"),
            ("12,34,567.89", "1234567.89"),
            ("1.234.567", "1234567"),
            ("€ 1.234,56", "1234.56"),
            ("1.234,56 €", "1234.56"),
            ("EUR 1.234,56", "1234.56"),
            ("1,050.00USD", "1050.00"),
            ("US$ 5.00", "5.00"),
            ("RM 30.00", "30.00"),
            ("Fr. 10.50", "10.50"),
            ("12,50 Euro", "12.50"),
            ("100,-", "100"),
            ("100.--", "100"),
            (".50", "0.50"),
            ("-12,50", "-12.50"),
            ("12,50-", "-12.50"),
            ("−12,50", "-12.50"),
            ("(12.50)", "-12.50"),
            ("-$5.00", "-5.00"),
            ("$-5.00", "-5.00"),
            ("0,00", "0.00"),
            ("-0.00", "0.00"),
            ("0,125", "0.125"),
            ("12,3456", "12.3456"),
        ],
    )
    def test_money(self, text: str, value: str) -> None:
        assert canonical(text, Kind.MONEY) == value

    @pytest.mark.parametrize(
        "text", ["", "12 34", "1.2.3", "12.345.6", "a12", "12a", "½", "1,23,45", "--", "EUR", "1.", "1..2"]
    )
    def test_what_is_no_amount(self, text: str) -> None:
        assert canonical(text, Kind.MONEY) is None

    @pytest.mark.parametrize(
        ("text", "language", "kind", "value"),
        [
            ("1.234", "de", Kind.MONEY, "1234"),
            ("1.234", "en", Kind.MONEY, "1.234"),
            ("1,234", "en", Kind.MONEY, "1234"),
            ("1,234", "fr", Kind.MONEY, "1.234"),
            ("1.234", None, Kind.MONEY, "1234"),
            ("1.234", None, Kind.NUMBER, "1.234"),
            ("1,234", None, Kind.NUMBER, "1234"),
        ],
    )
    def test_three_digits_behind_a_lone_sign(self, text: str, language: str | None, kind: Kind, value: str) -> None:
        assert canonical(text, kind, language=language) == value

    def test_both_readings_of_an_ambiguous_number_are_known(self) -> None:
        assert all_readings("1.234", Kind.MONEY) == ("1234", "1.234")
        assert all_readings("1.234,5", Kind.MONEY) == ("1234.5",)

    def test_a_quantity_may_have_a_unit_and_an_amount_may_not(self) -> None:
        assert canonical("3 Stk.", Kind.NUMBER) == "3"
        assert canonical("19 %", Kind.NUMBER) == "19"
        assert canonical("3 Stk.", Kind.MONEY) is None

    def test_integers(self) -> None:
        assert canonical("1.234", Kind.INTEGER, language="de") == "1234"
        assert canonical("12.00", Kind.INTEGER) == "12"
        assert canonical("12.5", Kind.INTEGER) is None

    @given(
        number=st.decimals(min_value=-(10**12), max_value=10**12, places=2),
        style=st.sampled_from([(".", ","), (",", "."), (" ", ","), ("\u202f", ","), ("'", "."), ("", "."), ("", ",")]),
        mark=st.sampled_from(["{}", "{} €", "€{}", "{} EUR", "$ {}", "{} CHF"]),
    )
    def test_every_style_of_writing_an_amount_is_read_back(
        self, number: Decimal, style: tuple[str, str], mark: str
    ) -> None:
        group, point = style
        whole, fraction = f"{abs(number):,.2f}".split(".")
        text = mark.format(("-" if number < 0 else "") + whole.replace(",", group) + point + fraction)
        expected = numerals.decimal_text(number)
        assert canonical(text, Kind.MONEY) == expected
        assert as_decimal(expected) == number

    @given(value=st.from_regex(r"\A-?(0|[1-9][0-9]{0,15})\.[0-9]{1,2}\Z"))
    def test_a_canonical_amount_stays_as_it_is(self, value: str) -> None:
        once = canonical(value, Kind.MONEY)
        assert once is not None
        assert canonical(once, Kind.MONEY) == once
        assert Decimal(once) == Decimal(value)

    @given(text=st.text(max_size=30))
    def test_no_text_breaks_the_reading_of_numbers(self, text: str) -> None:
        for value in numerals.readings(text):
            assert value.is_finite()


class TestDates:
    @pytest.mark.parametrize(
        "text",
        [
            "2024-01-31",
            "31.01.2024",
            "31.1.24",
            "31/01/2024",
            "01/31/2024",
            "31-01-2024",
            "2024/1/31",
            "20240131",
            "31 01 2024",
            "31. Januar 2024",
            "31 janvier 2024",
            "31 de enero de 2024",
            "31 gennaio 2024",
            "January 31, 2024",
            "Jan 31st 2024",
            "31-Jan-24",
            "31JAN2024",
            "31st day of January, 2024",
            "Mittwoch, den 31. Januar 2024",
            "Wednesday, January 31, 2024",
            "31/01/2024 12:30:05",
            "31.01.2024, 14:05 Uhr",
            "2024-01-31T00:00:00Z",
            "2024-01-31+01:00",
            "2024 January 31",
        ],
    )
    def test_one_day_in_many_words(self, text: str) -> None:
        assert canonical(text, Kind.DATE) == "2024-01-31"

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1er janvier 2024", "2024-01-01"),
            ("5. Jänner 2024", "2024-01-05"),
            ("3 März 2024", "2024-03-03"),
            ("le 5 août 2024", "2024-08-05"),
            ("8 févr. 2024", "2024-02-08"),
            ("15 sept. 2024", "2024-09-15"),
            ("2 settembre 2024", "2024-09-02"),
            ("4 de setiembre de 2024", "2024-09-04"),
            ("28 MAR 18", "2018-03-28"),
            ("01.01.68", "2068-01-01"),
            ("01.01.69", "1969-01-01"),
            ("29.02.2024", "2024-02-29"),
        ],
    )
    def test_names_of_months_and_short_years(self, text: str, value: str) -> None:
        assert canonical(text, Kind.DATE) == value

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "31.02.2024",
            "29.02.2023",
            "99/99/9999",
            "1.2.3",
            "12345678",
            "May 2024",
            "2024",
            "5 foo 2024",
            "1/2",
            "31.12.1850",
        ],
    )
    def test_what_is_no_date(self, text: str) -> None:
        assert canonical(text, Kind.DATE) is None

    @pytest.mark.parametrize(
        ("language", "day_first", "value"),
        [
            (None, None, "2020-04-03"),
            ("de", None, "2020-04-03"),
            ("en", None, "2020-03-04"),
            ("en", True, "2020-04-03"),
            ("fr", False, "2020-03-04"),
        ],
    )
    def test_day_or_month_first(self, language: str | None, day_first: bool | None, value: str) -> None:
        assert canonical("03/04/2020", Kind.DATE, language=language, day_first=day_first) == value
        assert set(all_readings("03/04/2020", Kind.DATE)) == {"2020-04-03", "2020-03-04"}

    def test_points_put_the_day_first_in_english_too(self) -> None:
        assert canonical("03.04.2020", Kind.DATE, language="en") == "2020-04-03"

    @given(
        day=st.dates(min_value=date(1970, 1, 1), max_value=date(2068, 12, 31)),
        shape=st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d. %B %Y", "%B %d, %Y", "%d-%b-%Y", "%Y%m%d", "%d %b %y"]),
    )
    def test_every_day_is_read_back(self, day: date, shape: str) -> None:
        assert canonical(day.strftime(shape), Kind.DATE) == day.isoformat()
        assert as_date(day.isoformat()) == day

    @given(text=st.text(alphabet="0123456789./- JanuarMärz,", max_size=25))
    def test_no_text_breaks_the_reading_of_dates(self, text: str) -> None:
        for day in dates.readings(text):
            assert 1900 <= day.year <= 2100


class TestOtherKinds:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("EUR", "EUR"),
            ("eur", "EUR"),
            ("€", "EUR"),
            ("Euro", "EUR"),
            ("(EUR)", "EUR"),
            ("$", "USD"),
            ("US-Dollar", "USD"),
            ("Schweizer Franken", "CHF"),
            ("zł", "PLN"),
            ("RM", "MYR"),
            ("kr", None),
            ("XYZ", None),
            ("money", None),
        ],
    )
    def test_currency(self, text: str, code: str | None) -> None:
        assert canonical(text, Kind.CURRENCY) == code

    @pytest.mark.parametrize(
        ("text", "value", "check"),
        [
            ("DE 136 695 976", "DE136695976", True),
            ("DE123456789", "DE123456789", False),
            ("ATU12345678", "ATU12345678", False),
            ("FR 12 345678901", "FR12345678901", False),
            ("NL123456789B01", "NL123456789B01", False),
            ("CHE-116.281.710 MWST", "CHE116281710", True),
            ("GB 980 7806 84", "GB980780684", True),
            ("B12345674", "B12345674", True),
            ("ES B12345674", "ESB12345674", True),
            ("NO 995 525 828 MVA", "NO995525828", None),
        ],
    )
    def test_vat_ids(self, text: str, value: str, check: bool | None) -> None:
        assert canonical(text, Kind.VAT_ID) == value
        assert has_valid_check(value, Kind.VAT_ID) is check

    @pytest.mark.parametrize("text", ["Hello", "DELIVERY12", "INVOICE1", "DE12345", "01234567890", "201/113/40209"])
    def test_what_is_no_vat_id(self, text: str) -> None:
        assert canonical(text, Kind.VAT_ID) is None

    def test_iban(self) -> None:
        assert canonical("IBAN: DE89 3704 0044 0532 0130 00", Kind.IBAN) == "DE89370400440532013000"
        assert canonical("DE89 3704 0044 0532 0130 01", Kind.IBAN) is None

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("two (2) years", "2 years"),
            ("five years", "5 years"),
            ("(2) years", "2 years"),
            ("24 month", "24 months"),
            ("one (1) year", "1 year"),
            ("eighteen (18) months", "18 months"),
            ("two-year", "2 years"),
            ("zwei Jahre", "2 Jahre"),
            ("einem Monat", "1 Monat"),
            ("3 ans", "3 ans"),
            ("doce meses", "12 meses"),
            ("due anni", "2 anni"),
            ("forever", None),
            ("years", None),
        ],
    )
    def test_periods(self, text: str, value: str | None) -> None:
        assert duration(text) == value

    def test_a_period_knows_how_it_may_be_written(self) -> None:
        words = period_words("2 years")
        assert {"2 years", "two years", "two (2) years", "2 (two) years"} <= set(words)
        assert period_words("for ever") == ()

    @pytest.mark.parametrize(
        ("text", "value"), [("Ja", "true"), ("Sí.", "true"), ("☒", "true"), ("non", "false"), ("maybe", None)]
    )
    def test_booleans(self, text: str, value: str | None) -> None:
        assert canonical(text, Kind.BOOLEAN) == value

    @pytest.mark.parametrize(
        ("text", "kind", "value"),
        [
            (" ACME \n Ltd. ", Kind.ORGANISATION, "ACME Ltd."),
            ("#RE-1.", Kind.IDENTIFIER, "RE-1"),
            ("<a.b@c.example>", Kind.EMAIL, "a.b@c.example"),
            ("nobody", Kind.EMAIL, None),
            ("+49 (0)30 1234", Kind.PHONE, "+49 (0)30 1234"),
            ("12", Kind.PHONE, None),
            ("   ", Kind.TEXT, None),
        ],
    )
    def test_texts(self, text: str, kind: Kind, value: str | None) -> None:
        assert canonical(text, kind) == value
