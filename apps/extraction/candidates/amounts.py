"""Numbers, percentages and amounts of money on a page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from apps.extraction.candidates.candidate import DocumentLocale, Hit
from apps.extraction.candidates.currencies import currency_of, mark_after, mark_before
from apps.extraction.exact import WHOLE_DIGITS

_THIN = "\u00a0\u202f\u2009"
# One number: grouped by dot, comma, apostrophe or a (thin) space, or plain; with or without decimals.
_BODY = (
    rf"(?:\d{{1,3}}(?:(?P<group>[.,'’{_THIN}])\d{{3}})(?:(?P=group)\d{{3}})*(?:[.,]\d{{1,6}})?(?!\d)"
    rf"|\d{{1,3}}(?: \d{{3}})+[.,]\d{{2}}(?!\d)"
    rf"|\d+(?:[.,]\d{{1,6}})?"
    rf"|[.,]\d{{1,6}})"
)
_NUMBER = re.compile(rf"(?<![\d_/:\\#])(?<!\d[.,'’-])(?<!\d:-)(?P<number>{_BODY})(?!\d|[.,'’]\d|[:/]\d|-\d|-[A-Za-z])")
_UNIT = re.compile(r"(?:x|X|kg|g|h|Std|Stk|Stck|St|m|m2|m²|km|l|pcs|pc|ea|hrs|kWh)\b")
_MOST_IN_A_ROW = 20
_WIDTH = {"": 0, " ": 1, "\t": 2}
_CREDIT = re.compile(r" ?(?:CR|Cr)\b")
_DASHES = re.compile(r"[.,][-–—]{1,2}(?!\w)")
_NEXT = re.compile(rf"[ \t]?[-(]?{_BODY}")
_GOES_ON = re.compile(r"[\w-]")
_SIGNS = "-−–+"
# Optical recognition puts blanks beside a decimal point.
_TORN = re.compile(r"(?<![\w.,/:-])(?P<whole>\d{1,6}) ?[.,] ?(?P<cents>\d{2})(?![\w.,/:%-])")
_DECIMALS = re.compile(r"[.,]\d{2}$")
_WITH_DECIMALS = re.compile(r"[\d.,' ]*[.,]\d{1,2}(?!\d)")
_LEADING_ZERO = re.compile(r"0\d")


def read_number(*, text: str, decimal: str | None) -> tuple[Decimal, tuple[Decimal, ...]] | None:
    """Read an unsigned number and its other possible readings, or return None where it is none.

    `decimal` is the document's decimal sign; it decides only what the shape leaves open ("1.234").
    """
    digits = re.sub(rf"[ '’{_THIN}]", "", text)
    dots, commas = digits.count("."), digits.count(",")
    if not any(char.isdigit() for char in digits) or len(digits) > WHOLE_DIGITS:
        return None
    if dots and commas:
        sign = "." if digits.rfind(".") > digits.rfind(",") else ","
        other = "," if sign == "." else "."
        if digits.count(sign) > 1:
            return None
        return Decimal(digits.replace(other, "").replace(sign, ".")), ()
    if dots + commas > 1:
        return Decimal(digits.replace(".", "").replace(",", "")), ()
    if not dots and not commas:
        return Decimal(digits), ()
    sign = "." if dots else ","
    whole, _, fraction = digits.partition(sign)
    as_decimal = Decimal(f"{whole or '0'}.{fraction}")
    if len(fraction) != 3 or not whole or len(whole) > 3 or whole.startswith("0") or digits != text:
        return as_decimal, ()
    as_group = Decimal(whole + fraction)
    if decimal == sign:
        return as_decimal, (as_group,)
    return as_group, (as_decimal,)


def find_amounts(*, text: str, locale: DocumentLocale, taken: Sequence[Hit] = (), torn: bool = False) -> list[Hit]:
    """Return every number of a page's text that doesn't overlap `taken`, in order.

    `unit` is "%" for a percentage, the currency where one stands beside the number, else None. `confidence` is that
    of being an amount of money. `torn` says that optical recognition may have torn an amount at its decimal point.
    """
    hits = list(_amounts(text, locale, _Spans(taken)))
    if torn:
        spans = _Spans([*taken, *(hit for hit in hits if hit.confidence > 0.3 and text[hit.start] not in ".,")])
        for match in _TORN.finditer(text):
            if " " in match[0] and not spans.cover(match.start(), match.end()):
                hits = [hit for hit in hits if hit.end <= match.start() or hit.start >= match.end()]
                value = f"{Decimal(match['whole'])}.{match['cents']}"
                hits.append(Hit(start=match.start(), end=match.end(), value=value, confidence=0.5))
        hits.sort(key=lambda hit: hit.start)
    return hits


class _Spans:
    """Stretches of a text that are already something else."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self._spans = sorted((hit.start, hit.end) for hit in hits)

    def cover(self, start: int, end: int) -> bool:
        return any(begin < end and start < stop for begin, stop in self._spans)


