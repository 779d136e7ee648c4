"""What a paper calls itself: under the title INVOICE the invoice's number is its own, the order's another paper's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from apps.extraction.engines.layout.contexts import contexts
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.lines import Segment
from apps.extraction.engines.layout.options import Option
from apps.extraction.engines.layout.pieces import PagePieces
from apps.extraction.engines.layout.wording import JOINING, NUMBER
from apps.extraction.engines.layout.wording import tokens as words_of
from apps.schemas.fields import Field

_LARGE = 1.25
"""Line heights from which letters are a title's."""
_DEPTH = 0.6
_MOST_WORDS = 4
_LEAST_LABEL = 0.3
_LEAST_LETTERS = 3
_OTHER = 0.7
"""What is left of an option whose label names another paper than the title does."""


def title_of(*, pages: Sequence[PagePieces], fields: Sequence[Field]) -> str | None:
    """Return the word that a paper's title calls it by, folded, or None where it has no title.

    Only words that the fields' labels use can be that word: "invoice", "order", "contract".
    """
    names = _paper_words(fields)
    best: tuple[float, str] | None = None
    for pieces in pages[:1]:
        height = max(pieces.layout.frame.height, 1e-6)
        for row in pieces.layout.rows:
            depth = row.rect.middle / height
            if depth > _DEPTH:
                break
            for segment in row.segments:
                word = _title_word(segment, names)
                if word is None:
                    continue
                rank = segment.rect.height - 0.8 * depth
                if best is None or rank > best[0]:
                    best = (rank, word)
    return best[1] if best else None


def _paper_words(fields: Sequence[Field]) -> frozenset[str]:
    """Return the words of labels that are made of one word and "number": what is numbered is a paper."""
    found: set[str] = set()
    for field in fields:
        for labels in field.labels.values():
            for label in labels:
                parts = [part for part in words_of(label) if part not in JOINING]
                if len(parts) == 2 and NUMBER in parts:
                    found.update(part for part in parts if part != NUMBER and len(part) >= _LEAST_LETTERS)
    return frozenset(found)


def _title_word(segment: Segment, names: frozenset[str]) -> str | None:
    text = segment.text
    if len(segment.tokens) > _MOST_WORDS or text.endswith(":") or any(char.isdigit() for char in text):
        return None
    if not (text.isupper() or segment.rect.height >= _LARGE):
        return None
    parts = words_of(text)
    return parts[-1] if parts and parts[-1] in names else None


def prefer_own(
    *, options: Sequence[Option], name: str, title: str, lexicon: Lexicon, names: frozenset[str]
) -> list[Option]:
    """Lower the options of an identifier whose label names another paper than the title, where one names the same."""
    papers = [_papers(option, name, lexicon, names) for option in options]
    if not any(_same(title, paper) for named in papers for paper in named):
        return list(options)
    weighed = []
    for option, named in zip(options, papers, strict=True):
        foreign = named and not any(_same(title, paper) for paper in named)
        weighed.append(replace(option, score=option.score * _OTHER) if foreign else option)
    weighed.sort(key=lambda option: -option.score)
    return weighed


def _papers(option: Option, name: str, lexicon: Lexicon, names: frozenset[str]) -> frozenset[str]:
    """Return the papers that an option's best label names."""
    spot = option.placed
    best, parts = _LEAST_LABEL, ()  # type: float, tuple[str, ...]
    for context in contexts(pieces=spot.pieces, piece=spot.piece, rect=spot.rect):
        fit = lexicon.read(context.parts).score(name) * context.fit
        if fit >= best:
            best, parts = fit, context.parts
    return frozenset(part for part in parts if part in names)


def _same(title: str, paper: str) -> bool:
    """Compare with regard to short forms and compounds: "inv", "rechnungs"."""
    return title.startswith(paper) or paper.startswith(title)


def own_numbers(
    *, found: dict[str, list[Option]], fields: Sequence[Field], pages: Sequence[PagePieces], lexicon: Lexicon
) -> dict[str, list[Option]]:
    """Prefer, for fields that ask for a paper's number, the number of the paper that this one says it is."""
    if not fields:
        return found
    names = _paper_words(fields)
    title = title_of(pages=pages, fields=fields)
    if title is None:
        return found
    weighed = dict(found)
    for field in fields:
        weighed[field.name] = prefer_own(
            options=found[field.name], name=field.name, title=title, lexicon=lexicon, names=names
        )
    return weighed
