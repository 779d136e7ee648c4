"""Pages cut into passages."""

from __future__ import annotations

from apps.parsing.pages import Box, Page, Word
from apps.search.passages import MAX_CHARACTERS, passages_of


def _page(lines: list[tuple[int, str]]) -> Page:
    """Return a page of lines, each (block, text), one under the other."""
    words = []
    for number, (block, text) in enumerate(lines):
        y = number / 100
        words += [
            Word(text=word, box=Box(place / 50, y, place / 50 + 0.01, y + 0.01), block=block, line=number)
            for place, word in enumerate(text.split())
        ]
    return Page(number=3, width=595, height=842, text="", words=tuple(words))


def test_a_short_page_is_one_passage_with_the_box_around_its_words() -> None:
    (passage,) = passages_of(_page([(0, "Dear Sir"), (1, "we regret")]))
    assert (passage.page, passage.ordinal, passage.text) == (3, 0, "Dear Sir we regret")
    assert passage.box == Box(0, 0, 1 / 50 + 0.01, 0.01 + 0.01)


def test_an_empty_page_has_none() -> None:
    assert passages_of(_page([])) == ()


def test_glyphs_that_stand_for_no_letter_are_left_out() -> None:
    (passage,) = passages_of(_page([(0, "\ufffd 04 72 07"), (1, "\ufffd\ufffd"), (2, "l\ufffdabbaye")]))
    assert passage.text == "04 72 07 l\ufffdabbaye"
    assert passages_of(_page([(0, "\ufffd")])) == ()


def test_every_word_is_in_one_passage_in_order() -> None:
    lines = [(number // 7, f"alpha{number} beta{number} gamma{number} delta{number}") for number in range(90)]
    passages = passages_of(_page(lines))
    assert len(passages) > 2
    assert [passage.ordinal for passage in passages] == list(range(len(passages)))
    assert " ".join(passage.text for passage in passages) == " ".join(text for _, text in lines)
    assert max(len(passage.text) for passage in passages) <= MAX_CHARACTERS


def test_a_long_block_ends_where_the_block_does() -> None:
    lines = [(0, "first " * 30) for _ in range(4)] + [(1, "second " * 5)]
    first, second = passages_of(_page(lines))
    assert set(first.text.split()) == {"first"}
    assert set(second.text.split()) == {"second"}


def test_a_line_without_an_end_is_cut_at_words() -> None:
    passages = passages_of(_page([(0, "word " * 1000)]))
    assert len(passages) >= 5
    assert max(len(passage.text) for passage in passages) <= MAX_CHARACTERS
