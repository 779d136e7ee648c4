"""Typed values in running sentences: "this Agreement shall expire two (2) years from the date hereof".

In running text what stands left of a value in its line is chance; what the sentence says before and behind it is not.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from apps.extraction.candidates import PageReading
from apps.extraction.engines.layout.options import Option, Placed
from apps.schemas.fields import Field, Kind

RUNNING = 9
"""A line of at least this many words is running text."""

_BEFORE, _BEHIND = 220, 80
_STOP = re.compile(r"[.;:?!](?=\s+[A-ZÀ-Ý(“\"\d])|\f")
_ABBREVIATED = re.compile(r"(?:\b(?:No|Nr|Inc|Ltd|Co|Corp|St|Mr|Dr|Art|Sec)|\b[A-Z])$")
_LEAST_WORDS = 2
_BETWEEN = r"\W+(?:\w+\W+){0,2}?"
_FAR = 0.35
"""How much less a phrase says that stands a whole sentence away."""
_RANK = 0.015
_BEHIND_WORTH = 0.5
_AGAIN = 0.7
"""What is left of the doubt where another sentence says the same."""
_LEAST = 0.3
_LATER_DATE = 0.85
"""Papers say at their beginning when they are made; how long they hold, they say anywhere."""


def in_sentences(
    *,
    options: Sequence[Option],
    field: Field,
    placed: Sequence[Placed],
    readings: Mapping[int, PageReading],
    language: str | None,
) -> list[Option]:
    """Return a field's options, those in running text scored by what their sentences say."""
    phrases = _phrases(_labels(field, language))
    if not phrases:
        return list(options)
    kept = [option for option in options if not is_running(spot=option.placed)]
    told: dict[str, list[Option]] = defaultdict(list)
    for spot in placed:
        if spot.candidate.kind is not field.kind or not is_running(spot=spot):
            continue
        score = _score(spot, readings[spot.candidate.page], phrases) * spot.candidate.confidence**0.5
        if field.kind is Kind.DATE and spot.candidate.page > 1:
            score *= _LATER_DATE
        if score >= _LEAST:
            told[spot.candidate.value].append(Option(placed=spot, score=score, label=score))
    for same in told.values():
        same.sort(key=lambda option: -option.score)
        doubt = 1 - same[0].score
        for option in same[1:3]:
            doubt *= 1 - (1 - _AGAIN) * option.score
        kept.append(replace(same[0], score=1 - doubt))
    return sorted(kept, key=lambda option: -option.score)


def is_running(*, spot: Placed) -> bool:
    """Return whether a value stands in running text."""
    return len(spot.piece.segment.tokens) >= RUNNING


def _labels(field: Field, language: str | None) -> tuple[str, ...]:
    """Return the labels of several words: a single word says nothing in a sentence."""
    return tuple(
        label
        for spoken, labels in field.labels.items()
        if language is None or spoken in {language, "en"}
        for label in labels
        if len(label.split()) >= _LEAST_WORDS
    )


@lru_cache(maxsize=64)
def _phrases(labels: tuple[str, ...]) -> tuple[tuple[re.Pattern[str], float], ...]:
    """Return a pattern for each label, its words in order with at most two others between, and what it is worth."""
    return tuple(
        (
            re.compile(r"(?<!\w)" + _BETWEEN.join(map(re.escape, label.split())) + r"(?!\w)", re.IGNORECASE),
            max(0.5, 1 - _RANK * rank),
        )
        for rank, label in enumerate(labels)
    )


def _score(spot: Placed, reading: PageReading, phrases: Sequence[tuple[re.Pattern[str], float]]) -> float:
    start, end = reading.span_of(words=spot.candidate.words)
    before = _sentence_before(reading.text[max(0, start - _BEFORE) : start])
    behind = reading.text[end : end + _BEHIND]
    stop = _STOP.search(behind)
    behind = behind[: stop.start()] if stop else behind
    said = heard = 0.0
    for pattern, worth in phrases:
        last = None
        for last in pattern.finditer(before):  # noqa: B007 - the last one is meant
            pass
        if last is not None:
            said = max(said, worth * (1 - _FAR * (len(before) - last.end()) / _BEFORE))
        first = pattern.search(behind)
        if first is not None:
            heard = max(heard, worth * (1 - first.start() / _BEHIND))
    return 1 - (1 - said) * (1 - _BEHIND_WORTH * heard)


def _sentence_before(text: str) -> str:
    """Return what of the text belongs to its last sentence."""
    begin = 0
    for stop in _STOP.finditer(text):
        if not _ABBREVIATED.search(text[: stop.start()]):
            begin = stop.end()
    return text[begin:]
