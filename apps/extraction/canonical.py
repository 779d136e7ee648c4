"""Text of a page, an XML or a model's answer -> the one form in which a value is kept.

Dates ISO 8601, amounts and numbers decimal strings without separators, currency ISO 4217, VAT ids and IBANs without
spaces, booleans `true` and `false`, durations a number and a unit; anything else as it stands, white space collapsed.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal
from functools import cache

from babel.core import Locale
from stdnum import iban as stdnum_iban
from stdnum.ch import vat as swiss_vat
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError
from stdnum.gb import vat as uk_vat

from apps.extraction import dates, exact, numerals
from apps.schemas.fields import Kind

_WORDS = {
    "true": "true", "yes": "true", "ja": "true", "oui": "true", "si": "true", "vrai": "true", "wahr": "true",
    "verdadero": "true", "vero": "true", "x": "true", "☒": "true", "☑": "true", "✓": "true", "✔": "true", "1": "true",
    "y": "true", "j": "true", "false": "false", "no": "false", "nein": "false", "non": "false", "faux": "false",
    "falsch": "false", "falso": "false", "☐": "false", "0": "false", "n": "false",
}  # fmt: skip
_CURRENCY_WORDS = {
    "euro": "EUR", "euros": "EUR", "us dollar": "USD", "us dollars": "USD", "us-dollar": "USD", "dollar": "USD",
    "dollars": "USD", "u.s. dollars": "USD", "pound sterling": "GBP", "pounds sterling": "GBP", "pounds": "GBP",
    "pfund": "GBP", "pfund sterling": "GBP", "livres sterling": "GBP", "libras esterlinas": "GBP",
    "sterline": "GBP", "schweizer franken": "CHF", "swiss francs": "CHF", "franken": "CHF", "francs suisses": "CHF",
    "franchi svizzeri": "CHF", "francos suizos": "CHF", "ringgit": "MYR", "yen": "JPY", "zloty": "PLN", "złoty": "PLN",
}  # fmt: skip
# Number words that documents write out, mostly in periods: "two (2) years".
_COUNTS = {
    word: number
    for number, words in enumerate(
        (
            "one ein eine einem einen einer un une uno una",
            "two zwei deux dos due",
            "three drei trois tres tre",
            "four vier quatre cuatro quattro",
            "five fünf cinq cinco cinque",
            "six sechs seis sei",
            "seven sieben sept siete sette",
            "eight acht huit ocho otto",
            "nine neun neuf nueve nove",
            "ten zehn dix diez dieci",
            "eleven elf onze once undici",
            "twelve zwölf douze doce dodici",
        ),
        start=1,
    )
    for word in words.split()
} | {"fifteen": 15, "eighteen": 18, "twenty": 20, "twenty-four": 24, "thirty": 30, "thirty-six": 36, "sixty": 60,
     "ninety": 90}  # fmt: skip
_PERIOD = re.compile(
    r"(?:(?P<word>[^\W\d_]+(?:-[^\W\d_]+)??)[\s-]*)?[(\[]?(?P<digits>\d{1,4})?[)\]]?[\s-]*(?P<unit>[^\W\d_]{3,10})",
    re.UNICODE,
)
_UNITS = {
    "day": "day", "days": "day", "week": "week", "weeks": "week", "month": "month", "months": "month",
    "year": "year", "years": "year", "anniversary": "year",
    "tag": "Tag", "tage": "Tag", "tagen": "Tag", "woche": "Woche", "wochen": "Woche", "monat": "Monat",
    "monate": "Monat", "monaten": "Monat", "jahr": "Jahr", "jahre": "Jahr", "jahren": "Jahr",
    "jour": "jour", "jours": "jour", "semaine": "semaine", "semaines": "semaine", "mois": "mois", "an": "an",
    "ans": "an", "année": "an", "années": "an",
    "día": "día", "días": "día", "semana": "semana", "semanas": "semana", "mes": "mes", "meses": "mes", "año": "año",
    "años": "año", "giorno": "giorno", "giorni": "giorno", "settimana": "settimana", "settimane": "settimana",
    "mese": "mese", "mesi": "mese", "anno": "anno", "anni": "anno",
}  # fmt: skip
_PLURALS = {
    "Tag": "Tage", "Woche": "Wochen", "Monat": "Monate", "Jahr": "Jahre", "mois": "mois", "mes": "meses",
    "giorno": "giorni", "settimana": "settimane", "mese": "mesi", "anno": "anni",
}  # fmt: skip
_VAT = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,13}")
_VAT_COUNTRIES = frozenset(
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "GR", "ES", "FI", "FR", "HR", "HU", "IE", "IT", "LT",
        "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "XI", "GB", "CH", "NO", "IS", "LI",
    }
)  # fmt: skip
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_DECIMAL = re.compile(rf"-?\d{{1,{exact.WHOLE_DIGITS}}}(\.\d{{1,{exact.DECIMAL_PLACES}}})?", re.ASCII)
_EDGE = ".,;:|*•·"


def canonical(
    text: str,
    kind: Kind,
    *,
    language: str | None = None,
    day_first: bool | None = None,
    decimal: str | None = None,
) -> str | None:
    """Return the text's canonical form, or None if it can't be of this kind.

    `day_first` decides what "03/04/2020" is, `decimal` ("." or ",") what "1.234" is; where they are None, `language`
    (ISO 639-1) does.
    """
    flat = collapse(text)
    if not flat:
        return None
    match kind:
        case Kind.DATE:
            found = dates.readings(flat, language=language, day_first=day_first)
            return found[0].isoformat() if found else None
        case Kind.MONEY | Kind.NUMBER:
            numbers = numerals.readings(flat, language=language, decimal=decimal, money=kind is Kind.MONEY)
            return numerals.decimal_text(numbers[0]) if numbers else None
        case Kind.INTEGER:
            return _integer(flat, language=language, decimal=decimal)
        case Kind.CURRENCY:
            return currency(flat)
        case Kind.VAT_ID:
            return vat_id(flat)
        case Kind.IBAN:
            return _iban(flat)
        case Kind.BOOLEAN:
            return _WORDS.get(_plain(flat))
        case Kind.EMAIL:
            address = flat.removeprefix("mailto:").strip("<>()" + _EDGE)
            return address if _EMAIL.fullmatch(address) else None
        case Kind.PHONE:
            return flat if 6 <= sum(char.isdigit() for char in flat) <= 20 else None
        case Kind.DURATION:
            return duration(flat) or flat
        case Kind.IDENTIFIER:
            return unicodedata.normalize("NFKC", flat).strip(_EDGE + " #") or None
        case Kind.ARRAY:
            return None
    return flat


def all_readings(text: str, kind: Kind, *, language: str | None = None) -> tuple[str, ...]:
    """Return every canonical form that the text can have, the likeliest first: for comparing, not for storing."""
    flat = collapse(text)
    match kind:
        case Kind.DATE:
            return tuple(found.isoformat() for found in dates.readings(flat, language=language))
        case Kind.MONEY | Kind.NUMBER | Kind.INTEGER:
            found = numerals.readings(flat, language=language, money=kind is Kind.MONEY)
            return tuple(numerals.decimal_text(number) for number in found)
    form = canonical(flat, kind, language=language)
    return (form,) if form is not None else ()


def same(one: str, other: str, kind: Kind) -> bool:
    """Return whether two canonical values are one: 12.5 and 12.50 are, text is compared letter by letter."""
    if kind in {Kind.MONEY, Kind.NUMBER, Kind.INTEGER}:
        first, second = as_decimal(one), as_decimal(other)
        return one == other or (first is not None and first == second)
    return one == other


def as_decimal(value: str) -> Decimal | None:
    """Return a canonical amount as a Decimal, or None if it isn't one."""
    return Decimal(value) if _DECIMAL.fullmatch(value) else None


