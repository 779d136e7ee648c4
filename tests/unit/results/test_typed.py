"""Canonical text as typed columns."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.results.typed import date_of, number_of
from apps.schemas.fields import Kind


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("651.00", Decimal("651.00")),
        ("-0.10", Decimal("-0.10")),
        ("0", Decimal(0)),
        ("007.50", Decimal("7.5")),
        ("0.000000000001", Decimal("0.000000000001")),
        ("99999999999999999999999999.999999999999", Decimal("99999999999999999999999999.999999999999")),
        # The column would have to round these, so they stay text.
        ("0.0000000000001", None),
        ("100000000000000000000000000", None),
        # Not canonical.
        ("", None),
        ("1,000.00", None),
        ("1e3", None),
        ("NaN", None),
        ("Infinity", None),
        ("+1", None),
        (".5", None),
        ("1.", None),
        ("١٢", None),
        ("1\n", None),
        ("12 EUR", None),
    ],
)
def test_a_number_is_exact_or_none(text: str, expected: Decimal | None) -> None:
    assert number_of(kind=Kind.MONEY, value=text) == expected


@pytest.mark.parametrize("kind", [Kind.MONEY, Kind.NUMBER, Kind.INTEGER])
def test_amounts_numbers_and_integers_are_numbers(kind: Kind) -> None:
    assert number_of(kind=kind, value="12") == Decimal(12)


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.MONEY, Kind.NUMBER, Kind.INTEGER}))
def test_no_other_kind_is_a_number(kind: Kind) -> None:
    assert number_of(kind=kind, value="12") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-14", date(2025, 3, 14)),
        ("2024-02-29", date(2024, 2, 29)),
        ("2025-02-29", None),
        ("20250314", None),
        ("2025-W11-5", None),
        ("14.03.2025", None),
        ("0000-01-01", None),
    ],
)
def test_a_date_is_a_day_that_exists(text: str, expected: date | None) -> None:
    assert date_of(kind=Kind.DATE, value=text) == expected
    assert date_of(kind=Kind.TEXT, value=text) is None


@given(text=st.from_regex(r"-?[0-9]{1,45}(\.[0-9]{1,25})?", fullmatch=True))
def test_what_is_stored_as_a_number_is_exact_in_every_export(text: str) -> None:
    number = number_of(kind=Kind.MONEY, value=text)
    if number is not None:
        assert number == Decimal(text)
        assert pa.array([number], type=pa.decimal128(38, 12)).to_pylist() == [Decimal(text)]
