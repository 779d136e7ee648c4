"""A schema as tables: one row a document, one table an array."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from uuid import UUID

import pyarrow.parquet as pq
import pytest

from apps.exports.csv import stream_csv
from apps.exports.feeds import UnknownFeedError, find_feed, list_feeds
from apps.exports.parquet import stream_parquet
from apps.exports.schema_feeds import schema_feeds
from apps.exports.tables import Feed
from apps.extraction.values import ValueStatus
from apps.schemas.fields import Field, Kind, Schema
from tests.factories.rows import document, result, value
from tests.integration.exports.reading import csv_rows, parquet_table


def test_every_schema_has_a_feed_and_one_for_each_array(tenant: UUID) -> None:
    assert [feed.name for feed in list_feeds(tenant_id=tenant)] == [
        "documents",
        "values",
        "advertising-contract",
        "invoice",
        "invoice.line_items",
        "nda",
        "nda.parties",
        "receipt",
    ]


@pytest.mark.parametrize(
    "name", ["", "nothing", "invoice.", "invoice.net_total", "nothing.line_items", "Invoice", "\0"]
)
def test_an_unknown_feed_is_refused_with_those_that_are_there(tenant: UUID, name: str) -> None:
    with pytest.raises(UnknownFeedError) as refused:
        find_feed(tenant_id=tenant, name=name)
    assert refused.value.message.endswith(
        "documents, values, advertising-contract, invoice, invoice.line_items, nda, nda.parties, receipt"
    )


def test_an_invoice_is_one_typed_row(tenant: UUID) -> None:
    document_id = document(tenant, name="a.pdf", external_id="E-1")
    result(
        tenant,
        document_id,
        value("/invoice_number", "NW-1", kind=Kind.IDENTIFIER),
        value("/issue_date", "2025-03-14", kind=Kind.DATE),
        value("/gross_total", "781.20", kind=Kind.MONEY, status=ValueStatus.NEEDS_REVIEW),
        value("/seller_name", "Nobody", kind=Kind.ORGANISATION, status=ValueStatus.UNGROUNDED),
        value("/line_items/0/line_total", "480.00", kind=Kind.MONEY),
    )
    table = parquet_table(tenant, "invoice")
    (row,) = table.to_pylist()
    assert row == {
        "document_id": str(document_id),
        "document_name": "a.pdf",
        "external_id": "E-1",
        "schema_version": 1,
        "needs_review": True,
        "invoice_number": "NW-1",
        "issue_date": date(2025, 3, 14),
        "due_date": None,
        "seller_name": None,  # found on no page
        "seller_vat_id": None,
        "buyer_name": None,
        "buyer_vat_id": None,
        "currency": None,
        "net_total": None,
        "tax_total": None,
        "gross_total": Decimal("781.20"),
    }
    (line,) = csv_rows(tenant, "invoice")
    assert (line["gross_total"], line["issue_date"], line["needs_review"]) == ("781.2", "2025-03-14", "true")


def test_a_value_that_was_found_on_no_page_is_an_empty_cell_that_wants_a_look(tenant: UUID) -> None:
    document_id = document(tenant)
    ungrounded = ValueStatus.UNGROUNDED
    result(
        tenant,
        document_id,
        value("/net_total", "100.00", kind=Kind.MONEY),
        value("/gross_total", "119.00", kind=Kind.MONEY, status=ungrounded),
        value("/issue_date", "2025-03-14", kind=Kind.DATE, status=ungrounded),
        value("/line_items/0/line_total", "60.00", kind=Kind.MONEY),
        value("/line_items/1/description", "Gauge"),
        value("/line_items/1/line_total", "40.00", kind=Kind.MONEY, status=ungrounded),
        value("/line_items/2/line_total", "19.00", kind=Kind.MONEY, status=ungrounded),
        value("/line_items/3/line_total", "19.00", kind=Kind.MONEY, status=ValueStatus.REJECTED),
    )
    (row,) = parquet_table(tenant, "invoice").to_pylist()
    assert (row["net_total"], row["gross_total"], row["issue_date"], row["needs_review"]) == (
        Decimal(100),
        None,
        None,
        True,
    )
    (line,) = csv_rows(tenant, "invoice")
    assert (line["net_total"], line["gross_total"], line["needs_review"]) == ("100", "", "true")
    items = parquet_table(tenant, "invoice.line_items").to_pylist()
    assert [(item["position"], item["description"], item["line_total"], item["needs_review"]) for item in items] == [
        (0, None, Decimal(60), False),
        (1, "Gauge", None, True),
        (2, None, None, True),
    ]


def test_line_items_are_rows_in_their_order(tenant: UUID) -> None:
    first, second = document(tenant), document(tenant)
    for document_id, count in ((first, 11), (second, 1)):
        result(
            tenant,
            document_id,
            *(value(f"/line_items/{number}/quantity", str(number), kind=Kind.NUMBER) for number in range(count)),
            value("/line_items/0/description", "Gauge", status=ValueStatus.ACCEPTED),
            value("/line_items/x/quantity", "5", kind=Kind.NUMBER),
            value("/line_items2/0/quantity", "5", kind=Kind.NUMBER),
        )
    rows = parquet_table(tenant, "invoice.line_items").to_pylist()
    assert [(row["document_id"], row["position"], row["quantity"]) for row in rows] == [
        *((str(first), number, Decimal(number)) for number in range(11)),
        (str(second), 0, Decimal(0)),
    ]
    assert [row["description"] for row in rows] == ["Gauge", *[None] * 10, "Gauge"]
    assert {row["needs_review"] for row in rows} == {False}


def test_a_list_of_plain_values_is_a_column(tenant: UUID) -> None:
    result(
        tenant,
        document(tenant),
        value("/parties/0", "Northwind Ltd", kind=Kind.ORGANISATION),
        value("/parties/1", "Contoso GmbH", kind=Kind.ORGANISATION),
        schema_slug="nda",
    )
    rows = csv_rows(tenant, "nda.parties")
    assert [(row["position"], row["value"]) for row in rows] == [("0", "Northwind Ltd"), ("1", "Contoso GmbH")]


def test_a_document_without_values_is_a_row(tenant: UUID) -> None:
    document_id = document(tenant)
    result(tenant, document_id)
    (row,) = parquet_table(tenant, "invoice").to_pylist()
    assert (row["document_id"], row["needs_review"], row["net_total"]) == (str(document_id), False, None)
    assert parquet_table(tenant, "invoice.line_items").num_rows == 0


def test_what_nobody_read_is_neither_true_nor_false(tenant: UUID) -> None:
    field = Field(name="insured", title="Insured", kind=Kind.BOOLEAN)
    (feed,) = schema_feeds(Schema(slug="note", version=1, title="Note", description="", fields=(field,)))
    for read in (value("/insured", "true", kind=Kind.BOOLEAN), value("/insured", "false", kind=Kind.BOOLEAN), None):
        result(tenant, document(tenant), *([read] if read else []), schema_slug="note")
    lines = b"".join(stream_csv(tenant_id=tenant, feed=feed)).decode().splitlines()
    assert [line.rsplit(",", 1)[1] for line in lines] == ["insured", "true", "false", ""]
    table = pq.read_table(io.BytesIO(b"".join(stream_parquet(tenant_id=tenant, feed=feed))))
    assert table.column("insured").to_pylist() == [True, False, None]


def _feed(*names: str) -> Feed:
    """Return the feed of a schema with these text fields, odder than Quire takes them today."""
    fields = tuple(Field(name=name, title="A field", kind=Kind.TEXT) for name in names)
    (feed,) = schema_feeds(Schema(slug="o'dd", version=1, title="Odd", description="", fields=fields))
    return feed


def test_field_names_are_data_not_sql(tenant: UUID) -> None:
    feed = _feed("a'b", 'c"d', "e/f", "g~h", "i%s{}", "document_id", "Document_Name", "j\\k")
    paths = ["/a'b", '/c"d', "/e~1f", "/g~0h", "/i%s{}", "/document_id", "/Document_Name", "/j\\k"]
    result(tenant, document(tenant), *(value(path, path) for path in paths), schema_slug="o'dd")
    table = pq.read_table(io.BytesIO(b"".join(stream_parquet(tenant_id=tenant, feed=feed))))
    columns = ["a'b", 'c"d', "e/f", "g~h", "i%s{}", "document_id_", "Document_Name_", "j\\k"]
    assert table.column_names[5:] == columns
    assert list(table.to_pylist()[0].values())[5:] == paths
    text = b"".join(stream_csv(tenant_id=tenant, feed=feed)).decode()
    assert text.splitlines()[0].endswith(',a\'b,"c""d",e/f,g~h,i%s{},document_id_,Document_Name_,j\\k')
    assert text.splitlines()[1].endswith(',/a\'b,"/c""d",/e~1f,/g~0h,/i%s{},/document_id,/Document_Name,/j\\k')


def test_a_column_name_is_no_formula(tenant: UUID) -> None:
    assert b"".join(stream_csv(tenant_id=tenant, feed=_feed("=1+1"))).endswith(b",'=1+1\r\n")
