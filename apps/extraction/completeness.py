"""The completeness ledger: what became of every row that a table shows, whichever engine read it.

    ledger(document=document, schema=schema, field=field, values=values)
    -> Ledger(rows=(Row(page=1, box=Box(...), quote="2 Gauge 5.00 10.00", state=State.USED, reason=""), ...))

The extracted rows teach what a row is: which typed columns (amounts, numbers, dates) it always has, where they stand
across the page, and how far below each other. Wherever else in the table's region numbers stand in that arrangement is
a candidate. Where rows have one typed column alone, the beginning of their text is the second. Each extracted row uses
one candidate; of the others, those that name a total or carry a sum over are excluded, and the rest is unaccounted for.
Arrays without typed columns, and rows without a place, teach nothing: their ledger is empty, and not `checked`. Pages
that are printed sideways are read upright.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median

from apps.extraction.engines.layout.geometry import Turn, turned, turned_back, upright
from apps.extraction.normalising import squeeze
from apps.extraction.values import Evidence, ExtractedValue
from apps.parsing.pages import Box, Page, ParsedDocument, Word
from apps.schemas.fields import Field, Kind, Schema

_TYPED = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.DATE})
_SIGNS = frozenset({Kind.CURRENCY, Kind.COUNTRY, Kind.BOOLEAN})
_AMOUNTS = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER})
_NUMBER = re.compile(r"[^\W\d]{0,3}[-−–+(]*[€$£¥]?\d[\d.,'’/:-]*[-)€$£¥*]*[^\W\d]{0,3}")
_ALWAYS = 0.8
"""The share of extracted rows that have a column which every row is expected to have."""
_ALIGNED = 0.012
_NEAR = 0.04
_ROW_HEIGHT = 0.05
_WIDEST_GAP = 3.0
"""How many times the widest distance between extracted rows a further row may stand from them."""
_ALONE_GAP = 0.25
_CARRIED = (
    "subtotal", "carriedforward", "broughtforward", "balanceforward", "carryover", "zwischensumme", "übertrag",
    "uebertrag", "soustotal", "areporter", "subtotale", "riporto", "sumaysigue", "subtotaal", "transport",
)  # fmt: skip
_TOTALS = (
    "total", "grandtotal", "totaldue", "amountdue", "summe", "gesamt", "gesamtbetrag", "gesamtsumme", "nettobetrag",
    "bruttobetrag", "rechnungsbetrag", "montanttotal", "nettopayer", "totale", "totaal", "importetotal",
)  # fmt: skip
_NAMED_BY = 5
"""A total is named by so many words at most: an item whose text begins with "Total" says more."""


class State(StrEnum):
    """What became of a row."""

    USED = "used"
    EXCLUDED = "excluded"
    UNACCOUNTED = "unaccounted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A candidate: its words' box on the page (from 1), their text, and why it is excluded ("" otherwise)."""

    page: int
    box: Box
    quote: str
    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """An array's candidates from top to bottom. Without `checked` there was nothing to tell its rows by."""

    rows: tuple[Row, ...] = ()
    checked: bool = False

    @property
    def unaccounted(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.state is State.UNACCOUNTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """The boxes of a column's numbers in the extracted rows, and how far they are below the leading column's.

    Of a `text` column they are those of its first words, which begin at one edge.
    """

    boxes: tuple[Box, ...]
    drops: tuple[float, ...]
    text: bool = False

    @property
    def x1(self) -> float:
        return median(box.x1 for box in self.boxes)

    def lines_up(self, box: Box) -> bool:
        """Return whether a number stands as one of the extracted does: at its left, its right, or its middle."""
        if self.text:
            return any(abs(box.x0 - own.x0) <= _ALIGNED for own in self.boxes)
        return any(
            min(abs(box.x0 - own.x0), abs(box.x1 - own.x1), abs(box.center[0] - own.center[0])) <= _ALIGNED
            for own in self.boxes
        )

    def distance(self, box: Box) -> float:
        """Return how far a number's middle is from the nearest of the column's, as a share of the page's width."""
        return min(abs(box.center[0] - own.center[0]) for own in self.boxes)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Candidate:
    page: Page
    line: tuple[Word, ...]
    typed: tuple[Word, ...]

    @property
    def y(self) -> float:
        return self.typed[0].box.center[1]

    @property
    def position(self) -> float:
        return self.page.number + self.y

    @property
    def quote(self) -> str:
        return " ".join(word.text for word in self.line)

    def holds(self, evidence: Evidence) -> bool:
        return evidence.page == self.page.number and any(_inside(word, evidence.box) for word in self.typed)


def ledger(*, document: ParsedDocument, schema: Schema, field: Field, values: Sequence[ExtractedValue]) -> Ledger:
    """Return what became of each row of an array's table. `values` may hold other fields' too."""
    turns = {page.number: upright(page=page) for page in document.pages}
    pages = {number: page for number, (page, _) in turns.items()}
    rows = _extracted(field, values, {number: turn for number, (_, turn) in turns.items()})
    columns = _columns(field, rows, pages)
    if not columns:
        return Ledger()
    found = {number: _candidates(pages[number], columns) for number in _reach(rows, pages)}
    everything = [candidate for number in sorted(found) for candidate in found[number]]
    owned = _owned(rows, everything)
    if not owned:
        return Ledger()
    names = _totals(schema)
    region = _region(_distinct(everything, owned), owned, names, _headings(field))
    judged = (_judged(candidate, candidate in owned, names) for candidate in region)
    return Ledger(
        rows=tuple(replace(row, box=turned_back(box=row.box, turn=turns[row.page][1])) for row in judged), checked=True
    )


def _extracted(field: Field, values: Sequence[ExtractedValue], turns: Mapping[int, Turn]) -> list[dict[str, Evidence]]:
    """Return each extracted row's places by column, in order and on upright pages; rows without any are left out."""
    rows: dict[int, dict[str, Evidence]] = defaultdict(dict)
    for value in values:
        parts = value.path.split("/")
        if len(parts) == 4 and parts[1] == field.name and parts[2].isdecimal() and value.evidence:
            place = value.evidence[0]
            turn = turns.get(place.page, Turn.NONE)
            rows[int(parts[2])][parts[3]] = replace(place, box=turned(box=place.box, turn=turn))
    return [rows[number] for number in sorted(rows)]


def _columns(field: Field, rows: Sequence[Mapping[str, Evidence]], pages: Mapping[int, Page]) -> tuple[_Column, ...]:
    """Return the columns that rows always have, the leading one first; () where too little is known."""
    typed = [column.name for column in field.columns if column.kind in _TYPED]
    places: dict[str, dict[int, Word]] = defaultdict(dict)
    numbers = {number: [word for word in page.words if _is_number(word)] for number, page in pages.items()}
    for number, row in enumerate(rows):
        for name in typed:
            inside = (
                [word for word in numbers.get(row[name].page, ()) if _inside(word, row[name].box)]
                if name in row
                else []
            )
            if inside:
                # A currency or a unit may stand behind the number.
                places[name][number] = inside[-1]
    most = max((len(words) for words in places.values()), default=0)
    always = [name for name in typed if most and len(places[name]) >= _ALWAYS * most]
    # An amount at the right edge alone is anything: it takes two columns to tell a row from other lines.
    texts = _beginnings(field, rows, pages) if len(always) == 1 else {}
    beside = next((name for name, words in texts.items() if len(words) >= _ALWAYS * most), None)
    if beside is not None:
        places[beside] = texts[beside]
        always.append(beside)
    if len(always) < 2:
        return ()
    lead = max((name for name in always if name != beside), key=lambda name: len(places[name]))
    columns = []
    for name in sorted(always, key=lambda name: name != lead):
        words = places[name]
        drops = {
            round(word.box.center[1] - places[lead][number].box.center[1], 3)
            for number, word in words.items()
            if number in places[lead] and abs(word.box.center[1] - places[lead][number].box.center[1]) < _ROW_HEIGHT
        }
        boxes = {(round(word.box.x0, 3), round(word.box.x1, 3)): word.box for word in words.values()}
        columns.append(_Column(boxes=tuple(boxes.values()), drops=tuple(sorted(drops)) or (0.0,), text=name == beside))
    return tuple(columns)


def _beginnings(
    field: Field, rows: Sequence[Mapping[str, Evidence]], pages: Mapping[int, Page]
) -> dict[str, dict[int, Word]]:
    """Return the first word of each text of the extracted rows, by column and row."""
    names = [column.name for column in field.columns if column.kind not in _TYPED | _SIGNS]
    found: dict[str, dict[int, Word]] = {name: {} for name in names}
    for name in names:
        for number, row in enumerate(rows):
            if name not in row or row[name].page not in pages:
                continue
            inside = [word for word in pages[row[name].page].words if _inside(word, row[name].box)]
            if inside:
                top = min(word.box.y0 for word in inside)
                line = [word for word in inside if word.box.y0 < top + 0.5 * word.box.height]
                found[name][number] = min(line, key=lambda word: word.box.x0)
    return found


def _reach(rows: Sequence[Mapping[str, Evidence]], pages: Mapping[int, Page]) -> list[int]:
    """Return the pages from the one before the first row to the one after the last."""
    numbers = [evidence.page for row in rows for evidence in row.values()]
    return [number for number in pages if min(numbers) - 1 <= number <= max(numbers) + 1]


def _candidates(page: Page, columns: Sequence[_Column]) -> list[_Candidate]:
    numbers = [word for word in page.words if _is_number(word)]
    found: list[_Candidate] = []
    by_column = [
        [word for word in (page.words if column.text else numbers) if _stands_in(word, column, columns)]
        for column in columns
    ]
    for word in sorted(by_column[0], key=lambda word: word.box.center[1]):
        typed = [word]
        for column, own in zip(columns[1:], by_column[1:], strict=True):
            levels = [word.box.center[1] + drop for drop in column.drops]
            beside = [
                other
                for other in own
                if any(abs(other.box.center[1] - level) <= 0.7 * word.box.height for level in levels)
            ]
            if not beside:
                break
            typed.append(min(beside, key=lambda other: abs(other.box.x1 - column.x1)))
        else:
            if not found or not set(map(id, typed)) <= set(map(id, found[-1].typed)):
                found.append(_Candidate(page=page, line=_line(page, typed), typed=tuple(typed)))
    return found


def _line(page: Page, typed: Sequence[Word]) -> tuple[Word, ...]:
    """Return the words that stand level with a candidate's, from left to right."""
    top = min(word.box.y0 for word in typed)
    bottom = max(word.box.y1 for word in typed)
    return tuple(
        sorted((word for word in page.words if top < word.box.center[1] < bottom), key=lambda word: word.box.x0)
    )


def _owned(rows: Sequence[Mapping[str, Evidence]], candidates: Sequence[_Candidate]) -> set[_Candidate]:
    """Give each row the candidate that holds most of its places, one each.

    Identical rows may have been put on one spot: the second gets the next candidate of the same text.
    """
    owned: set[_Candidate] = set()
    on_page: defaultdict[int, list[_Candidate]] = defaultdict(list)
    same: defaultdict[str, deque[_Candidate]] = defaultdict(deque)
    for candidate in candidates:
        on_page[candidate.page.number].append(candidate)
        same[candidate.quote].append(candidate)
    for row in rows:
        hits = Counter(
            candidate
            for evidence in row.values()
            for candidate in on_page.get(evidence.page, ())
            if candidate.holds(evidence)
        )
        if not hits:
            continue
        best = max(hits.values())
        pages = sorted({candidate.page.number for candidate in hits})
        tied = [candidate for page in pages for candidate in on_page[page] if hits[candidate] == best]
        chosen = next((candidate for candidate in tied if candidate not in owned), tied[0])
        if chosen in owned:
            # What is owned stays so: it is passed over once.
            free = same[chosen.quote]
            while free and free[0] in owned:
                free.popleft()
            chosen = free[0] if free else chosen
        owned.add(chosen)
    return owned


def _distinct(candidates: Sequence[_Candidate], owned: set[_Candidate]) -> list[_Candidate]:
    """Leave out what shares a number with a row that is used, or with a candidate before: no two rows do."""
    taken = {id(word) for candidate in owned for word in candidate.typed}
    kept = []
    for candidate in candidates:
        words = {id(word) for word in candidate.typed}
        if candidate not in owned:
            if words & taken:
                continue
            taken |= words
        kept.append(candidate)
    return kept


def _region(
    candidates: Sequence[_Candidate], owned: set[_Candidate], names: frozenset[str], headings: frozenset[str]
) -> list[_Candidate]:
    """Return the candidates from the table's first row to its last: what lies between, and what follows closely."""
    order = sorted(candidates, key=lambda candidate: candidate.position)
    places = [place for place, candidate in enumerate(order) if candidate in owned]
    first, last = places[0], places[-1]
    steps = [
        below.y - above.y
        for above, below in zip(order[first:last], order[first + 1 : last + 1], strict=True)
        if above.page is below.page
    ]
    gap = max(_WIDEST_GAP * max(steps), 0.04) if steps else _ALONE_GAP
    while (
        last + 1 < len(order)
        and (order[last] in owned or _reason(order[last].line, names) != "total")
        and _goes_on(order[last], order[last + 1], gap, names)
    ):
        last += 1
    while (
        first > 0
        and _reason(order[first - 1].line, names) != "total"
        and _goes_on(order[first - 1], order[first], gap, names)
        and not _headed(order[first - 1], order[first], headings)
    ):
        first -= 1
    return order[first : last + 1]


def _goes_on(above: _Candidate, below: _Candidate, gap: float, names: frozenset[str]) -> bool:
    """Return whether two candidates can be of one table: no total between them, and not far apart."""
    if above.page is below.page:
        return below.y - above.y <= gap and not _total_between(above.page, above.y, below.y, names)
    return (
        below.page.number == above.page.number + 1
        and not _total_between(above.page, above.y, 1.0, names)
        and not _total_between(below.page, 0.0, below.y, names)
    )


def _headed(above: _Candidate, below: _Candidate, headings: frozenset[str]) -> bool:
    """Return whether the table's headings stand between two candidates: what is above them is no row of it."""
    top = above.y if above.page is below.page else 0.0
    for line in _lines(below.page):
        if top < line[0].box.center[1] < below.y:
            text = squeeze("".join(word.text for word in line))
            if sum(heading in text for heading in headings) > 1:
                return True
    return False


def _headings(field: Field) -> frozenset[str]:
    """Return the columns' labels; a short one stands inside other words."""
    labels = (squeeze(label) for column in field.columns for names in column.labels.values() for label in names)
    return frozenset(label for label in labels if len(label) > 3)


def _total_between(page: Page, top: float, bottom: float, names: frozenset[str]) -> bool:
    """Return whether a line between two levels names a total and has a number; a sum carried over ends no table."""
    for line in _lines(page):
        level = line[0].box.center[1]
        between = top + 0.002 < level < bottom - 0.002
        if between and any(_is_number(word) for word in line) and _reason(line, names) == "total":
            return True
    return False


def _lines(page: Page) -> Iterator[list[Word]]:
    line: list[Word] = []
    for word in sorted(page.words, key=lambda word: (word.box.center[1], word.box.x0)):
        if line and word.box.center[1] - line[0].box.center[1] > 0.5 * line[0].box.height:
            yield sorted(line, key=lambda word: word.box.x0)
            line = []
        line.append(word)
    if line:
        yield sorted(line, key=lambda word: word.box.x0)


def _judged(candidate: _Candidate, used: bool, names: frozenset[str]) -> Row:  # noqa: FBT001 - one of two states
    box = candidate.line[0].box
    for word in candidate.line[1:]:
        box = box.union(word.box)
    reason = "" if used else _reason(candidate.line, names)
    state = State.USED if used else State.EXCLUDED if reason else State.UNACCOUNTED
    return Row(page=candidate.page.number, box=box, quote=candidate.quote, state=state, reason=reason)


def _reason(line: Sequence[Word], names: frozenset[str]) -> str:
    """Return what a line is that is no item: `total`, `carried over`, or ""."""
    words = [squeeze(word.text) for word in line if not _is_number(word)]
    words = [word for word in words if word]
    if not words or len(words) > _NAMED_BY:
        return ""
    text = "".join(words)
    if text.startswith(_CARRIED_SQUEEZED):
        return "carried over"
    beginnings = {"".join(words[:count]) for count in range(1, len(words) + 1)}
    return "total" if beginnings & names else ""


def _totals(schema: Schema) -> frozenset[str]:
    """Return what a total may be called: the labels of the schema's single amounts, and the usual words."""
    labels = (
        squeeze(label)
        for field in schema.fields
        if field.kind in _AMOUNTS
        for names in field.labels.values()
        for label in names
    )
    return frozenset(map(squeeze, _TOTALS)) | frozenset(label for label in labels if len(label) > 2)


def _is_number(word: Word) -> bool:
    return _NUMBER.fullmatch(word.text) is not None


def _inside(word: Word, box: Box) -> bool:
    x, y = word.box.center
    return box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1


def _stands_in(word: Word, column: _Column, columns: Sequence[_Column]) -> bool:
    """Return whether a number is a column's: in line with it, or near it and nearer than any other column.

    A quantity moves with the length of the unit behind it.
    """
    if column.lines_up(word.box):
        return True
    if column.text:
        return False
    distance = column.distance(word.box)
    return distance <= _NEAR and all(distance <= other.distance(word.box) for other in columns)


_CARRIED_SQUEEZED = tuple(map(squeeze, _CARRIED))
