"""What is said beside values, in words for a person: fields, engines and page numbers, never the document's text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import Enum, auto

from apps.extraction.engines.registry import MODEL_PREFIX
from apps.extraction.values import ExtractedValue
from apps.schemas.fields import Schema

_SCHEMA = "schema: "
_LEFT_OUT_PAGES = "read under another schema than the rest; delete the document and upload it again"
_UNACCOUNTED = "unaccounted for"
_SHOWS_ANOTHER = re.compile(r"page \d+ shows another value")
_SUM = re.compile(r"layout: .+ doesn't make \w+")
_HIDDEN = "in the page's text, but not to be seen on the page: "
_NAME = re.compile(r"\w+")
LOCKED = "the pages couldn't be looked at, since the document is locked: send it again with its password"
"""Said of values that were read from stored pages of a document whose password isn't known any more."""


class About(Enum):
    """What a note is about, as far as others tell it in words of their own; `ANYTHING` is all else."""

    SCHEMA = auto()
    ANOTHER_VALUE = auto()
    HIDDEN = auto()
    NOT_LOOKED_AT = auto()
    ROWS_UNACCOUNTED = auto()
    ROWS_READ_TWICE = auto()
    LIST_CUT = auto()
    PAGE_UNREAD = auto()
    MODEL_UNUSABLE = auto()
    ANYTHING = auto()


def broken(words: str) -> str:
    """Say which constraint of the schema a value breaks."""
    return f"{_SCHEMA}{words}"


def unequal(rule: str) -> str:
    """Say which of the schema's rules the values break."""
    return f"{_SCHEMA}{rule} doesn't hold"


def another(*, name: str, page: int) -> str:
    """Say that a page shows another value for a field."""
    return f"{name}: page {page} shows another value"


def unaccounted(*, name: str, count: int) -> str:
    """Say how many rows of an array's table nobody answered for."""
    return f"{name}: {count} row{'s' if count > 1 else ''} of its table {'are' if count > 1 else 'is'} {_UNACCOUNTED}"


def left_out(*, first: int, last: int) -> str:
    """Say that pages were read while another schema, or another version of it, was the document's."""
    return f"pages {first} to {last}: {_LEFT_OUT_PAGES}"


def has_left_out(notes: Iterable[str]) -> bool:
    """Return whether `left_out` said so."""
    return any(note.endswith(_LEFT_OUT_PAGES) for note in notes)


def hidden(paths: Iterable[str]) -> str:
    """Say which values stand in a page's text where nothing is to be seen on the page."""
    return f"{_HIDDEN}{', '.join(paths)[:300]}"


def hidden_paths(notes: Iterable[str]) -> frozenset[str]:
    """Return the paths that `hidden` named."""
    return frozenset(
        path for note in notes if note.startswith(_HIDDEN) for path in note.removeprefix(_HIDDEN).split(", ")
    )


def about(note: str) -> About:
    """Return what a note is about. What a model's engine says besides is why it gave no answer."""
    if note.startswith(_SCHEMA) or _SUM.match(note):
        return About.SCHEMA
    if note.startswith(_HIDDEN):
        return About.HIDDEN
    if note == LOCKED:
        return About.NOT_LOOKED_AT
    if _SHOWS_ANOTHER.search(note):
        return About.ANOTHER_VALUE
    for words, kind in _ENDINGS.items():
        if note.endswith(words):
            return kind
    asked = note.startswith(MODEL_PREFIX) and not any(words in note for words in _LEFT_OUT)
    return About.MODEL_UNUSABLE if asked else About.ANYTHING


_ENDINGS = {
    _UNACCOUNTED: About.ROWS_UNACCOUNTED,
    "was read in two ways": About.ROWS_READ_TWICE,
    "there may be more": About.LIST_CUT,
    "was not read": About.PAGE_UNREAD,
    _LEFT_OUT_PAGES: About.PAGE_UNREAD,
}
# What a model was asked without: it answered all the same.
_LEFT_OUT = ("terms of the glossary", "pictures that were left out")


def is_of_the_whole(note: str) -> bool:
    """Return whether a note says how a whole result is: each later look at the result says that anew."""
    return note.startswith(_SCHEMA) or note.endswith(_UNACCOUNTED)


def still_true(
    notes: Sequence[str], *, schema: Schema, before: Sequence[ExtractedValue], after: Sequence[ExtractedValue]
) -> tuple[str, ...]:
    """Return which of an earlier stage's notes later answers leave as they are.

    A note goes where it says how the whole result is, where it names a field that another engine has answered since,
    or where it names none and nothing of the engine that wrote it is left.
    """
    names = {field.name for field in schema.fields}
    earlier, later = _engines(before), _engines(after)
    changed = {name for name in names if earlier[name] != later[name]}
    gone = _all(earlier) - _all(later)
    kept = []
    for note in notes:
        named = names.intersection(_NAME.findall(note))
        engine = note.partition(": ")[0]
        if not is_of_the_whole(note) and not named & changed and (named or engine not in gone):
            kept.append(note)
    return tuple(kept)


def _engines(values: Sequence[ExtractedValue]) -> defaultdict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for value in values:
        found[value.path.split("/", 2)[1]].add(value.engine)
    return found


def _all(engines: defaultdict[str, set[str]]) -> set[str]:
    return {engine for names in engines.values() for engine in names}
