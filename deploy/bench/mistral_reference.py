"""Mistral's own encoding of requests, to hold predicted token counts against."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from mistral_common.protocol.instruct.normalize import get_normalizer
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode, get_validator
from mistral_common.tokens.tokenizers.base import TokenizerVersion
from mistral_common.tokens.tokenizers.image import ImageConfig
from mistral_common.tokens.tokenizers.instruct import InstructTokenizerV7
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer, load_image_encoder
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from PIL import Image

from apps.extraction.prompt import SYSTEM
from apps.inference.tokens import data_file

Tokenizer = MistralTokenizer[Any, Any, Any, Any, Any]


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


def encoded(tokenizer: Tokenizer, messages: Sequence[dict[str, Any]]) -> int:
    """Return the tokens of a request. The scaling of pixels must be `unscaled`, or OpenCV be there."""
    return len(tokenizer.encode_chat_completion(ChatCompletionRequest.from_openai(list(messages))).tokens)


def unscaled(image: Image.Image, new_size: tuple[int, int]) -> np.ndarray[Any, Any]:  # noqa: ARG001
    """Stand in for mistral-common's `image.transform_image`, which takes OpenCV: it comes after the tokens."""
    return np.zeros((3, 1, 1))


def messages(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a request's messages: the system's words, and the user's parts."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": list(parts)}]


def picture(width: int, height: int) -> dict[str, Any]:
    """Return a part of one picture of so many pixels; another size is another picture."""
    file = BytesIO()
    Image.new("RGB", (width, height), (width % 256, height % 256, 90)).save(file, "JPEG")
    data = base64.b64encode(file.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}
