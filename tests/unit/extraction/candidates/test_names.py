"""Durations, organisations, countries and currencies."""

from __future__ import annotations

import pytest

from apps.extraction.candidates.countries import country_code, find_countries
from apps.extraction.candidates.currencies import currency_of, find_marks
from apps.extraction.candidates.durations import find_durations
from apps.extraction.candidates.organisations import find_organisations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 years", "2 years"),
        ("a period of Two years from", "2 years"),
        ("five (5) years", "5 years"),
        ("twenty-four (24) months", "24 months"),
        ("zwei Jahre", "2 Jahre"),
        ("18 Monaten", "18 Monate"),
        ("deux ans", "2 ans"),
        ("tres años", "3 años"),
        ("tre anni", "3 anni"),
        ("one\nyear", "1 year"),
        ("30 calendar days", "30 days"),
        ("18-month", "18 months"),
    ],
)
def test_a_duration(text: str, expected: str) -> None:
    assert [hit.value for hit in find_durations(text=text)] == [expected]


def test_no_duration_inside_other_words() -> None:
    assert find_durations(text="2 yearsmen, 100.2 ansible, none year") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Muster GmbH & Co. KG", "Muster GmbH & Co. KG"),
        ("bei der Stadtwerke München GmbH in", "Stadtwerke München GmbH"),
        ("between Progress Software Corporation and", "Progress Software Corporation"),
        ("and Teva Pharmaceutical Industries Ltd., a", "Teva Pharmaceutical Industries Ltd."),
        ("POPULAR BOOK CO. (M) SDN BHD", "POPULAR BOOK CO. (M) SDN BHD"),
        ("TARGETED PLATFORM MEDIA LLC", "TARGETED PLATFORM MEDIA LLC"),
        ("from Lone Star U.S. Acquisitions, LLC (the", "Lone Star U.S. Acquisitions, LLC"),
        ("Société Générale de Bois SARL", "Société Générale de Bois SARL"),
        ("Bianchi & Figli S.p.A.", "Bianchi & Figli S.p.A."),
        ("99 SPEED MART S/B", "99 SPEED MART S/B"),
        ("Widget Sp. z o.o.", "Widget Sp. z o.o."),
    ],
)
def test_an_organisation(text: str, expected: str) -> None:
    assert [hit.value for hit in find_organisations(text=text)] == [expected]


def test_a_name_stays_in_its_column() -> None:
    assert [hit.value for hit in find_organisations(text="Bill To\tAcme Widgets Inc")] == ["Acme Widgets Inc"]


def test_a_form_without_a_name_is_none() -> None:
    assert find_organisations(text="the company and its Limited liability, an Inc.") == []


def test_countries_in_five_languages() -> None:
    text = "Deutschland\tÉtats-Unis\tRegno Unito\tUnited States\tEspaña\tturkey"
    assert [hit.value for hit in find_countries(text=text)] == ["DE", "US", "GB", "US", "ES"]


def test_a_country_code() -> None:
    assert (country_code(name="DE"), country_code(name="italie"), country_code(name="Nowhere")) == ("DE", "IT", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Alle Beträge in EUR", ["EUR"]),
        ("$ 5", ["$"]),
        ("US$5", ["US$"]),
        ("TOP ALL CUP", []),
        ("RMS 5", []),
        ("(RM)", ["RM"]),
    ],
)
def test_currency_marks(text: str, expected: list[str]) -> None:
    assert [mark for _, _, mark in find_marks(text=text)] == expected


def test_a_dollar_is_the_documents_dollar() -> None:
    assert currency_of(mark="$", expected="SGD") == "SGD"
    assert currency_of(mark="$", expected="EUR") == "USD"
    assert currency_of(mark="US$", expected="SGD") == "USD"
