"""Values found again on pages."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.extraction.grounding import Grounding, ground
from apps.extraction.normalising import squeeze
from apps.extraction.page_index import DocumentIndex
from apps.extraction.values import Evidence
from apps.parsing.pages import Box, Page, ParsedDocument, Word
from apps.schemas.fields import Kind
from tests.unit.extraction.pages_of_words import HEIGHT, LETTER, LINE, document, page


def found(value: str, kind: Kind, *lines: str) -> Grounding | None:
    return ground(index=DocumentIndex(document(lines)), value=value, kind=kind)


def quoted(value: str, kind: Kind, *lines: str) -> tuple[str, float] | None:
    where = found(value, kind, *lines)
    return (where.quote, where.score) if where else None


class TestSpelling:
    @pytest.mark.parametrize(
        ("value", "kind", "line", "quote", "score"),
        [
            ("4711", Kind.IDENTIFIER, "Rechnung 4711", "4711", 1.0),
            ("4711", Kind.IDENTIFIER, "(Rechnung-Nr.4711)", "(Rechnung-Nr.4711)", 1.0),
            ("RE-2024/7", Kind.IDENTIFIER, "no. re-2024/7 of", "re-2024/7", 0.98),
            ("2005382", Kind.IDENTIFIER, "Contract 2005382 /", "2005382", 1.0),
            ("Müller & Söhne GmbH", Kind.ORGANISATION, "Fa. Müller & Söhne GmbH, Ulm", "Müller & Söhne GmbH,", 1.0),
            ("MÜLLER & SÖHNE GMBH", Kind.ORGANISATION, "Müller & Söhne GmbH", "Müller & Söhne GmbH", 0.98),
            ("Profifirma", Kind.ORGANISATION, "Proﬁﬁrma", "Proﬁﬁrma", 0.98),
            ("Café Émile", Kind.ORGANISATION, "Cafe Emile", "Cafe Emile", 0.96),
            ("1234.56", Kind.MONEY, "Total 1.234,56 €", "1.234,56", 1.0),
            ("1234.56", Kind.MONEY, "Total 1,234.56", "1,234.56", 1.0),
            ("1234.56", Kind.MONEY, "Total 1 234,56 EUR", "1 234,56", 1.0),
            ("1234.56", Kind.MONEY, "Total 1'234.56", "1'234.56", 1.0),
            ("1234.56", Kind.MONEY, "Total EUR1.234,56", "EUR1.234,56", 1.0),
            ("1234.56", Kind.MONEY, "Total:1.234,56EUR", "Total:1.234,56EUR", 1.0),
            ("1234.5", Kind.MONEY, "Total 1.234,50", "1.234,50", 1.0),
            ("1234", Kind.MONEY, "Total 1.234,00", "1.234,00", 1.0),
            ("1234.00", Kind.MONEY, "Total 1234", "1234", 0.92),
            ("1.234", Kind.MONEY, "Total 1.234", "1.234", 0.9),
            ("-12.00", Kind.MONEY, "Credit - 12,00", "- 12,00", 1.0),
            ("-12.00", Kind.MONEY, "Credit (12,00)", "(12,00)", 1.0),
            ("-12.00", Kind.MONEY, "Credit 12,00-", "12,00-", 1.0),
            ("12.00", Kind.MONEY, "Credit -12,00", "-12,00", 0.8),
            ("0", Kind.MONEY, "Tax 0,00", "0,00", 1.0),
            ("0.05", Kind.MONEY, "Fee 0,05", "0,05", 1.0),
            ("3", Kind.NUMBER, "3 Stk.", "3", 1.0),
            ("3", Kind.NUMBER, "3kg", "3kg", 1.0),
            ("5.000", Kind.NUMBER, "SFK5 5,000", "5,000", 0.9),
            ("2024-01-31", Kind.DATE, "am 31.01.2024 in Ulm", "31.01.2024", 1.0),
            ("2024-01-31", Kind.DATE, "of January 31st, 2024.", "January 31st, 2024.", 1.0),
            ("2024-01-31", Kind.DATE, "le 31 janvier 2024", "31 janvier 2024", 1.0),
            ("2024-01-31", Kind.DATE, "el 31 de enero de 2024", "31 de enero de 2024", 1.0),
            ("2024-01-31", Kind.DATE, "31st day of January 2024", "31st day of January 2024", 1.0),
            ("2024-01-31", Kind.DATE, "31/1/24", "31/1/24", 1.0),
            ("2024-01-31", Kind.DATE, "DateTimeString 20240131", "20240131", 1.0),
            ("2024-01-31", Kind.DATE, "2024-01-31T10:00:00", "2024-01-31T10:00:00", 1.0),
            ("2020-04-03", Kind.DATE, "03/04/2020", "03/04/2020", 0.95),
            ("2020-03-04", Kind.DATE, "03/04/2020", "03/04/2020", 0.95),
            ("EUR", Kind.CURRENCY, "Total 12,00 €", "€", 0.95),
            ("EUR", Kind.CURRENCY, "Total EUR12,00", "EUR12,00", 1.0),
            ("DE123456789", Kind.VAT_ID, "USt-IdNr. DE 123 456 789", "DE 123 456 789", 0.96),
            ("DE123456789", Kind.VAT_ID, "VAT no. 123456789", "123456789", 0.9),
            ("2 years", Kind.DURATION, "a period of two (2) years from", "two (2) years", 0.95),
            ("DE", Kind.COUNTRY, "Germany", "Germany", 0.96),
        ],
    )
    def test_a_value_is_found_as_the_page_spells_it(
        self, value: str, kind: Kind, line: str, quote: str, score: float
    ) -> None:
        assert quoted(value, kind, line) == (quote, score)

    @pytest.mark.parametrize(
        ("value", "kind", "line"),
        [
            ("4711", Kind.IDENTIFIER, "4711-2"),
            ("4711", Kind.IDENTIFIER, "12-4711"),
            ("4711", Kind.IDENTIFIER, "14711"),
            ("4711", Kind.IDENTIFIER, "47 11"),
            ("234.56", Kind.MONEY, "1.234,56"),
            ("1234.56", Kind.MONEY, "1 234,57"),
            ("1234.56", Kind.MONEY, "1234,5"),
            ("1234.56", Kind.MONEY, "1  234,56"),
            ("12", Kind.MONEY, "1,2"),
            ("5", Kind.NUMBER, "SFK5"),
            ("5", Kind.MONEY, "5b"),
            ("19.00", Kind.MONEY, "MwSt 19 %"),
            ("19.00", Kind.MONEY, "MwSt 19%"),
            ("19.00", Kind.MONEY, "MwSt (19,00%)"),
            ("2024-01-31", Kind.DATE, "31.12.2024"),
            ("2024-01-31", Kind.DATE, "31.01.2023"),
            ("2024-11-03", Kind.DATE, "3.1.1.2024"),
            ("2024-01-11", Kind.DATE, "1.11.2024 2024"),
            ("USD", Kind.CURRENCY, "EUR 12"),
            ("Meier", Kind.ORGANISATION, "Meierhof"),
            ("", Kind.TEXT, "something"),
            ("  ", Kind.TEXT, "something"),
            ("---", Kind.TEXT, "---"),
        ],
    )
    def test_what_the_page_does_not_say_is_not_found(self, value: str, kind: Kind, line: str) -> None:
        assert quoted(value, kind, line) is None


class TestFuzzy:
    def test_a_name_may_differ_by_a_few_letters(self) -> None:
        where = found("ACME International Limited", Kind.ORGANISATION, "at ACME lnternational Lirnited in Ulm")
        assert where is not None
        assert where.quote == "ACME lnternational Lirnited"
        assert 0.8 < where.score < 0.9

    def test_digits_of_an_address_may_not_differ(self) -> None:
        assert quoted("Hauptstrasse 12, 89073 Ulm", Kind.ADDRESS, "Hauptstrasso 13, 89073 Ulm") is None
        assert quoted("Hauptstrasse 12, 89073 Ulm", Kind.ADDRESS, "Hauptstrasso 12, 89073 Ulm") is not None

    def test_a_name_that_differs_by_more_is_not_found(self) -> None:
        assert quoted("ACME International Limited", Kind.ORGANISATION, "ACE Rational Limit") is None

    @pytest.mark.parametrize("kind", [Kind.IDENTIFIER, Kind.TEXT, Kind.IBAN])
    def test_nothing_else_may_differ(self, kind: Kind) -> None:
        assert quoted("ACMEINTERNATIONAL1", kind, "ACMElNTERNATIONAL1") is None


class TestPlace:
    def test_the_box_is_around_the_words(self) -> None:
        where = found("4711", Kind.IDENTIFIER, "Total", "No 4711")
        assert where is not None
        left = 0.05 + 2 * LETTER + 0.005
        assert where.box == pytest.approx((left, 0.05 + LINE, left + 4 * LETTER, 0.05 + LINE + HEIGHT))
        assert where.page == 1

    def test_words_over_two_lines_have_one_box_and_a_hyphen_is_seen_through(self) -> None:
        where = found("Rechnungsbetrag", Kind.TEXT, "Der Rechnungs-", "betrag ist")
        assert where is not None
        assert where.quote == "Rechnungs- betrag"
        assert where.box.y0 == pytest.approx(0.05)
        assert where.box.y1 == pytest.approx(0.05 + LINE + HEIGHT)

    def test_a_cell_that_the_reading_order_cuts_through_is_found(self) -> None:
        where = found(
            "Mineralwasser Medium 12 x 1,0l PET", Kind.TEXT, "Mineralwasser Medium    20  5,49", "12 x 1,0l PET    C62"
        )
        assert where is not None
        assert where.quote == "Mineralwasser Medium 12 x 1,0l PET"
        assert where.score == 0.95

    def test_labels_decide_between_occurrences(self) -> None:
        index = DocumentIndex(document(["Net   100,00", "Tax   0,00", "Total due   100,00"]))
        net = ground(index=index, value="100.00", kind=Kind.MONEY, near=("Net",))
        gross = ground(index=index, value="100.00", kind=Kind.MONEY, near=("Grand total", "Total due"))
        assert net is not None
        assert gross is not None
        assert net.box.y0 == pytest.approx(0.05)
        assert gross.box.y0 == pytest.approx(0.05 + 2 * LINE)

    def test_a_label_above_counts_too(self) -> None:
        index = DocumentIndex(document(["Qty   Number", "1.0   1.00"]))
        where = ground(index=index, value="1", kind=Kind.NUMBER, near=("Number",))
        assert where is not None
        assert where.quote == "1.00"

    def test_the_first_occurrence_is_taken_where_nothing_tells(self) -> None:
        index = DocumentIndex(document(["7"], ["7"]))
        where = ground(index=index, value="7", kind=Kind.NUMBER)
        assert where is not None
        assert where.page == 1

    def test_the_page_that_a_model_names_decides(self) -> None:
        index = DocumentIndex(document(["7"], ["7"], ["7"]))
        where = ground(index=index, value="7", kind=Kind.NUMBER, hint_page=2)
        assert where is not None
        assert where.page == 2

    def test_a_wrong_page_is_not_believed(self) -> None:
        index = DocumentIndex(document(["7"], ["8"]))
        where = ground(index=index, value="7", kind=Kind.NUMBER, hint_page=2)
        assert where is not None
        assert where.page == 1

    def test_a_quote_decides(self) -> None:
        index = DocumentIndex(document(["Net 100,00", "Total due 100,00"]))
        where = ground(index=index, value="100", kind=Kind.MONEY, quote="total due: 100,00")
        assert where is not None
        assert where.box.y0 == pytest.approx(0.05 + LINE)

    def test_a_quote_that_is_nowhere_changes_nothing(self) -> None:
        index = DocumentIndex(document(["Net 100,00"]))
        assert ground(index=index, value="100", kind=Kind.MONEY, quote="paid") is not None

    def test_the_row_decides(self) -> None:
        index = DocumentIndex(document(["Pen   1   2,00", "Ink   1   3,00"]))
        ink = ground(index=index, value="Ink", kind=Kind.TEXT)
        assert ink is not None
        one = ground(index=index, value="1", kind=Kind.NUMBER, beside=ink.evidence)
        assert one is not None
        assert one.box.y0 == pytest.approx(ink.box.y0)

    def test_what_is_out_of_reach_of_the_row_is_not_taken(self) -> None:
        index = DocumentIndex(document(["Pens   4,00", *(["."] * 8), "in 10 days"], ["10"]))
        pens = ground(index=index, value="Pens", kind=Kind.TEXT)
        assert pens is not None
        assert ground(index=index, value="10", kind=Kind.NUMBER, beside=pens.evidence, reach=0.1) is None
        far = ground(index=index, value="10", kind=Kind.NUMBER, beside=pens.evidence, reach=0.2)
        assert far is not None
        assert far.page == 1

    def test_the_column_decides_within_a_row(self) -> None:
        index = DocumentIndex(document(["No   Name   Qty", "01   Pens   1.0", "02   Inks   1.0"]))
        pens = ground(index=index, value="Pens", kind=Kind.TEXT)
        assert pens is not None
        one = ground(index=index, value="1", kind=Kind.NUMBER, beside=pens.evidence, near=("Quantity", "Qty"))
        assert one is not None
        assert one.quote == "1.0"
        assert one.box.y0 == pytest.approx(pens.box.y0)

    def test_a_name_goes_before_its_place_in_an_address_of_mail(self) -> None:
        index = DocumentIndex(document(["info@acme-tools.example", "ACME Tools"]))
        where = ground(index=index, value="Acme-Tools", kind=Kind.ORGANISATION, near=("info",))
        assert where is not None
        assert where.quote == "ACME Tools"

    def test_the_right_reading_goes_before_the_right_place(self) -> None:
        index = DocumentIndex(document(["Total -5,00", "5,00"]))
        where = ground(index=index, value="5.00", kind=Kind.MONEY, near=("Total",))
        assert where is not None
        assert (where.quote, where.score) == ("5,00", 1.0)

    def test_an_amount_with_its_cents_goes_before_one_without(self) -> None:
        index = DocumentIndex(document(["Total 40 40,00"]))
        where = ground(index=index, value="40.00", kind=Kind.MONEY, near=("Total",))
        assert where is not None
        assert where.quote == "40,00"

    def test_evidence_is_what_values_keep(self) -> None:
        where = found("4711", Kind.IDENTIFIER, "4711")
        assert where is not None
        assert where.evidence == Evidence(page=1, box=where.box, quote="4711")


class TestHostilePages:
    def test_a_page_without_words(self) -> None:
        index = DocumentIndex(ParsedDocument(pages=(page(),)))
        for kind in Kind:
            assert ground(index=index, value="1", kind=kind) is None

    def test_a_document_without_pages(self) -> None:
        assert ground(index=DocumentIndex(ParsedDocument(pages=())), value="x", kind=Kind.ORGANISATION) is None

    def test_thousands_of_occurrences_are_bounded(self) -> None:
        words = tuple(Word(text="7", box=Box(0.1, 0.1, 0.2, 0.2), block=0, line=0) for _ in range(5000))
        index = DocumentIndex(ParsedDocument(pages=(Page(number=1, width=1, height=1, text="", words=words),)))
        assert len(list(index.pages[0].find("7"))) == 200
        assert ground(index=index, value="7", kind=Kind.NUMBER) is not None

    def test_data_inside_a_long_word_is_not_read(self) -> None:
        assert quoted("4711", Kind.IDENTIFIER, "A" * 300 + "/4711") is None


@given(
    number=st.decimals(min_value=Decimal("0.01"), max_value=10**9, places=2),
    style=st.sampled_from([(".", ","), (",", "."), (" ", ","), ("'", ".")]),
    around=st.sampled_from(["{}", "{} €", "EUR {}", "€{}", "Total: {}", "({} net)"]),
)
def test_every_amount_is_found_however_it_is_written(number: Decimal, style: tuple[str, str], around: str) -> None:
    whole, fraction = f"{number:,.2f}".split(".")
    text = whole.replace(",", style[0]) + style[1] + fraction
    where = found(format(number, "f"), Kind.MONEY, "Some words before", around.format(text), "and behind")
    assert where is not None
    assert text in where.quote
    assert where.score >= 0.9


@given(
    day=st.dates(min_value=date(1970, 1, 1), max_value=date(2068, 12, 31)),
    shape=st.sampled_from(
        ["%Y-%m-%d", "%d.%m.%Y", "%d. %B %Y", "%B %d, %Y", "%d-%b-%Y", "%Y%m%d", "%d %b %y", "%m/%d/%Y"]
    ),
)
def test_every_date_is_found_however_it_is_written(day: date, shape: str) -> None:
    text = day.strftime(shape)
    where = found(day.isoformat(), Kind.DATE, "Some 12 words", f"Date: {text} 12", "and 7 behind")
    assert where is not None
    assert where.quote == text
    assert where.score >= 0.95


@given(
    words=st.lists(
        st.text(st.sampled_from("abcXYZ019äöüéßñ&-./"), min_size=1, max_size=8).filter(
            lambda word: squeeze(word) != ""
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_line_of_words_is_found_as_it_is(words: list[str]) -> None:
    line = " ".join(words)
    where = found(line, Kind.TEXT, "* before *", line, "* behind *")
    assert where is not None
    assert squeeze(where.quote) == squeeze(line)
    assert where.score >= 0.96
