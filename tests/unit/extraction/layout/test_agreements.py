"""Contracts in running text, written by hand."""

from __future__ import annotations

import pytest

from apps.extraction.engines.layout import LayoutEngine
from apps.extraction.engines.protocol import ExtractionRequest
from apps.schemas.definitions import shipped_schemas
from tests.factories.pages import document

NDA = shipped_schemas()["nda"]
TEXT = """
                                  MUTUAL NON-DISCLOSURE AGREEMENT

This Mutual Non-Disclosure Agreement is made and entered into as of the 4th day of May, 2015, by and
between Northwind Traders, Inc., a Delaware corporation with offices at 12 Harbor Road and a branch in
Reno (the "Company"), and Jane Q. Roe (the "Recipient"). The Company wishes to disclose information
about a project that it began on June 1, 2012, and the Recipient agrees not to hire any employee of
the Company for a period of twelve (12) months after the termination of the employment.

7. Term. This Agreement shall terminate two (2) years from the date hereof, and notices are deemed to be
received five (5) days after they were sent.

8. This Agreement shall be governed by the laws of the State of Oregon, without regard to its rules of
conflicts of law.
"""


def extract(*drawings: str) -> dict[str, str]:
    request = ExtractionRequest(
        document=document(*drawings), schema=NDA, wanted=frozenset(field.name for field in NDA.fields)
    )
    return {value.path: value.value for value in LayoutEngine().extract(request).values}


def test_an_agreement_is_read_from_its_sentences() -> None:
    assert extract(TEXT) == {
        "/parties/0": "Northwind Traders, Inc.",
        "/parties/1": "Jane Q. Roe",
        "/effective_date": "2015-05-04",
        "/jurisdiction": "Oregon",
        "/term": "2 years",
    }


def test_what_the_agreement_does_not_say_is_left_out() -> None:
    silent = TEXT.replace("This Agreement shall terminate two (2) years from the date hereof, and notices", "Notices")
    silent = silent.replace("as of the 4th day of May, 2015,", "")
    values = extract(silent)
    assert "/term" not in values
    assert "/effective_date" not in values


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            "between Alpha Systems GmbH, Musterweg 3, Berlin, and Beta Holdings Ltd., London.",
            ["Alpha Systems GmbH", "Beta Holdings Ltd."],
        ),
        (
            "by and among Fox & Hound, LLC (the “Buyer”), R. J. Smith and Cedar Partners, L.P. (the “Seller”).",
            ["Fox & Hound, LLC", "R. J. Smith", "Cedar Partners, L.P."],
        ),
        (
            "by and between First Bank of Fall River and Oak Ridge Trust. Collectively, they are",
            ["First Bank of Fall River", "Oak Ridge Trust"],
        ),
        (
            "Cedar Works LLC (“Buyer”) has asked for data about Elm Mills Inc. (the “Company”) today.",
            ["Cedar Works LLC", "Elm Mills Inc."],
        ),
        ("between Alpha Corp. (the “Owner”), and Participant, who has asked for it.", ["Alpha Corp."]),
        ("between the Company and the Recipient as they are defined below in this paper.", []),
    ],
)
def test_parties_are_listed_as_the_text_names_them(sentence: str, expected: list[str]) -> None:
    values = extract(f"This Agreement is made today in due form and with full knowledge of each and all\n{sentence}")
    assert [value for path, value in values.items() if path.startswith("/parties/")] == expected
