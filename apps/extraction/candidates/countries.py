"""Countries by their names in five languages (Unicode CLDR through babel); values are ISO 3166-1 alpha-2."""

from __future__ import annotations

import re

from babel import Locale

from apps.extraction.candidates.candidate import Hit
from apps.extraction.candidates.months import LANGUAGES, fold

_EXTRA = {"usa": "US", "u.s.a": "US", "uk": "GB", "great britain": "GB", "england": "GB", "czech republic": "CZ"}
_WORD = re.compile(r"[^\W\d_][\w.'’-]*")
_MOST_WORDS = 4


def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for language in LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            if len(code) == 2 and code.isalpha() and code not in {"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"}:
                names.setdefault(fold(name), code)
    return names | _EXTRA


NAMES = _names()
_FIRST = frozenset(name.split()[0] for name in NAMES)


def country_code(*, name: str) -> str | None:
    """Return the ISO 3166-1 alpha-2 code of a country's name or code, or None."""
    if len(name) == 2 and name.isupper() and name in NAMES.values():
        return name
    return NAMES.get(fold(" ".join(name.split())))


def find_countries(*, text: str) -> list[Hit]:
    """Return the countries named on a page."""
    hits: list[Hit] = []
    words = list(_WORD.finditer(text))
    position = 0
    while position < len(words):
        step = 1
        first = words[position]
        if not first[0][0].islower() and fold(first[0]) in _FIRST:
            for length in range(_MOST_WORDS, 0, -1):
                if position + length > len(words):
                    continue
                last = words[position + length - 1]
                shown = text[first.start() : last.end()]
                if "\t" in shown or "\f" in shown:
                    continue
                code = NAMES.get(fold(" ".join(shown.split())))
                if code is not None:
                    hits.append(Hit(start=first.start(), end=last.end(), value=code, confidence=0.9))
                    step = length
                    break
        position += step
    return hits
