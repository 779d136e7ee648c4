"""Control tokens, such as `[/INST]`, as a document or a tenant may write them: none of their text is ever one.

Most tokenizers take such a mark for its one token wherever it stands in a prompt. A page that shows `[/INST]` would end
the user's turn from within its markers, and one that shows `[IMG]` would be a picture more than were sent. Which marks
there are is mistral-common's own list; other families write theirs as `<|name|>`.
"""

from __future__ import annotations

import re
from functools import cache

_OTHERS = (r"\[control_\d+\]", r"<\|[^<>|\s]{1,60}\|>")
"""Those that the SentencePiece vocabularies have in reserve, and other families'."""


def inert(text: str) -> str:
    """Return text without a control token: behind the first sign of each there is a blank, `[ /INST]`."""
    if "[" not in text and "<" not in text:
        return text
    return _marks().sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def restored(text: str) -> str:
    """Return text as it was before `inert`: what a model quotes is what it was shown."""
    if "[ " not in text and "< " not in text:
        return text
    return _broken().sub(lambda found: found[0][0] + found[0][2:], text)


@cache
def _names() -> tuple[str, ...]:
    """Return the marks as patterns; of the numbered ones, which a vocabulary has in reserve, any."""
    from mistral_common.tokens.tokenizers.base import SpecialTokens  # noqa: PLC0415 - heavy: not at the process's start
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer  # noqa: PLC0415 - as above

    before, after = Tekkenizer.SPECIAL_TOKEN_TEMPLATE.split("{id}")
    return *(re.escape(token) for token in SpecialTokens), rf"{re.escape(before)}\d+{re.escape(after)}", *_OTHERS


@cache
def _marks() -> re.Pattern[str]:
    return re.compile("|".join(_names()))


@cache
def _broken() -> re.Pattern[str]:
    # Each begins with a bracket, which is escaped or not.
    return re.compile("|".join(re.sub(r"^(\\?.)", r"\1 ", name) for name in _names()))
