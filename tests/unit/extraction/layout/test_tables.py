from __future__ import annotations

from apps.extraction.engines.layout import LayoutEngine
from apps.extraction.engines.protocol import ExtractionRequest
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.schemas.definitions import parse_schema, shipped_schemas
from apps.schemas.fields import Schema
from tests.factories.pages import document

INVOICE = shipped_schemas()["invoice"]


def rows(*drawings: str, schema: Schema = INVOICE, name: str = "line_items") -> list[dict[str, str]]:
    found = values(*drawings, schema=schema, name=name)
    table: dict[int, dict[str, str]] = {}
    for path, value in found.items():
        _, _, number, column = path.split("/")
        table.setdefault(int(number), {})[column] = value.value
    assert sorted(table) == list(range(len(table)))
    return [table[number] for number in sorted(table)]


def values(*drawings: str, schema: Schema = INVOICE, name: str = "line_items") -> dict[str, ExtractedValue]:
    request = ExtractionRequest(document=document(*drawings), schema=schema, wanted=frozenset({name}))
    return {value.path: value for value in LayoutEngine().extract(request).values}


def test_arithmetic_overrules_a_heading() -> None:
    """ "Amount" heads the quantities here, as some programs write it, and "Total" the amounts."""
    assert rows(
        """
        Amount       Product                           VAT         Price          Total
        1.00         Design of a sample                 7%        160.00         160.00
        400.00       Balloons                          19%          0.79         316.00
        800.00       Hot air                           19%         0.025          20.00

        Net total: 496.00
        """
    ) == [
        {"description": "Design of a sample", "quantity": "1.00", "unit_price": "160.00", "line_total": "160.00"},
        {"description": "Balloons", "quantity": "400.00", "unit_price": "0.79", "line_total": "316.00"},
        {"description": "Hot air", "quantity": "800.00", "unit_price": "0.025", "line_total": "20.00"},
    ]


def test_cells_are_stacked_as_their_headings() -> None:
    found = rows(
        """
        GTIN               Art-Nr-Lieferant           Menge        Nettopreis         Nettowert
                           Artikelbezeichnung
        4123456000014      ZS997                          5            1,0000              5,00
                           Zitronensäure 100ml
        4123456000021      GZ250                          2            1,4500              2,90
                           Gelierzucker 250g
        """
    )
    assert [row["description"] for row in found] == ["Zitronensäure 100ml", "Gelierzucker 250g"]
    assert [row["line_total"] for row in found] == ["5.00", "2.90"]


def test_a_description_goes_on_in_the_next_line_but_not_into_the_next_row() -> None:
    found = rows(
        """
        Description                          Qty       Unit price       Amount
        Mineral water                          2             5.00        10.00
        12 bottles of 1 l
        Deposit                                2             1.00         2.00
        """
    )
    assert [row["description"] for row in found] == ["Mineral water 12 bottles of 1 l", "Deposit"]


def test_a_table_goes_on_over_pages_and_stops_at_the_totals() -> None:
    found = rows(
        """
        Description                          Qty       Unit price       Amount
        Bolt                                   2             5.00        10.00
        Nut                                    3             1.00         3.00
        """,
        """
        Washer                                 4             0.50         2.00

        Net total                                                        15.00
        VAT 20%                                                           3.00
        Gross total                                                      18.00
        """,
    )
    assert [row["description"] for row in found] == ["Bolt", "Nut", "Washer"]
    assert [row["line_total"] for row in found] == ["10.00", "3.00", "2.00"]


def test_the_headings_repeated_on_the_next_page_are_no_row() -> None:
    page = """
        Description                          Qty       Unit price       Amount
        Bolt                                   2             5.00        10.00
        Nut                                    3             1.00         3.00
        """
    assert [row["description"] for row in rows(page, page)] == ["Bolt", "Nut", "Bolt", "Nut"]


def test_the_table_of_taxes_is_not_the_table_of_items() -> None:
    found = rows(
        """
        Description                          Qty       Unit price       Amount
        Bolt                                   2             5.00        10.00

        Net total                                                        10.00

        VAT rate           Net amount          VAT amount
        20%                     10.00                2.00
        """
    )
    assert found == [{"description": "Bolt", "quantity": "2", "unit_price": "5.00", "line_total": "10.00"}]


def test_a_row_that_does_not_add_up_is_less_sure() -> None:
    found = values(
        """
        Description                          Qty       Unit price       Amount
        Bolt                                   2             5.00        10.00
        Nut                                    3             1.00         4.00
        """
    )
    right, wrong = found["/line_items/0/line_total"], found["/line_items/1/line_total"]
    assert right.status is ValueStatus.ACCEPTED
    assert wrong.status is ValueStatus.NEEDS_REVIEW
    assert right.confidence > wrong.confidence


def test_rows_that_add_up_to_a_stated_total_are_surer() -> None:
    drawing = """
        Description                          Amount
        Bolt                                  10.00
        Nut                                    3.00

        Net total                             {}
        """
    sure = values(drawing.format("13.00"))["/line_items/0/line_total"].confidence
    assert sure > values(drawing.format("14.00"))["/line_items/0/line_total"].confidence


def test_rows_without_headings_are_known_by_their_products() -> None:
    assert rows(
        """
        We charge you for:

        12.5 h       Fitting of shelves                   at    58.00          725.00
        6 pcs        Shelves of oak                       at    35.50          213.00

                                                   Net total                   938.00
        """
    ) == [
        {"description": "Fitting of shelves", "quantity": "12.5", "unit_price": "58.00", "line_total": "725.00"},
        {"description": "Shelves of oak", "quantity": "6", "unit_price": "35.50", "line_total": "213.00"},
    ]


def test_a_table_of_a_schema_that_nobody_foresaw() -> None:
    schema = parse_schema(
        {
            "title": "Time sheet",
            "type": "object",
            "properties": {
                "entries": {
                    "title": "Entries",
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "day": {"title": "Date", "type": "string", "format": "date"},
                            "task": {"title": "Task", "type": "string"},
                            "hours": {"title": "Hours", "type": "number"},
                        },
                    },
                }
            },
        },
        slug="time-sheet",
        version=1,
    )
    assert rows(
        """
        Date            Task                              Hours
        2024-05-06      Reading the contract                3.5
        2024-05-07      Call with the other side           0.75
        """,
        schema=schema,
        name="entries",
    ) == [
        {"day": "2024-05-06", "task": "Reading the contract", "hours": "3.5"},
        {"day": "2024-05-07", "task": "Call with the other side", "hours": "0.75"},
    ]
