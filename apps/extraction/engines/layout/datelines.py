"""The date that a paper bears without a label: "Zürich, 5. Januar 2024", or one that stands alone near the top."""

from __future__ import annotations

from collections.abc import Sequence

from apps.extraction.engines.layout.contexts import is_faint
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.pieces import Piece
from apps.extraction.engines.layout.wording import tokens as words_of
from apps.schemas.fields import Field, Kind

AFTER_TOWN = 0.8
ALONE = 0.5

_BARE = (("date",), ("datum",), ("fecha",), ("data",))
_LEAST = 0.8
_TOWN_DEPTH = 0.6
_ALONE_DEPTH = 0.35
_MOST_WORDS = 5


def general_date(*, fields: Sequence[Field], lexicon: Lexicon) -> str | None:
    """Return the field that a bare "Date" would label, or None where the schema has none."""
    scores = {
        field.name: max(lexicon.read(parts).score(field.name) for parts in _BARE)
        for field in fields
        if field.kind is Kind.DATE
    }
    best = max(scores, key=lambda name: scores[name], default=None)
    return best if best is not None and scores[best] >= _LEAST else None


def dateline(*, row: Sequence[Piece], piece: Piece, page: int, depth: float) -> float:
    """Return how surely a date is the paper's own by where it stands alone: 0 where nothing says so.

    `depth` is how far down the page it stands, in [0, 1].
    """
    if page != 1:
        return 0.0
    before = [other for other in row if other.place < piece.place and other.segment is piece.segment]
    after = [other for other in row if other.place > piece.place and other.segment is piece.segment]
    if len(before) == 1 and depth <= _TOWN_DEPTH and _is_town(before[0]):
        return AFTER_TOWN
    return ALONE if not before and not after and depth <= _ALONE_DEPTH else 0.0


def _is_town(piece: Piece) -> bool:
    """Return whether words end in a comma, as a town before a date does, with at most "den" or "le" behind it."""
    tokens = list(piece.tokens)
    if piece.value or len(tokens) > _MOST_WORDS or not tokens[0].text[:1].isupper():
        return False
    while len(tokens) > 1 and not tokens[-1].text.endswith(",") and is_faint(words_of(tokens[-1].text)):
        tokens.pop()
    return tokens[-1].text.endswith(",") and len(tokens[0].text) > 2
