"""Days and moments in questions: one way to write each, and an answer that says which.

What pydantic takes beside them, `2020` as seconds since 1970 for one, would be an answer to another question.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import BeforeValidator

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_DAY_WANTED = "write a day as 2026-01-31"
_MOMENT_WANTED = (
    "write a time as RFC 3339 has it, with its zone, such as 2026-01-31T13:30:00Z or 2026-01-31T13:30:00%2B01:00 "
    "(a plus is %2B in an address), or a day as 2026-01-31, which begins at midnight UTC"
)


def _day(value: object) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"there is no such day: {_DAY_WANTED}") from None
    raise ValueError(_DAY_WANTED)


def _moment(value: object) -> datetime:
    """Return the moment in UTC."""
    if isinstance(value, str):
        try:
            if _DAY.fullmatch(value):
                return datetime.combine(date.fromisoformat(value), time(), tzinfo=UTC)
            if _MOMENT.fullmatch(value):
                return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValueError(f"there is no such time: {_MOMENT_WANTED}") from None
    raise ValueError(_MOMENT_WANTED)


Day = Annotated[date, BeforeValidator(_day)]
"""A calendar day, `YYYY-MM-DD` and nothing else."""

Moment = Annotated[datetime, BeforeValidator(_moment)]
"""An RFC 3339 date-time with its zone, or a day, which is its first moment; in UTC."""
