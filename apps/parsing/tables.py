"""Tables with ruled lines."""

from __future__ import annotations

import time

import pymupdf
from pymupdf import mupdf

from apps.parsing.opening import Opened
from apps.parsing.pages import Table

_SECONDS_A_DOCUMENT = 20.0
_MIN_STROKES = 4


class Finder:
    """Looks for tables, as long as there is time: what it found when that is over is what there is."""

    def __init__(self, *, opened: Opened) -> None:
        self._opened = opened
        self._seconds_left = _SECONDS_A_DOCUMENT

    def find(self, page: pymupdf.Page, *, bound: mupdf.FzRect) -> tuple[Table, ...]:
        """Return the page's ruled tables."""
        return ()
