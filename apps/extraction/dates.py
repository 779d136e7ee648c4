"""Dates as documents write them -> calendar dates.

Month names and their short forms come from CLDR. "03/04/2020" is two dates: `readings` returns both, the
likeliest first.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import cache

from babel.dates import get_month_names

from apps.extraction.numerals import fold

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")
FIRST_YEAR, LAST_YEAR = 1900, 2100
# Years of two digits: those up to this far in 20xx, the rest 19xx (POSIX strptime's rule).
_PIVOT = 68

_EXTRA = {
    "sept": 9,
    "set": 9,
    "mrz": 3,
    "maerz": 3,
    "jänner": 1,
    "feber": 2,
    "fevr": 2,
    "aout": 8,
    "dez": 12,
    "setiembre": 9,
}

_SEPARATED = re.compile(r"(\d{1,4})\s?[./-]\s?(\d{1,2})\s?[./-]\s?(\d{4}|\d{1,2})(?!\d)", re.ASCII)
_SPACED = re.compile(r"(\d{1,2}) (\d{1,2}) (\d{4})(?!\d)", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_DAY_MONTH = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|er|ère|re|º|ª|°|\.)?(?:\s?[-/.]\s?|\s+|(?=[^\W\d_]{3}))(?:day of |de |del |di |of )?"
    r"([^\W\d_]{3,12})\.?,?(?:\s?[-/.]\s?|\s+|(?<=[^\W\d_])(?=\d))(?:de |del |of )?'?(\d{4}|\d{2})(?!\d)"
)
_MONTH_DAY = re.compile(
    r"([^\W\d_]{3,12})\.?(?:\s?[-/.]\s?|\s+)(?:the )?(\d{1,2})(?:st|nd|rd|th)?"
    r"(?:,\s?|\s?[-/]\s?|\s+|\.\s?)'?(\d{4}|\d{2})(?!\d)"
)
_YEAR_MONTH = re.compile(r"(\d{4})\s?[-/. ]\s?([^\W\d_]{3,12})\.?\s?[-/. ]\s?(\d{1,2})(?!\d)")
_BEFORE = re.compile(r"(?:[^\W\d_]{2,12}\.?,? )?(?:the |den |le |el |il |dem |am )?", re.IGNORECASE)
_TIME = re.compile(
    r"(?:[,;]?\s*(?:at|um|à|a las|alle(?: ore)?|-)?\s*|T)"
    r"(?:(?:\d{1,2}[:.h]\d{2}(?:[:.]\d{2}(?:\.\d+)?)?|\d{1,2}(?=\s?[ap]m))\s*(?:[ap]\.?m\.?|uhr|h)?)?"
    r"\s*(?:Z|UTC|GMT|CET|CEST|[+-]\d{2}:?\d{2})?[.,;]?",
    re.IGNORECASE,
)
_MAX = 60


def readings(text: str, *, language: str | None = None, day_first: bool | None = None) -> tuple[date, ...]:
    """Return the dates that the text can be, the likeliest first; none if it isn't one whole date.

    A weekday before and a time behind are passed over. `day_first` decides "03/04/2020"; where it is None, `language`
    (ISO 639-1) does: English with "/" or "-" puts the month first, all others the day.
    """
    if len(text) > _MAX:
        return ()
    folded = fold(text)
    if not any(char.isdigit() for char in folded):
        return ()
    starts = {0}
    if not folded[0].isdigit() and (before := _BEFORE.match(folded)):
        starts.add(before.end())
    for start in sorted(starts):
        for pattern, reading in _PATTERNS:
            match = pattern.match(folded, start)
            if match and _TIME.fullmatch(folded, match.end()):
                found = reading(match, _Order(language=language, asked=day_first))
                if found:
                    return found
    return ()


@cache
def months() -> dict[str, int]:
    """Return month names and short forms, folded as `month_key` does, with their numbers."""
    found = {month_key(name): number for name, number in _EXTRA.items()}
    for language in LANGUAGES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, name in get_month_names(width, context=context, locale=language).items():
                    found.setdefault(month_key(name), number)
    return found


def month_key(name: str) -> str:
    """Return a month's name without case, accents and its abbreviation's point."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(char for char in plain if not unicodedata.combining(char)).rstrip(".")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What decides between the day and the month."""

    language: str | None
    asked: bool | None

    def day_first(self, text: str) -> bool:
        return (self.language != "en" or "." in text) if self.asked is None else self.asked


def _year(text: str) -> int:
    year = int(text)
    if len(text) > 2:
        return year
    return year + (2000 if year <= _PIVOT else 1900)


def _date(year: int, month: int, day: int) -> tuple[date, ...]:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return ()
    try:
        return (date(year, month, day),)
    except ValueError:
        return ()


def _separated(match: re.Match[str], order: _Order) -> tuple[date, ...]:
    first, second, third = match.groups()
    if len(first) > 2:
        return _date(int(first), int(second), int(third)) if len(first) == 4 and len(third) <= 2 else ()
    if len(third) == 1:
        return ()
    year = _year(third)
    by_day = _date(year, int(second), int(first))
    by_month = _date(year, int(first), int(second))
    if "." in match[0] and by_day and order.asked is not False:
        return by_day  # nobody puts the month first between points
    found = by_day + by_month if order.day_first(match[0]) else by_month + by_day
    if len(third) == 2 and not found:
        found = _date(_year(first), int(second), int(third))
    return tuple(dict.fromkeys(found))


def _compact(match: re.Match[str], _order: _Order) -> tuple[date, ...]:
    return _date(int(match[1]), int(match[2]), int(match[3]))


def _named(day: str, name: str, year: str) -> tuple[date, ...]:
    month = months().get(month_key(name))
    return _date(_year(year), month, int(day)) if month else ()


_PATTERNS = (
    (_SEPARATED, _separated),
    (_COMPACT, _compact),
    (_DAY_MONTH, lambda match, _order: _named(match[1], match[2], match[3])),
    (_MONTH_DAY, lambda match, _order: _named(match[2], match[1], match[3])),
    (_YEAR_MONTH, lambda match, _order: _named(match[3], match[2], match[1])),
    (_SPACED, _separated),
)
