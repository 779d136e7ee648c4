"""Whether a reader sees what stands in a box: a text layer may hold what the page doesn't show.

White on white, behind a picture, without ink, clipped away, or too small to read: such text is put on a page to be read
by machines alone. What a box holds is looked at on the drawn page, so it doesn't matter how the text was hidden. Nor is
it enough that something can be seen there, which may be other words: the box has to show the layer's own letters, as
they come out when nothing but the letters is drawn. Where it doesn't, as in a scan with a text layer, whose letters are
the picture's, OCR has to read the layer's words there.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pymupdf import mupdf

from apps.parsing import drawing, glyphs, layer, ocr
from apps.parsing.codec import Columns
from apps.parsing.limits import Limits
from apps.parsing.opening import Opened
from apps.parsing.pages import Box

LONGER_SIDE = 1540
LEAST_CONTRAST = 24
"""Steps of 255 between the lightest and the darkest pixel of a box, in red, green or blue."""
LEAST_HEIGHT = 3.0
"""Points. A box is about 1.3 times as high as its letters' size; the smallest print in use has 4 points."""
MOST_OFF = 0.1
"""How far a spot of three pixels each way may be from what the layer's letters make of it, of the part's contrast."""
MOST_UNEXPLAINED = 0.05
"""Share of a part's variance that the letters may leave over. Of the corpus' digital words 1% have more of either."""
LEAST_ALIKE = 0.75
"""Least likeness, in [0, 1], of what OCR reads and the layer's words; their digits have to be the same."""
_EDGE = 0.1
"""How much of a box's height and width is left out at each side: a neighbour's ink, a table's lines."""
_INK = 128
_SIDEWAYS = 1.5
_LOOSE = re.compile(r"(?<!\d)[.,]|[.,](?!\d)")
_MOST_PARTS = 8
"""So many places of a page are read by themselves; where there are more, the page is, once."""


class Sight(IntEnum):
    """What a reader sees in a box. UNCLEAR: something, and only OCR, which isn't loaded here, can say what."""

    NOTHING = 0
    TEXT = 1
    UNCLEAR = 2


def look(opened: Opened, *, places: Iterable[tuple[int, Box]], limits: Limits) -> Iterator[Sight]:
    """Yield for each place (page from 1, box in [0, 1]), in order, whether its text can be seen there.

    Places of one page should stand together: the page is drawn once for them. Raises Failure page_too_large.
    """
    sheet: _Sheet | None = None
    for number, box in places:
        if sheet is None or number != sheet.number:
            sheet = _Sheet(opened, number=number, limits=limits)
        yield sheet.sight(box)


class _Sheet:
    """A page, drawn once for all places on it."""

    def __init__(self, opened: Opened, *, number: int, limits: Limits) -> None:
        self.number = number
        self._page = opened.document.load_page(number - 1)
        self._is_picture = opened.is_picture
        self._limits = limits
        drawing.check_pictures(self._page, number=number, limits=limits)
        self._bound = mupdf.fz_bound_page(self._page.this)
        self._across, self._down = self._bound.x1 - self._bound.x0, self._bound.y1 - self._bound.y0
        scale = LONGER_SIDE / max(self._across, self._down, 1e-6)
        self._width, self._height = max(1, round(self._across * scale)), max(1, round(self._down * scale))
        self._pixels = drawing.draw(self._page, bound=self._bound, width=self._width, height=self._height, gray=False)
        self._read = 0

    @cached_property
    def _letters(self) -> npt.NDArray[np.uint8]:
        return glyphs.draw(self._page, bound=self._bound, width=self._width, height=self._height)

    @cached_property
    def _layer(self) -> Columns:
        return layer.EMPTY if self._is_picture else layer.words_of(self._page, bound=self._bound)

    @cached_property
    def _recognised(self) -> Columns:
        return ocr.recognise(self._page, bound=self._bound, number=self.number, limits=self._limits)

    def sight(self, box: Box) -> Sight:
        inside = self._inside(box)
        pixels = self._pixels[inside].reshape(-1, 3)
        high_enough = self._is_picture or box.height * self._down >= LEAST_HEIGHT
        if not high_enough or not pixels.size or int(_contrast(pixels).max()) < LEAST_CONTRAST:
            return Sight.NOTHING
        words = _words_in(self._layer, box)
        # Without a word of the layer there, it was OCR that read the place.
        if not words or (self._has_letters(inside) and _shows(self._pixels[inside], self._letters[inside])):
            return Sight.TEXT
        if not ocr.is_loaded():
            return Sight.UNCLEAR
        return Sight.TEXT if self._reads(words, box) else Sight.NOTHING

    def _has_letters(self, inside: tuple[slice, slice]) -> bool:
        """Return whether the layer's letters have ink there: a font made for scans may have none."""
        return int(self._letters[inside].min(initial=255)) < _INK

    def _inside(self, box: Box) -> tuple[slice, slice]:
        across, down = box.width * _EDGE, box.height * _EDGE
        x0, x1 = round((box.x0 + across) * self._width), round((box.x1 - across) * self._width)
        y0, y1 = round((box.y0 + down) * self._height), round((box.y1 - down) * self._height)
        return slice(max(y0, 0), max(y1, y0 + 1)), slice(max(x0, 0), max(x1, x0 + 1))

    def _reads(self, words: Sequence[str], box: Box) -> bool:
        """Return whether OCR reads the words in a box, in the part of the page around it, or else in the whole page."""
        sideways = box.height * self._down > _SIDEWAYS * box.width * self._across and max(map(len, words)) > 2
        self._read += 1
        if not sideways and self._read <= _MOST_PARTS:
            part = ocr.recognise_part(self._page, bound=self._bound, box=box)
            if _same_words(words, _words_in(part, box)):
                return True
        return _same_words(words, _words_in(self._recognised, box))


