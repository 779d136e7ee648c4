"""Currency codes and signs as documents write them (codes and signs: Unicode CLDR through babel)."""

from __future__ import annotations

import re

from babel import Locale

# Codes that are also words of a page in capitals: currencies only right beside an amount.
_WORDS_IN_CAPITALS = {"ALL", "ANG", "BAM", "CUP", "COP", "GEL", "LAK", "MAD", "MOP", "PAB", "PEN", "SOS", "TOP", "TRY"}


CODES = frozenset(Locale.parse("en").currency_symbols) - {"XXX"}
"""ISO 4217 codes of the currencies in use: those for which CLDR's English data has a sign or the code itself."""

SIGNS: dict[str, str] = {
    "€": "EUR",
    "£": "GBP",
    "$": "USD",
    "US$": "USD",
    "U$S": "USD",
    "A$": "AUD",
    "AU$": "AUD",
    "C$": "CAD",
    "CA$": "CAD",
    "CAN$": "CAD",
    "HK$": "HKD",
    "NZ$": "NZD",
    "S$": "SGD",
    "SG$": "SGD",
    "NT$": "TWD",
    "MX$": "MXN",
    "R$": "BRL",
    "¥": "JPY",
    "￥": "JPY",
    "CN¥": "CNY",
    "元": "CNY",
    "₹": "INR",
    "Rs": "INR",
    "Rs.": "INR",
    "₩": "KRW",
    "₪": "ILS",
    "₫": "VND",
    "₱": "PHP",
    "฿": "THB",
    "₺": "TRY",
    "₽": "RUB",
    "₴": "UAH",
    "₦": "NGN",
    "RM": "MYR",
    "Rp": "IDR",
    "Rp.": "IDR",
    "zł": "PLN",
    "Kč": "CZK",
    "Ft": "HUF",
    "lei": "RON",
    "Fr.": "CHF",
    "SFr.": "CHF",
    "sFr.": "CHF",
    "Euro": "EUR",
    "Euros": "EUR",
    "euro": "EUR",
    "euros": "EUR",
    "EURO": "EUR",
    "EUROS": "EUR",
    "dollars": "USD",
    "Dollars": "USD",
    "DOLLARS": "USD",
    "US-Dollar": "USD",
    "Franken": "CHF",
    "RM.": "MYR",
}

AMBIGUOUS_SIGNS = frozenset({"$", "dollars", "Dollars", "DOLLARS", "¥", "￥", "Rs", "Rs."})
"""Signs of several currencies: a code elsewhere in the document decides between them."""

DOLLARS = frozenset({"USD", "AUD", "CAD", "HKD", "NZD", "SGD", "TWD", "MXN"})


_LONGEST = 8
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)?\.?")
_SIGN_CHARS = frozenset(sign[-1] for sign in SIGNS if not sign[-1].isalpha() and sign[-1] != ".")
_CODE = re.compile(
    r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])|[€£$¥₹₩₪₫₱฿₺₽₴₦]|(?<![A-Za-z])(?:RM|Rs\.?|Euros?|EURO|zł|Kč|SFr\.)(?![A-Za-z])"
)


def mark_before(*, text: str, end: int) -> int | None:
    """Return where the currency code or sign that ends at `end` begins, or None where none does."""
    if end <= 0:
        return None
    if text[end - 1] in _SIGN_CHARS:
        for length in (4, 3, 2):
            begin = end - length
            if begin >= 0 and text[begin:end] in SIGNS and not (begin and text[begin - 1].isalpha()):
                return begin
        return end - 1 if text[end - 1] in SIGNS else None
    begin = end - 1 if text[end - 1] == "." else end
    while begin > 0 and end - begin <= _LONGEST and text[begin - 1].isalpha():
        begin -= 1
    name = text[begin:end]
    return begin if name in CODES or name in SIGNS else None


def mark_after(*, text: str, start: int) -> int | None:
    """Return where the currency code or sign that begins at `start` ends, or None where none does."""
    if start >= len(text):
        return None
    word = _WORD.match(text, start)
    if word is not None:
        for end in (word.end(), word.end() - 1):
            if text[start:end] in CODES or text[start:end] in SIGNS:
                return end
        end = word.end() + 1
    else:
        end = start + 1
    for stop in (end, start + 1):
        if text[start:stop] in SIGNS:
            return stop
    return None


def find_marks(*, text: str) -> list[tuple[int, int, str]]:
    """Return start, end and text of the currency codes and signs of a page's text, wherever they stand."""
    found = []
    for match in _CODE.finditer(text):
        mark = match[0]
        if mark in _WORDS_IN_CAPITALS or (mark not in CODES and mark not in SIGNS):
            continue
        begin = mark_before(text=text, end=match.end())
        start = match.start() if begin is None else begin
        found.append((start, match.end(), text[start : match.end()]))
    return found


def currency_of(*, mark: str, expected: str | None = None) -> str | None:
    """Return the ISO 4217 code of a code or sign, or None. `expected` decides a sign of several currencies."""
    if mark in CODES:
        return mark
    code = SIGNS.get(mark)
    if code is None:
        return None
    if code == "USD" and mark in AMBIGUOUS_SIGNS and expected in DOLLARS:
        return expected
    if code == "JPY" and expected == "CNY":
        return expected
    return code
