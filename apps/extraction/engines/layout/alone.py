"""The one date of a paper needs no label: a receipt's date stands beside the time, or anywhere."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from apps.extraction.candidates import Part
from apps.extraction.engines.layout.contexts import Relation, contexts
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.options import Option, Placed
from apps.schemas.fields import Kind

_KNOWN = 0.55
"""Score from which a labelled date needs no other reason."""
_FOREIGN = 0.7
_FOREIGN_FIT = 0.6
_LEAST_SURE = 0.7
_ONLY = 0.76
_WITH_TIME = 0.82
_TIME = re.compile(r"\(?\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:[ap]m?)?\)?", re.IGNORECASE)
_REACH = 3
_SENTENCE = 9
"""A line of this many words is running text: the one date of a letter may be any day."""


def prefer_only_date(
    *, options: Sequence[Option], name: str, placed: Sequence[Placed], lexicon: Lexicon
) -> list[Option]:
    """Add the date of a paper that has but one, or but one with a time beside it, where no label names the date.

    `name` is the field that a bare "Date" would label. Dates in running text, and those that a label gives to
    something else, don't count.
    """
    if any(option.score >= _KNOWN for option in options):
        return list(options)
    dates: dict[str, list[Placed]] = defaultdict(list)
    timed: dict[str, list[Placed]] = defaultdict(list)
    for spot in placed:
        candidate = spot.candidate
        if candidate.kind is not Kind.DATE or candidate.part is not Part.WHOLE or candidate.confidence < _LEAST_SURE:
            continue
        if len(spot.piece.segment.tokens) > _SENTENCE or _is_foreign(spot, name, lexicon):
            continue
        dates[candidate.value].append(spot)
        if has_time(spot=spot):
            timed[candidate.value].append(spot)
    chosen: Option | None = None
    if len(timed) == 1:
        spots = next(iter(timed.values()))
        chosen = Option(placed=spots[0], score=_WITH_TIME if len(dates) == 1 else _ONLY, label=0.0)
    elif len(dates) == 1:
        chosen = Option(placed=next(iter(dates.values()))[0], score=_ONLY, label=0.0)
    if chosen is None:
        return list(options)
    rest = [option for option in options if option.placed is not chosen.placed]
    return sorted([chosen, *rest], key=lambda option: -option.score)


def has_time(*, spot: Placed) -> bool:
    """Return whether a time of day stands right behind a date."""
    row = [token for piece in spot.pieces.rows[spot.piece.row] for token in piece.tokens]
    after = [token for token in row if token.rect.x0 > spot.rect.x1 - 0.3]
    return any(_TIME.fullmatch(token.text) for token in after[:_REACH])


def _is_foreign(spot: Placed, name: str, lexicon: Lexicon) -> bool:
    """Return whether a label in its row gives a date to something else."""
    for context in contexts(pieces=spot.pieces, piece=spot.piece, rect=spot.rect):
        if context.relation is Relation.ABOVE or context.fit < _FOREIGN_FIT:
            continue
        reading = lexicon.read(context.parts)
        rival = max((score for other, score in reading.scores.items() if other != name), default=0.0)
        if max(rival, reading.background) >= _FOREIGN and reading.score(name) < rival + reading.background:
            return not _is_time(context.parts)
    return False


def _is_time(parts: tuple[str, ...]) -> bool:
    return bool({"time", "uhrzeit", "heure", "hora", "ora", "zeit"} & set(parts))
