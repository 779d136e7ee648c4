from __future__ import annotations

import pytest

from apps.extraction.engines.layout.geometry import Turn, frame_of, turned_back, upright
from apps.extraction.engines.layout.lines import lay_out
from apps.extraction.engines.layout.pieces import take_apart
from apps.parsing.pages import Box, Page, Word
from tests.factories.pages import page


def texts(shown: Page) -> list[list[str]]:
    return [[segment.text for segment in row.segments] for row in lay_out(page=shown).rows]


def test_wide_gaps_part_segments_and_levels_make_rows() -> None:
    assert texts(page("Invoice No. 7      Total due\nDate 3 May         12.00")) == [
        ["Invoice No. 7", "Total due"],
        ["Date 3 May", "12.00"],
    ]


def test_a_small_label_and_a_large_value_share_a_row() -> None:
    words = (
        Word(text="Total", box=Box(0.1, 0.105, 0.15, 0.113), block=0, line=0),
        Word(text="119,00", box=Box(0.5, 0.1, 0.6, 0.118), block=1, line=0),
    )
    shown = Page(number=1, width=600, height=800, text="", words=words)
    assert texts(shown) == [["Total", "119,00"]]


def test_words_of_no_size_are_left_out() -> None:
    words = (
        Word(text="flat", box=Box(0.1, 0.1, 0.2, 0.1), block=0, line=0),
        Word(text="shown", box=Box(0.1, 0.1, 0.2, 0.12), block=0, line=0),
        Word(text=" ", box=Box(0.3, 0.1, 0.4, 0.12), block=0, line=0),
    )
    assert texts(Page(number=1, width=600, height=800, text="", words=words)) == [["shown"]]


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("Customer:2", ["Customer: 2"]),
        ("10:30", ["10:30"]),
        ("http://example.org", ["http://example.org"]),
        ("Total:", ["Total:"]),
    ],
)
def test_a_colon_inside_a_word_ends_a_label(word: str, parts: list[str]) -> None:
    assert texts(page(word)) == [parts]


def test_pieces_part_at_values_and_colons() -> None:
    shown = page("Invoice # RE-508 issued: today")
    pieces = take_apart(layout=lay_out(page=shown), candidates=())
    assert [(piece.text, piece.ends_label) for row in pieces.rows for piece in row] == [
        ("Invoice # RE-508 issued:", True),
        ("today", False),
    ]


def test_an_upright_page_stays_as_it_is() -> None:
    shown = page("Some plain words here, as usual")
    assert upright(page=shown) == (shown, Turn.NONE)


def test_a_sideways_page_is_turned_upright_and_boxes_lead_back() -> None:
    straight, sideways = page("Some plain words here, as usual"), page("Some plain words here, as usual", turned=True)
    turned, turn = upright(page=sideways)
    assert turn is Turn.UP
    assert (turned.width, turned.height) == (straight.width, straight.height)
    for here, there, shown in zip(turned.words, straight.words, sideways.words, strict=True):
        assert here.box == pytest.approx(there.box)
        assert turned_back(box=here.box, turn=turn) == pytest.approx(shown.box)


def test_boxes_go_to_line_heights_and_back() -> None:
    shown = page("one two three")
    frame = frame_of(page=shown)
    box = shown.words[1].box
    assert frame.rect(box).height == pytest.approx(1.0)
    assert frame.box(frame.rect(box)) == pytest.approx(box)
