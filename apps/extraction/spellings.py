"""The ways in which a page can spell a value, and whether what stands there is the value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from babel.core import Locale

from apps.extraction import dates, numerals
from apps.extraction.canonical import as_date, as_decimal, boolean_words, duration, period_words
from apps.extraction.normalising import squeeze
from apps.schemas.fields import Kind

if TYPE_CHECKING:
    from apps.extraction.candidates import DocumentLocale

NUMERIC = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER})
_JOINERS = "-/_."
_LINKS = "@-_./"
_TRAILING_ZEROS = 6
_UNDECIDED = 0.5
_LETTERS_BEHIND = re.compile(r"[^\W\d_]+$")
_LETTERS_AHEAD = re.compile(r"[^\W\d_]+")
_FRACTION = re.compile(r"[.,]\d{1,2}\D*$")
_ENDINGS = ("", "st", "nd", "rd", "th", "er", "re", "dayof", "stdayof", "nddayof", "rddayof", "thdayof")
_OF = ("de", "del", "of")


def spellings_on(text: str, value: str, kind: Kind) -> tuple[str, ...]:
    """Return what may stand for a canonical value on a page whose squeezed text is given, the likeliest first."""
    day = as_date(value) if kind is Kind.DATE else None
    if day is None:
        return _spellings(value, kind)
    # A date has hundreds of spellings, nearly all with a month's name that the page doesn't hold.
    named = (_named(day, name) for name in _month_names(day.month) if name in text)
    return (*_in_digits(day), *(spelling for spellings in named for spelling in spellings))


@lru_cache(maxsize=1024)
def _spellings(value: str, kind: Kind) -> tuple[str, ...]:
    number = as_decimal(value) if kind in NUMERIC else None
    if number is not None:
        return tuple(_number(number))
    plain = squeeze(value)
    if kind is Kind.VAT_ID and value[:2].isalpha() and len(value) > 6:
        return (plain, plain[2:])
    if kind is Kind.DURATION:
        return tuple(dict.fromkeys([plain, *(squeeze(words) for words in period_words(value))]))
    if kind is Kind.BOOLEAN:
        return tuple(dict.fromkeys([plain, *map(squeeze, boolean_words(value))]))
    if kind is Kind.COUNTRY and len(value) == 2:
        return (*_country_names(value.upper()), plain)
    return (plain,)


def likeness(*, raw: str, value: str, kind: Kind, locale: DocumentLocale | None = None) -> float:
    """Return how well a page's text says a canonical value, from 0 (it doesn't) to 1 (in so many letters).

    0.95 and above: the same value, spelled in another way; 0.92: an amount without its cents; 0.9: one of two
    readings; 0.8: the sign differs. With `locale`, how the document writes, one of two readings is as good as any other
    where it is the document's, else 0.5: the value was read there, and nothing says that rightly.
    """
    if kind in NUMERIC:
        return _number_likeness(raw, value, money=kind is Kind.MONEY, locale=locale)
    if kind is Kind.DATE:
        day = as_date(value)
        found = dates.readings(raw.strip(" .,;:()[]"), day_first=locale.day_first if locale else None)
        if day is None or day not in found:
            return 0.0
        if len(found) > 1 and locale and (locale.day_first is None or day != found[0]):
            return _UNDECIDED
        return 1.0 if len(found) == 1 else 0.95
    if kind is Kind.DURATION and duration(value):
        return 1.0 if raw == value else 0.95
    plain = raw.strip(" .,;:()[]\"'")
    if plain == value:
        return 1.0
    return 0.98 if plain.casefold() == value.casefold() else 0.96


def is_other_identifier(*, before: str, after: str) -> bool:
    """Return whether what stands beside a match in its word makes another identifier of it: "4711-2" isn't 4711."""
    joined_after = len(after) > 1 and after[0] in _JOINERS and after[1].isalnum()
    joined_before = bool(before) and before[-1] in _JOINERS and any(char.isdigit() for char in before)
    return joined_after or joined_before