@dataclass(frozen=True, slots=True)
class _Left:
    """What stands before a number."""

    start: int
    mark: str | None
    negative: bool
    opened: bool


@dataclass(frozen=True, slots=True)
class _Right:
    """What stands after a number."""

    end: int
    mark: str | None
    negative: bool
    closed: bool
    percent: bool
    counted: bool


def _look_left(text: str, start: int) -> _Left | None:
    """Read signs, a bracket and a currency before a number; None where the number is the tail of a longer word."""
    here = start
    mark: str | None = None
    negative = opened = signed = False
    for _ in range(4):
        blank = here > 0 and text[here - 1] in " \t"
        at = here - 1 if blank else here
        if at <= 0:
            break
        char = text[at - 1]
        if char in _SIGNS and not signed and not blank:
            if at > 1 and (text[at - 2].isalnum() or text[at - 2] in ")%" + _SIGNS):
                break
            signed, negative, here = True, char != "+", at - 1
        elif char == "(" and not opened:
            opened, here = True, at - 1
        elif mark is None and (begin := mark_before(text=text, end=at)) is not None:
            if blank and text[here - 1] == "\t" and text[at - 1].isalpha():
                break
            if _is_last_numbers(text, begin, at):
                break
            mark, here = text[begin:at], begin
        else:
            break
    if here == start and start > 0 and (text[start - 1].isalpha() or text[start - 1] == "_"):
        return None
    if here == start and _ends_a_code(text, start):
        return None
    return _Left(here, mark, negative, opened)


def _ends_a_code(text: str, start: int) -> bool:
    """Return whether a number without decimals hangs on letters that are no currency: "ZFIM-712"."""
    if start < 2 or text[start - 1] != "-" or not text[start - 2].isalpha():
        return False
    return mark_before(text=text, end=start - 1) is None and _WITH_DECIMALS.match(text, start) is None


def _is_last_numbers(text: str, begin: int, end: int) -> bool:
    """Return whether a currency's mark belongs to a number right before it, rather than to the one that follows.

    It is the nearer one's: "118 $203,800.00", "2,00€ 5,00€", and across columns "4,55 €  81,90 €". Where both are as
    near, it is the last one's if the next has a mark of its own behind it.
    """
    for _ in range(_MOST_IN_A_ROW):
        left = _blank(text, begin - 1)
        if begin <= len(left) or not text[begin - len(left) - 1].isdigit():
            return False
        following = _NEXT.match(text, end)
        if following is None:
            return True
        right = _blank(text, end)
        if left != right:
            return _WIDTH[left] < _WIDTH[right]
        begin = following.end() + len(_blank(text, following.end()))
        stop = mark_after(text=text, start=begin)
        if stop is None:
            return False
        end = stop
    return False


def _blank(text: str, at: int) -> str:
    return text[at] if 0 <= at < len(text) and text[at] in _WIDTH else ""


