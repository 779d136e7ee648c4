"""Value -> the words of a page that say it.

    index = DocumentIndex(document)                       # once a document; pages are indexed as they are searched
    ground(index=index, value="1234.56", kind=Kind.MONEY, near=("Total", "Amount due"))
    -> Grounding(page=2, box=Box(...), quote="1.234,56 €", score=1.0)

In this order, until something is found: the value as it stands, normalised (case, accents, ligatures, white space,
hyphens at a line's end; number formats with separators and currency; date formats of five languages; column by
column where the reading order cuts through a cell), and at last, for names and addresses only and never for digits,
within a stated edit distance. Where a value stands several times, labels beside it, the page and the quote that a
model gave, and neighbours decide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz import fuzz

from apps.extraction.normalising import squeeze
from apps.extraction.page_index import DocumentIndex, PageIndex, Span
from apps.extraction.spellings import (
    NUMERIC,
    currency_marks,
    is_code,
    is_other_identifier,
    is_part_of_a_word,
    likeness,
    spellings_on,
)
from apps.extraction.values import Evidence
from apps.parsing.pages import Box
from apps.schemas.fields import Kind

FUZZY_KINDS = frozenset({Kind.ORGANISATION, Kind.PERSON, Kind.ADDRESS})
FUZZY_LEAST = 0.88
"""The least share of letters that a name or an address has in common with the page's words (Indel similarity)."""
FUZZY_SHORTEST = 8
# A window of the name's own length is a worse likeness than the whole words around it.
_FUZZY_ALIGNED = 0.75
_MINUS = frozenset("-−–")
_WRAPPING = '()[]{}<>"*|:;#'
_SPLIT_IDENTIFIER = 6
_IDENTIFIERS = frozenset({Kind.IDENTIFIER, Kind.VAT_ID, Kind.IBAN})
_MAX_VALUE = 4000
_OTHER_COLUMN = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    """Where a value stands. `quote` is verbatim.

    `score` in [0, 1]: 1 exact, from 0.95 another spelling of the same value, 0.92 an amount without its cents,
    0.9 one of two readings (0.5 where the index has a locale that doesn't decide for it), 0.8 the sign differs; a name
    within the edit distance has 0.9 times its likeness.
    """

    page: int
    box: Box
    quote: str
    score: float

    @property
    def evidence(self) -> Evidence:
        return Evidence(page=self.page, box=self.box, quote=self.quote)


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """A place that says a value. `box` is on the upright page, as `place` is; `grounding` is as the page is shown."""

    page: PageIndex
    span: Span
    score: float

    @cached_property
    def box(self) -> Box:
        return self.page.box(self.span)

    @property
    def place(self) -> Evidence:
        return Evidence(page=self.page.number, box=self.box, quote="")

    @property
    def grounding(self) -> Grounding:
        box = self.page.as_shown(self.box)
        return Grounding(page=self.page.number, box=box, quote=self.page.quote(self.span), score=self.score)


def ground(
    *,
    index: DocumentIndex,
    value: str,
    kind: Kind,
    hint_page: int | None = None,
    quote: str | None = None,
    near: Sequence[str] = (),
    beside: Evidence | None = None,
    reach: float | None = None,
) -> Grounding | None:
    """Return where a canonical value stands, or None.

    `hint_page` (from 1) and `quote` are where a model says that it read the value: they decide between occurrences,
    and are not believed otherwise. `near` are labels, the likeliest first. `beside` is the evidence of a value that
    stands in the same row, and `reach`, a share of the page's height, how far above or below it the value may stand.
    """
    found = occurrences(index=index, value=value, kind=kind)
    beside = index.as_read(beside) if beside is not None else None
    if beside is not None and reach is not None:
        found = [item for item in found if rows_apart(item, beside) <= reach]
    quoted = quoted_in(index=index, quote=quote, hint_page=hint_page)
    found = said(found, value=value, kind=kind, quoted=quoted)
    if not found:
        return None
    chosen = min(
        found,
        key=lambda item: cost(item, quoted=quoted, hint_page=hint_page, apart=distance(item, near=near, beside=beside)),
    )
    return chosen.grounding


def occurrences(*, index: DocumentIndex, value: str, kind: Kind) -> Sequence[Occurrence]:
    """Return every place that says a canonical value. It is looked for once: rows say the same value often."""
    if not value.strip() or len(value) > _MAX_VALUE:
        return ()
    key = (value, kind)
    if key not in index.found:
        index.found[key] = tuple(_occurrences(index, value, kind))
    return index.found[key]


def occurrences_near(*, index: DocumentIndex, value: str, kind: Kind, page: int, pages: int) -> Sequence[Occurrence]:
    """Return the places on a page, and on so many before and after it."""
    key = (value, kind)
    if key not in index.found_on:
        found: defaultdict[int, list[Occurrence]] = defaultdict(list)
        for item in occurrences(index=index, value=value, kind=kind):
            found[item.page.number].append(item)
        index.found_on[key] = found
    on_page = index.found_on[key]
    return [item for number in range(page - pages, page + pages + 1) for item in on_page.get(number, ())]