def is_code(*, before: str, after: str) -> bool:
    """Return whether letters that touch a number make a code of it: "SFK5"; a currency or a unit doesn't."""
    ahead = _LETTERS_BEHIND.search(before)
    behind = _LETTERS_AHEAD.match(after)
    return (ahead is not None and not numerals.is_currency(ahead[0])) or (
        behind is not None and not (numerals.is_currency(behind[0]) or numerals.is_unit(behind[0]))
    )


def is_part_of_a_word(*, before: str, after: str) -> bool:
    """Return whether a match is joined to more letters in its word, as in an e-mail address."""
    joined_after = len(after) > 1 and after[0] in _LINKS and after[1].isalnum()
    return joined_after or (len(before) > 1 and before[-1] in _LINKS and before[-2].isalnum())


def currency_marks(code: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the signs (found anywhere in a word) and the words that stand for a currency."""
    signs = {symbol for symbol, of in numerals.SYMBOLS.items() if of == code and not symbol.isalpha()}
    words = {symbol.casefold() for symbol, of in numerals.SYMBOLS.items() if of == code and symbol.isalpha()}
    return frozenset(signs), frozenset(words | {code.casefold()} | set(_currency_words(code)))


def _number(number: Decimal) -> Iterable[str]:
    whole, _, fraction = format(number.copy_abs(), "f").partition(".")
    fraction = fraction.rstrip("0")
    for zeros in range(_TRAILING_ZEROS + 1):
        yield whole + fraction + "0" * zeros
    if whole == "0" and fraction:
        yield fraction
        yield fraction + "0"


def _number_likeness(raw: str, value: str, *, money: bool, locale: DocumentLocale | None) -> float:
    number = as_decimal(value)
    found = numerals.readings(raw, decimal=locale.decimal if locale else None, money=money)
    if number is None or not found:
        return 0.0
    if number not in found:
        return 0.8 if number.copy_negate() in found else 0.0
    if len(found) > 1 and locale and (locale.decimal is None or number != found[0]):
        return _UNDECIDED
    if found[0] != number:
        return 0.9
    # "40" may be a quantity beside "40,00".
    return (
        0.92
        if money and "." in value and found[0] == found[0].to_integral_value() and not _FRACTION.search(raw)
        else 1.0
    )


@lru_cache(maxsize=1024)
def _in_digits(day: date) -> tuple[str, ...]:
    spellings: list[str] = []
    for year in _years(day):
        for month in (f"{day.month:02}", str(day.month)):
            for number in (f"{day.day:02}", str(day.day)):
                spellings += [number + month + year, month + number + year, year + month + number]
    return tuple(dict.fromkeys(spellings))


@lru_cache(maxsize=1024)
def _named(day: date, name: str) -> tuple[str, ...]:
    spellings: list[str] = []
    for year in _years(day):
        for number in (str(day.day), f"{day.day:02}"):
            spellings += [f"{number}{ending}{name}{year}" for ending in _ENDINGS]
            spellings += [f"{number}{of}{name}{also}{year}" for of in _OF for also in ("", of)]
            spellings += [f"{name}{number}{ending}{year}" for ending in _ENDINGS[:5]]
            spellings.append(f"{year}{name}{number}")
    return tuple(dict.fromkeys(spellings))


def _years(day: date) -> tuple[str, str]:
    return (f"{day.year:04}", f"{day.year % 100:02}")


@cache
def _month_names(month: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(squeeze(name) for name, number in dates.months().items() if number == month))


@lru_cache(maxsize=512)
def _country_names(code: str) -> tuple[str, ...]:
    names = (Locale(language).territories.get(code) for language in ("en", "de", "fr", "es", "it"))
    return tuple(dict.fromkeys(squeeze(name) for name in names if name))


@lru_cache(maxsize=256)
def _currency_words(code: str) -> tuple[str, ...]:
    if code == "EUR":
        return ("euro", "euros")
    names = (Locale(language).currencies.get(code) for language in ("en", "de", "fr", "es", "it"))
    return tuple(name.casefold() for name in names if name and " " not in name)
