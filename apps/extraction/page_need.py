"""How much a model has to see a page beside reading its words."""

from __future__ import annotations

from enum import IntEnum
from itertools import pairwise

from apps.parsing.pages import Page, TextSource

# A page with fewer words has room for what isn't text: a drawing, a stamp, a signature, a photograph.
FEW_WORDS = 60
# Words of one line that stand so many line heights apart are cells of a table, or a form's label and its entry.
WIDE_GAP = 3.0
# So many such gaps in a hundred words are a form or a table without lines; running text has next to none.
MANY_GAPS = 4


class Need(IntEnum):
    """`ONLY`: there are no words. `SCAN`: words were read by OCR. `LAYOUT`: where words stand tells something too."""

    NONE = 0
    LAYOUT = 1
    SCAN = 2
    ONLY = 3


def need(page: Page) -> Need:
    """Return what a page's picture is worth to a model that has its text."""
    if not page.text.strip():
        return Need.ONLY
    if page.source is not TextSource.LAYER:
        return Need.SCAN
    if page.tables or len(page.words) < FEW_WORDS or _gaps(page) * 100 >= MANY_GAPS * len(page.words):
        return Need.LAYOUT
    return Need.NONE


def doubt(page: Page) -> float:
    """Return how unsure the words are, in [0, 1]: 0 for a text layer's, 1 where there are none."""
    if not page.words:
        return 1.0
    return 1.0 - sum(word.confidence for word in page.words) / len(page.words)


def _gaps(page: Page) -> int:
    """Return how many words follow another on its level after a wide gap."""
    # Boxes are fractions of the page: a height counts for more across where the page is taller than wide.
    wide = WIDE_GAP * page.height / page.width if page.width > 0 else WIDE_GAP
    count = 0
    for left, right in pairwise(page.words):
        one, other = left.box, right.box
        height = one.y1 - one.y0
        count += other.x0 - one.x1 > wide * height and abs(other.y0 - one.y0) < 0.5 * height
    return count
