"""Rules and notes in the words of a schema, whatever its fields are called."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from apps.extraction.notes import Note, few_items, left_out, not_of_its_kind, read_twice, unreadable
from apps.extraction.values import ValueStatus
from apps.results.doubts import Doubt, Reason, in_words, reasons_by_path, summary
from apps.results.queries import DocumentResult, DocumentValue
from apps.schemas.fields import Field, Kind, Schema

AMOUNT = Field(name="sum", title="Amount", kind=Kind.MONEY)
SCHEMA = Schema(
    slug="log",
    version=1,
    title="Log",
    description="",
    fields=(
        *(Field(name=name, title=f"The {name}", kind=Kind.TEXT) for name in ("page", "pages", "row", "schema", "of")),
        Field(name="document", title="Papers", kind=Kind.ARRAY, columns=(AMOUNT,)),
        Field(name="sum", title="Total", kind=Kind.MONEY),
    ),
)


def _result(*notes: Note, values: tuple[DocumentValue, ...] = ()) -> DocumentResult:
    return DocumentResult(
        id=UUID(int=1),
        document_id=UUID(int=2),
        run_id=UUID(int=3),
        schema_slug="log",
        schema_version=1,
        notes=notes,
        created_at=datetime(2025, 3, 14, tzinfo=UTC),
        values=values,
    )


def _told(*notes: Note) -> tuple[Reason, ...]:
    return summary(result=_result(*notes), schema=SCHEMA)


def test_a_note_is_told_as_it_stands_whatever_fields_are_called() -> None:
    assert _told(read_twice(name="document", page=3), left_out(first=51, last=80)) == (
        Reason(doubt=Doubt.ROWS_READ_TWICE, message="Papers: a row on page 3 was read in two ways"),
        Reason(
            doubt=Doubt.PAGE_UNREAD,
            message="Pages 51 to 80: read under another schema than the rest; delete the document and upload it again",
        ),
    )


def test_only_names_become_titles_in_a_rule() -> None:
    assert in_words("sum( document.sum ) * 2 = sum", schema=SCHEMA) == "sum of Amount × 2 = Total"


def test_a_field_that_an_xml_says_unreadably_is_named_by_its_title() -> None:
    assert _told(unreadable(name="sum")) == (
        Reason(doubt=Doubt.UNREADABLE, message="Total: what the e-invoice XML has for it can't be read"),
    )


def test_what_an_item_lacks_as_a_whole_is_told_of_each_of_its_values() -> None:
    columns = (Field(name="text", title="Text", kind=Kind.TEXT, required=True), AMOUNT)
    schema = replace(SCHEMA, fields=(Field(name="rows", title="Rows", kind=Kind.ARRAY, max_items=2, columns=columns),))
    paths = ("/rows/0/text", "/rows/0/sum", "/rows/1/sum", "/rows/2/text")
    values = tuple(
        DocumentValue(
            id=UUID(int=10 + number),
            path=path,
            value="5",
            kind=Kind.MONEY,
            engine="sglang:small",
            confidence=0.9,
            status=ValueStatus.ACCEPTED if path.startswith("/rows/0") else ValueStatus.NEEDS_REVIEW,
            evidence=(),
            formula=None,
        )
        for number, path in enumerate(paths)
    )
    result = _result(values=values)
    assert reasons_by_path(result=result, schema=schema) == {
        "/rows/1/sum": (
            Reason(doubt=Doubt.AGAINST_SCHEMA, message="It is in a row that lacks a value which the schema requires"),
        ),
        "/rows/2/text": (
            Reason(doubt=Doubt.AGAINST_SCHEMA, message="It is beyond as many items as the schema allows"),
        ),
    }
    assert summary(result=result, schema=schema) == (
        Reason(doubt=Doubt.AGAINST_SCHEMA, message="Against the schema: Rows (2)"),
    )
    assert _told(not_of_its_kind(name="sum", kind=Kind.MONEY), few_items(name="document")) == (
        Reason(doubt=Doubt.MODEL_UNUSABLE, message="Total: the model's answer is no money"),
        Reason(doubt=Doubt.ROWS_UNACCOUNTED, message="Papers: there are fewer items than the schema asks for"),
    )
