"""Decimal arithmetic wide enough for any number that a document may give.

Python's own context keeps 28 digits: it rounds a longer sum without a word, and refuses to round one to cents.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from functools import wraps
from typing import ParamSpec, TypeVar

WHOLE_DIGITS = 40
"""A number with more digits before its point is none: it is a barcode, or somebody plays tricks."""
DECIMAL_PLACES = 20

# The product of two such numbers, and sums of millions of those.
_WIDE = Context(prec=4 * (WHOLE_DIGITS + DECIMAL_PLACES), traps=[DivisionByZero, InvalidOperation, Overflow])
_CENT = Decimal("0.01")

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def exactly(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Let a function (no generator) do its decimal arithmetic without losing digits."""

    @wraps(function)
    def within(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        with localcontext(_WIDE):
            return function(*args, **kwargs)

    return within


def cents(number: Decimal) -> Decimal:
    """Return a number rounded to two places, half to even."""
    return number.quantize(_CENT, context=_WIDE)
