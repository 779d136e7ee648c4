"""Reading the words of a picture with Tesseract, more than once where one look is not enough.

Measured on photographed receipts and on rendered forms, invoices and reports: no cleaning of the picture (division by
the background, local thresholds, sharpening, median) was better than the gray pixels as they are; different ways of
cutting the page into lines miss different words. So a page is looked at as a page; where that leaves ink unread,
also as sparse text; where the result is doubtful, also as one block at two sizes. Words that compete are chosen by
confidence (see wordmerge.py).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pymupdf
import tesserocr
from PIL import Image
from pymupdf import mupdf

from apps.parsing import drawing, layer, skew, wordmerge
from apps.parsing.codec import Columns
from apps.parsing.limits import Limits
from apps.parsing.pages import Box
from apps.parsing.wordmerge import Words

LANGUAGES = "eng+deu"
"""Together they read English as well as English alone, and German better than German alone."""
_USUAL_DPI = 300.0
_LEAST_DPI = 200.0
_LEGIBLE_DPI = 100.0  # A0 has just that many
_MAX_PIXELS = 16_000_000
_SURE_OF_SCAN, _SURE_OF_PHOTOGRAPH = 0.88, 0.93  # mean confidence below which a page is looked at again
_ASTRAY = 0.6  # below which it may lie on its side
_UNREAD_INK = 0.1
_DARK = 128
_FAINT = 24  # the difference in gray below which a page is blank
_LINE = 14.0  # points: no more than a line's height is taken around a part of a page
_GOOD_HEIGHT = 24.0  # pixels of a line's height at which small type is read best
_SAME_SIZE = (0.9, 1.1)
_WORD_LEVEL = "5"


@dataclass(slots=True)
class _Engines:
    reader: tesserocr.PyTessBaseAPI
    compass: tesserocr.PyTessBaseAPI


_engines: _Engines | None = None


class NotLoaded(Exception):  # noqa: N818 - no error: another process has it
    """OCR is needed and was not loaded in this process."""


def load() -> None:
    """Load the engine and its languages; done once, before the process forks."""
    global _engines  # noqa: PLW0603 - one engine a process; it takes 0.2 s to load
    path = f"{Path(sys.prefix) / 'share' / 'tessdata'}/"
    _engines = _Engines(
        reader=tesserocr.PyTessBaseAPI(path=path, lang=LANGUAGES, psm=tesserocr.PSM.AUTO),
        compass=tesserocr.PyTessBaseAPI(path=path, lang="osd", psm=tesserocr.PSM.OSD_ONLY),
    )


def rehearse(page: pymupdf.Page) -> None:
    """Read a page of words in every way there is, so that nothing is left to be imported or opened later.

    A confined process can do neither: numpy imports a part of itself at its first median, and the first complaint of
    Tesseract's, as of a resolution of 1, opens its log.
    """
    pixels = _draw(page, bound=mupdf.fz_bound_page(page.this))
    pixels = np.ascontiguousarray(pixels[: pixels.shape[0] // 4])
    _reader().SetImageBytes(pixels.tobytes(), pixels.shape[1], pixels.shape[0], 1, pixels.shape[1])
    _reader().SetSourceResolution(1)
    _reader().Recognize()
    slanted = skew.straighten(pixels, 3.0)
    skew.angle_of(slanted)
    _upright(slanted)
    for sure in (0.0, 2.0):
        words = _look_again(pixels, _look(pixels, mode=tesserocr.PSM.AUTO), sure=sure)
        skew.slanted(words.boxes, 3.0, straight=slanted.shape, original=pixels.shape)
        words.columns(aspect=1.0, turns=1)
    _look(pixels, mode=tesserocr.PSM.SPARSE_TEXT)


def recognise(page: pymupdf.Page, *, bound: mupdf.FzRect, number: int, limits: Limits) -> Columns:
    """Return the words that the page shows, with confidences. Raises NotLoaded, Failure page_too_large."""
    if _engines is None:
        raise NotLoaded
    drawing.check_pictures(page, number=number, limits=limits)
    pixels = _draw(page, bound=bound)
    if int(pixels.max()) - int(pixels.min()) < _FAINT:
        return layer.EMPTY
    turns = 0
    angle, words = _first_look(pixels)
    if words.mean_confidence() < _ASTRAY and (turns := _upright(pixels)):
        pixels = np.ascontiguousarray(np.rot90(pixels, turns))
        angle, words = _first_look(pixels)
    straight = skew.straighten(pixels, angle) if angle else pixels
    words = _look_again(straight, words, sure=_SURE_OF_SCAN if page.parent.is_pdf else _SURE_OF_PHOTOGRAPH)
    if not words.texts:
        return layer.EMPTY
    if angle:
        boxes = skew.slanted(words.boxes, angle, straight=straight.shape, original=pixels.shape)
        words = replace(words, boxes=boxes)
    return words.columns(aspect=pixels.shape[1] / pixels.shape[0], turns=turns)


def is_loaded() -> bool:
    """Return whether this process can read pictures."""
    return _engines is not None


def recognise_part(page: pymupdf.Page, *, bound: mupdf.FzRect, box: Box) -> Columns:
    """Return the words in and around a box of lines that stand upright, placed on the page. Raises NotLoaded.

    It is cut out with some of its surroundings, by which Tesseract tells the letters' height. The page's pictures must
    have been checked before.
    """
    across, down = bound.x1 - bound.x0, bound.y1 - bound.y0
    around = min(box.height * down, _LINE) * 1.2
    x0, x1 = max(box.x0 * across - around, 0.0), min(box.x1 * across + around, across)
    y0, y1 = max(box.y0 * down - around, 0.0), min(box.y1 * down + around, down)
    scale = min(_USUAL_DPI / 72.0, (_MAX_PIXELS / max((x1 - x0) * (y1 - y0), 1.0)) ** 0.5)
    width, height = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
    part = mupdf.FzRect(bound.x0 + x0, bound.y0 + y0, bound.x0 + x1, bound.y0 + y1)
    pixels = drawing.draw(page, bound=part, width=width, height=height, gray=True)
    words = _look(pixels, mode=tesserocr.PSM.SINGLE_BLOCK)
    if not words.texts:
        return layer.EMPTY
    found = words.columns(aspect=width / height, turns=0)
    boxes = found.boxes.copy()
    boxes[::2] = (x0 + boxes[::2] * (x1 - x0)) / max(across, 1e-6)
    boxes[1::2] = (y0 + boxes[1::2] * (y1 - y0)) / max(down, 1e-6)
    return replace(found, boxes=boxes)


def is_legible(page: pymupdf.Page, *, bound: mupdf.FzRect) -> bool:
    """Return whether ordinary type can be seen on a page when it is drawn with as many pixels as OCR takes."""
    if not page.parent.is_pdf:
        return True  # a picture's inches are anybody's guess, and its type is as large as its pixels allow
    inches = (bound.x1 - bound.x0) / 72.0 * (bound.y1 - bound.y0) / 72.0
    return bool(inches * _LEGIBLE_DPI**2 <= _MAX_PIXELS)


def _first_look(pixels: npt.NDArray[np.uint8]) -> tuple[float, Words]:
    """Return the slant of the picture in degrees, and its words when it is straightened."""
    angle = skew.angle_of(pixels)
    straight = skew.straighten(pixels, angle) if angle else pixels
    return angle, _look(straight, mode=tesserocr.PSM.AUTO)


def _look_again(pixels: npt.NDArray[np.uint8], words: Words, *, sure: float) -> Words:
    """Return what the first look saw with what others add to it."""
    own_lines = int(words.lines.max()) + 1 if words.texts else 0
    if words.mean_confidence() < sure:
        words = wordmerge.merge(words, _look(pixels, mode=tesserocr.PSM.SINGLE_BLOCK))
        factor = _GOOD_HEIGHT / max(words.median_height() * pixels.shape[0], 1.0)
        factor = min(max(factor, 0.5), 3.0, (_MAX_PIXELS / pixels.size) ** 0.5)
        if not _SAME_SIZE[0] < factor < _SAME_SIZE[1]:
            words = wordmerge.merge(words, _look(_resize(pixels, factor), mode=tesserocr.PSM.SINGLE_BLOCK))
    elif _unread_ink(pixels, words) > _UNREAD_INK:
        words = wordmerge.merge(words, _look(pixels, mode=tesserocr.PSM.SPARSE_TEXT))
    return wordmerge.join_numbers(wordmerge.in_lines(words, own_lines=own_lines))


def _draw(page: pymupdf.Page, *, bound: mupdf.FzRect) -> npt.NDArray[np.uint8]:
    """Return the page in gray: a picture in its own pixels, a scan at its own resolution within 200 and 300 dpi."""
    across, down = (bound.x1 - bound.x0) / 72.0, (bound.y1 - bound.y0) / 72.0
    dpi = _USUAL_DPI
    for picture in page.get_image_info():
        box = pymupdf.Rect(picture["bbox"])
        inches = abs(box.width * box.height) / 72.0 / 72.0
        if inches > 0.5 * across * down:
            dpi = (picture["width"] * picture["height"] / inches) ** 0.5
            if page.parent.is_pdf:
                dpi = min(max(dpi, _LEAST_DPI), _USUAL_DPI)
    dpi *= min(1.0, (_MAX_PIXELS / max(across * down * dpi * dpi, 1.0)) ** 0.5)
    width, height = max(1, round(across * dpi)), max(1, round(down * dpi))
    return drawing.draw(page, bound=bound, width=width, height=height, gray=True)


def _look(pixels: npt.NDArray[np.uint8], *, mode: int) -> Words:
    """Return the words of a picture in gray."""
    height, width = pixels.shape
    reader = _reader()
    reader.SetPageSegMode(mode)
    reader.SetImageBytes(pixels.tobytes(), width, height, 1, width)
    reader.SetSourceResolution(int(_USUAL_DPI))
    reader.Recognize()
    return _words(reader.GetTSVText(0), height=height)


def _reader() -> tesserocr.PyTessBaseAPI:
    if _engines is None:
        raise NotLoaded
    return _engines.reader


def _words(table: str, *, height: int) -> Words:
    """Return Tesseract's table as words: level page block par line word left top width height conf text."""
    texts: list[str] = []
    numbers: list[tuple[float, float, float, float, float]] = []
    blocks: list[int] = []
    lines: list[int] = []
    line = -1
    place: list[str] = []
    for row in table.splitlines():
        cells = row.split("\t")
        if len(cells) != 12 or cells[0] != _WORD_LEVEL:
            continue
        for text in cells[11].split():
            if cells[2:5] != place:
                line += 1
                place = cells[2:5]
            left, top, across, down = (int(cell) for cell in cells[6:10])
            texts.append(text)
            numbers.append((left, top, left + across, top + down, float(cells[10]) / 100.0))
            blocks.append(int(cells[2]) - 1)
            lines.append(line)
    table_of_numbers = np.array(numbers, dtype=np.float64).reshape(-1, 5)
    return Words(
        texts=texts,
        boxes=table_of_numbers[:, :4] / height,
        confidences=table_of_numbers[:, 4],
        votes=np.zeros(len(texts), dtype=np.int64),
        blocks=np.array(blocks, dtype=np.int64),
        lines=np.array(lines, dtype=np.int64),
    )


