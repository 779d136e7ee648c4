"""Pages to words with their places: from the text layer, or by OCR where there is none that can be used."""

from __future__ import annotations

from pymupdf import mupdf

from apps.parsing import language, layer, ocr
from apps.parsing.codec import encode_columns
from apps.parsing.limits import Limits
from apps.parsing.opening import Opened
from apps.parsing.pages import TextSource
from apps.parsing.remarks import Remark

_SAMPLE_CHARACTERS = 20_000


class Reader:
    """Reads pages of one document, one after the other."""

    def __init__(self, *, opened: Opened, limits: Limits) -> None:
        self._opened = opened
        self._limits = limits
        self._sample: list[str] = []
        self._sampled = 0
        self.was_slow = False
        self.remarks: list[Remark] = []

    def read(self, number: int) -> bytes:
        """Return page `number`, from 1, as codec.encode_columns writes it."""
        page = self._opened.document.load_page(number - 1)
        bound = mupdf.fz_bound_page(page.this)
        columns = layer.EMPTY if self._opened.is_picture else layer.words_of(page, bound=bound)
        source = TextSource.LAYER
        self.was_slow = False
        if self._opened.is_picture or not layer.is_usable(page, columns):
            self.was_slow = True
            recognised = ocr.recognise(page, bound=bound, number=number, limits=self._limits)
            if recognised.count or not columns.count:
                columns, source = recognised, TextSource.OCR
        if (source is TextSource.OCR or not columns.count) and not ocr.is_legible(page, bound=bound):
            self.remarks.append(Remark(code="page_illegible", page=number))
        if self._sampled < _SAMPLE_CHARACTERS:
            self._sample.append(columns.text[:_SAMPLE_CHARACTERS])
            self._sampled += len(columns.text)
        return encode_columns(
            number=number,
            width=bound.x1 - bound.x0,
            height=bound.y1 - bound.y0,
            source=source if columns.count else TextSource.NONE,
            columns=columns,
        )

    def language(self) -> str | None:
        """Return the language of what was read so far, ISO 639-1."""
        return language.guess(" ".join(self._sample))
