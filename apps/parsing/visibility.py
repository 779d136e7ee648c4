"""Whether a reader sees what stands in a box: a text layer may hold what the page doesn't show.

White on white, behind a picture, without ink, or too small to read: such text is put on a page to be read by machines
alone. What a box holds is looked at on the drawn page, so it doesn't matter how the text was hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pymupdf
from pymupdf import mupdf

from apps.parsing import drawing
from apps.parsing.limits import Limits
from apps.parsing.opening import Opened
from apps.parsing.pages import Box

LONGER_SIDE = 1540
LEAST_CONTRAST = 24
"""Steps of 255 between the lightest and the darkest pixel of a box, in red, green or blue."""
LEAST_HEIGHT = 3.0
"""Points. A box is about 1.3 times as high as its letters' size; the smallest print in use has 4 points."""
_EDGE = 0.1
"""How much of a box's height and width is left out at each side: a neighbour's ink, a table's lines."""


def look(opened: Opened, *, places: Iterable[tuple[int, Box]], limits: Limits) -> Iterator[bool]:
    """Yield for each place (page from 1, box in [0, 1]), in order, whether something can be seen there.

    Places of one page should stand together: the page is drawn once for them. Raises Failure page_too_large.
    """
    drawn = 0
    page: pymupdf.Page | None = None
    for number, box in places:
        if number != drawn or page is None:
            page = opened.document.load_page(number - 1)
            drawing.check_pictures(page, number=number, limits=limits)
            bound = mupdf.fz_bound_page(page.this)
            width, height = bound.x1 - bound.x0, bound.y1 - bound.y0
            scale = LONGER_SIDE / max(width, height, 1e-6)
            size = max(1, round(width * scale)), max(1, round(height * scale))
            pixels = drawing.draw(page, bound=bound, width=size[0], height=size[1], gray=False)
            drawn = number
        across, down = (box.x1 - box.x0) * _EDGE, (box.y1 - box.y0) * _EDGE
        x0, x1 = round((box.x0 + across) * size[0]), round((box.x1 - across) * size[0])
        y0, y1 = round((box.y0 + down) * size[1]), round((box.y1 - down) * size[1])
        inside = pixels[max(y0, 0) : max(y1, y0 + 1), max(x0, 0) : max(x1, x0 + 1)].reshape(-1, 3)
        high_enough = opened.is_picture or (box.y1 - box.y0) * height >= LEAST_HEIGHT
        yield bool(
            high_enough
            and inside.size
            and int((inside.max(axis=0).astype(np.int16) - inside.min(axis=0)).max()) >= LEAST_CONTRAST
        )