def _contrast(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """Return the contrast of pixels (n, 3) in each of their colours."""
    contrast: npt.NDArray[np.int16] = pixels.max(axis=0).astype(np.int16) - pixels.min(axis=0)
    return contrast


def _shows(pixels: npt.NDArray[np.uint8], letters: npt.NDArray[np.uint8]) -> bool:
    """Return whether what is drawn (height, width, 3) is the letters (height, width) and nothing else.

    Part by part, each about two letters long, it has to be the mixture of two colours that the letters alone make.
    Words of another place are variance that they leave over; a missing letter or decimal point is a spot that is off.
    """
    height, width = letters.shape
    along = 1 if width >= height else 0
    count = max(1, round(max(height, width) / max(2 * min(height, width), 8)))
    parts = zip(np.array_split(pixels, count, axis=along), np.array_split(letters, count, axis=along), strict=True)
    return all(_is_mixture(part, ink) for part, ink in parts)


def _is_mixture(part: npt.NDArray[np.uint8], ink: npt.NDArray[np.uint8]) -> bool:
    contrast = _contrast(part.reshape(-1, 3))
    colour = int(contrast.argmax())
    shown, drawn = part[..., colour].astype(np.float64), ink.astype(np.float64)
    shown -= shown.mean()
    drawn -= drawn.mean()
    most = float((drawn * drawn).mean())
    if most < 1.0:  # a gap between words, or nothing but ink: a font made for scans has blocks for letters
        return int(ink.min()) >= _INK
    left = shown - float((drawn * shown).mean()) / most * drawn
    off = float(np.abs(_smooth(left)).max()) / max(int(contrast[colour]), LEAST_CONTRAST)
    unexplained = float((left * left).mean()) / max(float((shown * shown).mean()), 1.0)
    return off <= MOST_OFF and unexplained <= MOST_UNEXPLAINED and int(contrast[colour]) >= LEAST_CONTRAST


def _smooth(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean of each spot of three by three."""
    padded = np.pad(values, 1)
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9.0


def _words_in(columns: Columns, box: Box) -> list[str]:
    """Return the words whose middle lies in a box, in reading order."""
    if not columns.count:
        return []
    x = (columns.boxes[0] + columns.boxes[2]) / 2
    y = (columns.boxes[1] + columns.boxes[3]) / 2
    inside = (x >= box.x0) & (x <= box.x1) & (y >= box.y0) & (y <= box.y1)
    texts = columns.text.split()
    return [texts[position] for position in np.flatnonzero(inside).tolist()] if inside.any() else []


def _same_words(words: Sequence[str], read: Sequence[str]) -> bool:
    """Return whether what was read says what the words do: the same numbers, and letters that are much alike."""
    said, seen = _folded(words), _folded(read)
    if _numbers(said) != _numbers(seen):
        return False
    return difflib.SequenceMatcher(a=said, b=seen, autojunk=False).ratio() >= LEAST_ALIKE


def _numbers(text: str) -> str:
    return "".join(char for char in text if char.isdigit() or char == ".")


def _folded(words: Sequence[str]) -> str:
    """Return letters and digits, with a point for each point or comma between two digits."""
    text = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", "".join(words)).casefold())
    text = _LOOSE.sub("", text).replace(",", ".")
    return "".join(char for char in text if char.isalnum() or char == ".")
