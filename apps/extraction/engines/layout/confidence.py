"""How sure a value is, from what speaks for it: its label and place, rivals, arithmetic, and how well it was read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from apps.extraction.engines.layout.choosing import Choice, Proof
from apps.extraction.values import ValueStatus
from apps.parsing.pages import Page

ACCEPT = 0.7
ABSTAIN = 0.45

_RIVAL_FROM = 0.7
_PROOF_DOUBT = {Proof.NONE: 1.0, Proof.AGREED: 0.3, Proof.TRIVIAL: 0.7, Proof.EXPLAINED: 0.6}
_VIOLATED = 0.7


def of_choice(*, choice: Choice, read: float) -> float:
    """Return a choice's confidence in [0, 1]. `read` is how well the page's words were recognised."""
    sure = min(1.0, choice.option.score)
    if choice.proof not in {Proof.AGREED, Proof.EXPLAINED} and sure > 0:
        closeness = min(1.0, choice.rival / sure)
        sure *= 1 - 0.35 * max(0.0, closeness - _RIVAL_FROM) / (1 - _RIVAL_FROM)
    if choice.repeats:
        sure = 1 - (1 - sure) * 0.75
    if choice.proof is Proof.VIOLATED:
        sure *= _VIOLATED
    else:
        sure = 1 - (1 - sure) * _PROOF_DOUBT[choice.proof]
    return round(min(0.99, sure * read), 4)


def reading(*, page: Page, words: Sequence[int]) -> float:
    """Return how well words were recognised: the worst one's confidence counts, softened."""
    if not words:
        return 1.0
    return math.sqrt(min(page.words[word].confidence for word in words))


def status(confidence: float) -> ValueStatus:
    return ValueStatus.ACCEPTED if confidence >= ACCEPT else ValueStatus.NEEDS_REVIEW


def of_name(*, score: float, rival: float, read: float) -> float:
    """Return a name's confidence: a rival that is nearly as good makes it doubtful."""
    sure = min(0.97, score)
    closeness = min(1.0, rival / sure) if sure > 0 else 0.0
    sure *= 1 - 0.3 * max(0.0, closeness - _RIVAL_FROM) / (1 - _RIVAL_FROM)
    return round(sure * math.sqrt(read), 4)


def of_cell(*, heading: float, proven: bool | None, summed: bool, read: float) -> float:
    """Return a table cell's confidence.

    It is its heading's, raised where the row adds up and lowered where it doesn't, and raised where the whole column
    adds up to a total that the page states.
    """
    sure = 0.35 + 0.5 * min(1.0, heading)
    if proven is True:
        sure = 1 - (1 - sure) * 0.4
    elif proven is False:
        sure *= 0.9 if summed else 0.75
    if summed:
        sure = 1 - (1 - sure) * 0.6
    return round(sure * read, 4)


def of_text_cell(*, heading: float, proven: bool | None, summed: bool, read: float) -> float:
    """Return the confidence of a table's text. One that is only read badly is shown to a person, not left out."""
    sure = of_cell(heading=heading, proven=proven, summed=summed, read=read)
    clear = of_cell(heading=heading, proven=proven, summed=summed, read=1.0)
    return max(sure, ABSTAIN) if clear >= ACCEPT else sure


def of_mention(*, count: int, total: int) -> float:
    """Return the confidence of a text that `count` of `total` sentences name."""
    return round((0.62 + 0.1 * min(2, count - 1)) * (0.6 + 0.4 * count / total), 4)
