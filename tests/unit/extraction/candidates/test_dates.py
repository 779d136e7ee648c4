from __future__ import annotations

import pytest

from apps.extraction.candidates.candidate import DocumentLocale, Part
from apps.extraction.candidates.dates import find_dates

DAY_FIRST = DocumentLocale(language="en", day_first=True)
MONTH_FIRST = DocumentLocale(language="en", day_first=False, currency="USD")
GERMAN = DocumentLocale(language="de", decimal=",", day_first=True)


def values(text: str, locale: DocumentLocale = DAY_FIRST, *, damaged: bool = False) -> list[str]:
    return [hit.value for hit in find_dates(text=text, locale=locale, damaged=damaged)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("19/10/2018", "2018-10-19"),
        ("19-10-18 12:30:11", "2018-10-19"),
        ("30.01.2020", "2020-01-30"),
        ("03. 04. 2020", "2020-04-03"),
        ("2018-03-09", "2018-03-09"),
        ("2018/03/09", "2018-03-09"),
        ("2018年3月9日", "2018-03-09"),
        ("3 January 2020", "2020-01-03"),
        ("January 30, 2006", "2006-01-30"),
        ("January\n30, 2006", "2006-01-30"),
        ("this 6th of February, 1999", "1999-02-06"),
        ("6th day of February, 1999", "1999-02-06"),
        ("Sept. 3rd, 2019", "2019-09-03"),
        ("05-Jan-18", "2018-01-05"),
        ("5 JAN 2018", "2018-01-05"),
        ("3. März 2021", "2021-03-03"),
        ("3. Mrz 2021", "2021-03-03"),
        ("1er août 2021", "2021-08-01"),
        ("3 de mayo de 2021", "2021-05-03"),
        ("3 gennaio 2021", "2021-01-03"),
        ("2020-Jan-05", "2020-01-05"),
        ("31/12/99", "1999-12-31"),
        ("20200131", "2020-01-31"),
    ],
)
def test_a_date_is_read(text: str, expected: str) -> None:
    assert values(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "12,30",
        "1.2.3",
        "192.168.10.12",
        "31/02/2020",
        "99/99/2020",
        "10-1130a",
        "in May 20 people",
        "1/2",
        "12.34.56.78",
    ],
)
def test_what_is_no_date_is_left(text: str) -> None:
    assert values(text) == []


def test_the_document_decides_the_order() -> None:
    assert values("03/04/2020", DAY_FIRST) == ["2020-04-03"]
    assert values("03/04/2020", MONTH_FIRST) == ["2020-03-04"]


def test_an_open_order_keeps_the_other_reading_and_is_less_sure() -> None:
    (hit,) = find_dates(text="03/04/2020", locale=DocumentLocale(language="en"))
    assert (hit.value, hit.alternatives) == ("2020-04-03", ("2020-03-04",))
    (sure,) = find_dates(text="13/04/2020", locale=DocumentLocale(language="en"))
    assert sure.alternatives == ()
    assert hit.confidence < sure.confidence


@pytest.mark.parametrize(
    ("text", "locale", "expected"),
    [
        ("05/28/20 - 06/01/20", MONTH_FIRST, ("2020-05-28", "2020-06-01")),
        ("05/28/20-06/01/20", MONTH_FIRST, ("2020-05-28", "2020-06-01")),
        ("05/28/20 thru 06/01/20", MONTH_FIRST, ("2020-05-28", "2020-06-01")),
        ("01.03.2020 bis 15.03.2020", GERMAN, ("2020-03-01", "2020-03-15")),
        ("01.03. - 15.03.2020", GERMAN, ("2020-03-01", "2020-03-15")),
        ("1.-15.03.2020", GERMAN, ("2020-03-01", "2020-03-15")),
        ("15.12. - 15.01.2020", GERMAN, ("2019-12-15", "2020-01-15")),
        ("March 2 - 8, 2020", MONTH_FIRST, ("2020-03-02", "2020-03-08")),
        ("2 to 8 March 2020", DAY_FIRST, ("2020-03-02", "2020-03-08")),
        ("March 1 - April 5, 2020", MONTH_FIRST, ("2020-03-01", "2020-04-05")),
        ("du 01/03/2020 au 15/03/2020", GERMAN, ("2020-03-01", "2020-03-15")),
    ],
)
def test_a_range_gives_both_ends(text: str, locale: DocumentLocale, expected: tuple[str, str]) -> None:
    hits = find_dates(text=text, locale=locale)
    assert [(hit.value, hit.part) for hit in hits] == [(expected[0], Part.START), (expected[1], Part.END)]


def test_columns_do_not_make_a_range() -> None:
    assert [hit.part for hit in find_dates(text="05/28/20\t06/01/20", locale=MONTH_FIRST)] == [Part.WHOLE, Part.WHOLE]


def test_letters_for_digits_are_read_only_from_a_scan() -> None:
    assert values("l9/1O/2018", damaged=True) == ["2018-10-19"]
    assert values("l9/1O/2018") == []
    assert values("OO/SS/IIII", damaged=True) == []


def test_offsets_cover_the_date_alone() -> None:
    text = "Date: 19/10/2018."
    (hit,) = find_dates(text=text, locale=DAY_FIRST)
    assert text[hit.start : hit.end] == "19/10/2018"
