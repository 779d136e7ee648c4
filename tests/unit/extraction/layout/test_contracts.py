"""Advertising contracts of the kinds that stations print, drawn by hand."""

from __future__ import annotations

from apps.extraction.engines.layout import LayoutEngine
from apps.extraction.engines.protocol import ExtractionRequest
from apps.extraction.values import ExtractedValue
from apps.parsing.pages import ParsedDocument
from apps.schemas.definitions import shipped_schemas
from tests.factories.pages import document

CONTRACT = shipped_schemas()["advertising-contract"]

ORDER = """
                                        ORDER
Orders       Order / Rev:         518842
             Alt Order #:         26900117
             Estimate:            7715
             Flight Dates:        04/24/20 - 04/30/20          Sales Office:   NYC
Agency       Name:                Blue River Media LLC
Advertiser   Name:                Citizens for Better Roads
             Demographic:         A35+

Start Date    End Date      # Spots   Gross Amount    Net Amount
03/30/20      04/26/20            7      $1,605.00     $1,364.25
04/27/20      04/30/20           23     $10,800.00     $9,180.00
Totals                           30     $12,405.00    $10,544.25
"""

INVOICE = """
                                       INVOICE
WKXY-TV                        Advertiser     Citizens for Better Roads
100 Gold Circle Drive          Product        ROADS
Dakota Dunes, SD 57049         Invoice #      1328762-2      Order #      1328762
                               Invoice Date   02/09/20       Alt Order #  09732930
                               Invoice Period 02/03/20 - 02/09/20   Flight Dates 01/28/20 - 02/03/20

Line   Date        Time        Program              Rate
1      01/28/20    5:28 PM     Evening News       $25.00
2      01/30/20    6:28 PM     Late News          $40.00
                               Gross Total        $65.00
                               Agency Commission   $9.75
                               Net Amount Due     $55.25
"""


def extract(pages: ParsedDocument) -> dict[str, ExtractedValue]:
    wanted = frozenset(field.name for field in CONTRACT.fields)
    request = ExtractionRequest(document=pages, schema=CONTRACT, wanted=wanted)
    return {value.path[1:]: value for value in LayoutEngine().extract(request).values}


def test_an_order_says_its_number_its_flight_and_the_sum_of_its_months() -> None:
    values = extract(document(ORDER))
    assert {name: value.value for name, value in values.items()} == {
        "contract_number": "518842",
        "advertiser": "Citizens for Better Roads",
        "agency": "Blue River Media LLC",
        "gross_amount": "12405.00",
        "flight_from": "2020-04-24",
        "flight_to": "2020-04-30",
    }
    assert values["gross_amount"].evidence[0].quote == "$12,405.00"
    assert values["flight_to"].evidence[0].quote == "04/30/20"


def test_under_the_title_invoice_the_invoices_number_is_the_papers_own() -> None:
    values = extract(document(INVOICE))
    assert values["contract_number"].value == "1328762-2"
    assert values["gross_amount"].value == "65.00"
    assert (values["flight_from"].value, values["flight_to"].value) == ("2020-01-28", "2020-02-03")


def test_without_a_title_the_order_of_the_labels_decides() -> None:
    values = extract(document(INVOICE.replace("INVOICE\n", "\n", 1)))
    assert values["contract_number"].value == "1328762"


def test_a_label_that_ends_a_crowded_line_still_leads_to_the_name() -> None:
    drawing = """
                                      CONTRACT
Contract #  4348982       Schedule Dates  04/28/20 - 05/04/20
Remit to Sinclair Group Advertiser     Graybill for Attorney General
Total                     $2,265.00
"""
    assert extract(document(drawing))["advertiser"].value == "Graybill for Attorney General"


def test_the_heading_of_an_amount_names_no_agency() -> None:
    values = extract(
        document("""
                                        ORDER
Order / Rev:         518842
Advertiser           Citizens for Better Roads


Time Period            # of Spots   Gross Amount   Agency Comm.      Net Amount
04/27/20 - 05/31/20             8      $5,325.00      ($798.75)      $4,526.25
""")
    )
    assert values["advertiser"].value == "Citizens for Better Roads"
    assert "agency" not in values
