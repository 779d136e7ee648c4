"""A page's text layer: its words as they are shown, and whether they can be used at all."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pymupdf
from pymupdf import extra, mupdf

from apps.parsing.codec import Columns, columns_of

_FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP
"""Ligatures come apart; a glyph of unknown meaning is U+FFFD rather than a number that looks like text."""
_IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_FEW_WORDS = 25
_COVERED = 0.4
_GARBAGE = 0.3
_MEANINGLESS = re.compile("[\ufffd\ue000-\uf8ff]")
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}


class _Cleaning(dict[int, int | None]):
    """A table for str.translate that drops what no page shows, e.g. soft hyphens and direction marks."""

    def __missing__(self, letter: int) -> int | None:
        kept = None if unicodedata.category(chr(letter)) in _UNPRINTABLE else letter
        self[letter] = kept
        return kept


_CLEANING = _Cleaning()


def words_of(page: pymupdf.Page, *, bound: mupdf.FzRect) -> Columns:
    """Return the words of the text layer that lie on the page as it is shown: rotated, cut to its crop box."""
    textpage = mupdf.FzStextPage(extra.page_get_textpage(page.this, None, _FLAGS, _IDENTITY))
    rows = extra.extractWORDS(textpage, None)
    if not rows:
        return EMPTY
    x0, y0, x1, y1, texts, blocks, lines, _ = zip(*rows, strict=True)
    boxes = np.array((x0, y0, x1, y1))
    boxes[::2] = (boxes[::2] - bound.x0) / max(bound.x1 - bound.x0, 1e-6)
    boxes[1::2] = (boxes[1::2] - bound.y0) / max(bound.y1 - bound.y0, 1e-6)
    block_numbers = np.array(blocks)
    line_numbers = np.array(lines)
    shown = (boxes[0] < 1.0) & (boxes[1] < 1.0) & (boxes[2] > 0.0) & (boxes[3] > 0.0)
    if not "".join(texts).isprintable():
        texts = tuple(text.translate(_CLEANING) for text in texts)
        shown &= np.fromiter(map(bool, texts), dtype=np.bool_, count=len(texts))
    if not shown.all():
        texts = tuple(text for text, keep in zip(texts, shown.tolist(), strict=True) if keep)
        boxes, block_numbers, line_numbers = boxes[:, shown], block_numbers[shown], line_numbers[shown]
    return columns_of(texts=texts, boxes=boxes, blocks=block_numbers, lines=line_numbers)


EMPTY = Columns(
    text="",
    boxes=np.empty((4, 0)),
    blocks=np.empty(0, dtype=np.int64),
    lines=np.empty(0, dtype=np.int64),
)


def is_usable(page: pymupdf.Page, columns: Columns) -> bool:
    """Return whether the layer says what the page shows.

    It doesn't where the page has no words but ink, few words beside a picture over much of the page (a scan with a
    stamp), or mostly characters that mean nothing.
    """
    if columns.count == 0:
        return not _has_ink(page)
    if _garbage_share(columns.text) > _GARBAGE:
        return False
    return columns.count >= _FEW_WORDS or _picture_share(page) < _COVERED


def _garbage_share(text: str) -> float:
    """Return which share of the letters is unknown (U+FFFD) or of somebody's own making (private use)."""
    if text.isascii():
        return 0.0
    letters = len(text) - text.count(" ") - text.count("\n")
    return len(_MEANINGLESS.findall(text)) / max(letters, 1)


def _picture_share(page: pymupdf.Page) -> float:
    """Return how much of the page lies under pictures, in [0, 1]; overlaps count twice."""
    area = abs(page.rect.width * page.rect.height) or 1.0
    covered = 0.0
    for picture in page.get_image_info():
        box = pymupdf.Rect(picture["bbox"])
        covered += abs(box.width * box.height)
    return min(covered / area, 1.0)


def _has_ink(page: pymupdf.Page) -> bool:
    """Return whether the page shows anything, looked at from far away."""
    longer = max(page.rect.width, page.rect.height, 1.0)
    pixmap = page.get_pixmap(matrix=pymupdf.Matrix(300.0 / longer, 300.0 / longer), colorspace=pymupdf.csGRAY)
    samples = np.frombuffer(pixmap.samples_mv, dtype=np.uint8)
    return bool(samples.size and int(samples.max()) - int(samples.min()) > 24)
