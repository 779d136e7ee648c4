"""Predicted tokens are those of mistral-common's own encoding of the same requests."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mistral_common.protocol.instruct.normalize import get_normalizer
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode, get_validator
from mistral_common.tokens.tokenizers import image
from mistral_common.tokens.tokenizers.base import TokenizerVersion
from mistral_common.tokens.tokenizers.image import ImageConfig
from mistral_common.tokens.tokenizers.instruct import InstructTokenizerV7
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer, load_image_encoder
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from PIL import Image

from apps.extraction.prompt import SYSTEM
from apps.inference.profiles import profile
from apps.inference.tokens import counter, data_file

Tokenizer = MistralTokenizer[Any, Any, Any, Any, Any]
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


@cache
def reference() -> Tokenizer:
    """Return mistral-common's encoder: its Tekken vocabulary read as v7, with the picture rule of Small 3.1."""
    data = json.loads(Path(data_file("tekken_240911.json")).read_bytes())
    tokenizer = Tekkenizer(
        vocab=data["vocab"],
        special_tokens=list(Tekkenizer.DEPRECATED_SPECIAL_TOKENS),
        pattern=data["config"]["pattern"],
        vocab_size=data["config"]["default_vocab_size"],
        num_special_tokens=data["config"]["default_num_special_tokens"],
        version=TokenizerVersion.v7,
    )
    images = load_image_encoder(ImageConfig(image_patch_size=14, max_image_size=1540, spatial_merge_size=2), tokenizer)
    return MistralTokenizer(
        InstructTokenizerV7(tokenizer, image_encoder=images),
        validator=get_validator(TokenizerVersion.v7, mode=ValidationMode.test),
        request_normalizer=get_normalizer(TokenizerVersion.v7, None),
    )


def _picture(width: int, height: int) -> dict[str, Any]:
    file = BytesIO()
    Image.new("RGB", (width, height)).save(file, "JPEG")
    data = base64.b64encode(file.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}


def _messages(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": parts}]


def _encoded(tokenizer: Tokenizer, messages: list[dict[str, Any]]) -> int:
    return len(tokenizer.encode_chat_completion(ChatCompletionRequest.from_openai(messages)).tokens)


@pytest.fixture(autouse=True)
def _no_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the scaling of pixels out, which takes OpenCV: it comes after the tokens, which stay mistral-common's."""
    monkeypatch.setattr(image, "transform_image", lambda picture, size: np.zeros((3, 1, 1)))


@pytest.mark.parametrize("seed", range(30))
def test_a_mixed_request_is_counted_to_the_token(seed: int) -> None:
    draw = random.Random(seed)
    parts: list[dict[str, Any]] = []
    for _ in range(draw.randint(1, 4)):
        parts.append({"type": "text", "text": draw.choice(TEXTS) * draw.randint(1, 5)})
        if draw.random() < 0.6:
            parts.append(_picture(*draw.choice(SIZES)))
    parts.append({"type": "text", "text": "Give these values:"})
    small = counter(profile("small"))
    assert small is not None
    assert small.request(_messages(parts)) == _encoded(reference(), _messages(parts))


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_only_request_of_large_is_counted_to_the_token(text: str) -> None:
    messages = _messages([{"type": "text", "text": text}, {"type": "text", "text": "Give these values:"}])
    large = counter(profile("large"))
    assert large is not None
    tokenizer = MistralTokenizer.from_file(data_file("mistral_instruct_tokenizer_240323.model.v3"))
    assert large.request(messages) == _encoded(tokenizer, messages)


def test_a_page_of_a4_is_2200_tokens() -> None:
    small = counter(profile("small"))
    assert small is not None
    assert small.image(width=1092, height=1540) == 2200


def test_a_model_without_pictures_counts_none() -> None:
    large = counter(profile("large"))
    assert large is not None
    with pytest.raises(ValueError, match="takes no pictures"):
        large.request(_messages([_picture(28, 28)]))


def test_an_unknown_tokenizer_has_no_counter() -> None:
    assert counter(profile("any")) is None


def test_the_module_alone_does_not_import_mistral_common() -> None:
    code = "import sys, apps.inference.tokens; sys.exit('mistral_common' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
