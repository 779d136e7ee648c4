"""File names as people send them: with paths, control characters, and at any length."""

from __future__ import annotations

import re
import unicodedata

MAX_NAME = 255
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def display_name(raw: str) -> str:
    """Return the last part of a path, without control and direction characters, at most 255 characters long.

    The ending is kept when the name is cut. An empty name becomes `document`.
    """
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", raw))[-1]
    name = _UNSAFE.sub("", name).strip().strip(".").strip()
    if not name:
        return "document"
    if len(name) <= MAX_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        return name[:MAX_NAME]
    return stem[: MAX_NAME - len(ending) - 1] + dot + ending
