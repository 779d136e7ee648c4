"""All candidates of a page, by kind."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from apps.extraction.candidates.addresses import find_addresses
from apps.extraction.candidates.amounts import as_numbers, find_amounts
from apps.extraction.candidates.candidate import Candidate, DocumentLocale, Hit
from apps.extraction.candidates.countries import find_countries
from apps.extraction.candidates.currencies import currency_of, find_marks
from apps.extraction.candidates.dates import find_dates
from apps.extraction.candidates.durations import find_durations
from apps.extraction.candidates.identifiers import (
    find_emails,
    find_ibans,
    find_identifiers,
    find_phones,
    find_vat_ids,
)
from apps.extraction.candidates.organisations import find_organisations
from apps.extraction.candidates.reading import PageReading, read_page
from apps.parsing.pages import Page, TextSource
from apps.schemas.fields import Kind

FINDABLE = frozenset(
    {
        Kind.ADDRESS,
        Kind.BOOLEAN,
        Kind.COUNTRY,
        Kind.CURRENCY,
        Kind.DATE,
        Kind.DURATION,
        Kind.EMAIL,
        Kind.IBAN,
        Kind.IDENTIFIER,
        Kind.INTEGER,
        Kind.MONEY,
        Kind.NUMBER,
        Kind.ORGANISATION,
        Kind.PHONE,
        Kind.VAT_ID,
    }
)
"""Kinds that a shape gives away. Text and persons are known only by what stands beside them."""

_NUMERIC = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER})
_YES_NO = re.compile(r"(?<![\w-])(?:(yes|ja|oui|sí|sì|true)|(no|nein|non|false))(?![\w-])", re.IGNORECASE)


def find_candidates(
    *, page: Page, kinds: Collection[Kind], locale: DocumentLocale, reading: PageReading | None = None
) -> Sequence[Candidate]:
    """Return the candidates of the asked kinds, kind by kind, each in reading order.

    Kinds that no shape gives away (FINDABLE) yield nothing. `reading` saves joining the page's words a second time.
    """
    reading = reading or read_page(page=page)
    found: list[Candidate] = []
    for kind, hits in _hits(reading, frozenset(kinds), locale):
        found.extend(candidate for hit in hits if (candidate := _candidate(reading, kind, hit)) is not None)
    if Kind.ADDRESS in kinds:
        found.extend(find_addresses(reading=reading))
    return found


def _hits(reading: PageReading, kinds: frozenset[Kind], locale: DocumentLocale) -> Iterable[tuple[Kind, Sequence[Hit]]]:
    text = reading.text
    scanned = reading.page.source is TextSource.OCR
    numeric = bool(kinds & _NUMERIC)
    dates = ibans = vat_ids = ()  # type: Sequence[Hit]
    if Kind.DATE in kinds or Kind.IDENTIFIER in kinds or numeric:
        dates = find_dates(text=text, locale=locale, damaged=scanned)
    if kinds & {Kind.IBAN, Kind.IDENTIFIER} or numeric:
        ibans = find_ibans(text=text)
    if kinds & {Kind.VAT_ID, Kind.IDENTIFIER}:
        vat_ids = find_vat_ids(text=text)
    if numeric:
        sure_dates = [hit for hit in dates if hit.confidence >= 0.45]
        amounts = find_amounts(text=text, locale=locale, taken=[*sure_dates, *ibans], torn=scanned)
        if Kind.MONEY in kinds:
            yield Kind.MONEY, [hit for hit in amounts if hit.unit != "%"]
        numbers = as_numbers(hits=amounts)
        if Kind.NUMBER in kinds:
            yield Kind.NUMBER, numbers
        if Kind.INTEGER in kinds:
            yield Kind.INTEGER, [hit for hit in numbers if hit.unit is None and hit.value.lstrip("-").isdigit()]
    if Kind.DATE in kinds:
        yield Kind.DATE, dates
    if Kind.IDENTIFIER in kinds:
        yield Kind.IDENTIFIER, find_identifiers(text=text, taken=[*dates, *ibans, *vat_ids])
    if Kind.IBAN in kinds:
        yield Kind.IBAN, ibans
    if Kind.VAT_ID in kinds:
        yield Kind.VAT_ID, vat_ids
    if Kind.EMAIL in kinds:
        yield Kind.EMAIL, find_emails(text=text)
    if Kind.PHONE in kinds:
        yield Kind.PHONE, find_phones(text=text, locale=locale)
    if Kind.DURATION in kinds:
        yield Kind.DURATION, find_durations(text=text)
    if Kind.CURRENCY in kinds:
        yield Kind.CURRENCY, _currencies(text, locale)
    if Kind.ORGANISATION in kinds:
        yield Kind.ORGANISATION, find_organisations(text=text)
    if Kind.COUNTRY in kinds:
        yield Kind.COUNTRY, find_countries(text=text)
    if Kind.BOOLEAN in kinds:
        yield Kind.BOOLEAN, _booleans(text)


def _currencies(text: str, locale: DocumentLocale) -> list[Hit]:
    hits = []
    for start, end, mark in find_marks(text=text):
        code = currency_of(mark=mark, expected=locale.currency)
        if code is not None:
            agrees = code == locale.currency
            hits.append(Hit(start=start, end=end, value=code, confidence=0.95 if agrees else 0.5))
    return hits


def _booleans(text: str) -> list[Hit]:
    return [
        Hit(start=match.start(), end=match.end(), value="true" if match[1] else "false", confidence=0.5)
        for match in _YES_NO.finditer(text)
    ]


def _candidate(reading: PageReading, kind: Kind, hit: Hit) -> Candidate | None:
    words = reading.words_between(hit.start, hit.end)
    if not words:
        return None
    return Candidate(
        kind=kind,
        value=hit.value,
        text=" ".join(reading.text[hit.start : hit.end].split()),
        page=reading.page.number,
        box=reading.box_between(hit.start, hit.end),
        words=words,
        confidence=hit.confidence,
        alternatives=hit.alternatives,
        unit=hit.unit,
        part=hit.part,
    )
