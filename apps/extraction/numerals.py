"""Numbers as documents write them -> exact decimals.

Separators depend on the country, and "1.234" alone can be two numbers: `readings` returns every one that the text can
be, the likeliest first.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from babel.core import Locale, UnknownLocaleError, get_global
from babel.numbers import get_decimal_symbol

# Symbols and their ISO 4217 codes. "$", "kr" and "¥" stand for several currencies: the commonest, or none.
SYMBOLS = {
    "€": "EUR", "$": "USD", "US$": "USD", "USD$": "USD", "£": "GBP", "¥": "JPY", "円": "JPY", "元": "CNY", "CN¥": "CNY",
    "RMB": "CNY", "C$": "CAD", "CA$": "CAD", "CAD$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD", "HK$": "HKD",
    "S$": "SGD", "SG$": "SGD", "NT$": "TWD", "MX$": "MXN", "R$": "BRL", "RM": "MYR", "RP": "IDR", "₹": "INR",
    "RS": "INR", "RS.": "INR", "₩": "KRW", "₺": "TRY", "TL": "TRY", "₽": "RUB", "₴": "UAH", "₪": "ILS", "฿": "THB",
    "₫": "VND", "₱": "PHP", "₦": "NGN", "₡": "CRC", "ZŁ": "PLN", "KČ": "CZK", "FT": "HUF", "LEI": "RON", "ЛВ": "BGN",
    "FR.": "CHF", "SFR.": "CHF", "SFR": "CHF", "FS": "CHF", "SEK": "SEK", "NKR": "NOK", "SKR": "SEK", "DKR": "DKK",
}  # fmt: skip


def _codes() -> frozenset[str]:
    """Return the ISO 4217 codes that are or were legal tender since 1990, from CLDR."""
    tender = set()
    for entries in get_global("territory_currencies").values():
        for code, _start, end, is_tender in entries:
            if is_tender and (end is None or end[0] >= 1990):
                tender.add(code)
    return frozenset(tender)


CODES = _codes()
SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f\u2060\u200b]+")
_SYMBOLS = sorted(SYMBOLS, key=len, reverse=True)
_MARK = re.compile(
    r"(?:" + "|".join(re.escape(symbol) for symbol in _SYMBOLS) + r"|[A-Z]{3}(?![A-Z])|EUROS?(?![A-Z]))\.?",
    re.IGNORECASE,
)
_TAIL_MARK = re.compile(r"(?<![A-Za-z])" + _MARK.pattern + r"$", re.IGNORECASE)
_BODY = re.compile(r"\d[\d.,' ]*|[.,]\d+", re.ASCII)
_UNIT = re.compile(
    r"(?:%|stk|st|stck|stück|pcs?|pieces?|pz|pezzi|uds?|unidades|units?|unités?|x|h|hrs?|hours?|std|stunden|heures?|ore|"
    r"horas?|tage?|days?|jours?|t|kg|g|l|m|km|m2|m3|mwh|kwh|ea|each|le|psch|pausch|paar|set|mon|monate?|months?)\.?$",
    re.IGNORECASE,
)
_MAX = 40


def fold(text: str) -> str:
    """Return the text with compatibility forms undone and every kind of space, dash and apostrophe made one."""
    text = unicodedata.normalize("NFKC", text)
    text = SPACES.sub(" ", text).strip()
    return text.translate(_FOLD)


_FOLD = {ord(char): "-" for char in "‐‑‒–—―−﹣－"} | {ord(char): "'" for char in "’‘`´ʼ′"}


def readings(
    text: str, *, language: str | None = None, decimal: str | None = None, money: bool = False
) -> tuple[Decimal, ...]:
    """Return the numbers that the text can be, the likeliest first; none if it isn't one.

    A currency sign or code may stand on either side, a sign before or behind, parentheses mean negative. `decimal`, the
    sign before the cents, decides between "1.234" as 1234 and as 1.234; where it is None, `language` (ISO 639-1) does;
    `money` makes three digits behind a lone sign a group of thousands when neither tells.
    """
    if len(text) > 2 * _MAX:
        return ()
    bare = _bare(fold(text), money=money)
    if bare is None:
        return ()
    body, negative = bare
    found = []
    for digits in _separated(body, decimal=decimal or _decimal_sign(language), money=money):
        number = Decimal(digits)
        found.append(number.copy_negate() if negative and number else number)
    return tuple(dict.fromkeys(found))


def is_currency(mark: str) -> bool:
    """Return whether a word or sign beside a number names its currency."""
    word = mark.strip().upper()
    return any(form in CODES or form in SYMBOLS or form in {"EURO", "EUROS"} for form in (word, word.rstrip(".")))


def is_unit(word: str) -> bool:
    """Return whether a word behind a number is a unit of quantity."""
    return _UNIT.fullmatch(word) is not None


def decimal_text(number: Decimal) -> str:
    """Return a decimal as plain digits, with the places it came with: no exponent, no separators, no "-0"."""
    text = format(number, "f")
    return text.removeprefix("-") if not number else text


def _bare(text: str, *, money: bool) -> tuple[str, bool] | None:
    """Take signs, currency and units off; return the digits with their separators, and whether it is negative."""
    negative = False
    if text.startswith("(") and text.endswith(")"):
        negative, text = True, text[1:-1].strip()
    changed = True
    while changed and text:
        before = text
        if text[0] in "+-":
            negative ^= text[0] == "-"
            text = text[1:].lstrip()
        if text and not text[0].isdigit() and (mark := _MARK.match(text)) and is_currency(mark[0]):
            text = text[mark.end() :].lstrip(" :")
        if text and not text[-1].isdigit():
            if (mark := _TAIL_MARK.search(text)) and mark.start() and is_currency(mark[0]):
                text = text[: mark.start()].rstrip()
            elif re.search(r"[.,](-|--|=)$", text):
                text = text.rstrip("-=").rstrip(".,")
            elif re.search(r"\d ?-$", text):
                negative, text = not negative, text[:-1].rstrip()
            elif not money and (unit := _UNIT.search(text)) and unit.start():
                text = text[: unit.start()].rstrip()
        changed = text != before
    if not text or len(text) > _MAX or not _BODY.fullmatch(text):
        return None
    return text, negative


def _separated(body: str, *, decimal: str | None, money: bool) -> tuple[str, ...]:
    """Return the plain decimals that digits with separators can stand for, the likeliest first."""
    marks = re.findall(r"[.,' ]", body)
    kinds = list(dict.fromkeys(marks))
    if not marks:
        return (body,) if body.isdigit() else ()
    last = marks[-1]
    head, _, tail = body.rpartition(last)
    if not tail.isdigit():
        return ()
    if len(kinds) > 1:
        # Two kinds: the last is the decimal one if it stands once, else all before it group.
        if last in ".," and marks.count(last) == 1:
            whole = _ungrouped(head, kinds[:-1])
            return (f"{whole}.{tail}",) if whole is not None else ()
        return ()
    if len(marks) > 1 or last in "' ":
        whole = _ungrouped(body, kinds)
        return (whole,) if whole is not None else ()
    if not head:
        return (f"0.{tail}",)
    if len(tail) != 3 or len(head) > 3 or head.startswith("0"):
        return (f"{head}.{tail}",)
    grouped, fraction = f"{head}{tail}", f"{head}.{tail}"
    groups = last != decimal if decimal else (money or last == ",")
    return (grouped, fraction) if groups else (fraction, grouped)


def _ungrouped(text: str, separators: list[str]) -> str | None:
    """Join groups of digits: the first of one to three, the others of three (India's inner ones of two)."""
    if len(separators) > 1:
        return None
    groups = text.split(separators[0]) if separators else [text]
    if not all(group.isdigit() for group in groups):
        return None
    inner = groups[1:-1]
    western = all(len(group) == 3 for group in groups[1:])
    indian = len(groups) > 2 and len(groups[-1]) == 3 and all(len(group) == 2 for group in inner)
    if len(groups) > 1 and (not (western or indian) or not 1 <= len(groups[0]) <= 3):
        return None
    return "".join(groups)


def _decimal_sign(language: str | None) -> str | None:
    if not language:
        return None
    try:
        return str(get_decimal_symbol(Locale.parse(language)))
    except (UnknownLocaleError, ValueError):
        return None
