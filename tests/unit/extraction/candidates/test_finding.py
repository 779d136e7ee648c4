from __future__ import annotations

import pytest

from apps.extraction.candidates import DocumentLocale, Part, find_candidates, infer_locale, read_page
from apps.parsing.pages import Box, Page, ParsedDocument, TextSource
from apps.schemas.fields import Kind
from tests.unit.extraction.candidates.pages import ADVANCE, HEIGHT, LINE, SIZE, WIDTH, page_of

US = DocumentLocale(language="en", decimal=".", day_first=False, currency="USD")
DE = DocumentLocale(language="de", decimal=",", day_first=True, currency="EUR")


def document(*texts: str, language: str | None = None) -> ParsedDocument:
    return ParsedDocument(pages=tuple(page_of(text) for text in texts), language=language)


def box(row: int, first: int, last: int) -> Box:
    """The box of characters `first` to `last` of a row."""
    return Box(first * ADVANCE / WIDTH, row * LINE / HEIGHT, last * ADVANCE / WIDTH, (row * LINE + SIZE) / HEIGHT)


def found(page: Page, kind: Kind, locale: DocumentLocale) -> list[str]:
    return [candidate.value for candidate in find_candidates(page=page, kinds={kind}, locale=locale)]


def test_rows_keep_columns_apart_and_running_text_together() -> None:
    page = page_of("Contract Dates    Estimate\n05/28/20 - 06/01/20    7305\n\nruns on\nto here")
    assert read_page(page=page).text == ("Contract Dates\tEstimate\f05/28/20 - 06/01/20\t7305\fruns on\nto here")


def test_a_candidate_leads_back_to_its_words() -> None:
    page = page_of("Total    $ 250.00\nDate:05/28/20")
    (amount,) = [c for c in find_candidates(page=page, kinds={Kind.MONEY}, locale=US) if c.confidence > 0.5]
    assert (amount.value, amount.text, amount.unit, amount.words) == ("250.00", "$ 250.00", "USD", (1, 2))
    assert amount.box == pytest.approx(box(0, 9, 17))
    (date,) = find_candidates(page=page, kinds={Kind.DATE}, locale=US)
    assert (date.value, date.text, date.words) == ("2020-05-28", "05/28/20", (3,))
    assert date.box == pytest.approx(box(1, 5, 13))


def test_ends_of_a_range_have_boxes_of_their_own() -> None:
    start, end = find_candidates(page=page_of("05/28/20 - 06/01/20"), kinds={Kind.DATE}, locale=US)
    assert (start.part, start.words, end.part, end.words) == (Part.START, (0,), Part.END, (2,))


def test_a_date_is_no_amount_and_hardly_an_identifier() -> None:
    page = page_of("01.02.2020   1.234,56   19,00 %")
    assert found(page, Kind.MONEY, DE) == ["1234.56"]
    assert found(page, Kind.NUMBER, DE) == ["1234.56", "19.00"]
    assert found(page, Kind.INTEGER, DE) == []
    strong = [c.value for c in find_candidates(page=page, kinds={Kind.IDENTIFIER}, locale=DE) if c.confidence > 0.2]
    assert strong == []


def test_an_address_takes_the_lines_that_lead_to_the_town() -> None:
    page = page_of(
        "Muster GmbH            Invoice No. 5\n"
        "Hauptstraße 12         Date 01.02.2020\n"
        "12345 Musterstadt      Customer 17\n"
        "Deutschland\n"
    )
    assert found(page, Kind.ADDRESS, DE) == ["Hauptstraße 12 12345 Musterstadt Deutschland"]


def test_an_american_address() -> None:
    page = page_of("Acme Inc\n900 Circle 75 Parkway SE\nSuite 1650\nAtlanta, GA 30339\n")
    assert found(page, Kind.ADDRESS, US) == ["900 Circle 75 Parkway SE Suite 1650 Atlanta, GA 30339"]


def test_damaged_digits_are_read_on_scans_only() -> None:
    assert found(page_of("l9/10/2018"), Kind.DATE, DE) == []
    assert found(page_of("l9/10/2018", source=TextSource.OCR), Kind.DATE, DE) == ["2018-10-19"]


def test_kinds_without_a_shape_yield_nothing() -> None:
    assert find_candidates(page=page_of("Max Muster 12"), kinds={Kind.TEXT, Kind.PERSON}, locale=DE) == []


def test_an_empty_page_yields_nothing() -> None:
    assert find_candidates(page=page_of(""), kinds=set(Kind), locale=DocumentLocale()) == []


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (
            ("Rechnung und Lieferung der Ware mit dem Betrag von 1.234,56 € ist bis 03.04.2020 zu zahlen",),
            DocumentLocale(language="de", decimal=",", day_first=True, currency="EUR"),
        ),
        (
            ("This is the total amount of the order: $1,234.56 on 05/28/20 and 06/01/20 by the agency",),
            DocumentLocale(language="en", decimal=".", day_first=False, currency="USD"),
        ),
        (
            ("Total RM 60.30", "19/10/2018"),
            DocumentLocale(language=None, decimal=".", day_first=True, currency="MYR"),
        ),
        (
            ("This agreement is governed by the laws of the State of Delaware and is dated as of 12/05/2009",),
            DocumentLocale(language="en", decimal=".", day_first=False),
        ),
        (("nothing here",), DocumentLocale()),
    ],
)
def test_the_document_votes_on_its_locale(texts: tuple[str, ...], expected: DocumentLocale) -> None:
    assert infer_locale(document=document(*texts)) == expected


def test_the_language_is_the_one_of_the_words_before_the_one_that_was_guessed() -> None:
    assert infer_locale(document=document("5", language="fr")).language == "fr"
    assert infer_locale(document=document("5", language="pt")).language is None
    text = "the amount of the invoice is to be paid on the date that is shown by this"
    assert infer_locale(document=document(text, language="fr")).language == "en"


def test_a_code_decides_which_dollar() -> None:
    assert infer_locale(document=document("$ 5.00 $ 6.00", "All prices in SGD")).currency == "SGD"
