"""Values without a shape of their own - names, texts - are found from their labels: what stands right of or below."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from apps.extraction.engines.layout.contexts import is_faint
from apps.extraction.engines.layout.geometry import Rect, overlap_x
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.lines import Segment, Token
from apps.extraction.engines.layout.pieces import PagePieces, Piece
from apps.extraction.engines.layout.spans import Span, span_of
from apps.extraction.engines.layout.wording import has_letters
from apps.extraction.engines.layout.wording import tokens as words_of

LABEL = 0.6
"""Least score at which a phrase is taken for a field's label."""
SURE_LABEL = 0.75
"""Score at which a phrase is a label and so no value."""

_FAINT_COLON = 0.8
_FAINT = 0.65
_LIKE_LABEL = 0.15
_RIGHT_REACH = 32.0
_BELOW_REACH = 1.9
_SECTION_ROWS = 14
_SECTION_GAP = 2.6
_OF_TAIL = 0.75
_WHOLE_LABEL = 0.9
_MOST_TAIL = 3
_TIGHT = 0.55
_NAME_LABELS = frozenset(
    {
        "name", "firma", "firmenname", "company", "company name", "nom", "raison sociale", "nombre", "razon social",
        "nome", "ragione sociale", "denominazione", "legal name", "full name", "nombre o razon social",
    }
)  # fmt: skip
_AMOUNT = re.compile(r"[.,]\d{2}(?!\d)|[$€£]")
_CONTACT = re.compile(r"@|https?:|www\.|^\+?[\d /().-]{7,}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A text that a label points to.

    `score` in [0, 1] counts the label and where the text lies; `label` is its rect, `parts` its words.
    """

    span: Span
    score: float
    label: Rect
    heading: bool
    parts: tuple[str, ...]


def is_label(piece: Piece, lexicon: Lexicon) -> bool:
    """Return whether a piece is a label of anything known, or says so by its colon."""
    return not piece.value and (piece.ends_label or lexicon.read(piece.parts).best >= SURE_LABEL)


def labelled(*, pieces: PagePieces, lexicon: Lexicon, name: str, names_only: bool) -> Iterator[Labelled]:
    """Return the texts of a page that a field's labels point to.

    `names_only`: the field is a party, so that lines of numbers are passed over and a heading's section is searched for
    its line "Name:".
    """
    for row in pieces.rows:
        for piece in row:
            if piece.value or not piece.parts or len(piece.parts) > 8:
                continue
            score = lexicon.read(piece.parts).score(name)
            if is_faint(piece.parts):
                score = _faint(piece, score) if names_only else 0.0
            if score < LABEL:
                tail = _tail(row, piece, lexicon, name) if names_only else None
                if tail is not None:
                    yield from _values(pieces, lexicon, tail, _OF_TAIL, names_only=names_only)
                continue
            opens = piece.tokens[0] is piece.segment.tokens[0]
            whole = opens and piece.tokens[-1] is piece.segment.tokens[-1]
            if not (piece.ends_label or whole):
                score *= 0.7 if opens else 0.5
            yield from _values(pieces, lexicon, piece, score, names_only=names_only)


def _faint(piece: Piece, score: float) -> float:
    """Return what a word such as "To" is worth as a label: something where it stands alone, nothing elsewhere."""
    if not score or len(piece.tokens) != len(piece.segment.tokens):
        return 0.0
    return _FAINT_COLON if piece.ends_label else _FAINT


def _tail(row: Sequence[Piece], piece: Piece, lexicon: Lexicon, name: str) -> Piece | None:
    """Return the last words of a piece that are a label by themselves: "Remit to Acme  Advertiser   Miller & Sons".

    Columns can lie closer than a blank is wide; only a label that is all there, before a text, is cut off.
    """
    after = row[piece.place + 1 : piece.place + 2]
    if piece.tokens[-1] is not piece.segment.tokens[-1] or not after or after[0].value or is_label(after[0], lexicon):
        return None
    for count in range(1, min(_MOST_TAIL, len(piece.tokens) - 1) + 1):
        tokens = piece.tokens[-count:]
        parts = words_of(" ".join(token.text for token in tokens))
        if tokens[0].text[:1].isupper() and lexicon.read(parts).score(name) >= _WHOLE_LABEL:
            rect = tokens[0].rect
            for token in tokens[1:]:
                rect = rect.union(token.rect)
            return replace(piece, tokens=tokens, rect=rect, parts=parts)
    return None


def _values(
    pieces: PagePieces, lexicon: Lexicon, label: Piece, score: float, *, names_only: bool
) -> Iterator[Labelled]:
    heading = label.tokens[-1] is label.segment.tokens[-1]
    if names_only and _labels_an_amount(pieces, label):
        return
    if names_only and heading and (beside := _name_beside(pieces, lexicon, label)) is not None:
        yield Labelled(span=beside, score=score * 0.98, label=label.rect, heading=False, parts=label.parts)
        return
    right = _right(pieces, lexicon, label)
    if right is not None and (not names_only or is_name(right)):
        fit = 0.97 if label.ends_label or not heading else _loose(right.rect.x0 - label.rect.x1)
        yield Labelled(span=right, score=score * fit, label=label.rect, heading=False, parts=label.parts)
    if names_only and heading:
        named = _section_name(pieces, lexicon, label)
        if named is not None:
            yield Labelled(span=named, score=score * 0.98, label=label.rect, heading=True, parts=label.parts)
            return
    below = _below(pieces, lexicon, label, names_only=names_only) if heading else None
    if below is not None and not (right is not None and _in_grid(pieces, lexicon, below, right)):
        apart = abs(below.rect.x0 - label.rect.x0)
        fit = 0.9 if apart < 2.5 else 0.7
        if right is not None and label.ends_label:
            fit *= 0.6
        yield Labelled(span=below, score=score * fit, label=label.rect, heading=True, parts=label.parts)


def _labels_an_amount(pieces: PagePieces, label: Piece) -> bool:
    """Return whether a label is that of an amount: "Agency commission  $150.00" names no agency.

    The amount stands right of it; or under it, and one under what stands right of it too, as under headings.
    """
    after = pieces.rows[label.row][label.place + 1 : label.place + 2]
    if any(piece.value and _AMOUNT.search(piece.text) for piece in after):
        return True
    return all(_heads_an_amount(pieces, piece) for piece in (label, *after))


def _heads_an_amount(pieces: PagePieces, heading: Piece) -> bool:
    return any(
        piece.value
        and _AMOUNT.search(piece.text)
        and _under(piece.rect, heading.rect)
        and piece.rect.y0 - heading.rect.y1 <= _BELOW_REACH
        for row in pieces.rows[heading.row + 1 : heading.row + 2]
        for piece in row
    )


def _in_grid(pieces: PagePieces, lexicon: Lexicon, below: Span, right: Span) -> bool:
    """Return whether what stands under a label is a form's next label, with a value of its own below ours.

    It has to look more like a label than what stands on the right: a row of headings over a row of values is no form.
    """
    likeness = lexicon.read(words_of(below.text)).best
    if likeness < _LIKE_LABEL or likeness <= lexicon.read(words_of(right.text)).best:
        return False
    for row in pieces.rows:
        if any(below.tokens[0] in piece.tokens for piece in row):
            return any(abs(piece.segment.rect.x0 - right.rect.x0) < 1.0 for piece in row)
    return False


def _loose(gap: float) -> float:
    return 0.85 if gap < 4 else 0.75 - min(0.3, 0.01 * gap)


def _right(pieces: PagePieces, lexicon: Lexicon, label: Piece) -> Span | None:
    """Return what stands right of a label: the rest of its segment, or the next segment of its row."""
    row = pieces.rows[label.row]
    tokens: list[Token] = []
    segment: Segment | None = None
    for piece in row[label.place + 1 :]:
        if segment is None:
            if piece.segment is not label.segment and piece.rect.x0 - label.rect.x1 > _RIGHT_REACH:
                return None
            segment = piece.segment
        if piece.segment is not segment or is_label(piece, lexicon):
            break
        tokens.extend(piece.tokens)
    return span_of(layout=pieces.layout, tokens=tokens)


def _below(pieces: PagePieces, lexicon: Lexicon, label: Piece, *, names_only: bool) -> Span | None:
    """Return the first line under a label that can be its value."""
    edge = label.rect.y1
    skipped = 0
    for row in pieces.rows[label.row + 1 : label.row + 5]:
        for group in _groups(row):
            rect = group[0].segment.rect
            if not _under(rect, label.rect):
                continue
            if rect.y0 - edge > _BELOW_REACH + 0.6 * skipped:
                return None
            tokens = [token for piece in group for token in piece.tokens]
            span = span_of(layout=pieces.layout, tokens=tokens)
            if is_label(group[0], lexicon) or span is None:
                if not names_only or not _is_numbers(group):
                    return None
                skipped += 1
                edge = rect.y1
                break
            if not names_only or is_name(span):
                return span
            skipped += 1
            edge = rect.y1
            break
    return None


def _groups(row: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Return a row's pieces by segment."""
    group: list[Piece] = []
    for piece in row:
        if group and piece.segment is not group[0].segment:
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _is_numbers(group: Sequence[Piece]) -> bool:
    return any(piece.value for piece in group)


def _under(rect: Rect, label: Rect) -> bool:
    return rect.y0 >= label.middle and (abs(rect.x0 - label.x0) < 2.5 or overlap_x(rect, label) > 0.5)


def _name_beside(pieces: PagePieces, lexicon: Lexicon, heading: Piece) -> Span | None:
    """Return the name in "Advertiser   Name: Miller & Sons", a heading beside its section."""
    row = pieces.rows[heading.row]
    after = row[heading.place + 1 : heading.place + 2]
    if not after or " ".join(after[0].parts) not in _NAME_LABELS:
        return None
    span = _right(pieces, lexicon, after[0])
    return _whole_cell(pieces, after[0], span) if span is not None and is_name(span) else None


def _section_name(pieces: PagePieces, lexicon: Lexicon, heading: Piece) -> Span | None:
    """Search the lines under a heading for one that is labelled "Name"."""
    limit = _limit(pieces, heading)
    edge = heading.rect.y1
    for row in pieces.rows[heading.row + 1 : heading.row + 1 + _SECTION_ROWS]:
        inside = [piece for piece in row if heading.rect.x0 - 1.5 <= piece.rect.x0 < limit]
        if not inside:
            continue
        first = inside[0]
        if first.rect.y0 - edge > _SECTION_GAP:
            return None
        edge = max(edge, first.rect.y1)
        if " ".join(first.parts) in _NAME_LABELS:
            span = _right(pieces, lexicon, first)
            return _whole_cell(pieces, first, span) if span is not None else None
        if not first.ends_label and len(inside) == 1 and lexicon.read(first.parts).best >= SURE_LABEL:
            return None
    return None


def _limit(pieces: PagePieces, heading: Piece) -> float:
    """Return where the next heading of the row begins: the section ends there."""
    for piece in pieces.rows[heading.row][heading.place + 1 :]:
        if piece.rect.x0 > heading.rect.x1 + 2:
            return piece.rect.x0 - 0.5
    return float("inf")


def _whole_cell(pieces: PagePieces, label: Piece, span: Span) -> Span:
    """Take in the lines that share a table cell with a value: tight above or below it, with no label of their own."""
    tokens = list(span.tokens)
    for step in (-1, 1):
        edge = span.rect
        number = label.row + step
        while 0 <= number < len(pieces.rows):
            row = pieces.rows[number]
            line = [piece for piece in row if abs(piece.segment.rect.x0 - span.rect.x0) < 0.4]
            beside = any(abs(piece.rect.x0 - label.rect.x0) < 1.5 or piece.ends_label for piece in row)
            if not line or beside:
                break
            rect = line[0].segment.rect
            gap = edge.y0 - rect.y1 if step < 0 else rect.y0 - edge.y1
            if gap > _TIGHT or not any(has_letters(piece.text) for piece in line):
                break
            found = [token for piece in line for token in piece.tokens]
            tokens = found + tokens if step < 0 else tokens + found
            edge = rect
            number += step
    return span_of(layout=pieces.layout, tokens=tokens) or span


def is_name(span: Span) -> bool:
    """Return whether a text can be a name: letters, no address of the net, no mere number with its label."""
    text = span.text
    if _CONTACT.search(text) or len(text) > 90:
        return False
    letters = sum(char.isalpha() for char in text)
    digits = sum(char.isdigit() for char in text)
    return letters >= 2 and digits <= letters and not text.endswith(":") and len(words_of(text)) <= 14
