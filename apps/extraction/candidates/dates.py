"""Dates on a page: numeric in the document's order, with month names in five languages, and ranges.

Two-digit years follow POSIX (strptime %y): 69-99 are 1969-1999, 00-68 are 2000-2068.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from apps.extraction.candidates.candidate import DocumentLocale, Hit, Part
from apps.extraction.candidates.months import MONTH, month_number, names_a_month

FIRST_YEAR, LAST_YEAR = 1900, 2100

_GAP = r"[ \n]?"
_NUMERIC = re.compile(
    r"(?<![\w/])(?<!\d[.,])(?:(?<!\d-)|(?<=[./]\d\d-)|(?<=[./]\d{4}-))"
    r"(?P<a>\d{1,4})(?P<gap> ?)(?P<sep>[./-]) ?(?P<b>\d{1,2}) ?(?P=sep) ?(?P<c>\d{4}|\d{1,2})"
    r"(?![\w/]|[.,:]\d|-\d(?!\d?[./-]\d)|%)"
)
_SPACED = re.compile(r"(?<![\w/.,-])(?P<a>\d{1,2}) (?P<b>\d{1,2}) (?P<c>(?:19|20)\d\d)(?![\w/.,-])")
_CJK = re.compile(r"(?P<year>\d{4}) ?[年년] ?(?P<month>\d{1,2}) ?[月월] ?(?P<day>\d{1,2}) ?[日일]")
_COMPACT = re.compile(r"(?<![\w.,/-])(?:(?P<y1>20\d\d)(?P<m1>[01]\d)(?P<d1>[0-3]\d))(?![\w/-]|[.,]\d)")
_YEAR = r"(?P<year>(?:19|20)\d\d|'?\d{2})(?![\w/]|[.,:]\d)"
_DAY = r"(?P<day>[0-3]?\d)"
_ORDINAL = r"(?:st|nd|rd|th|er|ème|eme|\.|º|°|ª|o(?= de))?"
_DAY_MONTH = re.compile(
    rf"(?<![\w/])(?<!\d[.,:/-]){_DAY}{_ORDINAL}{_GAP}(?:day{_GAP})?[-./]?(?:of |de |del |di )?{_GAP}"
    rf"(?P<month>{MONTH})\.?{_GAP}[-./,]?{_GAP}(?:de |del |di )?'?{_YEAR}",
    re.IGNORECASE,
)
_MONTH_DAY = re.compile(
    rf"(?<!\w)(?P<month>{MONTH})\.?{_GAP}[-./]?{_GAP}{_DAY}{_ORDINAL}(?:{_GAP},{_GAP}|[-/. \n]{_GAP}){_YEAR}",
    re.IGNORECASE,
)
_YEAR_MONTH_NAME = re.compile(
    rf"(?<![\w/])(?P<year>(?:19|20)\d\d)[-./ ](?P<month>{MONTH})[-./ ]{_DAY}(?!\w)", re.IGNORECASE
)
# The first end of a range may leave out its year, and also its month, if the second has them.
_SHORT_NUMERIC = re.compile(r"(?<![\w/.,-])(?P<a>\d{1,2})[./](?:(?P<b>\d{1,2})[./]?)? ?(?:-|–|—|bis|to|au|al|a) ?$")
_SHORT_NAMED = re.compile(
    rf"(?<!\w)(?:(?P<month>{MONTH})\.? {_DAY}{_ORDINAL}|(?P<day2>[0-3]?\d){_ORDINAL}(?: (?P<month2>{MONTH})\.?)?)"
    r" ?(?:-|–|—|bis|to|through|until|au|al|a) ?(?:zum |the )?$",
    re.IGNORECASE,
)
_NAMED_TO_DAY = re.compile(
    rf"(?<!\w)(?P<month>{MONTH})\.? (?P<from>[0-3]?\d){_ORDINAL} ?(?:-|–|—|to|through) ?(?P<to>[0-3]?\d){_ORDINAL}"
    rf"(?:, ?| )(?P<year>(?:19|20)\d\d)(?!\w)",
    re.IGNORECASE,
)
_LINKS = ("-", "–", "—", "bis", "zum", "the", "to", "through", "until", "au", "al", "a")
_RANGE_LINK = re.compile(
    r"[ \n\t]?(?:-|–|—|\bto\b|\bthru\b|\bthrough\b|\buntil\b|\bbis(?: zum)?\b|\bau\b|\bal\b|\bhasta(?: el)?\b)[ \n\t]?",
    re.IGNORECASE,
)
# What optical recognition makes of digits; read back only inside the shape of a date.
_DAMAGED = re.compile(
    r"(?<![\w/.,-])(?P<a>[\dOoQIl|SBZ]{1,4}) ?(?P<sep>[./-]) ?(?P<b>[\dOoQIl|SBZ]{1,2}) ?(?P=sep) ?"
    r"(?P<c>[\dOoQIl|SBZ]{4}|[\dOoQIl|SBZ]{2})(?![\w/]|[.,]\d)"
)
_REPAIR = str.maketrans("OoQIl|SBZ", "000111582")


def find_dates(*, text: str, locale: DocumentLocale, damaged: bool = False) -> list[Hit]:
    """Return the dates of a page's text in order, values in ISO 8601.

    `damaged` says that the text comes from optical recognition: letters that stand for digits are read as digits.
    """
    hits: list[Hit] = []
    named = names_a_month(text=text)
    for found in (
        _ranges_within_month(text) if named else (),
        _numeric(text, locale),
        _named(text) if named else (),
        _damaged(text, locale) if damaged else (),
        _compact(text),
    ):
        taken = tuple(hits)
        hits.extend(hit for hit in found if not any(hit.overlaps(other) for other in taken))
    hits.sort(key=lambda hit: (hit.start, hit.end, hit.value))
    return _ranges(text, hits, locale)


def _calendar(year: int, month: int, day: int) -> str | None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _full_year(text: str) -> int:
    digits = text.lstrip("'")
    year = int(digits)
    if len(digits) > 2:
        return year
    return year + (1900 if year >= 69 else 2000)


def _readings(first: str, second: str, third: str, locale: DocumentLocale, sep: str) -> tuple[list[str], bool]:
    """Return the possible dates of three numbers, the likeliest first, and whether the order was settled."""
    if len(first) == 4:
        iso = _calendar(int(first), int(second), int(third))
        if iso is None:
            iso = _calendar(int(first), int(third), int(second))
        return ([iso] if iso else []), True
    if len(first) == 3 or len(third) == 1:
        return [], False
    year = _full_year(third)
    day_month = _calendar(year, int(second), int(first))
    month_day = _calendar(year, int(first), int(second))
    day_first = locale.day_first
    if day_first is None:
        day_first = sep == "." or locale.language not in {None, "en"} or locale.currency != "USD"
    ordered = [day_month, month_day] if day_first else [month_day, day_month]
    settled = locale.day_first is not None or sep == "." or day_month is None or month_day is None
    readings = list(dict.fromkeys(reading for reading in ordered if reading))
    if not readings and len(third) == 2:
        # Only now, as 19-03-20 is rather the 19th of March: years in front, as in 97-12-31.
        back = _calendar(_full_year(first), int(second), int(third))
        readings = [back] if back else []
    return readings, settled or len(readings) == 1


def _numeric(text: str, locale: DocumentLocale) -> Iterator[Hit]:
    for match in _NUMERIC.finditer(text):
        readings, settled = _readings(match["a"], match["b"], match["c"], locale, match["sep"])
        if not readings:
            continue
        confidence = 0.97 if len(match["c"]) == 4 or len(match["a"]) == 4 else 0.9
        if match["sep"] == "." and len(match["c"]) < 3 and len(match["a"]) < 3:
            confidence = 0.75
        if not settled:
            confidence -= 0.25
        yield Hit(
            start=match.start(),
            end=match.end(),
            value=readings[0],
            confidence=confidence,
            alternatives=tuple(readings[1:]),
        )
    for match in _SPACED.finditer(text):
        readings, settled = _readings(match["a"], match["b"], match["c"], locale, " ")
        if readings:
            yield Hit(
                start=match.start(),
                end=match.end(),
                value=readings[0],
                confidence=0.4 if settled else 0.3,
                alternatives=tuple(readings[1:]),
            )
    for match in _CJK.finditer(text):
        iso = _calendar(int(match["year"]), int(match["month"]), int(match["day"]))
        if iso:
            yield Hit(start=match.start(), end=match.end(), value=iso, confidence=0.97)


def _named(text: str) -> Iterator[Hit]:
    end = -1
    found = [match for pattern in (_DAY_MONTH, _MONTH_DAY, _YEAR_MONTH_NAME) for match in pattern.finditer(text)]
    # Of two that overlap the one that begins first wins: "3 May 12, 2020" stays a guess either way.
    for match in sorted(found, key=lambda match: (match.start(), -match.end())):
        month = month_number(name=match["month"])
        if match.start() < end or month is None:
            continue
        iso = _calendar(_full_year(match["year"]), month, int(match["day"]))
        if iso:
            end = match.end()
            long = len(match["year"].lstrip("'")) == 4
            yield Hit(start=match.start(), end=end, value=iso, confidence=0.98 if long else 0.85)


def _damaged(text: str, locale: DocumentLocale) -> Iterator[Hit]:
    for match in _DAMAGED.finditer(text):
        parts = match["a"] + match["b"] + match["c"]
        digits = sum(char.isdigit() for char in parts)
        if digits == len(parts) or digits < 4:
            continue
        first, second, third = (match[name].translate(_REPAIR) for name in "abc")
        readings, settled = _readings(first, second, third, locale, match["sep"])
        if readings:
            yield Hit(
                start=match.start(),
                end=match.end(),
                value=readings[0],
                confidence=0.6 if settled else 0.45,
                alternatives=tuple(readings[1:]),
            )


def _compact(text: str) -> Iterator[Hit]:
    for match in _COMPACT.finditer(text):
        iso = _calendar(int(match["y1"]), int(match["m1"]), int(match["d1"]))
        if iso:
            yield Hit(start=match.start(), end=match.end(), value=iso, confidence=0.3)


def _ranges_within_month(text: str) -> Iterator[Hit]:
    """Yield both ends of "March 2 - 8, 2020"."""
    for match in _NAMED_TO_DAY.finditer(text):
        month = month_number(name=match["month"])
        if month is None:
            continue
        first = _calendar(int(match["year"]), month, int(match["from"]))
        last = _calendar(int(match["year"]), month, int(match["to"]))
        if first and last and first <= last:
            yield Hit(start=match.start(), end=match.end("from"), value=first, confidence=0.9, part=Part.START)
            yield Hit(start=match.start("to"), end=match.end(), value=last, confidence=0.95, part=Part.END)


def _ranges(text: str, hits: Sequence[Hit], locale: DocumentLocale) -> list[Hit]:
    """Mark dates that are joined by a dash or a word as the ends of a range, and add shortened first ends."""
    done: list[Hit] = []
    for hit in hits:
        if hit.part is not Part.WHOLE:
            done.append(hit)
            continue
        before = done[-1] if done else None
        if before is not None and before.part is Part.WHOLE and before.end <= hit.start:
            link = _RANGE_LINK.fullmatch(text, before.end, hit.start)
            if link is not None:
                done[-1], hit = _ordered(before, hit)  # noqa: PLW2901  the hit, now known to be an end
        if hit.part is Part.WHOLE:
            first = _shortened(text, hit, locale)
            if first is not None:
                done.append(first)
                hit = replace(hit, part=Part.END)  # noqa: PLW2901  the hit, now known to be an end
        done.append(hit)
    return done


def _ordered(first: Hit, last: Hit) -> tuple[Hit, Hit]:
    """Read a pair in the order that makes a range: the start isn't after the end."""
    if first.value > last.value:
        for begin in (first.value, *first.alternatives):
            for end in (last.value, *last.alternatives):
                if begin <= end and (begin == first.value) == (end == last.value):
                    return (
                        replace(first, value=begin, alternatives=(first.value,), part=Part.START),
                        replace(last, value=end, alternatives=(last.value,), part=Part.END),
                    )
        return first, last
    return replace(first, part=Part.START), replace(last, part=Part.END)


