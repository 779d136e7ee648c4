"""Tables' values found row by row, each at a spot of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from apps.extraction import row_grounding
from apps.extraction.engines.layout.geometry import Turn, turned_back
from apps.extraction.grounding import Occurrence, cost
from apps.extraction.page_index import DocumentIndex
from apps.extraction.row_grounding import Cell, ground_rows
from apps.parsing.pages import Box, Page, ParsedDocument
from apps.schemas.fields import Kind
from tests.unit.extraction.pages_of_words import LINE, document, page, sideways

KINDS = {"text": Kind.TEXT, "count": Kind.NUMBER, "price": Kind.MONEY, "amount": Kind.MONEY}
HEADINGS = {"text": (), "count": ("Qty",), "price": ("Price",), "amount": ("Amount",)}
Spot = tuple[int, int, int] | None
"""Page, line, and which word of the line; None: not on a page."""


def _spots(
    lines: Sequence[str], *rows: dict[str, str], headings: bool = True, reach: float | None = 0.12
) -> list[dict[str, Spot]]:
    read = document(lines)
    found = ground_rows(
        index=DocumentIndex(read),
        rows=[
            {
                name: Cell(value=value, kind=KINDS[name], near=HEADINGS[name] if headings else ())
                for name, value in row.items()
            }
            for row in rows
        ],
        anchors=("text", "amount"),
        order=tuple(KINDS),
        reach=reach,
    )
    spots: list[dict[str, Spot]] = []
    for row, places in zip(rows, found, strict=True):
        spots.append(dict.fromkeys(row))
        for name, place in places.items():
            words = [word for word in read.pages[0].words if abs(word.box.y0 - place.box.y0) < LINE / 2]
            at = next(number for number, word in enumerate(words) if abs(word.box.x0 - place.box.x0) < 1e-9)
            spots[-1][name] = (place.page, words[0].line, at)
    return spots


def _row(text: str, count: str, price: str, amount: str) -> dict[str, str]:
    return {"text": text, "count": count, "price": price, "amount": amount}


def test_an_amount_that_equals_the_price_stands_under_its_own_heading() -> None:
    lines = ["Item   Qty   Price   Amount", "Pump     1   60.00   60.00", "Valve   1   60.00   60.00"]
    assert _spots(lines, _row("Pump", "1", "60.00", "60.00"), _row("Valve", "1", "60.00", "60.00")) == [
        {"text": (1, 1, 0), "count": (1, 1, 1), "price": (1, 1, 2), "amount": (1, 1, 3)},
        {"text": (1, 2, 0), "count": (1, 2, 1), "price": (1, 2, 2), "amount": (1, 2, 3)},
    ]


def test_rows_that_leave_no_choice_show_the_columns_without_headings() -> None:
    # Here the amount stands left of the price: the columns' order alone would be wrong.
    lines = ["Pump   24.00   12.00   2", "Valve  60.00   60.00   1"]
    assert _spots(lines, _row("Pump", "2", "12.00", "24.00"), _row("Valve", "1", "60.00", "60.00"), headings=False) == [
        {"text": (1, 0, 0), "count": (1, 0, 3), "price": (1, 0, 2), "amount": (1, 0, 1)},
        {"text": (1, 1, 0), "count": (1, 1, 3), "price": (1, 1, 2), "amount": (1, 1, 1)},
    ]


def test_where_nothing_tells_values_stand_in_the_columns_order() -> None:
    assert _spots(["Pump 1 60.00 60.00"], _row("Pump", "1", "60.00", "60.00"), headings=False) == [
        {"text": (1, 0, 0), "count": (1, 0, 1), "price": (1, 0, 2), "amount": (1, 0, 3)}
    ]


def test_a_quantity_is_not_the_number_of_its_row() -> None:
    lines = ["1   Pump   1   5.00   5.00", "2   Valve   3   5.00   15.00"]
    found = _spots(lines, _row("Pump", "1", "5.00", "5.00"), _row("Valve", "3", "5.00", "15.00"), headings=False)
    assert [row["count"] for row in found] == [(1, 0, 2), (1, 1, 2)]


def test_one_spot_serves_one_value_and_the_next_row_s_is_not_borrowed() -> None:
    lines = ["Item   Amount", "Pump   60.00", "Valve   60.00"]
    assert _spots(
        lines, {"text": "Pump", "price": "60.00", "amount": "60.00"}, {"text": "Valve", "amount": "60.00"}
    ) == [
        {"text": (1, 1, 0), "price": None, "amount": (1, 1, 1)},
        {"text": (1, 2, 0), "amount": (1, 2, 1)},
    ]


def test_equal_rows_stand_at_their_own_lines() -> None:
    lines = ["Item   Qty   Price   Amount", "Pump   2   5.00   10.00", "Pump   2   5.00   10.00"]
    twice = _row("Pump", "2", "5.00", "10.00")
    first, second = _spots(lines, twice, twice)
    assert [spot[1] for spot in first.values() if spot] == [1, 1, 1, 1]
    assert [spot[1] for spot in second.values() if spot] == [2, 2, 2, 2]


def test_values_below_the_rows_text_belong_to_it() -> None:
    lines = [
        "Item   Qty   Price   Amount", "Pump, heavy", ".", "with hose", "   1   60.00   60.00", "Valve", ".", "short",
        "   2   30.00   60.00",
    ]  # fmt: skip
    found = _spots(lines, _row("Pump, heavy", "1", "60.00", "60.00"), _row("Valve", "2", "30.00", "60.00"))
    assert found[0] == {"text": (1, 1, 0), "count": (1, 4, 0), "price": (1, 4, 1), "amount": (1, 4, 2)}
    assert found[1] == {"text": (1, 5, 0), "count": (1, 8, 0), "price": (1, 8, 1), "amount": (1, 8, 2)}


def test_a_row_without_an_anchor_is_found_anywhere_and_an_absent_value_nowhere() -> None:
    assert _spots(["Qty 7"], {"count": "7", "price": "9.00"}) == [{"count": (1, 0, 1), "price": None}]
    assert _spots([], {"text": "Pump", "count": "7"}) == [{"text": None, "count": None}]


def test_a_model_s_page_and_quote_decide() -> None:
    read = document(["Pump 5.00"], ["Pump 5.00", "Pump 5.00"])
    (found,) = ground_rows(
        index=DocumentIndex(read),
        rows=[{"text": Cell(value="Pump", kind=Kind.TEXT, hint_page=2), "price": Cell(value="5.00", kind=Kind.MONEY)}],
        anchors=("text",),
        order=("text", "price"),
    )
    assert {name: place.page for name, place in found.items()} == {"text": 2, "price": 2}


def test_a_row_of_thirty_equal_values_comes_to_an_end() -> None:
    names = [f"n{number}" for number in range(30)]
    read = document(["row " + " ".join(["1"] * 30)])
    (found,) = ground_rows(
        index=DocumentIndex(read),
        rows=[{name: Cell(value="1", kind=Kind.NUMBER) for name in names}],
        anchors=(),
        order=names,
    )
    lefts = [found[name].box.x0 for name in names if name in found]
    assert len(set(lefts)) == len(lefts)


def _stacked(pages: Sequence[Sequence[str]], *rows: dict[str, str]) -> list[dict[str, tuple[int, int]]]:
    """Ground rows whose values stand below each other; return page and line of each value."""
    found = ground_rows(
        index=DocumentIndex(document(*pages)),
        rows=[{name: Cell(value=value, kind=KINDS[name]) for name, value in row.items()} for row in rows],
        anchors=("text", "amount"),
        order=tuple(KINDS),
        reach=1.5,
        across=False,
    )
    return [{name: (place.page, round((place.box.y0 - 0.05) / LINE)) for name, place in row.items()} for row in found]


def test_a_spot_that_another_row_holds_is_not_handed_out_again() -> None:
    # The first row runs over the page's end, so that its quantity seems to stand far above its text; the last row's
    # then would be the second's.
    first = ["quantity 5", "amount 27.50"]
    second = ["name Steak", "quantity 20", "amount 109.80", "name Water", ".", ".", "quantity 20", "amount 55.40",
              "name Deposit"]  # fmt: skip
    assert _stacked(
        [first, second],
        {"text": "Steak", "count": "5", "amount": "27.50"},
        {"text": "Water", "count": "20", "amount": "109.80"},
        {"text": "Deposit", "count": "20", "amount": "55.40"},
    ) == [
        {"text": (2, 0), "count": (1, 0), "amount": (1, 1)},
        {"text": (2, 3), "count": (2, 1), "amount": (2, 2)},
        {"text": (2, 8), "count": (2, 6), "amount": (2, 7)},
    ]


def test_equal_rows_below_each_other_have_a_spot_each() -> None:
    page = ["quantity 2", "amount 10.00", "name Pump", "quantity 2", "amount 10.00", "name Pump"]
    twice = {"text": "Pump", "count": "2", "amount": "10.00"}
    assert _stacked([page], twice, twice) == [
        {"text": (1, 2), "count": (1, 0), "amount": (1, 1)},
        {"text": (1, 5), "count": (1, 3), "amount": (1, 4)},
    ]


def test_a_row_that_the_page_shows_once_serves_one_of_two_equal_rows() -> None:
    lines = ["Item   Qty   Price   Amount", "Pump   2   5.00   10.00"]
    twice = _row("Pump", "2", "5.00", "10.00")
    assert _spots(lines, twice, twice) == [
        {"text": (1, 1, 0), "count": (1, 1, 1), "price": (1, 1, 2), "amount": (1, 1, 3)},
        {"text": None, "count": None, "price": None, "amount": None},
    ]


@pytest.mark.parametrize("said", ["nothing", "the page", "the page before", "page and quote", "a quote"])
def test_rows_of_one_text_are_each_looked_for_near_the_row_before(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """Whatever a model says of them: work grows with the rows, not with their square."""
    looked = 0
    quote = "Hour 1 60.00 60.00" if "quote" in said else None

    def counted(item: Occurrence, **facts: Any) -> tuple[float, ...]:
        nonlocal looked
        looked += 1
        return cost(item, **facts)

    def look(pages: int, rows: int) -> list[tuple[int, float]]:
        lines = ["Hour   1   60.00   60.00"] * 4
        index = DocumentIndex(document(*[lines] * pages))
        hints = [
            min(row // 4 + (0 if said == "the page before" else 1), pages) if "page" in said else None
            for row in range(rows)
        ]
        cells = [
            {
                "text": Cell(value="Hour", kind=Kind.TEXT, hint_page=hint, quote=quote),
                "amount": Cell(value="60.00", kind=Kind.MONEY, hint_page=hint, quote=quote),
            }
            for hint in hints
        ]
        found = ground_rows(index=index, rows=cells, anchors=("text",), order=("text", "amount"), reach=0.01)
        return [(each["text"].page, round(each["text"].box.y0, 2)) for each in found if "text" in each]

    monkeypatch.setattr(row_grounding, "cost", counted)
    spots = [(page, round(0.05 + line * LINE, 2)) for page in range(1, 81) for line in range(4)]
    assert look(40, 160) == spots[:160]
    short, looked = looked, 0
    assert look(80, 320) == spots
    assert looked < 2.5 * short
    # A document that shows fewer rows than there are is searched to its end once.
    looked = 0
    assert look(40, 320) == spots[:160]
    assert looked < 2.5 * short


@pytest.mark.parametrize("turn", [Turn.UP, Turn.DOWN])
def test_a_table_that_is_printed_sideways_is_placed_as_one_that_is_not(turn: Turn) -> None:
    lines = [
        "Description   Qty   Price   Amount",
        *(f"Part-{number:02}   1   {number}.00   {number}.00" for number in range(1, 25)),
    ]
    upright = page(*lines)
    rows = [
        {
            name: Cell(value=value, kind=KINDS[name], near=HEADINGS[name], hint_page=1)
            for name, value in _row(f"Part-{number:02}", "1", f"{number}.00", f"{number}.00").items()
        }
        for number in range(1, 25)
    ]

    def look(shown: Page) -> list[dict[str, Box]]:
        index = DocumentIndex(ParsedDocument(pages=(shown,)))
        found = ground_rows(index=index, rows=rows, anchors=("text", "amount"), order=tuple(KINDS), reach=0.12)
        return [{name: Box(*(round(x, 6) for x in place.box)) for name, place in row.items()} for row in found]

    expected = [
        {name: Box(*(round(x, 6) for x in turned_back(box=box, turn=turn))) for name, box in row.items()}
        for row in look(upright)
    ]
    assert [len(row) for row in expected] == [4] * 24
    assert look(sideways(upright, turn)) == expected