def said(
    found: Sequence[Occurrence], *, value: str, kind: Kind, quoted: Sequence[tuple[PageIndex, Span]]
) -> Sequence[Occurrence]:
    """Return the occurrences that are to be believed: a bare "yes" or "no" says what a quote says that it answers."""
    if kind is not Kind.BOOLEAN:
        return found
    return [
        item
        for item in found
        if squeeze(item.page.raw(item.span)) == value or any(_holds(where, item) for where in quoted)
    ]


def cost(
    item: Occurrence, *, quoted: Sequence[tuple[PageIndex, Span]], hint_page: int | None, apart: float
) -> tuple[float, ...]:
    """Return what speaks against an occurrence, the weightiest first: it is compared part by part, less is better.

    `quoted` is where a model's quote stands, `apart` how far the occurrence is from where it is expected.
    """
    return (
        -tier(item.score),
        not any(_holds(where, item) for where in quoted),
        hint_page is not None and item.page.number != hint_page,
        apart,
        -item.score,
        -len(item.span.words),
    )


def tier(score: float) -> int:
    """Within a tier, the place decides between occurrences; between tiers, the spelling."""
    return (score >= 0.95) + (score >= 0.85)


def _occurrences(index: DocumentIndex, value: str, kind: Kind) -> Iterator[Occurrence]:
    if kind is Kind.CURRENCY:
        yield from _currencies(index, value)
        return
    found = False
    for page in index.holding(spellings_on(index.text, value, kind)):
        for occurrence in _spelled(page, value, kind):
            found = True
            yield occurrence
    if found or kind in NUMERIC or kind is Kind.DATE or kind in _IDENTIFIERS:
        return
    needle = squeeze(value)
    for page in index.pages:
        for span in page.stacked(needle):
            found = True
            yield Occurrence(page=page, span=span, score=0.95)
    if not found and kind in FUZZY_KINDS:
        yield from _alike(index, needle)


def _spelled(page: PageIndex, value: str, kind: Kind) -> Iterator[Occurrence]:
    seen: set[tuple[int, ...]] = set()
    for spelling in spellings_on(page.text, value, kind):
        for span in page.find(spelling, inside_words=kind in NUMERIC or kind is Kind.DATE):
            if span.words in seen:
                continue
            score = _judged(page, span, value, kind)
            if score > 0:
                seen.add(span.words)
                yield Occurrence(page=page, span=_with_sign(page, span) if kind in NUMERIC else span, score=score)


def _judged(page: PageIndex, span: Span, value: str, kind: Kind) -> float:
    """Return how well a span says the value, 0 if it says something else."""
    if kind in NUMERIC:
        if not page.is_close(span) or (kind is Kind.MONEY and _is_rate(page, span)):
            return 0.0
        return max(likeness(raw=text, value=value, kind=kind, locale=page.locale) for text in _number_texts(page, span))
    raw = page.raw(span)
    if kind is Kind.DATE:
        return likeness(raw=raw, value=value, kind=kind, locale=page.locale)
    if kind in _IDENTIFIERS:
        if is_other_identifier(before=span.before, after=span.after):
            return 0.0
        if (
            len(span.words) > 1
            and " " not in value
            and (len(squeeze(value)) < _SPLIT_IDENTIFIER or not page.is_close(span))
        ):
            return 0.0
        if kind is Kind.VAT_ID and squeeze(raw) != squeeze(value):
            return 0.9
    elif is_part_of_a_word(before=span.before, after=span.after):
        return 0.9
    return likeness(raw=raw, value=value, kind=kind)


def _number_texts(page: PageIndex, span: Span) -> Iterator[str]:
    """Yield what may be the number: whole words with a sign that stands alone before, or the part without letters."""
    yield page.quote(_with_sign(page, span)).strip(";:|*").rstrip(",")
    if not any(char.isdigit() for char in span.before + span.after) and not is_code(
        before=span.before, after=span.after
    ):
        raw, before, after = page.raw(span), span.before[-1:], span.after[:1]
        wrapped = before + raw + after
        if wrapped.startswith("(") and wrapped.endswith(")"):
            yield wrapped
        else:
            yield (before if before in _MINUS else "") + raw.strip(_WRAPPING) + (after if after == "-" else "")


def _is_rate(page: PageIndex, span: Span) -> bool:
    """Return whether a per cent sign follows: "19 %" is no amount."""
    following = page.word_after(span)
    return (
        span.after.startswith("%")
        or page.quote(span).endswith("%")
        or (following is not None and following.text.startswith("%"))
    )


def _with_sign(page: PageIndex, span: Span) -> Span:
    """Return the span with a minus that stands alone before it."""
    word = page.word_before(span)
    if word is None or word.text not in _MINUS:
        return span
    return Span(words=(span.words[0] - 1, *span.words), before="", after=span.after)


