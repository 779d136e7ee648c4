"""Text as a database takes it, and sizes as people say them."""

from __future__ import annotations

import re

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def size_in_words(size: int) -> str:
    """Return a number of bytes as a person says it: `200 MiB`, and `2,048 bytes` where that isn't whole."""
    mebibytes, rest = divmod(size, 1024 * 1024)
    return f"{size:,} bytes" if rest else f"{mebibytes:,} MiB"


def is_storable(text: str) -> bool:
    """Return whether a UTF-8 column takes a text as it is: it holds neither NUL nor half of a surrogate pair."""
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """Return text that a UTF-8 column takes: NUL and halves of surrogate pairs become the replacement character."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
