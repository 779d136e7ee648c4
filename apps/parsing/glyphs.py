"""Where a page's text layer has its letters, whether or not the page shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pymupdf
from pymupdf import mupdf


class _Letters(mupdf.FzDevice2):  # type: ignore[misc,unused-ignore]
    """Draws every letter in black, also those without ink, in white, or clipped away, and nothing else."""

    def __init__(self, onto: mupdf.FzDevice) -> None:
        super().__init__()
        self._onto = onto.m_internal
        self._gray = mupdf.FzColorspace(mupdf.FzColorspace.Fixed_GRAY)
        self._params = mupdf.FzColorParams()
        self.use_virtual_fill_text()
        self.use_virtual_stroke_text()
        self.use_virtual_clip_text()
        self.use_virtual_clip_stroke_text()
        self.use_virtual_ignore_text()

    def fill_text(self, _context: Any, text: Any, matrix: Any, *_: Any) -> None:
        mupdf.ll_fz_fill_text2(
            self._onto, text, matrix, self._gray.m_internal, 0.0, 0.0, 0.0, 0.0, 1.0, self._params.internal()
        )

    def ignore_text(self, context: Any, text: Any, matrix: Any) -> None:
        self.fill_text(context, text, matrix)

    def clip_text(self, context: Any, text: Any, matrix: Any, *_: Any) -> None:
        self.fill_text(context, text, matrix)

    def stroke_text(self, context: Any, text: Any, _stroke: Any, matrix: Any, *_: Any) -> None:
        self.fill_text(context, text, matrix)

    def clip_stroke_text(self, context: Any, text: Any, _stroke: Any, matrix: Any, *_: Any) -> None:
        self.fill_text(context, text, matrix)


def draw(page: pymupdf.Page, *, bound: mupdf.FzRect, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Return the letters in black on white as drawing.draw would place them: (height, width), gray."""
    samples = np.full((height, width), 255, dtype=np.uint8)
    pixmap = mupdf.fz_new_pixmap_with_bbox_and_data(
        mupdf.FzColorspace(mupdf.FzColorspace.Fixed_GRAY),
        mupdf.FzIrect(0, 0, width, height),
        mupdf.FzSeparations(),
        0,
        mupdf.python_mutable_buffer_data(samples.data),
    )
    across = width / max(bound.x1 - bound.x0, 1e-6)
    down = height / max(bound.y1 - bound.y0, 1e-6)
    matrix = mupdf.FzMatrix(across, 0, 0, down, -bound.x0 * across, -bound.y0 * down)
    device = mupdf.fz_new_draw_device(matrix, pixmap)
    letters = _Letters(device)
    mupdf.fz_run_page(page.this, letters, mupdf.FzMatrix(), mupdf.FzCookie())
    mupdf.fz_close_device(letters)
    mupdf.fz_close_device(device)
    return samples
