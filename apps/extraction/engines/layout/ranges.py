"""Both ends of "04/24/20 - 04/30/20" stand under one label: the second one's isn't crossed by the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from apps.extraction.candidates import Part
from apps.extraction.engines.layout.contexts import contexts
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.options import Option, Placed

_SHAPE = 0.96
"""What a date's shape and place leave of its label's score, about."""


def prefer_ranges(*, options: Sequence[Option], name: str, placed: Sequence[Placed], lexicon: Lexicon) -> list[Option]:
    """Score the later ends of ranges, among a field's options, by what stands before the whole range."""
    starts = _starts(placed)
    weighed = []
    for option in options:
        start = starts.get(id(option.placed))
        if start is not None:
            beside = contexts(pieces=start.pieces, piece=start.piece, rect=start.rect)
            label = max((lexicon.read(context.parts).score(name) * context.fit for context in beside), default=0.0)
            weighed.append(replace(option, score=max(option.score, label * _SHAPE)))
        else:
            weighed.append(option)
    return sorted(weighed, key=lambda option: -option.score)


def _starts(placed: Sequence[Placed]) -> Mapping[int, Placed]:
    """Return the beginning of each range by its placed end's id: candidates come in the page's order."""
    found: dict[int, Placed] = {}
    start: Placed | None = None
    for spot in placed:
        if spot.candidate.part is Part.START:
            start = spot
        elif spot.candidate.part is Part.END and start is not None and start.candidate.page == spot.candidate.page:
            found[id(spot)] = start
            start = None
    return found
