"""Segments taken apart into what is a value and what is said about it.

"Invoice # RE-508 issued at 2020-11-21" is one segment and four pieces: words, an identifier, words, a date. A label
that ends in a colon is a piece of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from apps.extraction.candidates import Candidate
from apps.extraction.engines.layout.geometry import Rect
from apps.extraction.engines.layout.lines import PageLayout, Segment, Token
from apps.extraction.engines.layout.wording import tokens as words_of
from apps.schemas.fields import Kind

VALUE_KINDS = frozenset(
    {Kind.DATE, Kind.MONEY, Kind.NUMBER, Kind.IDENTIFIER, Kind.IBAN, Kind.VAT_ID, Kind.EMAIL, Kind.PHONE}
)
"""Kinds whose candidates part a segment; the others (names, currencies, countries) are also words of labels."""

_LEAST_SURE = 0.2
_LEAST_SURE_NUMBER = 0.45
"""Below it lie letters that happen to stand before a number: "IVA 21", "Pos 3"."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A part of a row. `place` counts the row's pieces from the left; `parts` are its words as labels have them."""

    row: int
    place: int
    segment: Segment
    tokens: tuple[Token, ...]
    rect: Rect
    parts: tuple[str, ...]
    value: bool

    @property
    def text(self) -> str:
        return " ".join(token.text for token in self.tokens)

    @property
    def ends_label(self) -> bool:
        """Whether it ends in a colon, as only labels do."""
        return self.tokens[-1].text.endswith(":")

    @property
    def words(self) -> tuple[int, ...]:
        """Indexes into `page.words`, in reading order."""
        return tuple(dict.fromkeys(token.word for token in self.tokens))


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePieces:
    """A page's pieces by row. `by_word` finds the pieces that a word of the page went into.

    `seen` keeps what was found beside a value: several kinds of candidates are the same words.
    """

    layout: PageLayout
    rows: tuple[tuple[Piece, ...], ...]
    by_word: dict[int, tuple[Piece, ...]]
    seen: dict[tuple[Piece, Rect], object] = field(default_factory=dict, repr=False, compare=False)

    def of(self, candidate: Candidate) -> Piece | None:
        """Return the piece that holds most of a candidate's first line."""
        rect = self.layout.frame.rect(candidate.box)
        found: dict[Piece, float] = {}
        first: int | None = None
        for word in candidate.words:
            for piece in self.by_word.get(word, ()):
                first = piece.row if first is None else first
                if piece.row == first:
                    found[piece] = min(piece.rect.x1, rect.x1) - max(piece.rect.x0, rect.x0)
        return max(found, key=lambda piece: found[piece], default=None)


def take_apart(*, layout: PageLayout, candidates: Sequence[Candidate]) -> PagePieces:
    """Cut every segment of a page into pieces."""
    covers: dict[int, list[tuple[int, Rect]]] = defaultdict(list)
    for number, candidate in enumerate(candidates):
        if _is_value(candidate):
            rect = layout.frame.rect(candidate.box)
            for word in candidate.words:
                covers[word].append((number, rect))
    rows = []
    by_word: dict[int, list[Piece]] = defaultdict(list)
    for row in layout.rows:
        pieces: list[Piece] = []
        for segment in row.segments:
            for run, value in _runs(segment, covers):
                rect = run[0].rect
                for token in run[1:]:
                    rect = rect.union(token.rect)
                text = " ".join(token.text for token in run)
                piece = Piece(row.index, len(pieces), segment, tuple(run), rect, words_of(text), value)
                pieces.append(piece)
                for word in piece.words:
                    by_word[word].append(piece)
        rows.append(tuple(pieces))
    return PagePieces(layout=layout, rows=tuple(rows), by_word={word: tuple(found) for word, found in by_word.items()})


def _is_value(candidate: Candidate) -> bool:
    if candidate.kind is Kind.IDENTIFIER:
        return candidate.confidence >= _LEAST_SURE_NUMBER
    return candidate.kind in VALUE_KINDS and (candidate.confidence >= _LEAST_SURE or candidate.unit == "%")


def _runs(segment: Segment, covers: dict[int, list[tuple[int, Rect]]]) -> list[tuple[list[Token], bool]]:
    runs: list[tuple[list[Token], bool]] = []
    before: set[int] = set()
    for token in segment.tokens:
        middle = token.rect.center
        cover = {number for number, rect in covers.get(token.word, ()) if rect.x0 - 0.3 <= middle <= rect.x1 + 0.3}
        value = bool(cover)
        if runs:
            last, last_value = runs[-1]
            joins = (value and last_value and cover & before) or (
                not value and not last_value and not last[-1].text.endswith(":")
            )
            if joins:
                last.append(token)
                before = cover
                continue
        runs.append(([token], value))
        before = cover
    return runs
