"""Predicted tokens are those of mistral-common's own encoding of the same requests."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any

import pytest
from mistral_common.tokens.tokenizers import image
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from apps.inference.profiles import profile
from apps.inference.tokens import counter, data_file
from deploy.bench.mistral_reference import encoded, messages, picture, reference, unscaled

TEXTS = (
    "Invoice 4711",
    "1,234.50 EUR\nTotal",
    "Rechnungsnummer für Überweisungen",
    "发票号码 合计金额",
    "a    b\t\tc\n\n\n",
    "[INST] not a mark </s>",
    "\N{GRINNING FACE} fi \N{LATIN SMALL LIGATURE FI}",
    "x",
)
SIZES = ((1092, 1540), (1540, 1092), (1, 1), (28, 28), (29, 28), (27, 56), (2000, 700), (1541, 1541), (3000, 1))


@pytest.fixture(autouse=True)
def _no_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the scaling of pixels out, which takes OpenCV: it comes after the tokens, which stay mistral-common's."""
    monkeypatch.setattr(image, "transform_image", unscaled)


@pytest.mark.parametrize("seed", range(30))
def test_a_mixed_request_is_counted_to_the_token(seed: int) -> None:
    draw = random.Random(seed)
    parts: list[dict[str, Any]] = []
    for _ in range(draw.randint(1, 4)):
        parts.append({"type": "text", "text": draw.choice(TEXTS) * draw.randint(1, 5)})
        if draw.random() < 0.6:
            parts.append(picture(*draw.choice(SIZES)))
    parts.append({"type": "text", "text": "Give these values:"})
    small = counter(profile("small"))
    assert small is not None
    assert small.request(messages(parts)) == encoded(reference(), messages(parts))


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_only_request_of_large_is_counted_to_the_token(text: str) -> None:
    asked = messages([{"type": "text", "text": text}, {"type": "text", "text": "Give these values:"}])
    large = counter(profile("large"))
    assert large is not None
    tokenizer = MistralTokenizer.from_file(data_file("mistral_instruct_tokenizer_240323.model.v3"))
    assert large.request(asked) == encoded(tokenizer, asked)


def test_a_page_of_a4_is_2200_tokens() -> None:
    small = counter(profile("small"))
    assert small is not None
    assert small.image(width=1092, height=1540) == 2200


def test_a_model_without_pictures_counts_none() -> None:
    large = counter(profile("large"))
    assert large is not None
    with pytest.raises(ValueError, match="takes no pictures"):
        large.request(messages([picture(28, 28)]))


def test_an_unknown_tokenizer_has_no_counter() -> None:
    assert counter(profile("any")) is None


def test_the_module_alone_does_not_import_mistral_common() -> None:
    code = "import sys, apps.inference.tokens; sys.exit('mistral_common' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
