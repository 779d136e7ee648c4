"""A table's cells on scans: each in its own column, and badly read texts for a person rather than left out."""

from __future__ import annotations

from dataclasses import replace

from apps.extraction.engines.layout import LayoutEngine
from apps.extraction.engines.protocol import ExtractionRequest
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.parsing.pages import ParsedDocument, TextSource
from apps.schemas.definitions import shipped_schemas
from tests.factories.pages import page

INVOICE = shipped_schemas()["invoice"]
DRAWING = """
Description                          Quantité          Prix unitaire        Total HT
Biscuits aux raisins                 15 pcs            3,20 €               48,00 €
Huile d'olive du moulin              25 pcs            19,80 €              495,00 €

                                                       Total HT             543,00 €
                                                       Total taxes          29,87 €
                                                       Total TTC            572,87 €
"""


def cells(*, badly: str, confidence: float) -> dict[str, ExtractedValue]:
    """Return the line items' values of a scan in which one word was read badly."""
    drawn = page(DRAWING, source=TextSource.OCR)
    words = tuple(replace(word, confidence=confidence) if word.text == badly else word for word in drawn.words)
    request = ExtractionRequest(
        document=ParsedDocument(pages=(replace(drawn, words=words),), language="fr"),
        schema=INVOICE,
        wanted=frozenset({"line_items"}),
    )
    return {value.path.removeprefix("/line_items/"): value for value in LayoutEngine().extract(request).values}


def test_a_text_that_was_read_badly_is_for_a_person() -> None:
    found = cells(badly="d'olive", confidence=0.2)
    text = found["1/description"]
    assert (text.value, text.status, text.confidence) == ("Huile d'olive du moulin", ValueStatus.NEEDS_REVIEW, 0.45)
    assert found["0/description"].status is ValueStatus.ACCEPTED


def test_an_amount_s_box_and_quote_stay_in_its_column() -> None:
    found = cells(badly="", confidence=1.0)
    assert {path: (value.value, value.evidence[0].quote) for path, value in found.items() if "_" in path} == {
        "0/unit_price": ("3.20", "3,20 €"),
        "0/line_total": ("48.00", "48,00 €"),
        "1/unit_price": ("19.80", "19,80 €"),
        "1/line_total": ("495.00", "495,00 €"),
    }
    drawn = page(DRAWING)
    signs = [word.box for word in drawn.words if word.text == "€"]
    amounts = {word.text: word.box for word in drawn.words if word.text in {"48,00", "495,00"}}
    for path, text, sign in (("0/line_total", "48,00", signs[1]), ("1/line_total", "495,00", signs[3])):
        box = found[path].evidence[0].box
        assert (round(box.x0, 6), round(box.x1, 6)) == (round(amounts[text].x0, 6), round(sign.x1, 6))
