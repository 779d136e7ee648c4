"""Straightening a picture that was taken at a slant."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

_LARGEST = 12.0
_SMALLEST = 0.8  # degrees; below that the reader copes
_STEP = 0.5
_FINE_STEP = 0.1
_POINTS = 40_000
_LONGER_SIDE = 1000
_EDGE = 30
_CLEARLY = 1.15


def angle_of(pixels: npt.NDArray[np.uint8]) -> float:
    """Return by how many degrees the lines of text fall to the right (below 0: rise), 0 where it isn't clear.

    The upper and lower edges of letters are projected at many angles; along the lines they pile up the highest.
    """
    step = max(1, max(pixels.shape) // _LONGER_SIDE)
    small = pixels[::step, ::step].astype(np.int16)
    rows, columns = np.nonzero(np.abs(small[1:] - small[:-1]) > _EDGE)
    if rows.size < 100:
        return 0.0
    if rows.size > _POINTS:
        chosen = np.linspace(0, rows.size - 1, _POINTS).astype(np.int64)
        rows, columns = rows[chosen], columns[chosen]
    coarse = np.arange(-_LARGEST, _LARGEST + _STEP / 2, _STEP)
    piles = [_pile(rows, columns, float(angle)) for angle in coarse]
    best = float(coarse[int(np.argmax(piles))])
    fine = np.arange(best - _STEP, best + _STEP + _FINE_STEP / 2, _FINE_STEP)
    best = float(fine[int(np.argmax([_pile(rows, columns, float(angle)) for angle in fine]))])
    if abs(best) < _SMALLEST or _pile(rows, columns, best) < _CLEARLY * _pile(rows, columns, 0.0):
        return 0.0
    return best


def straighten(pixels: npt.NDArray[np.uint8], angle: float) -> npt.NDArray[np.uint8]:
    """Return the picture turned so that lines falling by `angle` degrees are level, and grown to hold its corners."""
    paper = int(np.median(pixels[::8, ::8]))
    turned = Image.fromarray(pixels).rotate(angle, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=paper)
    return np.asarray(turned)


def slanted(
    boxes: npt.NDArray[np.float64], angle: float, *, straight: tuple[int, int], original: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Return where boxes of the straightened picture lie on the original one.

    `boxes` has shape (n, 4) and is in heights of its picture, before and after; `straight` and `original` are the
    pictures' heights and widths in pixels. A box keeps its size and moves with its middle: the upright box around a
    slanted one would cover the lines above and below.
    """
    turn = np.deg2rad(angle)
    cosine, sine = np.cos(turn), np.sin(turn)
    pixels = boxes * straight[0]
    centers = (pixels[:, :2] + pixels[:, 2:]) / 2 - (straight[1] / 2, straight[0] / 2)
    half = (pixels[:, 2:] - pixels[:, :2]) / 2
    across = centers[:, 0] * cosine - centers[:, 1] * sine + original[1] / 2
    down = centers[:, 0] * sine + centers[:, 1] * cosine + original[0] / 2
    moved = np.stack([across, down], axis=1)
    return np.concatenate([moved - half, moved + half], axis=1) / original[0]


def _pile(rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], angle: float) -> float:
    """Return how unevenly points spread over lines that fall by `angle` degrees."""
    turn = np.deg2rad(angle)
    heights = rows * np.cos(turn) - columns * np.sin(turn)
    counts = np.bincount((heights - heights.min()).astype(np.int64)).astype(np.float64)
    return float((counts * counts).sum())
