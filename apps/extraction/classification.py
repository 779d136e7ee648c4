"""Which of a tenant's schemas a document fits, told by the words on its first pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from math import log

from apps.extraction.engines.einvoice import engine as einvoice
from apps.parsing.pages import ParsedDocument
from apps.schemas.fields import Schema

READ_PAGES = 3
READ_CHARACTERS = 20_000
# A title says more than a word in passing: what stands at the top counts so many times as much.
TOP_WORDS = 60
TOP_WEIGHT = 2.0
MINIMUM = 4.0
# The best must be so much better than the second, or nothing is said.
MARGIN = 1.15
LONGEST_PHRASE = 5

_Phrase = tuple[str, ...]
_WORD = re.compile(r"\w+")


def classify(document: ParsedDocument, schemas: Sequence[Schema]) -> str | None:
    """Return the slug of the schema that fits, or None where none does or two fit as well.

    What carries an e-invoice fits the schema that has most of an invoice's fields.
    A schema's cues and its fields' labels are looked for as whole words; each counts once, the longer the more, and
    what only one schema has counts more than what several share.
    """
    if any(attachment.media_type in {"application/xml", "text/xml"} for attachment in document.attachments):
        filled = {
            schema.slug: len(einvoice.FIELDS.intersection(field.name for field in schema.fields))
            for schema in schemas
            if "einvoice" in schema.engines
        }
        most = max(filled.values(), default=0)
        if most and list(filled.values()).count(most) == 1:
            return max(filled, key=lambda slug: filled[slug])
    places = _places("\n".join(page.text for page in document.pages[:READ_PAGES])[:READ_CHARACTERS])
    shared = Counter(phrase for schema in schemas for phrase in _phrases(schema))
    scores = sorted(((_score(schema, places=places, shared=shared), schema.slug) for schema in schemas), reverse=True)
    if not scores or scores[0][0] < MINIMUM:
        return None
    if len(scores) > 1 and scores[0][0] < MARGIN * scores[1][0]:
        return None
    return scores[0][1]


def _score(schema: Schema, *, places: Mapping[_Phrase, int], shared: Mapping[_Phrase, int]) -> float:
    cues = {_phrase(cue) for words in schema.cues.values() for cue in words}
    score = 0.0
    for phrase in _phrases(schema):
        place = places.get(phrase)
        if place is None:
            continue
        weight = (1.0 if phrase in cues else 0.5) * log(2 + sum(map(len, phrase))) / 2 / shared[phrase]
        score += weight * (TOP_WEIGHT if phrase in cues and place < TOP_WORDS else 1.0)
    return score


def _phrases(schema: Schema) -> frozenset[_Phrase]:
    found = {_phrase(cue) for words in schema.cues.values() for cue in words}
    for field in schema.fields:
        for one in (field, *field.columns):
            found |= {_phrase(label) for labels in one.labels.values() for label in labels if len(label) > 3}
    return frozenset(phrase for phrase in found if 0 < len(phrase) <= LONGEST_PHRASE)


def _places(text: str) -> dict[_Phrase, int]:
    """Return every run of up to `LONGEST_PHRASE` words with the number of the word where it first begins."""
    words = _phrase(text)
    places: dict[_Phrase, int] = {}
    for length in range(1, LONGEST_PHRASE + 1):
        for start in range(len(words) - length + 1):
            places.setdefault(words[start : start + length], start)
    return places


def _phrase(text: str) -> _Phrase:
    return tuple(_WORD.findall(text.casefold()))
