"""What a spreadsheet would take for a formula."""

from __future__ import annotations

import pytest

from apps.exports.csv import guarded


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+49 30 1234",
        "-2+3",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\nx",
        " =1",
        "\u00a0=1",
        "\u3000@x",
        "\ufeff=1",
        "\u200b-1",
        " \n =1",
        "\x01=1",
        "\uff1d1",
        "=",
        "-",
    ],
)
def test_a_formula_gets_a_quote(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "1-2", "Müller & Söhne", " a", "'=1", "12.50", "(=1)", "\u2013 5"])
def test_other_text_stays(text: str) -> None:
    assert guarded(text) == text