def _unread_ink(pixels: npt.NDArray[np.uint8], words: Words) -> float:
    """Return which share of the dark pixels lies outside the words that were read."""
    dark = pixels < _DARK
    total = int(dark.sum())
    for x0, y0, x1, y1 in (words.boxes * pixels.shape[0]).astype(int).tolist():
        dark[max(y0 - 2, 0) : y1 + 2, max(x0 - 2, 0) : x1 + 2] = False
    return int(dark.sum()) / total if total else 0.0


def _upright(pixels: npt.NDArray[np.uint8]) -> int:
    """Return by how many quarter turns to the left (numpy.rot90) the picture stands upright; 0 where it isn't clear."""
    if _engines is None:
        raise NotLoaded
    height, width = pixels.shape
    compass = _engines.compass
    compass.SetImageBytes(pixels.tobytes(), width, height, 1, width)
    compass.SetSourceResolution(int(_USUAL_DPI))
    found = compass.DetectOrientationScript()
    if not found or found["orient_conf"] < 2.0:
        return 0
    return int(found["orient_deg"]) // 90 % 4


def _resize(pixels: npt.NDArray[np.uint8], factor: float) -> npt.NDArray[np.uint8]:
    """Return the picture scaled smoothly."""
    height, width = pixels.shape
    image = Image.fromarray(pixels)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))
