"""How much of a document one prompt takes."""

from __future__ import annotations

import pytest

from apps.extraction.packing import estimated_tokens, pack
from apps.inference.profiles import profile
from apps.parsing.pages import Page


def _pages(text: str, count: int) -> tuple[Page, ...]:
    return tuple(Page(number=number + 1, width=595, height=842, text=text, words=()) for number in range(count))


@pytest.mark.parametrize(
    ("text", "tokens", "tekken"),
    [
        ("", 0, 0),
        ("Invoice 4711", 7, 6),
        ("1,234.50 EUR", 10, 9),
        ("Rechnungsnummer", 5, 4),
        ("发票号码 合计金额", 8, 10),
        ("a    b", 3, 3),
        ("TOTAL\n", 4, 3),
    ],
)
def test_tokens_are_estimated(text: str, tokens: int, tekken: int) -> None:
    """`tekken` is what the tokenizer of Mistral Small 3.1 gives: the estimate is near it, mostly above."""
    assert estimated_tokens(text) == tokens
    assert tokens >= tekken - 2


def test_pages_go_along_while_there_is_room() -> None:
    """A page is 48 tokens, 2,200 for its picture of A4, and its text; 4,096 each are kept for question and reply."""
    packed = pack(pages=_pages("9" * 1000, 60), profile=profile("small"))
    assert len(packed.pages) == (131_072 - 2 * 4096) // (48 + 2200 + 1000) == 37
    assert packed.tokens == 37 * 3248
    assert packed.reply_room == 131_072 - 4096 - 37 * 3248


def test_without_pictures_more_pages_go_along() -> None:
    packed = pack(pages=_pages("9" * 1000, 200), profile=profile("large"))
    assert len(packed.pages) == (131_072 - 2 * 4096) // 1048 == 117


def test_a_page_that_is_too_long_alone_stays_out() -> None:
    packed = pack(pages=_pages("9" * 200_000, 1), profile=profile("large"))
    assert packed.pages == ()
