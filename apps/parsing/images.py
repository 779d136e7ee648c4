"""Page images for people and for models that see.

Both sides are multiples of 28 pixels and the longer is at most 1540 (A4: 1092 x 1540), so that no server of the
Mistral family resizes them; the page fills the image exactly, so that boxes in [0, 1] fit it. JPEG, quality 85.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import simplejpeg
from pymupdf import mupdf

from apps.parsing import drawing, tables
from apps.parsing.codec import tables_to_json
from apps.parsing.limits import Limits
from apps.parsing.opening import Opened

STEP = 28
LONGER_SIDE = 1540
QUALITY = 85


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """`tables` is JSON, see codec.tables_to_json."""

    number: int
    width: int
    height: int
    jpeg: bytes
    tables: bytes


def size_of(*, width: float, height: float) -> tuple[int, int]:
    """Return the pixels of an image of a page of this shape."""
    longer = max(width, height, 1e-6)
    across, down = (max(STEP, round(side / longer * LONGER_SIDE / STEP) * STEP) for side in (width, height))
    return across, down


def render(opened: Opened, *, numbers: Iterable[int], limits: Limits, with_tables: bool) -> Iterator[Rendered]:
    """Yield page images with the tables of the pages. Raises Failure page_too_large."""
    finder = tables.Finder(opened=opened) if with_tables else None
    for number in numbers:
        page = opened.document.load_page(number - 1)
        drawing.check_pictures(page, number=number, limits=limits)
        bound = mupdf.fz_bound_page(page.this)
        width, height = size_of(width=bound.x1 - bound.x0, height=bound.y1 - bound.y0)
        pixels = drawing.draw(page, bound=bound, width=width, height=height, gray=False)
        jpeg = simplejpeg.encode_jpeg(pixels, quality=QUALITY, colorspace="RGB", colorsubsampling="420")
        found = finder.find(page, bound=bound) if finder else ()
        yield Rendered(
            number=number, width=width, height=height, jpeg=jpeg, tables=json.dumps(tables_to_json(found)).encode()
        )