def _currencies(index: DocumentIndex, code: str) -> Iterator[Occurrence]:
    signs, words = currency_marks(code)
    for page in index.pages:
        for position, word in enumerate(page.page.words):
            text = word.text
            folded = "".join(char for char in text.casefold() if char.isalpha())
            if code in text or folded in words or any(sign in text for sign in signs):
                yield Occurrence(page=page, span=Span(words=(position,)), score=1.0 if code in text else 0.95)


def _alike(index: DocumentIndex, needle: str) -> Iterator[Occurrence]:
    """Yield the best stretch of words of each page that differs from a name by a few letters and by no digit."""
    if len(needle) < FUZZY_SHORTEST:
        return
    digits = [char for char in needle if char.isdigit()]
    for page in index.pages:
        if len(page.text) < len(needle):
            continue
        aligned = fuzz.partial_ratio_alignment(needle, page.text, score_cutoff=100 * _FUZZY_ALIGNED)
        if aligned is None or aligned.dest_start == aligned.dest_end:
            continue
        whole = page.covering(aligned.dest_start, aligned.dest_end).words
        # The window is as long as the name, so at an edge it may hold a word too many.
        spans = [Span(words=words) for words in (whole, whole[1:], whole[:-1], whole[1:-1]) if words]
        span = max(spans, key=lambda item: fuzz.ratio(needle, page.squeezed(item)))
        found = page.squeezed(span)
        alike = fuzz.ratio(needle, found) / 100
        if alike >= FUZZY_LEAST and [char for char in found if char.isdigit()] == digits:
            yield Occurrence(page=page, span=span, score=0.9 * alike)


def quoted_in(*, index: DocumentIndex, quote: str | None, hint_page: int | None) -> tuple[tuple[PageIndex, Span], ...]:
    """Return where a model's quote stands: on the page that it names, else on the first that has it."""
    if not quote:
        return ()
    key = (quote, hint_page)
    if key not in index.quoted:
        index.quoted[key] = _quoted_in(index, squeeze(quote)[:_MAX_VALUE], hint_page)
    return index.quoted[key]


def _quoted_in(index: DocumentIndex, needle: str, hint_page: int | None) -> tuple[tuple[PageIndex, Span], ...]:
    if not needle:
        return ()
    named = index.by_number.get(hint_page) if hint_page is not None else None
    for page in (named,) if named is not None else index.holding([needle]):
        found = tuple((page, span) for span in page.find(needle, inside_words=True))
        if found:
            return found
    return ()


def _holds(where: tuple[PageIndex, Span], item: Occurrence) -> bool:
    """Return whether an occurrence lies within a quote."""
    page, span = where
    return page is item.page and set(item.span.words) <= set(span.words)


def distance(item: Occurrence, *, near: Sequence[str], beside: Evidence | None) -> float:
    """Return how far an occurrence is from where it is expected: less is better; pages count in order."""
    box = item.box
    far = float(item.page.number)
    if beside is not None:
        return rows_apart(item, beside) + _column_distance(item, near)
    best = 5.0 + far
    for rank, label in enumerate(near):
        for place in item.page.labels(label):
            best = min(best, _label_distance(place, box) + 0.002 * rank + min(0.05, 0.005 * far))
    return best


def rows_apart(item: Occurrence, beside: Evidence) -> float:
    """Return the distance from top to bottom in page heights, as if the pages hung together.

    `beside` is as `DocumentIndex.as_read` has it.
    """
    return abs(item.page.number + item.box.center[1] - beside.page - beside.box.center[1])


def _column_distance(item: Occurrence, near: Sequence[str]) -> float:
    """Return a small cost for standing in another column than that of a label above: it decides within a row only."""
    box = item.box
    level = box.y0 + 0.5 * box.height
    heads = (head for head in item.page.headings(tuple(near)) if head.y1 <= level)
    apart = min((max(0.0, box.x0 - head.x1, head.x0 - box.x1) for head in heads), default=0.0)
    return min(_OTHER_COLUMN, 0.3 * apart)


def _label_distance(label: Box, value: Box) -> float:
    """Return a cost: a label to the left on the same line is best, then above in the same column, then by distance."""
    overlap_y = min(label.y1, value.y1) - max(label.y0, value.y0)
    overlap_x = min(label.x1, value.x1) - max(label.x0, value.x0)
    if overlap_y > 0.5 * min(label.height, value.height) and value.x0 >= label.x0:
        return max(0.0, value.x0 - label.x1) * 0.15
    if overlap_x > 0 and value.y0 >= label.y0:
        return 0.02 + 1.5 * max(0.0, value.y0 - label.y1)
    (label_x, label_y), (value_x, value_y) = label.center, value.center
    return 0.5 + abs(label_x - value_x) + abs(label_y - value_y)
