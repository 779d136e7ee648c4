"""What is said beside values, in words for a person: fields, engines and page numbers, never the document's text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from apps.extraction.values import ExtractedValue
from apps.schemas.fields import Schema

_SCHEMA = "schema: "
_UNACCOUNTED = "unaccounted for"
_NAME = re.compile(r"\w+")


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
