"""Stretches of time: "2 years", "zwei Jahre", "24 months", "five (5) years"."""

from __future__ import annotations

import re

from apps.extraction.candidates.candidate import Hit
from apps.extraction.canonical import duration

_COUNTED = (
    "one two three four five six seven eight nine ten eleven twelve",
    "ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "un deux trois quatre cinq six sept huit neuf dix onze douze",
    "un dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "un due tre quattro cinque sei sette otto nove dieci undici dodici",
)
_WORDS = {word: number for words in _COUNTED for number, word in enumerate(words.split(), start=1)}
_WORDS |= {
    **dict.fromkeys(("a", "an", "eine", "einem", "einer", "eines", "einen", "une", "una", "uno"), 1),
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
    "twenty": 20,
    "twenty-four": 24,
    "thirty": 30,
    "thirty-six": 36,
    "forty": 40,
    "forty-five": 45,
    "forty-eight": 48,
    "fifty": 50,
    "sixty": 60,
    "ninety": 90,
    "hundred": 100,
    "achtzehn": 18,
    "vierundzwanzig": 24,
    "dreißig": 30,
    "sechsunddreißig": 36,
    "sechzig": 60,
    "neunzig": 90,
    "trente": 30,
    "soixante": 60,
    "treinta": 30,
    "sesenta": 60,
    "trenta": 30,
    "sessanta": 60,
}
_UNITS = {
    "day": r"(?:calendar |business |working )?days?|tag(?:e|en)?|werktage?n?|jours?|d[ií]as?|giorn[oi]",
    "week": r"weeks?|wochen?|semaines?|semanas?|settiman[ae]",
    "month": r"(?:calendar )?months?|monate?[ns]?|mois|mes(?:es)?|mes[ei]",
    "quarter": r"quarters?|quartale?n?|trimestres?|trimestr[ei]",
    "year": r"years?|jahre?[ns]?|ans|années?|an|a[nñ]os?|ann[oi]",
}
_UNIT = "|".join(f"(?P<{name}>{pattern})" for name, pattern in _UNITS.items())
_NAMES = "|".join(sorted(map(re.escape, _WORDS), key=len, reverse=True))
_GAP = r"[ \n]"
_DURATION = re.compile(
    rf"(?<![\w.,/-])(?:(?P<word>{_NAMES})(?:{_GAP}?\((?P<repeat>\d{{1,3}})\))?|(?P<digits>\d{{1,3}}(?:[.,]5)?)"
    rf"(?:{_GAP}?\([\w -]+\))?)[ \n-]?{_GAP}?(?:full |consecutive |volle |volles )?(?:{_UNIT})(?!\w)",
    re.IGNORECASE,
)
# An article before a unit is seldom a term: "a day", "un mes". It says so only in "for a year", "of one year".
_ARTICLES = frozenset({"a", "an", "un", "une", "una", "uno", "ein", "eine", "einem", "einer", "eines", "einen"})


def find_durations(*, text: str) -> list[Hit]:
    """Return the durations of a page's text; values are a number, a blank and the page's unit: "2 years", "2 Jahre"."""
    hits = []
    for match in _DURATION.finditer(text):
        unit = next(name for name in _UNITS if match[name])
        word = (match["word"] or "").lower()
        if match["repeat"]:
            amount = match["repeat"]
        elif match["digits"]:
            amount = match["digits"].replace(",", ".")
        else:
            amount = str(_WORDS[word])
        amount = amount.lstrip("0") or "0"
        if amount == "0":
            continue
        if match["repeat"]:
            confidence = 0.95
        elif word in _ARTICLES:
            confidence = 0.3
        else:
            confidence = 0.85
        hits.append(
            Hit(
                start=match.start(),
                end=match.end(),
                value=duration(f"{amount} {match[unit].split()[-1]}") or _english(amount, unit),
                confidence=confidence,
            )
        )
    return hits


def _english(amount: str, unit: str) -> str:
    return f"{amount} {unit}" if amount == "1" else f"{amount} {unit}s"
