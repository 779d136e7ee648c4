"""Identifiers: numbers of documents and customers, IBAN, VAT ids, e-mail addresses, telephone numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import phonenumbers
from stdnum import iban
from stdnum.ch import uid as swiss_uid
from stdnum.es import nif
from stdnum.eu import vat
from stdnum.gb import vat as british_vat
from stdnum.it import iva

from apps.extraction.candidates.candidate import DocumentLocale, Hit

_IDENTIFIER = re.compile(r"(?<![\w@.])[^\W_](?:[\w]|[-./_#:+&](?=[\w])){0,47}")
_PREFIXED = re.compile(r"(?<![\w@./-])(?P<letters>[A-Z]{1,4})[ ](?P<rest>\d[\w]*(?:[-./][\w]+)*)(?![\w@])")
_SPLIT = re.compile(r"(?<![\w./,-])\d{2,6}(?: \d{2,6}){1,4}(?![\w./,]|-\d)")
_MONEY_SHAPE = re.compile(r"\d{1,3}(?:[.,]\d{3})*[.,]\d{2}")
_COMMA_BEFORE, _COMMA_BEHIND = re.compile(r"\d,\d"), re.compile(r",\d")
_TIME_SHAPE = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:[ap]m?)?", re.IGNORECASE)

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,24}(?![\w@])")
_PHONE = re.compile(r"(?<![\w/.,-])(?:\+|00)?\(?\d[\d()./ –-]{5,20}\d(?![\w/]|[.,]\d)")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,34}")

# Shapes by country (European Commission, VIES: structure of VAT numbers; Switzerland, Norway and the UK beside it).
_VAT_SHAPES = {
    "AT": r"U\d{8}",
    "BE": r"[01]\d{9}",
    "BG": r"\d{9,10}",
    "CHE": r"\d{9}",
    "CY": r"\d{8}[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "EE": r"\d{9}",
    "EL": r"\d{9}",
    "ES": r"[A-Z0-9]\d{7}[A-Z0-9]",
    "FI": r"\d{8}",
    "FR": r"[A-Z0-9]{2}\d{9}",
    "GB": r"(?:\d{9}|\d{12}|GD\d{3}|HA\d{3})",
    "HR": r"\d{11}",
    "HU": r"\d{8}",
    "IE": r"\d[A-Z0-9+*]\d{5}[A-Z]{1,2}",
    "IT": r"\d{11}",
    "LT": r"(?:\d{9}|\d{12})",
    "LU": r"\d{8}",
    "LV": r"\d{11}",
    "MT": r"\d{8}",
    "NL": r"\d{9}B\d{2}",
    "NO": r"\d{9}",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "RO": r"\d{2,10}",
    "SE": r"\d{12}",
    "SI": r"\d{8}",
    "SK": r"\d{10}",
    "XI": r"\d{9}",
}
_VAT_FULL = {country: re.compile(country + shape) for country, shape in _VAT_SHAPES.items()}
_VAT = re.compile(
    rf"(?<![A-Za-z0-9])(?P<country>{'|'.join(sorted(_VAT_SHAPES, key=len, reverse=True))})(?=[ .-]{{0,2}}[A-Z0-9])"
    r"(?:[ .-]{0,2}[A-Z0-9]){6,14}"
)
_SUFFIX = re.compile(r" ?(?:MWST|TVA|IVA|MVA)\b")
_NATIONAL = re.compile(
    r"(?<![\w./-])(?:(?P<it>\d{11})|(?P<es>[A-Z]\d{8}|[A-Z]-?\d{7}-?[A-Z0-9]|\d{8}-?[A-Z]))(?![\w/]|[-.,]\d)"
)


def find_identifiers(*, text: str, taken: Sequence[Hit] = ()) -> list[Hit]:
    """Return words that can be a number or code of something, as the page writes them.

    What overlaps `taken` (dates, bank accounts, ...) is still returned, as a document's number can look like one,
    but with little confidence.
    """
    spans = [(hit.start, hit.end) for hit in taken]
    hits = list(_identifiers(text, spans))
    for pattern, confidence in ((_PREFIXED, 0.4), (_SPLIT, 0.3)):
        hits.extend(
            Hit(start=match.start(), end=match.end(), value=match[0], confidence=confidence)
            for match in pattern.finditer(text)
        )
    hits.sort(key=lambda hit: (hit.start, -hit.end))
    return hits


def _identifiers(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[Hit]:
    for match in _IDENTIFIER.finditer(text):
        value = match[0]
        if not any(char.isdigit() for char in value):
            continue
        start, end = match.span()
        if text.startswith("%", end) or text.startswith(" %", end) or "@" in text[end : end + 1]:
            continue
        digits = sum(char.isdigit() for char in value)
        letters = sum(char.isalpha() for char in value)
        lower = sum(char.islower() for char in value)
        torn = _COMMA_BEFORE.match(text, max(start - 2, 0)) or _COMMA_BEHIND.match(text, end)
        if torn or _MONEY_SHAPE.fullmatch(value) or _TIME_SHAPE.fullmatch(value):
            confidence = 0.05
        elif any(begin < end and start < stop for begin, stop in spans):
            confidence = 0.1
        elif letters and digits >= 2 and lower <= 1:
            confidence = 0.85
        elif letters:
            confidence = 0.45
        elif digits >= 5:
            confidence = 0.75
        elif digits >= 3:
            confidence = 0.5
        else:
            confidence = 0.25
        yield Hit(start=start, end=end, value=value, confidence=confidence)


def find_emails(*, text: str) -> list[Hit]:
    return [Hit(start=m.start(), end=m.end(), value=m[0], confidence=0.98) for m in _EMAIL.finditer(text)]


def find_ibans(*, text: str) -> list[Hit]:
    """Return bank accounts whose country's length and check digits (ISO 13616) are right, without blanks."""
    hits = []
    for match in _IBAN.finditer(text):
        shown = match[0]
        # The pattern runs on into the words behind; the shortest head that checks is the account.
        for end in range(15, len(shown) + 1):
            head = shown[:end]
            if end < len(shown) and shown[end] != " " and shown[end - 1] != " ":
                continue
            compact = head.replace(" ", "")
            if len(compact) >= 15 and iban.is_valid(compact):
                stop = match.start() + len(head.rstrip())
                hits.append(Hit(start=match.start(), end=stop, value=compact, confidence=0.99))
                break
    return hits


