"""Words as labels are compared by: folded, split, abbreviations of "number" made one, joining words light."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rapidfuzz import fuzz

_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "’": "'", "`": "'", "´": "'"})

_NUMBER = frozenset(
    {"nr", "no", "n°", "nº", "num", "number", "nummer", "numero", "nro", "nbr", "№", "#", "nummern", "numeros"},
)
NUMBER = "nr"
"""The one token that every spelling of "number" becomes."""

_ID = frozenset({"id", "ident", "identifikation", "identification", "identificazione", "identificacion", "identifiant"})
_MISREAD = 80.0
_SPLIT = {"idnr": ("id", NUMBER), "identnr": ("id", NUMBER), "identifikationsnummer": ("id", NUMBER)}

JOINING = frozenset(
    # en, de, fr, es, it: words that carry no meaning of their own in a label
    "the a an of for to in on at by is and or your our this please "  # noqa: SIM905 - a list to read
    "der die das den dem des von vom zu zum zur fur im am in an und oder ihr ihre ihrer unser unsere bitte "
    "le la les l d de du des un une et ou a au aux en sur par pour votre vos notre nos s "
    "el los las del al y o su sus por para con "
    "il lo i gli dell della dello dei degli delle di da e ed per con suo sua vostro nostro "
    "bis ab per s".split(),
)

_TOKEN = re.compile(r"n[°º]|[#№%]|[^\W_]+", re.UNICODE)


def fold(text: str) -> str:
    """Return `text` in lower case without accents: "Fällig am" -> "fallig am"."""
    lowered = text.translate(_PLAIN).casefold()
    if lowered.isascii():
        return lowered
    plain = unicodedata.normalize("NFKD", lowered.replace("n°", " nr ").replace("nº", " nr ").replace("№", " nr "))
    return "".join(char for char in plain if not unicodedata.combining(char))


@lru_cache(maxsize=16384)
def tokens(text: str) -> tuple[str, ...]:
    """Return the words of a label: "Rechnungs-Nr.:" -> ("rechnungs", "nr"), "Invoice #" -> ("invoice", "nr")."""
    return tuple(part for token in _TOKEN.findall(fold(text)) for part in _canonical(token))


def _canonical(token: str) -> tuple[str, ...]:
    if token in _NUMBER:
        return (NUMBER,)
    if token in _ID:
        return ("id",)
    if token in _SPLIT:
        return _SPLIT[token]
    # A compound's last part is a number as well: Rechnungsnummer, Rechnungsnr.
    for ending in ("nummer", "number"):
        if token.endswith(ending) and len(token) > len(ending) + 2:
            return (token.removesuffix(ending), NUMBER)
    if len(token) > 9 and fuzz.ratio(token[-6:], "nummer") >= _MISREAD:
        return (token[:-6], NUMBER)
    if token.endswith("snr") and len(token) > 6:
        return (token.removesuffix(NUMBER), NUMBER)
    return (token,)


def joined(parts: tuple[str, ...]) -> str:
    """Return the tokens as one word, so that "Rechnungs-Nr", "Rechnungsnr" and "Rechnungsnummer" are the same."""
    return "".join(parts)


def has_letters(text: str) -> bool:
    return any(char.isalpha() for char in text)
