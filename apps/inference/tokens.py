"""Token counts before a request is sent: exact by mistral-common's own vocabularies, else estimated.

The wheel carries Tekken as `tekken_240911.json`, declared v3 (Pixtral, Nemo), and SentencePiece files for v2, v3 and
v7, but no Tekken file of v7, v11 or v13. Small and Medium 3.1 are counted with that Tekken vocabulary under v7's
frame. That their own files hold the same vocabulary can't be shown from the wheel: only a server's `prompt_tokens`
can. mistral-common is heavy, so it is imported at the first count, never when this module is.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from apps.inference.profiles import ImageRule, Profile

# <s>, [SYSTEM_PROMPT] and [/SYSTEM_PROMPT], [INST] and [/INST].
_V7_FRAME = 5
# <s>, [INST] and [/INST]: v3 has no place of its own for the system's words, they open the last user message.
_V3_FRAME = 3

_PIECE = re.compile(r"(?P<lower>[a-z]+)|(?P<upper>[A-Z]+)| (?! )|(?P<spaces> +)|(?P<other>.)", re.DOTALL)

Encode = Callable[[str], int]


class TokenCounter(Protocol):
    """Counts as the model's own tokenizer does."""

    def text(self, text: str) -> int:
        """Return the tokens of a text that stands alone, without marks for begin and end."""

    def image(self, *, width: int, height: int) -> int:
        """Return the tokens of a picture of so many pixels. Raises ValueError where the model takes none."""

    def request(self, messages: Sequence[Mapping[str, Any]]) -> int:
        """Return the tokens of one system message and one user message, the template's marks included.

        Messages are as `apps.extraction.prompt.ask` makes them: content is a string, or parts of text and of
        `image_url` with a data URI. Raises ValueError for any other form.
        """


class TekkenV7Counter:
    """Tekken under v7: texts that follow one another are one, two line breaks apart; a picture stands between."""

    def __init__(self, *, encode: Encode, images: ImageRule | None) -> None:
        self._encode = encode
        self._images = images

    def text(self, text: str) -> int:
        return self._encode(text)

    def image(self, *, width: int, height: int) -> int:
        return _image_tokens(self._images, width=width, height=height)

    def request(self, messages: Sequence[Mapping[str, Any]]) -> int:
        system, parts = _taken_apart(messages)
        total = _V7_FRAME + self._encode(system)
        for is_text, run in groupby(parts, key=lambda part: isinstance(part, str)):
            if is_text:
                total += self._encode("\n\n".join(part for part in run if isinstance(part, str)))
            else:
                total += sum(self.image(width=part[0], height=part[1]) for part in run if not isinstance(part, str))
        return total


class SentencePieceV3Counter:
    """SentencePiece under v3, text only: the system's words and the user's texts, each two line breaks apart."""

    def __init__(self, *, encode: Encode) -> None:
        self._encode = encode

    def text(self, text: str) -> int:
        return self._encode(text)

    def image(self, *, width: int, height: int) -> int:
        return _image_tokens(None, width=width, height=height)

    def request(self, messages: Sequence[Mapping[str, Any]]) -> int:
        system, parts = _taken_apart(messages)
        texts = [part for part in parts if isinstance(part, str)]
        if len(texts) != len(parts):
            raise ValueError("the model takes no pictures")
        return _V3_FRAME + self._encode("\n\n".join([system, *texts]))


def counter(profile: Profile) -> TokenCounter | None:
    """Return the counter of a profile, or None where its tokenizer isn't known: then an estimate has to do."""
    if profile.tokenizer == "tekken-v7":
        return TekkenV7Counter(encode=tekken(), images=profile.images)
    if profile.tokenizer == "sentencepiece-v3":
        return SentencePieceV3Counter(encode=sentencepiece_v3())
    return None


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text has in Mistral's Tekken, rather too many than too few.

    Four small letters or two capitals count as one token, any other sign as one of its own, as digits are in Tekken.
    On 329 pages of all sets of the corpus the sum was 29% over, 12 pages were under, the worst by 15%. It stands in
    where a profile's tokenizer isn't known.
    """
    total = 0
    for piece in _PIECE.finditer(text):
        kind = piece.lastgroup
        if kind is not None:
            length = piece.end() - piece.start()
            total += -(-length // 4) if kind == "lower" else -(-length // 2) if kind == "upper" else 1
    return total


@cache
def tekken() -> Encode:
    """Return what counts a text in the Tekken vocabulary of the wheel; the first call loads it, about a second."""
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer  # noqa: PLC0415 - heavy: not at the process's start

    tokenizer = Tekkenizer.from_file(data_file("tekken_240911.json"))
    return lambda text: len(tokenizer.encode(text, bos=False, eos=False))


@cache
def sentencepiece_v3() -> Encode:
    """Return what counts a text in the SentencePiece vocabulary of v3."""
    from mistral_common.tokens.tokenizers.sentencepiece import SentencePieceTokenizer  # noqa: PLC0415 - heavy, as above

    tokenizer = SentencePieceTokenizer(data_file("mistral_instruct_tokenizer_240323.model.v3"))
    return lambda text: len(tokenizer.encode(text, bos=False, eos=False))


def data_file(name: str) -> str:
    """Return where mistral-common's wheel has put a vocabulary."""
    import mistral_common  # noqa: PLC0415 - heavy, as above

    return str(Path(mistral_common.__file__).parent / "data" / name)


def _image_tokens(rule: ImageRule | None, *, width: int, height: int) -> int:
    if rule is None:
        raise ValueError("the model takes no pictures")
    ratio = max(width, height) / rule.max_side
    if ratio > 1:
        # The order of these two steps is mistral-common's: scaled sides are rounded, then cut into units.
        width, height = max(round(width / ratio), 1), max(round(height / ratio), 1)
    return rule.tokens(width=width, height=height)


def _taken_apart(messages: Sequence[Mapping[str, Any]]) -> tuple[str, list[str | tuple[int, int]]]:
    """Return the system's words, and the user's parts: texts, and pictures as width and height."""
    if [message["role"] for message in messages] != ["system", "user"]:
        raise ValueError("only one system message and one user message can be counted")
    system, content = messages[0]["content"], messages[1]["content"]
    if not isinstance(system, str):
        raise ValueError("the system message has to be one text")  # noqa: TRY004 - a form of request, as the others
    if isinstance(content, str):
        return system, [content]
    return system, [_part(part) for part in content]


def _part(part: Mapping[str, Any]) -> str | tuple[int, int]:
    if part["type"] == "text":
        return str(part["text"])
    if part["type"] == "image_url":
        from PIL import Image  # noqa: PLC0415 - texts are counted without it

        head, _, data = part["image_url"]["url"].partition(";base64,")
        if not head.startswith("data:image/"):
            raise ValueError("only pictures in data URIs can be counted")
        with Image.open(BytesIO(base64.b64decode(data))) as picture:  # reads the header, not the pixels
            return picture.size
    raise ValueError("a part is neither text nor picture")
