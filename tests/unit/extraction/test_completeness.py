"""The completeness ledger: rows that an extraction left out are found, and nothing else is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pytest

from apps.extraction.cascade import run
from apps.extraction.completeness import State, ledger
from apps.extraction.engines.layout.geometry import Turn, turned_back
from apps.extraction.engines.protocol import Extraction, ExtractionRequest
from apps.extraction.notes import Place, unaccounted, unchecked
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box, ParsedDocument
from apps.schemas.fields import Field, Kind, Schema
from tests.unit.extraction.pages_of_words import document, sideways

ITEMS = Field(
    name="items",
    title="Items",
    kind=Kind.ARRAY,
    columns=(
        Field(name="text", title="Text", kind=Kind.TEXT),
        Field(name="price", title="Price", kind=Kind.MONEY, labels={"en": ("Price",)}),
        Field(name="amount", title="Amount", kind=Kind.MONEY, labels={"en": ("Amount",)}),
    ),
)
SCHEMA = Schema(
    slug="s",
    version=1,
    title="S",
    description="",
    fields=(ITEMS, Field(name="net", title="Net", kind=Kind.MONEY, labels={"en": ("Net",), "de": ("Netto",)})),
)
TABLE = (
    "Item   Price   Amount",
    "Gauge   10.00   20.00",
    "Valve   11.00   22.00",
    "Valve   11.00   22.00",
    "Hose   12.00   24.00",
    "Netto   00.00   88.00",
    "Taxes   19.00   16.72",
)
LINES = {0: (1, 1), 1: (1, 2), 2: (1, 3), 3: (1, 4)}


def _values(read: ParsedDocument, lines: Mapping[int, tuple[int, int]]) -> tuple[ExtractedValue, ...]:
    """Return the values of rows that stand on (page, line)."""
    values = []
    for row, (number, line) in lines.items():
        words = [word for word in read.pages[number - 1].words if word.line == line]
        for column, word in zip(ITEMS.columns, words, strict=True):
            values.append(
                ExtractedValue(
                    path=f"/items/{row}/{column.name}",
                    value=word.text,
                    kind=column.kind,
                    engine="test",
                    confidence=0.9,
                    status=ValueStatus.ACCEPTED,
                    evidence=(Evidence(page=number, box=word.box, quote=word.text),),
                )
            )
    return tuple(values)


def _states(
    pages: Sequence[Sequence[str]], lines: Mapping[int, tuple[int, int]], *, without: Collection[int] = ()
) -> list[tuple[int, str, State, str]]:
    read = document(*pages)
    kept = {row: place for row, place in lines.items() if row not in without}
    rows = ledger(document=read, schema=SCHEMA, field=ITEMS, values=_values(read, kept)).rows
    return [(row.page, row.quote, row.state, row.reason) for row in rows]


def test_a_complete_table_is_used_up_and_ends_at_its_total() -> None:
    assert _states([TABLE], LINES) == [
        (1, "Gauge 10.00 20.00", State.USED, ""),
        (1, "Valve 11.00 22.00", State.USED, ""),
        (1, "Valve 11.00 22.00", State.USED, ""),
        (1, "Hose 12.00 24.00", State.USED, ""),
        (1, "Netto 00.00 88.00", State.EXCLUDED, "total"),
    ]


def test_each_row_that_is_left_out_is_unaccounted_for() -> None:
    for row in LINES:
        missed = [quote for _, quote, state, _ in _states([TABLE], LINES, without={row}) if state is State.UNACCOUNTED]
        assert missed == [" ".join(TABLE[row + 1].split())]


def test_identical_rows_stay_two_even_on_one_spot() -> None:
    read = document(TABLE)
    values = _values(read, {**LINES, 2: (1, 2)})
    rows = ledger(document=read, schema=SCHEMA, field=ITEMS, values=values).rows
    assert [row.state for row in rows] == [State.USED] * 4 + [State.EXCLUDED]


def test_a_row_on_the_next_page_is_found_and_a_sum_carried_over_is_none() -> None:
    first = ("Item   Price   Amount", "Gauge   10.00   20.00", "Valve   11.00   22.00", "Übertrag   00.00   42.00")
    second = ("Item   Price   Amount", "Hose   12.00   24.00", "Netto   00.00   66.00")
    lines = {0: (1, 1), 1: (1, 2)}
    assert _states([first, second], lines) == [
        (1, "Gauge 10.00 20.00", State.USED, ""),
        (1, "Valve 11.00 22.00", State.USED, ""),
        (1, "Übertrag 00.00 42.00", State.EXCLUDED, "carried over"),
        (2, "Hose 12.00 24.00", State.UNACCOUNTED, ""),
        (2, "Netto 00.00 66.00", State.EXCLUDED, "total"),
    ]


def test_numbers_above_the_headings_are_no_rows() -> None:
    page = ("Order   77.00   88.00", "Text   Price   Amount", "Gauge   10.00   20.00", "Valve   11.00   22.00")
    assert _states([page], {0: (1, 2), 1: (1, 3)}) == [
        (1, "Gauge 10.00 20.00", State.USED, ""),
        (1, "Valve 11.00 22.00", State.USED, ""),
    ]


def test_without_places_or_typed_columns_there_is_no_ledger() -> None:
    read = document(TABLE)
    assert ledger(document=read, schema=SCHEMA, field=ITEMS, values=()).rows == ()
    texts = tuple(value for value in _values(read, LINES) if value.kind is Kind.TEXT)
    assert ledger(document=read, schema=SCHEMA, field=ITEMS, values=texts).rows == ()


class _Engine:
    def __init__(self, values: tuple[ExtractedValue, ...], *, name: str = "test") -> None:
        self.name = name
        self.asked: list[frozenset[str]] = []
        self._values = tuple(replace(value, engine=name) for value in values)

    def extract(self, request: ExtractionRequest) -> Extraction:
        self.asked.append(request.wanted)
        return Extraction(values=tuple(value for value in self._values if value.path.split("/")[1] in request.wanted))


def test_a_result_with_rows_unaccounted_for_says_so_and_goes_to_review() -> None:
    read = document(TABLE)
    request = ExtractionRequest(document=read, schema=SCHEMA, wanted=frozenset({"items"}))
    short = {row: place for row, place in LINES.items() if row != 1}
    answers = run(request=request, engines=[_Engine(_values(read, short))])
    assert answers.notes == (unaccounted(name="items", count=1),)
    assert answers.incomplete == {"items"}
    assert answers.doubtful(schema=SCHEMA)
    whole = run(request=request, engines=[_Engine(_values(read, LINES))])
    assert whole.notes == ()
    assert whole.incomplete == frozenset()
    assert not whole.doubtful(schema=SCHEMA)


def test_rows_that_are_left_out_are_asked_of_the_next_engine() -> None:
    read = document(TABLE)
    request = ExtractionRequest(document=read, schema=SCHEMA, wanted=frozenset({"items"}))
    short = {row: place for row, place in LINES.items() if row != 1}
    first = _Engine(_values(read, short), name="first")
    known = run(request=request, engines=[first])
    assert known.missing == {"items"}
    # A cell that it is unsure of is no reason to lose the row, here or in a later stage.
    unsure = [
        replace(value, status=ValueStatus.NEEDS_REVIEW) if value.path.endswith("/text") else value
        for value in _values(read, LINES)
    ]
    whole = _Engine(tuple(unsure), name="whole")
    for answers in (
        run(request=request, engines=[first, whole]),
        run(request=replace(request, known=known.values), engines=[whole]),
    ):
        assert {value.engine for value in answers.values} == {"whole"}
        assert len(answers.values) == 12
        assert (answers.incomplete, answers.notes) == (frozenset(), ())
    assert whole.asked == [frozenset({"items"})] * 2
    # Who leaves out more has no better rows, however sure it is of them.
    fewer = _Engine(_values(read, {0: (1, 1), 3: (1, 4)}), name="fewer")
    kept = run(request=request, engines=[first, fewer])
    assert {value.engine for value in kept.values} == {"first"}
    assert kept.notes == (unaccounted(name="items", count=1),)
    kept = run(request=request, engines=[whole, _Engine(_values(read, short), name="short")])
    assert {value.engine for value in kept.values} == {"whole"}
    assert kept.incomplete == frozenset()


def test_an_e_invoices_rows_are_all_there_are_whatever_the_page_shows() -> None:
    read = document(TABLE)
    request = ExtractionRequest(document=read, schema=SCHEMA, wanted=frozenset({"items"}))
    short = {row: place for row, place in LINES.items() if row != 1}
    model = _Engine(_values(read, LINES), name="model")
    answers = run(request=request, engines=[_Engine(_values(read, short), name="einvoice"), model])
    assert model.asked == []
    assert answers.notes == (unaccounted(name="items", count=1),)
    assert answers.doubtful(schema=SCHEMA)


NAMES = replace(ITEMS, columns=(ITEMS.columns[0], ITEMS.columns[2]))
NAMED = ("Name   Amount", "Ann   20.00", "Bob   22.00", "Cy   22.00", "Di   24.00", "Net   88.00", "Cy   1.00")


def _named(read: ParsedDocument, lines: Sequence[int], *, field: Field = NAMES) -> tuple[ExtractedValue, ...]:
    return tuple(
        ExtractedValue(
            path=f"/items/{row}/{column.name}",
            value=word.text,
            kind=column.kind,
            engine="sglang:small",
            confidence=0.9,
            status=ValueStatus.ACCEPTED,
            evidence=(Evidence(page=1, box=word.box, quote=word.text),),
        )
        for row, line in enumerate(lines)
        for column, word in zip(
            field.columns, [word for word in read.pages[0].words if word.line == line], strict=False
        )
    )


def test_beside_one_amount_a_row_is_told_by_where_its_text_begins() -> None:
    read = document(NAMED)
    schema = replace(SCHEMA, fields=(NAMES, SCHEMA.fields[1]))
    found = ledger(document=read, schema=schema, field=NAMES, values=_named(read, [1, 3]))
    assert [(row.quote, row.state, row.reason) for row in found.rows] == [
        ("Ann 20.00", State.USED, ""),
        ("Bob 22.00", State.UNACCOUNTED, ""),
        ("Cy 22.00", State.USED, ""),
        ("Di 24.00", State.UNACCOUNTED, ""),
        ("Net 88.00", State.EXCLUDED, "total"),
    ]
    whole = ledger(document=read, schema=schema, field=NAMES, values=_named(read, [1, 2, 3, 4]))
    assert (whole.unaccounted, whole.checked) == ((), True)


@pytest.mark.parametrize("turn", [Turn.UP, Turn.DOWN])
def test_rows_of_a_table_that_is_printed_sideways_are_missed_too(turn: Turn) -> None:
    lines = ["Description   Price   Amount", *(f"Gauge{row}   1{row}.00   2{row}.00" for row in range(1, 25))]
    upright = document(lines)
    read = ParsedDocument(pages=tuple(sideways(shown, turn) for shown in upright.pages))
    kept = {row: (1, row) for row in range(1, 25) if row not in {6, 12}}
    found = ledger(document=read, schema=SCHEMA, field=ITEMS, values=_values(read, kept))
    assert [row.quote for row in found.unaccounted] == ["Gauge6 16.00 26.00", "Gauge12 112.00 212.00"]
    straight = ledger(document=upright, schema=SCHEMA, field=ITEMS, values=_values(upright, kept))
    boxes = [turned_back(box=row.box, turn=turn) for row in straight.unaccounted]
    assert [pytest.approx(row.box) for row in found.unaccounted] == boxes


def test_a_note_says_where_the_rows_stand_that_are_unaccounted_for() -> None:
    read = document(TABLE)
    request = ExtractionRequest(document=read, schema=SCHEMA, wanted=frozenset({"items"}))
    short = {row: place for row, place in LINES.items() if row != 1}
    (note,) = run(request=request, engines=[_Engine(_values(read, short))]).notes
    words = [word.box for word in read.pages[0].words if word.line == 2]
    box = Box(words[0].x0, words[0].y0, words[-1].x1, words[0].y1)
    assert note.places == (Place(page=1, box=box),)


def test_a_models_list_that_nothing_checks_says_so_and_is_not_doubtful_by_that_alone() -> None:
    texts = replace(ITEMS, columns=(ITEMS.columns[0],))
    schema = replace(SCHEMA, fields=(texts,))
    read = document(TABLE)
    request = ExtractionRequest(document=read, schema=schema, wanted=frozenset({"items"}))
    values = _named(read, [1, 2], field=texts)
    answers = run(request=request, engines=[_Engine(values, name="sglang:small")])
    assert answers.notes == (unchecked(name="items"),)
    assert not answers.doubtful(schema=schema)
    assert run(request=request, engines=[_Engine(values, name="layout")]).notes == ()
    named = document(NAMED)
    amounts = run(
        request=replace(request, document=named, schema=replace(schema, fields=(NAMES, SCHEMA.fields[1]))),
        engines=[_Engine(_named(named, [1, 2, 3, 4]), name="sglang:small")],
    )
    assert amounts.notes == ()
