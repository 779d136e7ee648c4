"""How a document writes dates and numbers, voted by the document itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from apps.extraction.candidates.candidate import DocumentLocale
from apps.extraction.candidates.currencies import AMBIGUOUS_SIGNS, DOLLARS, currency_of, find_marks
from apps.parsing.pages import ParsedDocument

_STOP_WORDS = {
    "en": "the of and to in for is on by with this that from or be as at are an any not shall date amount invoice",
    "de": "der die das und in von zu den mit für ist auf nicht im dem des eine ein wir bei rechnung datum betrag auch",
    "fr": "le la les des et de du en un une pour est par au aux sur que dans vous nous facture montant avec ne",
    "es": "el la los las de del y en un una para es por con que se al su factura importe fecha sin más",
    "it": "il la le i di del della e in un una per è con che si al fattura importo totale non da gli alla",
}
_LANGUAGES = {
    word: tuple(language for language, words in _STOP_WORDS.items() if word in words.split())
    for word in " ".join(_STOP_WORDS.values()).split()
}
_LETTERS = re.compile(r"[^\W\d_]+")
_NUMERIC_DATE = re.compile(r"(?<![\w/.-])(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?![\w/]|[.-]\d)")
_POINT = re.compile(r"(?<![\w.,])\d{1,3}(?:(?:,\d{3})+\.\d{2}|\d{0,4}\.\d{2})(?![\d.,]\d|\w)")
_COMMA = re.compile(r"(?<![\w.,])\d{1,3}(?:(?:[. \u00a0\u202f'’]\d{3})+,\d{2}|\d{0,4},\d{2})(?![\d.,]\d|\w)")
_GROUPED = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+\.\d{2}|(?<![\w.,])\d{1,3}(?:\.\d{3})+,\d{2}")
_US_TOWN = re.compile(r"\b[A-Z]{2},? +\d{5}(?:-\d{4})?\b")
# Not among them: Georgia, which is a country too.
_US_STATE = re.compile(
    r"\b(?:Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Hawaii|Idaho|Illinois"
    r"|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana"
    r"|Nebraska|Nevada|New\s+(?:Hampshire|Jersey|Mexico|York)|(?:North|South)\s+(?:Carolina|Dakota)|Ohio|Oklahoma"
    r"|Oregon|Pennsylvania|Rhode\s+Island|Tennessee|Texas|Utah|Vermont|Virginia|Wisconsin|Wyoming)\b"
)
_MONTH_FIRST_CURRENCIES = frozenset({"USD"})
_ENOUGH_WORDS = 4
_VOTERS = 8
"""Of a longer document only this many pages vote: the first ones and the last two."""


def infer_locale(*, document: ParsedDocument) -> DocumentLocale:
    """Vote over the pages: stop words, number shapes, dates with a part above 12, currency codes and signs."""
    pages = document.pages
    if len(pages) > _VOTERS:
        pages = (*pages[: _VOTERS - 2], *pages[-2:])
    texts = [page.text or " ".join(word.text for word in page.words) for page in pages]
    return locale_of(texts=texts, language=document.language)


def locale_of(*, texts: Iterable[str], language: str | None = None) -> DocumentLocale:
    """Vote over texts. `language` says what the text was taken for; the text's own words may know better.

    A receipt of forty names and numbers is easily taken for any language: one that no label is written in is dropped.
    """
    pages = list(texts)
    language = _language(pages) or (language if language in _STOP_WORDS else None)
    currency = _currency(pages)
    decimal = _decimal(pages, language)
    return DocumentLocale(
        language=language, decimal=decimal, day_first=_day_first(pages, language, currency), currency=currency
    )


def _language(pages: list[str]) -> str | None:
    votes: Counter[str] = Counter()
    for text in pages:
        for word in _LETTERS.findall(text.lower()):
            languages = _LANGUAGES.get(word, ())
            for language in languages:
                votes[language] += 6 // len(languages)
    ranked = votes.most_common(2)
    if not ranked or ranked[0][1] < 6 * _ENOUGH_WORDS:
        return None
    if len(ranked) > 1 and ranked[1][1] > 0.8 * ranked[0][1]:
        return None
    return ranked[0][0]


def _currency(pages: list[str]) -> str | None:
    codes: Counter[str] = Counter()
    signs: Counter[str] = Counter()
    for text in pages:
        for start, end, mark in find_marks(text=text):
            code = currency_of(mark=mark)
            if code is None:
                continue
            beside = text[end : end + 2].strip()[:1].isdigit() or text[max(0, start - 2) : start].strip()[-1:].isdigit()
            (signs if mark in AMBIGUOUS_SIGNS else codes)[code] += 3 if beside else 1
    if codes and signs:
        code, count = codes.most_common(1)[0]
        sign, many = signs.most_common(1)[0]
        # "$" beside a lone "SGD" is a Singapore dollar; a lone "EUR" among many "$" is a remark.
        return code if code in DOLLARS or count >= many else sign
    ranked = (codes or signs).most_common(1)
    return ranked[0][0] if ranked else None


def _decimal(pages: list[str], language: str | None) -> str | None:
    point = comma = 0
    for text in pages:
        point += len(_POINT.findall(text))
        comma += len(_COMMA.findall(text))
        for shape in _GROUPED.findall(text):
            if shape[-3] == ".":
                point += 3
            else:
                comma += 3
    if point > 2 * comma:
        return "."
    if comma > 2 * point:
        return ","
    if not point and not comma and language is not None:
        return "." if language == "en" else ","
    return None


def _day_first(pages: list[str], language: str | None, currency: str | None) -> bool | None:
    day = month = dotted = 0
    for text in pages:
        for match in _NUMERIC_DATE.finditer(text):
            first, second = int(match[1]), int(match[3])
            if first > 12 >= second >= 1 and first <= 31:
                day += 1
            elif second > 12 >= first >= 1 and second <= 31:
                month += 1
            elif match[2] == ".":
                dotted += 1
    if day != month:
        return day > month
    if dotted:
        return True
    if currency in _MONTH_FIRST_CURRENCIES and language in {None, "en"}:
        return False
    if language is not None and language != "en":
        return True
    if currency is not None:
        return True
    if language == "en" and any(_US_TOWN.search(text) or _US_STATE.search(text) for text in pages):
        return False
    return None
