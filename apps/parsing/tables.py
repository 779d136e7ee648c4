"""Tables with ruled lines."""

from __future__ import annotations

from time import monotonic
from typing import Any

import pymupdf

# Loaded before the sandbox closes: a child can't open files.
import pymupdf.table
from pymupdf import mupdf

from apps.parsing.opening import Opened
from apps.parsing.pages import Box, Table

# PyMuPDF takes 0.1 s a page for this, so it is asked only about pages that have lines enough for a table, and not for
# ever: what was found when the time is over is what there is.
_SECONDS_A_DOCUMENT = 20.0
_MIN_LINES = 5
# A drawing is no table: beyond so many paths the search would take minutes.
_MAX_PATHS = 4000
_MAX_CELLS = 5000
_THIN = 3.0


# The finder looks for a heading above each table, which nobody here asks for, by reading the page again for every line
# above it: three quarters of its time.
pymupdf.table.Table._get_header = lambda _table: None  # noqa: SLF001 - there is no option for it


class Finder:
    """Looks for tables, as long as there is time."""

    def __init__(self, *, opened: Opened) -> None:
        self._skip = opened.is_picture
        self._seconds_left = _SECONDS_A_DOCUMENT

    def find(self, page: pymupdf.Page, *, bound: mupdf.FzRect) -> tuple[Table, ...]:
        """Return the page's ruled tables, boxes in [0, 1] of the page as it is shown; `bound` is its size in points."""
        if self._skip or self._seconds_left <= 0:
            return ()
        started = monotonic()
        try:
            if not _has_lines(page):
                return ()
            found = page.find_tables(strategy="lines_strict").tables
            return tuple(filter(None, (_table(table, bound=bound) for table in found)))
        except (RuntimeError, ValueError, IndexError, TypeError, ZeroDivisionError):
            # The finder gives up on odd pages in odd ways; the page's words are there without it.
            return ()
        finally:
            self._seconds_left -= monotonic() - started


def _has_lines(page: pymupdf.Page) -> bool:
    """Return whether lines run both ways, as a grid's do. A line is also drawn as a thin box, or a box's edges."""
    across = down = 0
    paths = page.get_cdrawings()
    if len(paths) > _MAX_PATHS:
        return False
    for path in paths:
        x0, y0, x1, y1 = path["rect"]
        width, height = x1 - x0, y1 - y0
        thin_across, thin_down = height <= _THIN < width, width <= _THIN < height
        is_box = path["type"] != "f" and width > _THIN and height > _THIN
        across += thin_across or is_box
        down += thin_down or is_box
    return min(across, down) >= 2 and across + down >= _MIN_LINES


def _table(found: Any, *, bound: mupdf.FzRect) -> Table | None:
    rows = tuple(tuple(cell or "" for cell in row) for row in found.extract())
    if len(rows) < 2 or not any(any(row) for row in rows) or sum(map(len, rows)) > _MAX_CELLS:
        return None
    cells = tuple(tuple(_box(cell, bound=bound) if cell else None for cell in row.cells) for row in found.rows)
    if [len(row) for row in cells] != [len(row) for row in rows]:
        return None
    return Table(box=_box(found.bbox, bound=bound), rows=rows, cells=cells)


def _box(corners: tuple[float, float, float, float], *, bound: mupdf.FzRect) -> Box:
    """Return a box in [0, 1]. The finder's boxes are of the page as it is shown."""
    x0, y0, x1, y1 = corners
    width, height = bound.x1 - bound.x0, bound.y1 - bound.y0
    return Box(
        *(
            min(max(edge, 0.0), 1.0)
            for edge in (
                (x0 - bound.x0) / width,
                (y0 - bound.y0) / height,
                (x1 - bound.x0) / width,
                (y1 - bound.y0) / height,
            )
        )
    )
