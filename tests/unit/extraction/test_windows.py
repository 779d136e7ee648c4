"""Windows over the pages of a long document."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.extraction.windows import TooLong, Window, windows


def _pages(*tokens: int) -> list[tuple[int, int]]:
    return list(enumerate(tokens, start=1))


def test_neighbours_share_a_page() -> None:
    assert list(windows(pages=_pages(4, 4, 4, 4), room=10)) == [
        Window(first=1, last=2, tokens=8),
        Window(first=2, last=3, tokens=8),
        Window(first=3, last=4, tokens=8),
    ]


def test_a_document_that_fits_is_one_window() -> None:
    assert list(windows(pages=_pages(4, 6), room=10)) == [Window(first=1, last=2, tokens=10)]


def test_no_pages_are_no_windows() -> None:
    assert list(windows(pages=[], room=10)) == []


def test_an_overlap_without_room_is_given_up() -> None:
    assert list(windows(pages=_pages(6, 6), room=10)) == [
        Window(first=1, last=1, tokens=6),
        Window(first=2, last=2, tokens=6),
    ]


def test_a_page_too_long_alone_is_named_and_no_window_goes_over_it() -> None:
    assert list(windows(pages=_pages(3, 11, 3), room=10)) == [
        Window(first=1, last=1, tokens=3),
        TooLong(page=2, tokens=11),
        Window(first=3, last=3, tokens=3),
    ]


def test_a_negative_overlap_is_refused() -> None:
    with pytest.raises(ValueError, match="less than nothing"):
        list(windows(pages=_pages(1), room=10, overlap=-1))


def test_pages_are_read_no_further_than_the_window_needs() -> None:
    read = []

    def pages() -> Iterator[tuple[int, int]]:
        for number in range(1, 1201):
            read.append(number)
            yield number, 4

    assert next(iter(windows(pages=pages(), room=10))) == Window(first=1, last=2, tokens=8)
    assert read == [1, 2, 3]


@given(sizes=st.lists(st.integers(1, 12), max_size=40), overlap=st.integers(0, 4))
def test_invariants(sizes: list[int], overlap: int) -> None:
    found = list(windows(pages=_pages(*sizes), room=10, overlap=overlap))
    spans = [one for one in found if isinstance(one, Window)]
    long = {one.page for one in found if isinstance(one, TooLong)}
    covered = {page for one in spans for page in range(one.first, one.last + 1)}
    assert long == {page for page, size in _pages(*sizes) if size > 10}
    assert covered == set(range(1, len(sizes) + 1)) - long
    for one in spans:
        assert one.tokens == sum(sizes[one.first - 1 : one.last]) <= 10
    for one, after in pairwise(spans):
        assert one.first < after.first
        assert one.last < after.last
        shared = one.last - after.first + 1
        assert shared <= overlap
        # No more could be shared: one page more is not wanted, not there, beyond a gap, or leaves no room.
        if shared < overlap and one.last + 1 not in long and after.first > one.first:
            grown = sum(sizes[after.first - 2 : one.last + 1])
            assert grown > 10
