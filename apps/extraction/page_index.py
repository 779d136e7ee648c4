"""A page's words made searchable by their letters and digits."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from apps.extraction.engines.layout.geometry import Turn, turned, turned_back, upright
from apps.extraction.normalising import squeeze, squeeze_with_offsets
from apps.extraction.values import Evidence
from apps.parsing.pages import Box, Page, ParsedDocument, Word
from apps.schemas.fields import Kind

if TYPE_CHECKING:
    from apps.extraction.candidates import DocumentLocale
    from apps.extraction.grounding import Occurrence

MAX_OCCURRENCES = 200
# How far apart, in line heights, words may stand that are read as one number or identifier.
_WIDEST_GAP = 0.8
_NEXT_LINE = 2.0
_LEFT_EDGE = 0.015
# A longer "word" is data, such as base64 in an XML: nothing inside it is read.
_LONGEST_WORD = 200
_SHORTEST_LABEL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Words of a page, by position in reading order.

    `before` and `after` are what the first and the last word hold beside the match: "(Nr." and ")" in "(Nr.4711)".
    """

    words: tuple[int, ...]
    before: str = ""
    after: str = ""


class PageIndex:
    """One page, indexed at the first use. It is turned upright: boxes are those of `page`, not of the page as shown."""

    def __init__(self, page: Page, *, locale: DocumentLocale | None = None) -> None:
        self.number = page.number
        self._shown = page
        self.locale = locale
        self._labels: dict[str, tuple[Box, ...]] = {}
        self._headings: dict[tuple[str, ...], tuple[Box, ...]] = {}
        self._offsets: dict[int, list[int]] = {}

    @cached_property
    def _upright(self) -> tuple[Page, Turn]:
        return upright(page=self._shown)

    @cached_property
    def page(self) -> Page:
        """The page with its lines from left to right."""
        return self._upright[0]

    def as_shown(self, box: Box) -> Box:
        """Return a box of the upright page as the page shows it."""
        return turned_back(box=box, turn=self._upright[1])

    def as_read(self, box: Box) -> Box:
        """Return a box of the page as shown on the upright page."""
        return turned(box=box, turn=self._upright[1])

    @cached_property
    def _squeezed(self) -> list[str]:
        return [squeeze(word.text) for word in self.page.words]

    @cached_property
    def _different(self) -> frozenset[str]:
        return frozenset(self._squeezed)

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(map(len, self._squeezed)))

    @cached_property
    def _edges(self) -> bytearray:
        """1 where a match may begin or end: at a word's edge, or at a sign within a word.

        Most places of a short text lie within words, and are told by this alone.
        """
        edges = bytearray(len(self.text) + 1)
        start = 0
        for position, (word, end) in enumerate(zip(self.page.words, self._ends, strict=True)):
            edges[start] = edges[end] = 1
            if len(word.text) != end - start:
                for place, (left, right) in enumerate(pairwise(self._offsets_of(position)), start=start + 1):
                    edges[place] = abs(left - right) > 1
            start = end
        return edges

    @cached_property
    def text(self) -> str:
        """All words' letters and digits in reading order, with nothing between."""
        return "".join(self._squeezed)

    def find(self, needle: str, *, inside_words: bool = False) -> Iterator[Span]:
        """Yield where a squeezed text stands, beginning and ending at a word's edge or at a sign within a word.

        `inside_words`: also where letters meet digits, as in "EUR12.50".
        """
        if not needle:
            return
        found = 0
        at = self.text.find(needle)
        while at >= 0 and found < MAX_OCCURRENCES:
            end = at + len(needle)
            if inside_words or (self._edges[at] and self._edges[end]):
                span = self._span(at, end, inside_words=inside_words)
                if span is not None:
                    found += 1
                    yield span
            at = self.text.find(needle, at + 1)

    def covering(self, start: int, end: int) -> Span:
        """Return the whole words that hold the squeezed characters from `start` to `end`."""
        first = bisect_right(self._ends, start)
        last = bisect_right(self._ends, end - 1)
        return Span(words=tuple(range(first, last + 1)))

    def squeezed(self, span: Span) -> str:
        """Return the letters and digits of a span's whole words."""
        return "".join(self._squeezed[position] for position in span.words)

    def stacked(self, needle: str) -> Iterator[Span]:
        """Yield where a squeezed text stands line under line with one left edge.

        So does the text of a column that the reading order cuts through.
        """
        if not any(needle[:length] in self._different for length in range(1, min(len(needle), _LONGEST_WORD) + 1)):
            return
        for position, piece in enumerate(self._squeezed):
            if piece and needle.startswith(piece):
                words = self._stack(needle, position)
                if words is not None:
                    yield Span(words=words)

    def raw(self, span: Span) -> str:
        """Return the span's text as the page has it, without what stands beside the match in its words."""
        return self.quote(span).removeprefix(span.before).removesuffix(span.after)

    def quote(self, span: Span) -> str:
        """Return the span's whole words as the page shows them."""
        return " ".join(self.page.words[position].text for position in span.words)

    def box(self, span: Span) -> Box:
        """Return the box around the span's words."""
        box = self.page.words[span.words[0]].box
        for position in span.words[1:]:
            box = box.union(self.page.words[position].box)
        return box

    def is_close(self, span: Span) -> bool:
        """Return whether the span's words follow each other on one line without a wide gap."""
        words = [self.page.words[position] for position in span.words]
        return all(_follows(left, right) for left, right in pairwise(words))

    def word_before(self, span: Span) -> Word | None:
        """Return the word before the span on its line, without a wide gap."""
        first = span.words[0]
        if first == 0:
            return None
        word = self.page.words[first - 1]
        return word if _follows(word, self.page.words[first]) else None

    def word_after(self, span: Span) -> Word | None:
        """Return the word after the span on its line, without a wide gap."""
        last = span.words[-1]
        if last + 1 >= len(self.page.words):
            return None
        word = self.page.words[last + 1]
        return word if _follows(self.page.words[last], word) else None

    def labels(self, label: str) -> tuple[Box, ...]:
        """Return where a label stands on the page; one of two letters stands everywhere, and isn't looked for."""
        key = squeeze(label)
        if len(key) < _SHORTEST_LABEL:
            return ()
        if key not in self._labels:
            self._labels[key] = tuple(self.box(span) for span in self.find(key) if self.is_close(span))
        return self._labels[key]

    def headings(self, labels: tuple[str, ...]) -> tuple[Box, ...]:
        """Return where any of these labels stands: they are a column's, and asked for with each of its values."""
        if labels not in self._headings:
            self._headings[labels] = tuple(place for label in labels for place in self.labels(label))
        return self._headings[labels]

    def _span(self, start: int, end: int, *, inside_words: bool) -> Span | None:
        first = bisect_right(self._ends, start)
        last = bisect_right(self._ends, end - 1)
        head = start - (self._ends[first] - len(self._squeezed[first]))
        tail = self._ends[last] - end
        before = self._beside(first, head, left=True, inside_words=inside_words) if head else ""
        after = self._beside(last, tail, left=False, inside_words=inside_words) if tail else ""
        if before is None or after is None:
            return None
        return Span(words=tuple(range(first, last + 1)), before=before, after=after)

    def _beside(self, position: int, count: int, *, left: bool, inside_words: bool) -> str | None:
        """Return the raw text beside a match that leaves `count` of a word's characters out; None if it's no edge."""
        raw = self.page.words[position].text
        if len(raw) > _LONGEST_WORD:
            return None
        offsets = self._offsets_of(position)
        inner, outer = (offsets[count], offsets[count - 1]) if left else (offsets[-count - 1], offsets[-count])
        meet = raw[inner].isdigit() != raw[outer].isdigit()
        if abs(inner - outer) <= 1 and not (inside_words and meet):
            return None
        return raw[:inner] if left else raw[inner + 1 :]

    def _offsets_of(self, position: int) -> list[int]:
        if position not in self._offsets:
            self._offsets[position] = squeeze_with_offsets(self.page.words[position].text)[1]
        return self._offsets[position]

    def _stack(self, needle: str, start: int) -> tuple[int, ...] | None:
        words = self.page.words
        taken: list[int] = []
        rest, position = needle, start
        while True:
            line = words[position]
            while position < len(words) and (words[position].block, words[position].line) == (line.block, line.line):
                piece = self._squeezed[position]
                if not rest.startswith(piece):
                    break
                taken.append(position)
                rest = rest[len(piece) :]
                position += 1
                if not rest:
                    return tuple(taken)
            below = self._below(line.box, rest)
            if below is None:
                return None
            position = below

    def _below(self, box: Box, rest: str) -> int | None:
        """Return the nearest word under a box, at its left edge, with which the rest goes on."""
        best: tuple[float, int] | None = None
        for position, word in enumerate(self.page.words):
            drop = word.box.y0 - box.y0
            if abs(word.box.x0 - box.x0) > _LEFT_EDGE or not 0.3 * box.height < drop < _NEXT_LINE * box.height:
                continue
            piece = self._squeezed[position]
            if piece and rest.startswith(piece) and (best is None or drop < best[0]):
                best = (drop, position)
        return best[1] if best else None