def as_date(value: str) -> date | None:
    """Return a canonical date as a date, or None if it isn't one."""
    try:
        return date.fromisoformat(value) if len(value) == 10 else None
    except ValueError:
        return None


def collapse(text: str) -> str:
    """Return the text with every run of white space made one space, and none at the ends."""
    return numerals.SPACES.sub(" ", text).strip()


def currency(text: str) -> str | None:
    """Return the ISO 4217 code of a code, a symbol or a name in the five languages; None where it is ambiguous."""
    bare = text.strip(" ()[]:")
    upper = bare.upper()
    if upper in numerals.CODES:
        return upper
    if upper in numerals.SYMBOLS:
        return numerals.SYMBOLS[upper]
    return _CURRENCY_WORDS.get(bare.casefold()) or _currency_names().get(bare.casefold())


def vat_id(text: str) -> str | None:
    """Return a VAT id without spaces and signs, by its form; the check digits are `has_valid_check`'s business.

    Without a country's prefix only a number that passes a national check is taken (Italy, Spain, Switzerland's `CHE`).
    """
    compact = re.sub(r"[\s.\-/:]", "", unicodedata.normalize("NFKC", text)).upper()
    if compact.startswith("CHE"):
        compact = re.sub(r"(MWST|TVA|IVA|TPV|VAT)$", "", compact)
        return compact if re.fullmatch(r"CHE\d{9}", compact) else None
    if compact.startswith("NO") or re.fullmatch(r"\d{9}MVA", compact):
        compact = compact.removesuffix("MVA")
        return ("NO" + compact.removeprefix("NO")) if re.fullmatch(r"(NO)?\d{9}", compact) else None
    if _VAT.fullmatch(compact) and compact[:2] in _VAT_COUNTRIES:
        return compact if _vat_shape(compact) else None
    return compact if _national_vat(compact) else None


