"""Names of the issuer and the recipient where no label says so: letterhead, sender line, address window, footer.

An address gives its party away: the name stands on the line above the street. Which part the party plays is told by
where the block lies and what stands near it; a name that the paper repeats is the issuer's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz

from apps.extraction.candidates import Candidate
from apps.extraction.engines.layout.geometry import Rect
from apps.extraction.engines.layout.labelled import is_label, is_name
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.lines import Segment, Token
from apps.extraction.engines.layout.options import Placed
from apps.extraction.engines.layout.pieces import PagePieces, Piece
from apps.extraction.engines.layout.roles import Role
from apps.extraction.engines.layout.spans import Span, span_of
from apps.extraction.engines.layout.wording import fold
from apps.extraction.engines.layout.wording import tokens as words_of
from apps.schemas.fields import Kind

_SEPARATORS = re.compile(r"^[•●·∙|*–—-]+$|^[•●·∙|]")
_SALUTATION_WORDS = """
herr herrn frau firma fa mr mrs ms mme m monsieur madame mlle senor senora sr sra signor signora sig spett spettle
an to attn z hd zhd c o
"""
_SALUTATION = frozenset(_SALUTATION_WORDS.split())
_TELLS = {Kind.VAT_ID: 0.3, Kind.IBAN: 0.4, Kind.EMAIL: 0.12, Kind.PHONE: 0.12}
"""How much a number below an address says that it is the issuer's: one's own is printed, the other's seldom."""

_ABOVE_GAP = 1.3
_ABOVE_GAP_ALIGNED = 2.3
_TITLE_GAP = 1.8
_MOST_LINES = 4
_MOST_STREETS = 3
_SAME_NAME = 88.0


@dataclass(slots=True)
class Party:
    """A name with what speaks for each part. Several places of the same name are one party."""

    span: Span
    votes: dict[Role, float] = field(default_factory=lambda: {Role.ISSUER: 0.0, Role.RECIPIENT: 0.0})
    places: int = 1
    sender: bool = False
    addressed: bool = False

    def vote(self, role: Role, weight: float) -> None:
        """Add evidence as if independent: two halves make three quarters."""
        self.votes[role] = 1 - (1 - self.votes[role]) * (1 - weight)


def same_name(first: str, second: str) -> bool:
    """Return whether two spellings name the same party."""
    one, two = fold(first), fold(second)
    return one == two or fuzz.ratio(one, two) >= _SAME_NAME


def parties_of(*, pages: Sequence[PagePieces], placed: Sequence[Placed], lexicon: Lexicon) -> list[Party]:
    """Return the names that addresses, sender lines and legal forms give away, each once, with votes for its part."""
    by_page: dict[int, list[Candidate]] = defaultdict(list)
    for spot in placed:
        by_page[spot.candidate.page].append(spot.candidate)
    parties: list[Party] = []
    for pieces in pages:
        parties.extend(_of_page(pieces, by_page[pieces.layout.page.number], lexicon))
    merged: list[Party] = []
    for party in parties:
        for known in merged:
            if same_name(party.span.text, known.span.text):
                known.places += 1
                known.sender = known.sender or party.sender
                known.addressed = known.addressed or party.addressed
                for role, weight in party.votes.items():
                    known.vote(role, 0.8 * weight)
                break
        else:
            merged.append(party)
    for party in merged:
        if party.places > 1:
            party.vote(Role.ISSUER, 0.15)
        if party.sender:
            # Whoever stands in the sender line sends, wherever else the name is.
            party.votes[Role.RECIPIENT] *= 0.2
    return merged


