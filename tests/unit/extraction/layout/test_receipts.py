"""Till receipts, drawn by hand on slips as narrow as a till's roll."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.extraction.engines.layout import LayoutEngine
from apps.extraction.engines.protocol import ExtractionRequest
from apps.extraction.values import ValueStatus
from apps.parsing.pages import Page, ParsedDocument, TextSource
from apps.schemas.definitions import shipped_schemas
from tests.factories.pages import HEIGHT, page

RECEIPT = shipped_schemas()["receipt"]
SLIP = """
    KEDAI BUKU MAJU SDN BHD
           (519537-X)
   NO 8, JALAN MERDEKA 7/2,
       TAMAN HARMONI,
   56000 KUALA LUMPUR
     TEL: 03-92016281

19/10/2018 20:49:59       #01
Cashier: AMIR

NOTEBOOK     2     4.70      9.40
PEN          1     1.06      1.06

Total (Excluding GST)        9.87
GST 6%                       0.59
Total (Inclusive GST)  RM   10.46
Rounding                    -0.01
Total                  RM   10.45
CASH                   RM   20.00
CHANGE                 RM    9.55

GST Summary     Amount      Tax
SR  6%            9.87     0.59
Total             9.87     0.59
     THANK YOU
"""


def slip(drawing: str, *, slope: float = 0.0) -> ParsedDocument:
    """Draw a slip as a scan of it reads. `slope` is how far its lines fall, as down over across."""
    drawn = page(drawing, width=220.0, height=420.0, source=TextSource.OCR, confidence=0.9)
    return ParsedDocument(pages=(_tilted(drawn, slope),))


def _tilted(drawn: Page, slope: float) -> Page:
    words = []
    for word in drawn.words:
        down = slope * (word.box.x0 + word.box.x1) / 2 * drawn.width / drawn.height
        box = word.box._replace(y0=word.box.y0 + down, y1=word.box.y1 + down)
        words.append(replace(word, box=box))
    return replace(drawn, words=tuple(words))


def extract(pages: ParsedDocument) -> dict[str, str]:
    wanted = frozenset(field.name for field in RECEIPT.fields)
    request = ExtractionRequest(document=pages, schema=RECEIPT, wanted=wanted)
    return {value.path[1:]: value.value for value in LayoutEngine().extract(request).values}


EXPECTED = {
    "merchant_name": "KEDAI BUKU MAJU SDN BHD",
    "merchant_address": "NO 8, JALAN MERDEKA 7/2, TAMAN HARMONI, 56000 KUALA LUMPUR",
    "date": "2018-10-19",
    "total": "10.45",
    "currency": "MYR",
}


def test_a_receipt_is_read_without_labels_for_who_and_when() -> None:
    assert extract(slip(SLIP)) == EXPECTED


@pytest.mark.parametrize("slope", [-0.03, 0.03])
def test_a_receipt_that_was_photographed_askew_reads_the_same(slope: float) -> None:
    assert slope * 220.0 > 0.6 * HEIGHT or slope < 0
    assert extract(slip(SLIP, slope=slope)) == EXPECTED


def test_cash_less_change_tells_the_total_where_its_label_was_lost() -> None:
    lost = SLIP.replace("Total                  RM   10.45", "T0ta1 ~            ..  RM   10.45")
    lost = lost.replace("Total (Inclusive GST)  RM   10.46", "Tota1 lnc            ,.RM   1O.4G")
    assert extract(slip(lost))["total"] == "10.45"


def test_what_stands_below_the_change_is_no_total() -> None:
    lines = SLIP.splitlines()
    kept = [line for line in lines if not line.startswith(("Total (", "Rounding", "Total  ", "CASH"))]
    below = [line for line in lines if line.startswith("Total   ")][-1:]
    place = next(number for number, line in enumerate(kept) if line.startswith("SR"))
    assert "total" not in extract(slip("\n".join([*kept[: place + 1], *below, *kept[place + 1 :]])))


def test_of_two_dates_the_one_with_the_time_is_the_receipts() -> None:
    assert extract(slip(SLIP.replace("Cashier: AMIR", "Card 30/09/2021")))["date"] == "2018-10-19"


def test_a_name_on_two_lines_is_one() -> None:
    two = SLIP.replace("    KEDAI BUKU MAJU SDN BHD", "        KEDAI BUKU MAJU\n         SDN BHD")
    assert extract(slip(two))["merchant_name"] == "KEDAI BUKU MAJU SDN BHD"


@pytest.mark.parametrize(
    ("head", "name", "status"),
    [
        ("KEDAI BUKU MAJU SDN BHD", "KEDAI BUKU MAJU SDN BHD", ValueStatus.ACCEPTED),
        ("KEDAI BUKU MAJU", "KEDAI BUKU MAJU", ValueStatus.ACCEPTED),
        ("Kedai Buku Maju Sdn Bhd", "Kedai Buku Maju Sdn Bhd", ValueStatus.ACCEPTED),
        ("Mr Tan bought", "Mr Tan bought", ValueStatus.NEEDS_REVIEW),
        ("UNIT G-19 MALL FLOOR", "UNIT G-19 MALL FLOOR", ValueStatus.NEEDS_REVIEW),
    ],
)
def test_a_first_line_that_may_be_anything_is_for_a_person(head: str, name: str, status: ValueStatus) -> None:
    request = ExtractionRequest(
        document=slip(SLIP.replace("KEDAI BUKU MAJU SDN BHD", head)),
        schema=RECEIPT,
        wanted=frozenset({"merchant_name"}),
    )
    (value,) = LayoutEngine().extract(request).values
    assert (value.value, value.status) == (name, status)
