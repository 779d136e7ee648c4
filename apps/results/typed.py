"""From canonical text to what a column of the database holds."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from apps.schemas.constraints import kept_exactly
from apps.schemas.fields import Kind

NUMBER_KINDS = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER})

_DECIMAL = re.compile(r"-?(?P<whole>[0-9]+)(?:\.(?P<part>[0-9]+))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def number_of(*, kind: Kind, value: str) -> Decimal | None:
    """Return an amount, a number or an integer exactly.

    None for any other kind, for text that isn't a canonical decimal, and for one with more digits than the column
    holds: it stays readable as text and is never rounded.
    """
    if kind not in NUMBER_KINDS:
        return None
    found = _DECIMAL.fullmatch(value)
    if found is None or not kept_exactly(value):
        return None
    whole, part = found["whole"].lstrip("0"), (found["part"] or "").rstrip("0")
    return Decimal(f"{'-' if value.startswith('-') else ''}{whole or '0'}.{part or '0'}")


def date_of(*, kind: Kind, value: str) -> date | None:
    """Return a date written `YYYY-MM-DD`; None for any other kind, and for a day that doesn't exist."""
    if kind is not Kind.DATE or _DATE.fullmatch(value) is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