def _of_page(pieces: PagePieces, candidates: Sequence[Candidate], lexicon: Lexicon) -> list[Party]:
    found: list[Party] = []
    frame = pieces.layout.frame
    senders: list[Rect] = []
    blocks: list[tuple[Party, Rect]] = []
    private = [
        (frame.rect(candidate.box), _TELLS[candidate.kind])
        for candidate in candidates
        if candidate.kind in _TELLS and candidate.confidence > 0.4
    ]
    first_page = pieces.layout.page.number == 1
    for candidate in candidates:
        if candidate.kind is not Kind.ADDRESS:
            continue
        rect = frame.rect(candidate.box)
        segments = _segments(pieces, candidate)
        if not segments:
            continue
        sender = _sender(pieces, segments[0])
        if sender is not None:
            party = Party(_title_above(pieces, segments[0], sender, candidates) or sender, sender=True)
            party.vote(Role.ISSUER, 0.8 if first_page else 0.5)
            senders.append(segments[0].rect)
            found.append(party)
            continue
        name, top = _name_above(pieces, segments[0], lexicon)
        if name is None:
            continue
        block = rect.union(top)
        party = Party(name, addressed=True)
        depth = block.y0 / max(frame.height, 1e-6)
        near = sum(weight for other, weight in private if _near(block, other))
        if depth > 0.82:
            party.vote(Role.ISSUER, 0.55)
        elif first_page and depth < 0.1:
            party.vote(Role.ISSUER, 0.45)
        party.vote(Role.ISSUER, min(0.5, near))
        if first_page and 0.1 < depth < 0.4:
            party.vote(Role.RECIPIENT, 0.55 if near < 0.3 else 0.3)
        blocks.append((party, block))
        found.append(party)
    for party, block in blocks:
        below = [sender for sender in senders if 0 <= block.y0 - sender.y1 < 8 and block.x0 < sender.x1]
        if below:
            aligned = any(abs(block.x0 - sender.x0) < 4 and block.y0 - sender.y1 < 6 for sender in below)
            party.vote(Role.RECIPIENT, 0.75 if aligned else 0.6)
    found.extend(_by_form(pieces, candidates, first_page=first_page))
    return found


def _by_form(pieces: PagePieces, candidates: Sequence[Candidate], *, first_page: bool) -> list[Party]:
    """Names with a legal form that stand in a letterhead or a footer without an address below."""
    found = []
    frame = pieces.layout.frame
    for candidate in candidates:
        if candidate.kind is not Kind.ORGANISATION or candidate.confidence < 0.6:
            continue
        pieces_of = [piece for word in candidate.words for piece in pieces.by_word.get(word, ())]
        if not pieces_of:
            continue
        row = pieces_of[-1].row
        words = set(candidate.words)
        tokens = [
            token
            for piece in dict.fromkeys(pieces_of)
            if piece.row == row
            for token in piece.tokens
            if token.word in words
        ]
        span = span_of(layout=pieces.layout, tokens=tokens)
        if span is None or not is_name(span):
            continue
        span = _without_salutation(span)
        depth = span.rect.y0 / max(frame.height, 1e-6)
        party = Party(span)
        if first_page and depth < 0.12:
            party.vote(Role.ISSUER, 0.5)
        elif depth > 0.82:
            party.vote(Role.ISSUER, 0.4)
        else:
            party.vote(Role.ISSUER, 0.12)
        found.append(party)
    return found


def _segments(pieces: PagePieces, candidate: Candidate) -> list[Segment]:
    """Return the segments that an address runs over, from the top."""
    found: dict[int, Segment] = {}
    for word in candidate.words:
        for piece in pieces.by_word.get(word, ()):
            found.setdefault(id(piece.segment), piece.segment)
    return sorted(found.values(), key=lambda segment: segment.rect.y0)


def _title_above(pieces: PagePieces, line: Segment, sender: Span, candidates: Sequence[Candidate]) -> Span | None:
    """Return the name over a letterhead's line, where the line itself begins with something less: the owner, a slogan.

    The name is the one with a legal form, or the one in larger letters or capitals.
    """
    if line.row == 0:
        return None
    forms = {
        word
        for candidate in candidates
        if candidate.kind is Kind.ORGANISATION and candidate.confidence >= 0.45
        for word in candidate.words
    }
    if forms & set(sender.words):
        return None
    for piece in pieces.rows[line.row - 1]:
        segment = piece.segment
        over = segment.rect.x0 < line.rect.x1 and segment.rect.x1 > line.rect.x0
        if piece.value or not over or line.rect.y0 - segment.rect.y1 > _TITLE_GAP:
            continue
        span = span_of(layout=pieces.layout, tokens=segment.tokens)
        if span is None or not is_name(span):
            continue
        larger = segment.rect.height > 1.25 * line.rect.height or (span.text.isupper() and not sender.text.isupper())
        if larger or forms & set(span.words):
            return span
    return None


