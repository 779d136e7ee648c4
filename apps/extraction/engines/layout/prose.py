"""Texts named in running sentences: "governed by the laws of the State of Delaware" names a jurisdiction.

Where a label of several words ends inside a sentence, the value is the run of capitalised words behind it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.extraction.candidates import PageReading
from apps.extraction.values import Evidence
from apps.schemas.fields import Field

_RUN = re.compile(
    r"[\s,:“\"'(]*(?:(?:the|der|die|das|des|la|le|les|l'|el|los|las|il|lo|gli)\s+)?"
    r"(?P<name>[^\W\d_a-zà-ÿ][\w.'’&-]*(?:\s+(?:(?:of|and|de|du|des|von|der|del|della|di|y|e|et|und|the)\s+){0,2}"
    r"[^\W\d_a-zà-ÿ][\w.'’&-]*){0,5})"
)
_SENTENCE_END = re.compile(r"(?<=[^\W\d_]{4})\.\s")
_LEAST_WORDS = 2
_LEAST_LETTERS = 3
_NO_NAMES = frozenset(
    {"this", "these", "that", "such", "any", "each", "all", "it", "if", "in", "and", "or", "no", "as"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A text that sentences name: `count` mentions agree of `total`; `evidence` is where the first stands."""

    text: str
    evidence: Evidence
    count: int
    total: int


def mentioned(*, field: Field, readings: Sequence[PageReading], language: str | None) -> Mention | None:
    """Return the text that sentences name behind a field's labels, or None.

    The schema's author put the surest labels first: they count more. "State of Delaware" is Delaware where another
    sentence says so.
    """
    labels = _labels(field, language)
    if not labels:
        return None
    phrases = (r"\s+".join(map(re.escape, label.split(" "))) for label in sorted(labels, key=len, reverse=True))
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(phrases) + r")(?!\w)", re.IGNORECASE)
    places: dict[str, list[_Place]] = defaultdict(list)
    for reading in readings:
        for label, start, end in _runs(reading.text, pattern):
            text = " ".join(reading.text[start:end].split())
            weight = 1 / (1 + 0.1 * labels[label])
            places[text.casefold()].append(_Place(reading=reading, start=start, end=end, text=text, weight=weight))
    for name in sorted(places, key=len, reverse=True):
        inner = next((other for other in places if name.endswith(f" of {other}")), None)
        if inner is not None:
            places[inner].extend(places.pop(name))
    if not places:
        return None
    best = max(places.values(), key=lambda found: sum(place.weight for place in found))
    place = min(best, key=lambda one: len(one.text))
    box = place.reading.box_between(place.start, place.end)
    evidence = Evidence(page=place.reading.page.number, box=box, quote=place.text)
    total = sum(map(len, places.values()))
    return Mention(text=place.text, evidence=evidence, count=len(best), total=total)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a sentence names a text: offsets into its page's reading."""

    reading: PageReading
    start: int
    end: int
    text: str
    weight: float


def _labels(field: Field, language: str | None) -> dict[str, int]:
    """Return the labels of several words, folded, with their ranks."""
    found: dict[str, int] = {}
    for spoken, words in field.labels.items():
        if language is None or spoken in {language, "en"}:
            for rank, label in enumerate(words):
                if len(label.split()) >= _LEAST_WORDS:
                    found.setdefault(" ".join(label.lower().split()), rank)
    return found


def _runs(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, int, int]]:
    """Yield labels with where the name behind each stands. Of labels that overlap the last one leads to the name."""
    at = 0
    while (match := pattern.search(text, at)) is not None:
        while (later := pattern.search(text, match.start() + 1)) is not None and later.start() < match.end():
            match = later
        at = match.end()
        run = _RUN.match(text, at)
        # In a sentence of capitals no word stands out as a name.
        if run is None or match[0].isupper():
            continue
        shown = _SENTENCE_END.split(run["name"], maxsplit=1)[0].rstrip(".,;:'’\"")
        first = shown.split()[0].casefold() if shown else ""
        if len(shown) >= _LEAST_LETTERS and first not in _NO_NAMES:
            yield " ".join(match[0].lower().split()), run.start("name"), run.start("name") + len(shown)
