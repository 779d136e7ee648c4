"""Month names in the languages of the shipped labels (Unicode CLDR through babel)."""

from __future__ import annotations

import re
import unicodedata

from babel import Locale

LANGUAGES = ("en", "de", "fr", "es", "it")

# Abbreviations that documents use and CLDR doesn't list.
_EXTRA = {
    "sept": 9, "mrz": 3, "maerz": 3, "jaenner": 1, "janner": 1, "jänner": 1, "feber": 2, "set": 9, "agos": 8,
    "setiembre": 9,
}  # fmt: skip


def fold(text: str) -> str:
    """Return `text` in lower case, without accents and dots."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(char for char in plain if not unicodedata.combining(char)).lower().rstrip(".")


def _names() -> dict[str, int]:
    names: dict[str, int] = {}
    for language in LANGUAGES:
        locale = Locale.parse(language)
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in locale.months[context][width].items():
                    names.setdefault(name.lower().rstrip("."), number)
                    names.setdefault(fold(name), number)
    for name, number in _EXTRA.items():
        names.setdefault(name, number)
    return names


MONTHS = _names()
"""Month numbers by name in lower case, with and without accents."""

_INITIALS = "".join(sorted({name[0] for name in MONTHS}))
MONTH = (
    f"(?=[{_INITIALS}])(?:"
    + "|".join(re.escape(name) for name in sorted(MONTHS, key=len, reverse=True))
    + r")(?![^\W\d_])"
)
"""Pattern of a month's name; to be matched without regard to case."""

_NAME = re.compile(r"[^\W\d_]{3,12}")


def names_a_month(*, text: str) -> bool:
    """Say whether any word of `text` is a month's name; much quicker than to look for dates with one."""
    return not MONTHS.keys().isdisjoint(_NAME.findall(text.lower()))


def month_number(*, name: str) -> int | None:
    """Return 1 to 12, or None where `name` is no month."""
    return MONTHS.get(name.lower().rstrip(".")) or MONTHS.get(fold(name))