def is_sender(pieces: PagePieces, candidate: Candidate) -> bool:
    """Return whether an address is a one-line sender, name and all."""
    segments = _segments(pieces, candidate)
    return bool(segments) and _sender(pieces, segments[0]) is not None


def _sender(pieces: PagePieces, segment: Segment) -> Span | None:
    """Return the name in a one-line sender "Name * Street * Town", or None where the line isn't one."""
    marks = [
        number
        for number, token in enumerate(segment.tokens)
        if _SEPARATORS.match(token.text) or (token.text.endswith(",") and number < len(segment.tokens) - 1)
    ]
    if len(marks) < 2 or marks[0] == 0:
        return None
    first = segment.tokens[: marks[0] + (1 if segment.tokens[marks[0]].text.endswith(",") else 0)]
    span = span_of(layout=pieces.layout, tokens=first)
    return span if span is not None and is_name(span) and not any(char.isdigit() for char in span.text) else None


def _name_above(pieces: PagePieces, top: Segment, lexicon: Lexicon) -> tuple[Span | None, Rect]:
    """Return the name that heads an address block, and the rect of its line."""
    lines: list[tuple[Span, Segment]] = []
    streets = 0
    here = top
    for row in reversed(pieces.rows[max(0, top.row - 8) : top.row]):
        segment = _aligned(row, here.rect)
        if segment is None:
            if here.rect.y0 - (row[0].rect.y1 if row else 0.0) > _ABOVE_GAP_ALIGNED + 1:
                break
            continue
        gap = here.rect.y0 - segment.rect.y1
        close = abs(segment.rect.x0 - here.rect.x0) < 0.4
        if gap > (_ABOVE_GAP_ALIGNED if close else _ABOVE_GAP) or len(lines) == _MOST_LINES:
            break
        parts = [piece for piece in row if piece.segment is segment]
        span = span_of(layout=pieces.layout, tokens=segment.tokens)
        if span is None or _is_heading(parts, lexicon) or _sender(pieces, segment) is not None:
            break
        here = segment
        if any(piece.value for piece in parts):
            # A street and its number: what stands below it is the town.
            lines.clear()
            streets += 1
            if streets == _MOST_STREETS:
                break
            continue
        if not is_name(span):
            break
        lines.append((span, segment))
    while lines and _is_salutation(lines[-1][0]):
        lines.pop()
    if not lines:
        return None, top.rect
    span, segment = lines[-1]
    return _without_salutation(span), segment.rect


def _aligned(row: Sequence[Piece], rect: Rect) -> Segment | None:
    best: Segment | None = None
    for piece in row:
        segment = piece.segment
        apart = abs(segment.rect.x0 - rect.x0)
        if apart < 1.2 and (best is None or apart < abs(best.rect.x0 - rect.x0)):
            best = segment
    return best


def _is_heading(parts: Sequence[Piece], lexicon: Lexicon) -> bool:
    return any(is_label(piece, lexicon) for piece in parts) or all(piece.value for piece in parts)


def _is_salutation(span: Span) -> bool:
    return all(part in _SALUTATION for part in words_of(span.text))


def _without_salutation(span: Span) -> Span:
    tokens: list[Token] = list(span.tokens)
    while (
        len(tokens) > 1 and words_of(tokens[0].text) and all(part in _SALUTATION for part in words_of(tokens[0].text))
    ):
        tokens.pop(0)
    return span_of(layout=span.layout, tokens=tokens) or span


def _near(block: Rect, other: Rect) -> bool:
    """Return whether something stands in or right under a block."""
    return block.y0 - 0.5 <= other.y0 <= block.y1 + 5 and other.x0 < block.x1 + 6 and other.x1 > block.x0 - 2