class DocumentIndex:
    """A document's pages, each indexed when it is first searched.

    With `locale`, what can be read in two ways says what the document means by it (`spellings.likeness`).
    """

    def __init__(self, document: ParsedDocument, *, locale: DocumentLocale | None = None) -> None:
        self.document = document
        self.locale = locale
        # What `grounding` found, by canonical value and kind.
        self.found: dict[tuple[str, Kind], tuple[Occurrence, ...]] = {}
        # Where a model's quote stands, by the quote and the page that it names.
        self.quoted: dict[tuple[str, int | None], tuple[tuple[PageIndex, Span], ...]] = {}
        self.found_on: dict[tuple[str, Kind], dict[int, list[Occurrence]]] = {}
        self.pages = tuple(PageIndex(page, locale=locale) for page in document.pages)

    @cached_property
    def text(self) -> str:
        """All pages' letters and digits, a line each."""
        return "\n".join(page.text for page in self.pages)

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(len(page.text) + 1 for page in self.pages))

    @cached_property
    def by_number(self) -> Mapping[int, PageIndex]:
        """The pages by their numbers."""
        return {page.number: page for page in self.pages}

    def as_read(self, evidence: Evidence) -> Evidence:
        """Return evidence with its box on the upright page."""
        page = self.by_number.get(evidence.page)
        return replace(evidence, box=page.as_read(evidence.box)) if page is not None else evidence

    def holding(self, needles: Iterable[str]) -> Iterator[PageIndex]:
        """Yield the pages, in order, that hold one of some squeezed texts: one search, not one a page."""
        found: set[int] = set()
        for needle in filter(None, needles):
            at = self.text.find(needle)
            while at >= 0:
                number = bisect_right(self._ends, at)
                found.add(number)
                at = self.text.find(needle, self._ends[number])
        for number in sorted(found):
            yield self.pages[number]


def _follows(left: Word, right: Word) -> bool:
    if (left.block, left.line) != (right.block, right.line) and abs(left.box.center[1] - right.box.center[1]) > (
        0.5 * min(left.box.height, right.box.height)
    ):
        return False
    height = max(left.box.height, right.box.height)
    # Boxes are fractions of the page: a height counts for more across, pages being taller than wide.
    return -height < right.box.x0 - left.box.x1 <= _WIDEST_GAP * height * 1.4
