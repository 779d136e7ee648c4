"""Labels that mean a field without sharing its words: "Payment date" for a schema that says "Pay date".

A schema that nobody foresaw comes with titles and few synonyms. What stands beside values on the page is compared with
them by embedding; only for fields that have few spellings and that no label named, and only a few phrases a document,
for a phrase takes as long as everything else on its page. A likeness is a hint: it never scores as a label does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from apps.extraction.engines.layout.contexts import contexts, is_faint
from apps.extraction.engines.layout.labels import Lexicon, Reading, spellings
from apps.extraction.engines.layout.options import Placed
from apps.extraction.engines.layout.pieces import PagePieces
from apps.schemas.fields import Field, Kind

FEW_SPELLINGS = 6
"""A field with more of them is described well enough by its words."""
MOST_PHRASES = 16
LIKE = 0.6
"""Cosine from which two labels mean the same.

By all-MiniLM-L6-v2: "Payment date" and "Pay date" 0.84, "Registration mark" and "Registration number" 0.67, "Qty" and
"Buyer" 0.28; but "Amount due" and "Due date" 0.72: the kind has to fit as well.
"""
MARGIN = 0.04
_SCORE = 0.78
_NAMED = 0.7
"""A phrase that a label names as surely needs no likeness."""
_REMEMBERED = 4096

Vectors = npt.NDArray[np.float32]


class Embeds(Protocol):
    """What of an embedder is needed: rows of unit length, a text each."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 of shape (len(texts), dimensions)."""


class Meanings:
    """An embedder that remembers: forms repeat their labels from document to document."""

    def __init__(self, embeds: Embeds) -> None:
        self._embeds = embeds
        self._known: OrderedDict[str, Vectors] = OrderedDict()

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return the texts' vectors, a row each."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            for text, vector in zip(new, self._embeds.embed(new), strict=True):
                self._known[text] = vector
        rows = []
        for text in texts:
            self._known.move_to_end(text)
            rows.append(self._known[text])
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return np.stack(rows)


class Overlay(Lexicon):
    """A lexicon that knows further phrases: what each says, by the fields it means."""

    def __init__(self, lexicon: Lexicon, meant: Mapping[tuple[str, ...], Mapping[str, float]]) -> None:
        self._lexicon = lexicon
        self._meant = meant

    def read(self, parts: tuple[str, ...]) -> Reading:
        reading = self._lexicon.read(parts)
        meant = self._meant.get(parts)
        if meant is None:
            return reading
        scores = dict(reading.scores)
        for name, score in meant.items():
            scores[name] = max(scores.get(name, 0.0), score)
        return Reading(scores=scores, background=0.0)


def needing(*, fields: Iterable[Field], answered: Iterable[str], language: str | None) -> list[Field]:
    """Return the fields without an answer whose words are too few to find one by."""
    known = set(answered)
    return [
        field
        for field in fields
        if field.name not in known
        and field.kind is not Kind.ARRAY
        and len(spellings(field=field, language=language)) <= FEW_SPELLINGS
    ]


def with_meanings(
    *,
    lexicon: Lexicon,
    fields: Sequence[Field],
    pages: Sequence[PagePieces],
    placed: Sequence[Placed],
    meanings: Meanings,
) -> Overlay | None:
    """Return the lexicon with the phrases of these pages that mean one of the fields, or None where none does."""
    phrases = _phrases(fields, pages, placed, lexicon)
    if not phrases or not fields:
        return None
    theirs = meanings.vectors(list(phrases.values()))
    likeness = {
        field.name: np.max(theirs @ meanings.vectors([field.title, *_english(field)]).T, axis=1) for field in fields
    }
    meant: dict[tuple[str, ...], dict[str, float]] = {}
    for number, parts in enumerate(phrases):
        for field in fields:
            like = float(likeness[field.name][number])
            rival = max(
                (
                    float(likeness[other.name][number])
                    for other in fields
                    if other is not field and other.kind is field.kind
                ),
                default=0.0,
            )
            if like >= LIKE and like >= rival + MARGIN:
                meant.setdefault(parts, {})[field.name] = _SCORE * min(
                    1.0, 0.5 + 0.5 * (like - LIKE) / (0.85 - LIKE) + 0.3
                )
    return Overlay(lexicon, meant) if meant else None


def _english(field: Field) -> tuple[str, ...]:
    return field.labels.get("en", ())[:FEW_SPELLINGS]


def _phrases(
    fields: Sequence[Field], pages: Sequence[PagePieces], placed: Sequence[Placed], lexicon: Lexicon
) -> dict[tuple[str, ...], str]:
    """Return what stands like a label beside values that a field could have, from the top of the document."""
    kinds = {field.kind for field in fields}
    found: dict[tuple[str, ...], str] = {}
    for spot in placed:
        if spot.candidate.kind in kinds:
            for context in contexts(pieces=spot.pieces, piece=spot.piece, rect=spot.rect):
                if context.fit >= 0.75 and context.piece.parts == context.parts:
                    found.setdefault(context.parts, context.piece.text)
    if kinds & {Kind.TEXT, Kind.PERSON, Kind.ORGANISATION}:
        for pieces in pages:
            for row in pieces.rows:
                for piece in row[:-1]:
                    if not piece.value and piece.parts:
                        found.setdefault(piece.parts, piece.text)
    kept = {
        parts: text.rstrip(" :.")
        for parts, text in found.items()
        if len(parts) <= 5 and not is_faint(parts) and max(lexicon.read(parts).scores.values(), default=0.0) < _NAMED
    }
    return dict(list(kept.items())[:MOST_PHRASES])
