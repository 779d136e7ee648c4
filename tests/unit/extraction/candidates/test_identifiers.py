from __future__ import annotations

import pytest

from apps.extraction.candidates.candidate import DocumentLocale
from apps.extraction.candidates.identifiers import (
    find_emails,
    find_ibans,
    find_identifiers,
    find_phones,
    find_vat_ids,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RE-2020/0815", "RE-2020/0815"),
        ("471102", "471102"),
        ("WOC12486330", "WOC12486330"),
        ("1328762-2", "1328762-2"),
        ("#INV_2020.12,", "INV_2020.12"),
        ("(B123456)", "B123456"),
    ],
)
def test_an_identifier(text: str, expected: str) -> None:
    (hit,) = [hit for hit in find_identifiers(text=text) if hit.confidence > 0.5]
    assert hit.value == expected


@pytest.mark.parametrize("text", ["1.234,56", "12:30", "word", "50%", "5", "a@b2.de"])
def test_what_is_hardly_an_identifier(text: str) -> None:
    assert [hit.value for hit in find_identifiers(text=text) if hit.confidence > 0.3] == []


def test_letters_before_a_number_are_offered_too() -> None:
    assert [hit.value for hit in find_identifiers(text="RE 2020-17")] == ["RE 2020-17", "2020-17"]


def test_an_iban_ends_where_its_country_says() -> None:
    text = "IBAN: DE89 3704 0044 0532 0130 00 BIC COBADEFF"
    (hit,) = find_ibans(text=text)
    assert hit.value == "DE89370400440532013000"
    assert text[hit.start : hit.end] == "DE89 3704 0044 0532 0130 00"


def test_an_iban_with_wrong_check_digits_is_none() -> None:
    assert find_ibans(text="DE88 3704 0044 0532 0130 00") == []


@pytest.mark.parametrize(
    ("text", "value", "sure"),
    [
        ("USt-IdNr. DE136695976", "DE136695976", True),
        ("DE 136 695 976", "DE136695976", True),
        ("DE123456789", "DE123456789", False),
        ("ATU 13585627", "ATU13585627", True),
        ("FR 40 303 265 045", "FR40303265045", True),
        ("CHE-100.155.212 MWST", "CHE100155212", True),
        ("GB 980 7806 84", "GB980780684", True),
        ("IT00743110157", "IT00743110157", True),
        ("NL004495445B01", "NL004495445B01", True),
    ],
)
def test_a_vat_id(text: str, value: str, *, sure: bool) -> None:
    (hit,) = find_vat_ids(text=text)
    assert hit.value == value
    assert (hit.confidence > 0.9) is sure


@pytest.mark.parametrize("text", ["DE12345678", "DEPOSIT 123456789", "XX123456789", "12345678901"])
def test_what_is_no_vat_id(text: str) -> None:
    assert find_vat_ids(text=text) == []


def test_a_national_id_counts_by_its_check_digit() -> None:
    assert [hit.value for hit in find_vat_ids(text="P.IVA 00743110157")] == ["00743110157"]


def test_an_email() -> None:
    assert [hit.value for hit in find_emails(text="mail: max.muster@example.co.uk, web")] == [
        "max.muster@example.co.uk"
    ]


def test_phones_follow_the_country() -> None:
    german = DocumentLocale(language="de", currency="EUR")
    assert [hit.value for hit in find_phones(text="Tel. +49 89 636-48018", locale=german)] == ["+49 89 636-48018"]
    american = DocumentLocale(language="en", currency="USD")
    assert [hit.value for hit in find_phones(text="(404)892-1611", locale=american)] == ["(404)892-1611"]
    assert find_phones(text="12345678", locale=american) == []
