"""How much of a document one prompt takes."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from apps.extraction.engines.protocol import PageImage
from apps.extraction.packing import estimated_tokens, pack
from apps.extraction.prompt import SYSTEM, document_prompt
from apps.inference.profiles import profile
from apps.inference.tokens import counter
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


def test_without_a_known_tokenizer_pages_are_estimated() -> None:
    """A page is 48 tokens, 2,200 for its picture of A4, and its text; 4,096 each are kept for question and reply."""
    packed = pack(pages=_pages("9" * 1000, 60), profile=profile("any"))
    assert len(packed.pages) == (32_768 - 2 * 4096) // (48 + 2200 + 1000) == 7
    assert packed.tokens == 7 * 3248
    assert packed.reply_room == 32_768 - 4096 - 7 * 3248


def test_pages_with_pictures_are_counted_as_they_are_sent() -> None:
    """Beside the pages a prompt has its system words and five marks; each page is counted with a break it may need."""
    packed = pack(pages=_pages("Rechnung 4711 über 1.234,50 EUR\n" * 50, 80), profile=profile("small"))
    file = BytesIO()
    Image.new("RGB", (1092, 1540)).save(file, "JPEG")
    images = [PageImage(page=page.number, width=1092, height=1540, jpeg=file.getvalue()) for page in packed.pages]
    small = counter(profile("small"))
    assert small is not None
    sent = small.request(document_prompt(pages=packed.pages, images=images).messages)
    assert packed.tokens == sent - 5 - small.text(SYSTEM) + 2 * len(packed.pages)
    assert packed.reply_room == 131_072 - 4096 - packed.tokens
    assert 4096 <= packed.reply_room < 4096 + packed.tokens // len(packed.pages) + 10


def test_pages_without_pictures_are_never_counted_too_low() -> None:
    packed = pack(pages=_pages("9" * 1000, 200), profile=profile("large"))
    large = counter(profile("large"))
    assert large is not None
    sent = large.request(document_prompt(pages=packed.pages, images=()).messages)
    over = packed.tokens - (sent - 3 - large.text(SYSTEM))
    assert len(packed.pages) == 118
    assert 0 <= over <= 2 * len(packed.pages)


def test_a_page_that_is_too_long_alone_stays_out() -> None:
    packed = pack(pages=_pages("9" * 200_000, 1), profile=profile("large"))
    assert packed.pages == ()