def _look_right(text: str, end: int, *, marked: bool) -> _Right | None:
    """Read what follows a number; None where the number is the head of a longer word."""
    here = end
    mark: str | None = None
    negative = counted = False
    dashes = _DASHES.match(text, here)
    if dashes is not None:
        here = dashes.end()
    elif text.startswith(("-", "−"), here) and not _GOES_ON.match(text, here + 1):
        negative, here = True, here + 1
    blank = text.startswith(" ", here)
    after = here + 1 if blank or text.startswith("\t%", here) else here
    if text.startswith("%", after):
        return _Right(after + 1, None, negative, closed=False, percent=True, counted=False)
    if (
        not marked
        and (stop := mark_after(text=text, start=after)) is not None
        and (_is_last_numbers(text, after, stop) or _NEXT.match(text, stop) is None)
    ):
        mark, here = text[after:stop], stop
    elif not blank and here < len(text) and text[here].isalpha():
        if _UNIT.match(text, here) is None:
            credit = _CREDIT.match(text, here)
            if credit is None:
                return None
        else:
            counted = True
    credit = _CREDIT.match(text, here)
    if credit is not None:
        negative, here = True, credit.end()
    closing = here + 1 if text.startswith(" ", here) else here
    closed = text.startswith(")", closing)
    return _Right(closing + 1 if closed else here, mark, negative, closed, percent=False, counted=counted)


def _amounts(text: str, locale: DocumentLocale, taken: _Spans) -> Iterator[Hit]:
    for match in _NUMBER.finditer(text):
        start, end = match.span("number")
        if taken.cover(start, end):
            continue
        shown = match["number"]
        reading = read_number(text=shown, decimal=locale.decimal)
        if reading is None:
            continue
        left = _look_left(text, start)
        right = _look_right(text, end, marked=left is not None and left.mark is not None)
        if left is None or right is None:
            continue
        value, others = reading
        mark = left.mark or right.mark
        unit = currency_of(mark=mark, expected=locale.currency) if mark else None
        if right.percent:
            unit = "%"
        enclosed = left.opened and right.closed
        # "(5)" counts, lists or repeats; only "(37.50)" and "($37)" are how accountants write a loss.
        loss = enclosed and (unit is not None or _DECIMALS.search(shown) is not None)
        negative = (left.negative or right.negative or loss) and value != 0
        if not left.opened or loss:
            start = left.start
        elif left.negative:
            start = text.rindex("(", 0, start) + 1
        if right.percent or right.mark or right.negative or loss:
            end = right.end - (0 if loss or not right.closed else 1)
        sign = "-" if negative else ""
        confidence = (
            0.02 if right.percent else _money_confidence(shown, value, marked=unit is not None, counted=right.counted)
        )
        yield Hit(
            start=start,
            end=end,
            value=sign + format(value, "f"),
            confidence=confidence,
            alternatives=tuple(sign + format(other, "f") for other in others),
            unit=unit,
        )


def _money_confidence(shown: str, value: Decimal, *, marked: bool, counted: bool) -> float:
    cents = _DECIMALS.search(shown) is not None
    if marked:
        return 0.97 if cents else 0.85
    if counted or _LEADING_ZERO.match(shown):
        return 0.03
    if cents:
        return 0.75
    if len(shown) > 4 and not shown.isdigit() and value == value.to_integral_value():
        return 0.4
    return 0.15 if shown.isdigit() and len(shown) < 8 else 0.1


def as_numbers(*, hits: Sequence[Hit]) -> list[Hit]:
    """Return the same finds as plain numbers: amounts with a currency and percentages are less likely ones."""
    numbers = []
    for hit in hits:
        if hit.unit == "%":
            confidence = 0.5
        elif hit.unit is not None:
            confidence = 0.3
        else:
            confidence = 0.8
        numbers.append(replace(hit, confidence=confidence))
    return numbers
