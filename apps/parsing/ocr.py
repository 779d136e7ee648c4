"""Reading the words of a picture with Tesseract."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pymupdf
import tesserocr
from pymupdf import mupdf

from apps.parsing import drawing, layer
from apps.parsing.codec import Columns, columns_of
from apps.parsing.limits import Limits

LANGUAGES = "eng+deu"
DOTS_PER_INCH = 300
_MAX_PIXELS = 16_000_000
_WORD_LEVEL = "5"

_engine: tesserocr.PyTessBaseAPI | None = None


def load() -> None:
    """Load the engine and its languages; done once, before the process forks."""
    global _engine  # noqa: PLW0603 - one engine a process; it takes 0.2 s to load
    path = Path(sys.prefix) / "share" / "tessdata"
    _engine = tesserocr.PyTessBaseAPI(path=f"{path}/", lang=LANGUAGES, psm=tesserocr.PSM.AUTO)
    _engine.SetImageBytes(b"\xff" * 10_000, 100, 100, 1, 100)
    # A resolution that it complains of: its log must be open before files can't be, or the next complaint kills it.
    _engine.SetSourceResolution(1)
    _engine.Recognize()


def recognise(page: pymupdf.Page, *, bound: mupdf.FzRect, number: int, limits: Limits) -> Columns:
    """Return the words that the page shows, with confidences."""
    if _engine is None:
        raise RuntimeError("load() comes first")
    drawing.check_pictures(page, number=number, limits=limits)
    across, down = bound.x1 - bound.x0, bound.y1 - bound.y0
    scale = DOTS_PER_INCH / 72
    scale *= min(1.0, (_MAX_PIXELS / max(across * down * scale * scale, 1.0)) ** 0.5)
    width, height = max(1, round(across * scale)), max(1, round(down * scale))
    pixels = drawing.draw(page, bound=bound, width=width, height=height, gray=True)
    _engine.SetImageBytes(pixels.tobytes(), width, height, 1, width)
    _engine.SetSourceResolution(DOTS_PER_INCH)
    _engine.Recognize()
    return _columns(_engine.GetTSVText(0), width=width, height=height)


def _columns(table: str, *, width: int, height: int) -> Columns:
    """Return Tesseract's table as columns: level page block par line word left top width height conf text."""
    texts: list[str] = []
    numbers: list[tuple[float, float, float, float, float]] = []
    blocks: list[int] = []
    lines: list[int] = []
    line = -1
    place: tuple[str, ...] = ()
    for row in table.splitlines():
        cells = row.split("\t")
        if len(cells) != 12 or cells[0] != _WORD_LEVEL:
            continue
        for text in cells[11].split():
            if cells[2:5] != list(place):
                line += 1
                place = tuple(cells[2:5])
            left, top, across, down = (int(cell) for cell in cells[6:10])
            texts.append(text)
            numbers.append((left, top, left + across, top + down, float(cells[10]) / 100.0))
            blocks.append(int(cells[2]) - 1)
            lines.append(line)
    if not texts:
        return layer.EMPTY
    table_of_numbers = np.array(numbers).T
    boxes = table_of_numbers[:4]
    boxes[::2] /= width
    boxes[1::2] /= height
    return columns_of(
        texts=texts, boxes=boxes, blocks=np.array(blocks), lines=np.array(lines), confidences=table_of_numbers[4]
    )
