"""Rules and notes in the words of a schema, whatever its fields are called."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from apps.extraction.notes import Note, left_out, read_twice, unreadable
from apps.results.doubts import Doubt, Reason, in_words, summary
from apps.results.queries import DocumentResult
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


def _told(*notes: Note) -> tuple[Reason, ...]:
    result = DocumentResult(
        id=UUID(int=1),
        document_id=UUID(int=2),
        run_id=UUID(int=3),
        schema_slug="log",
        schema_version=1,
        notes=notes,
        created_at=datetime(2025, 3, 14, tzinfo=UTC),
        values=(),
    )
    return summary(result=result, schema=SCHEMA)


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