def _shortened(text: str, last: Hit, locale: DocumentLocale) -> Hit | None:
    """Return the first end of "01.03. - 15.03.2020", "1.-15.03.2020" or "2 to 8 March 2020"."""
    window = text[max(0, last.start - 24) : last.start]
    if not window.rstrip(" ").endswith(_LINKS):
        return None
    offset = last.start - len(window)
    end = date.fromisoformat(last.value)
    numeric = _SHORT_NUMERIC.search(window)
    if numeric is not None:
        if numeric["b"] is None:
            month, day = end.month, int(numeric["a"])
        elif locale.day_first is False:
            month, day = int(numeric["a"]), int(numeric["b"])
        else:
            month, day = int(numeric["b"]), int(numeric["a"])
        match = numeric
    else:
        named = _SHORT_NAMED.search(window)
        if named is None:
            return None
        name = named["month"] or named["month2"]
        number = month_number(name=name) if name else end.month
        if number is None:
            return None
        month, day, match = number, int(named["day"] or named["day2"]), named
    year = end.year if month <= end.month else end.year - 1
    iso = _calendar(year, month, day)
    if iso is None or iso > last.value:
        return None
    stop = offset + len(match[0].rstrip(" -–—")) + match.start()
    return Hit(start=offset + match.start(), end=stop, value=iso, confidence=0.7, part=Part.START)
