"""Slips of paper, as tills print them: who issued one stands at its head, without a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from apps.extraction.candidates.addresses import names_a_place
from apps.extraction.candidates.organisations import names_organisation
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.lines import Segment, Token
from apps.extraction.engines.layout.options import Option, Placed
from apps.extraction.engines.layout.pieces import PagePieces
from apps.extraction.engines.layout.spans import Span, span_of
from apps.extraction.engines.layout.wording import tokens as words_of
from apps.schemas.fields import Kind

WIDEST = 44.0
"""Line heights. A sheet of A4 or Letter is 50 and more across, a till's roll about 30."""

NAME = 0.85
UNSURE_NAME = 0.6
ADDRESS = 0.8
_HEAD_ROWS = 14
_HEAD_DEPTH = 0.4
_AHEAD = 3
_LEAST_LETTERS = 4
_LEAST_WORD = 3
_LEAST_READ = 0.45
_LABEL = 0.75
_CONTINUED_WORDS = 5


def is_slip(*, pieces: PagePieces) -> bool:
    """Return whether a page is as narrow as a till's roll."""
    return 0 < pieces.layout.frame.width < WIDEST


def head_name(*, pieces: PagePieces, addresses: Sequence[Placed], lexicon: Lexicon) -> tuple[Span, float] | None:
    """Return the name at the head of a slip and its score: the first line that reads like one, above the address.

    What is written by hand or read out of dust stands there too: a line in capitals or with a legal form goes before
    one without, if it isn't far below. One that has neither may be anything: it is for a person.
    """
    if not is_slip(pieces=pieces):
        return None
    streets = {word for spot in addresses if spot.candidate.page == _number(pieces) for word in spot.candidate.words}
    lines: list[tuple[Token, ...]] = []
    for row in pieces.layout.rows[:_HEAD_ROWS]:
        if row.rect.middle > _HEAD_DEPTH * pieces.layout.frame.height:
            break
        segment = max(row.segments, key=_letters)
        if any(token.word in streets for token in segment.tokens):
            if lines:
                break
            continue
        tokens = _without_number(segment.tokens)
        if _reads_like_name(tokens, lexicon):
            lines.append(tokens)
    if not lines:
        return None
    ahead = next((number for number, line in enumerate(lines[:_AHEAD]) if _stands_out(line)), None)
    first = ahead or 0
    chosen = list(lines[first])
    if first + 1 < len(lines) and not names_organisation(text=_text(chosen)) and _continues(chosen, lines[first + 1]):
        chosen.extend(lines[first + 1])
    span = span_of(layout=pieces.layout, tokens=chosen)
    return None if span is None else (span, UNSURE_NAME if ahead is None else NAME)


def prefer_head_address(*, options: Sequence[Option], placed: Sequence[Placed]) -> list[Option]:
    """Take the first address of a slip for its issuer's, where no label says otherwise."""
    first = min(
        (
            spot
            for spot in placed
            if spot.candidate.kind is Kind.ADDRESS
            and spot.candidate.page == 1
            and is_slip(pieces=spot.pieces)
            and spot.rect.y0 < _HEAD_DEPTH * spot.pieces.layout.frame.height
        ),
        key=lambda spot: spot.rect.y0,
        default=None,
    )
    if first is None:
        return list(options)
    rest = [option for option in options if option.placed is not first]
    known = next((option for option in options if option.placed is first), None)
    head = (
        Option(placed=first, score=ADDRESS, label=0.0)
        if known is None
        else replace(known, score=max(known.score, ADDRESS))
    )
    return sorted([head, *rest], key=lambda option: -option.score)


def _number(pieces: PagePieces) -> int:
    return pieces.layout.page.number


def _text(tokens: Sequence[Token]) -> str:
    return " ".join(token.text for token in tokens)


def _letters(segment: Segment) -> int:
    return sum(char.isalpha() for char in segment.text)


def _without_number(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """Cut off the number of a register behind a name: "99 SPEED MART S/B (519537-X)"."""
    for place, token in enumerate(tokens):
        if place and token.text.startswith("(") and any(char.isdigit() for char in token.text):
            return tuple(tokens[:place])
    return tuple(tokens)


def _reads_like_name(tokens: Sequence[Token], lexicon: Lexicon) -> bool:
    text = _text(tokens)
    letters = sum(char.isalpha() for char in text)
    digits = sum(char.isdigit() for char in text)
    if letters < _LEAST_LETTERS or digits * 2 > letters or text.endswith(":") or ":" in text:
        return False
    if not any(sum(char.isalpha() for char in token.text) >= _LEAST_WORD for token in tokens):
        return False
    if sum(token.confidence for token in tokens) / len(tokens) < _LEAST_READ:
        return False
    return lexicon.read(words_of(text)).best < _LABEL


def _stands_out(tokens: Sequence[Token]) -> bool:
    text = _text(tokens)
    return names_organisation(text=text) or (text.isupper() and not names_a_place(text=text))


def _continues(above: Sequence[Token], below: Sequence[Token]) -> bool:
    """Return whether the second line ends the name: it is short, in the same letters, and ends in a legal form."""
    text = _text(below)
    return (
        len(below) <= _CONTINUED_WORDS
        and names_organisation(text=f" {text}")
        and _text(above).isupper() == text.isupper()
        and below[0].rect.y0 - above[0].rect.y1 < 1.2
    )
