"""A date under its heading, level with what has nothing to do with it."""

from __future__ import annotations

import pytest

from apps.extraction.engines.layout import LayoutEngine
from apps.extraction.engines.protocol import ExtractionRequest
from apps.schemas.definitions import shipped_schemas
from tests.factories.pages import document

INVOICE = shipped_schemas()["invoice"]


def dates(drawing: str) -> dict[str, tuple[str, str]]:
    """Return each date that is answered, with its quote."""
    wanted = frozenset({"issue_date", "due_date"})
    request = ExtractionRequest(document=document(drawing), schema=INVOICE, wanted=wanted)
    values = LayoutEngine().extract(request).values
    return {value.path[1:]: (value.value, value.evidence[0].quote) for value in values}


@pytest.mark.parametrize(
    ("title", "heading", "shown", "iso"),
    [
        ("INVOICE", "Invoice Date", "Jun 3, 2013", "2013-06-03"),
        ("INVOICE", "Invoice Date", "3 June 2013", "2013-06-03"),
        ("Invoice", "Date of issue", "03-Jun-2013", "2013-06-03"),
        ("Invoice", "Date of issue", "12/06/2013", "2013-06-12"),
        ("RECHNUNG", "Rechnungsdatum", "3. Juni 2013", "2013-06-03"),
        ("RECHNUNG", "Rechnungsdatum", "7. Jänner 2013", "2013-01-07"),
        ("FACTURE", "Date de facture", "3 juin 2013", "2013-06-03"),
        ("FACTURE", "Date de facture", "1er février 2013", "2013-02-01"),
        ("FACTURA", "Fecha de factura", "3 de junio de 2013", "2013-06-03"),
        ("FATTURA", "Data fattura", "3 giugno 2013", "2013-06-03"),
    ],
)
def test_the_title_in_its_row_does_not_take_a_date_from_its_heading(
    title: str, heading: str, shown: str, iso: str
) -> None:
    drawing = f"""
                                                     {heading}
    {title}                                          {shown}
    """
    assert dates(drawing)["issue_date"] == (iso, shown)


def test_a_date_with_a_label_of_its_own_is_not_the_one_of_the_heading_above() -> None:
    drawing = """
                          Invoice date
    Delivery date         3 June 2013
    """
    assert "issue_date" not in dates(drawing)