def find_vat_ids(*, text: str) -> list[Hit]:
    """Return VAT ids, compact, with the country's letters where the page has them.

    One whose check digits are right is nearly sure; one that only has its country's shape is likely (specimens often
    carry made-up ids). National ids of Italy and Spain without letters count only with right check digits.
    """
    hits: list[Hit] = []
    for match in _VAT.finditer(text):
        hit = _vat(text, match)
        if hit is not None:
            hits.append(hit)
    for match in _NATIONAL.finditer(text):
        if any(match.start() < hit.end and hit.start < match.end() for hit in hits):
            continue
        number = match[0].replace("-", "")
        if iva.is_valid(number) if match["it"] else nif.is_valid(number):
            hits.append(Hit(start=match.start(), end=match.end(), value=number, confidence=0.5))
    hits.sort(key=lambda hit: hit.start)
    return hits


def _vat(text: str, match: re.Match[str]) -> Hit | None:
    country = match["country"]
    shown = match[0]
    best: Hit | None = None
    for end in range(len(country) + 2, len(shown) + 1):
        if end < len(shown) and shown[end].isalnum() and shown[end - 1].isalnum():
            continue
        head = shown[:end]
        compact = re.sub(r"[ .-]", "", head)
        if not _VAT_FULL[country].fullmatch(compact):
            continue
        stop = match.start() + len(head)
        if text[stop : stop + 1].isalnum():
            continue
        if _vat_checks(country, compact):
            suffix = _SUFFIX.match(text, stop) if country in {"CHE", "NO"} else None
            return Hit(
                start=match.start(),
                end=suffix.end() if suffix else stop,
                value=compact,
                confidence=0.98,
            )
        best = Hit(start=match.start(), end=stop, value=compact, confidence=0.6 if country != "RO" else 0.3)
    return best


def _vat_checks(country: str, compact: str) -> bool:
    if country == "CHE":
        return bool(swiss_uid.is_valid(compact))
    if country in {"GB", "XI"}:
        return bool(british_vat.is_valid(compact[2:]))
    if country == "NO":
        return False
    return bool(vat.is_valid(compact))


_REGIONS = {
    "en": "US",
    "de": "DE",
    "fr": "FR",
    "es": "ES",
    "it": "IT",
    "USD": "US",
    "GBP": "GB",
    "MYR": "MY",
    "SGD": "SG",
    "AUD": "AU",
    "CAD": "CA",
    "INR": "IN",
    "CHF": "CH",
    "ZAR": "ZA",
    "NZD": "NZ",
}


def find_phones(*, text: str, locale: DocumentLocale) -> list[Hit]:
    """Return telephone numbers that are valid where the document's currency or language points to."""
    region = _REGIONS.get(locale.currency or "") or _REGIONS.get(locale.language or "")
    hits = []
    for match in _PHONE.finditer(text):
        shown = match[0].rstrip(" -–./")
        if shown.count("(") != shown.count(")"):
            continue
        try:
            number = phonenumbers.parse(shown, None if shown.startswith(("+", "00")) else region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            separated = any(not char.isdigit() for char in shown)
            hits.append(
                Hit(
                    start=match.start(),
                    end=match.start() + len(shown),
                    value=shown,
                    confidence=0.9 if shown.startswith("+") else (0.75 if separated else 0.3),
                )
            )
    return hits
