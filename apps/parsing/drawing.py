"""Drawing a page into pixels, within bounds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pymupdf
from pymupdf import mupdf

from apps.parsing.errors import Failure
from apps.parsing.limits import Limits


def check_pictures(page: pymupdf.Page, *, number: int, limits: Limits) -> None:
    """Raise Failure page_too_large where the page holds a picture with more pixels than may be decoded."""
    document = page.parent
    if document.is_pdf:
        sizes = [(picture[2], picture[3]) for picture in document.get_page_images(page.number)]
    else:
        dots = page.get_image_info()
        sizes = [(picture["width"], picture["height"]) for picture in dots]
        # A bare picture is unpacked as a whole; what else its reading needs has the other half of the memory.
        for picture in dots:
            width, height = picture["width"], picture["height"]
            if width * height * (picture["colorspace"] + picture["has-mask"]) > limits.memory_bytes // 2:
                raise Failure("page_too_large", page=number, width=width, height=height)
    for width, height in sizes:
        if width * height > limits.max_pixels:
            raise Failure("page_too_large", page=number, width=width, height=height)


def draw(page: pymupdf.Page, *, bound: mupdf.FzRect, width: int, height: int, gray: bool) -> npt.NDArray[np.uint8]:
    """Return the page over the whole of an image: (height, width) gray or (height, width, 3) RGB, on white."""
    colorspace = mupdf.FzColorspace(mupdf.FzColorspace.Fixed_GRAY if gray else mupdf.FzColorspace.Fixed_RGB)
    samples = np.full((height, width) if gray else (height, width, 3), 255, dtype=np.uint8)
    pixmap = mupdf.fz_new_pixmap_with_bbox_and_data(
        colorspace,
        mupdf.FzIrect(0, 0, width, height),
        mupdf.FzSeparations(),
        0,
        mupdf.python_mutable_buffer_data(samples.data),
    )
    across = width / max(bound.x1 - bound.x0, 1e-6)
    down = height / max(bound.y1 - bound.y0, 1e-6)
    matrix = mupdf.FzMatrix(across, 0, 0, down, -bound.x0 * across, -bound.y0 * down)
    device = mupdf.fz_new_draw_device(matrix, pixmap)
    mupdf.fz_run_page(page.this, device, mupdf.FzMatrix(), mupdf.FzCookie())
    mupdf.fz_close_device(device)
    return samples