def has_valid_check(value: str, kind: Kind) -> bool | None:
    """Return whether a canonical VAT id's or IBAN's check digits hold; None where there is nothing to check."""
    if kind is Kind.IBAN:
        return bool(stdnum_iban.is_valid(value))
    if kind is not Kind.VAT_ID:
        return None
    if value.startswith("CHE"):
        return bool(swiss_vat.is_valid(value + "MWST"))
    if value.startswith("GB"):
        return bool(uk_vat.is_valid(value))
    if value[:2].isalpha() and value[:2] in _VAT_COUNTRIES - {"NO", "IS", "LI", "CH"}:
        return bool(eu_vat.is_valid(value))
    return None if value[:2].isalpha() else _national_vat(value)


def duration(text: str) -> str | None:
    """Return a period as a number and a unit, "two (2) years" as "2 years"; None if it isn't one alone."""
    match = _PERIOD.fullmatch(collapse(text).strip(_EDGE))
    if not match:
        return None
    unit = _UNITS.get(match["unit"].casefold())
    number = int(match["digits"]) if match["digits"] else _COUNTS.get((match["word"] or "").casefold())
    if unit is None or not number:
        return None
    if number == 1:
        return f"1 {unit}"
    return f"{number} {_PLURALS.get(unit, unit + 's')}"


def boolean_words(value: str) -> tuple[str, ...]:
    """Return the words that say `true` or `false`; single letters and signs stand for too much else."""
    return tuple(word for word, said in _WORDS.items() if said == value and len(word) > 1 and word.isalpha())


def period_words(value: str) -> tuple[str, ...]:
    """Return the ways to write a canonical period: "2 years" also as "two years", "two (2) years", "2 year"."""
    amount, _, unit = value.partition(" ")
    stem = _UNITS.get(unit.casefold())
    if not amount.isdigit() or stem is None:
        return ()
    units = [form for form, of in _UNITS.items() if of == stem]
    words = [word for word, number in _COUNTS.items() if number == int(amount)]
    counts = [amount, *words, *(f"{word} ({amount})" for word in words), *(f"{amount} ({word})" for word in words)]
    return tuple(f"{count} {form}" for count in counts for form in units)


def _integer(text: str, *, language: str | None, decimal: str | None) -> str | None:
    for number in numerals.readings(text, language=language, decimal=decimal):
        if number == number.to_integral_value():
            return numerals.decimal_text(number.to_integral_value())
    return None


def _iban(text: str) -> str | None:
    compact = re.sub(r"^IBAN:?", "", re.sub(r"[\s.\-]", "", unicodedata.normalize("NFKC", text)).upper())
    return compact if stdnum_iban.is_valid(compact) else None


def _vat_shape(compact: str) -> bool:
    """Judge by the country's own length and letters: an invented number on a sample is still a VAT id."""
    digits = sum(char.isdigit() for char in compact[2:])
    try:
        eu_vat.compact(compact)
    except ValidationError:
        return compact[:2] in {"GB", "CH", "NO", "IS", "LI", "XI"} and digits >= 5
    lengths = _VAT_LENGTHS.get(compact[:2], range(8, 13))
    return len(compact) - 2 in lengths and digits >= 7


_VAT_LENGTHS: dict[str, tuple[int, ...]] = {
    "AT": (9,), "BE": (10,), "BG": (9, 10), "CY": (9,), "CZ": (8, 9, 10), "DE": (9,), "DK": (8,), "EE": (9,),
    "EL": (9,), "GR": (9,), "ES": (9,), "FI": (8,), "FR": (11,), "HR": (11,), "HU": (8,), "IE": (8, 9), "IT": (11,),
    "LT": (9, 12), "LU": (8,), "LV": (11,), "MT": (8,), "NL": (12,), "PL": (10,), "PT": (9,), "RO": tuple(range(7, 11)),
    "SE": (12,), "SI": (8,), "SK": (10,), "GB": (9, 12), "XI": (9, 12),
}  # fmt: skip


def _national_vat(compact: str) -> bool:
    return any(eu_vat.is_valid(prefix + compact) for prefix in ("IT", "ES")) and len(compact) in {9, 11}


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in folded if not unicodedata.combining(char)).strip(" .,;()[]")


@cache
def _currency_names() -> dict[str, str]:
    """Return the names of the world's currencies in the five languages, from CLDR, but for ambiguous ones."""
    names: dict[str, str | None] = {}
    for language in ("en", "de", "fr", "es", "it"):
        for code, name in Locale(language).currencies.items():
            if code in numerals.CODES:
                key = name.casefold()
                names[key] = code if names.get(key, code) == code else None
    return {name: code for name, code in names.items() if code is not None}
