"""Text without what a page may change: ligatures, case, accents, punctuation, spaces, hyphens at a line's end."""

from __future__ import annotations

import unicodedata
from functools import lru_cache


def squeeze(text: str) -> str:
    """Return the letters and digits alone, folded: "Müller & Söhne GmbH" is "mullersohnegmbh"."""
    return "".join(_fold(char) for char in text) if not text.isascii() else _ascii(text)


def squeeze_with_offsets(text: str) -> tuple[str, list[int]]:
    """Return the squeezed text, and for each of its characters the offset in `text` that it comes from."""
    folded: list[str] = []
    offsets: list[int] = []
    for offset, char in enumerate(text):
        kept = _fold(char)
        folded.append(kept)
        offsets.extend([offset] * len(kept))
    return "".join(folded), offsets


@lru_cache(maxsize=4096)
def _fold(char: str) -> str:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", char).casefold())
    return "".join(part for part in plain if part.isalnum())


def _ascii(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))
