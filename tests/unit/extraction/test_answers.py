"""A model's reply: what it is bounded by, what is left out of it, and how the document's own writing reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apps.extraction.answers import Resolved, read_reply, reply_schema, resolve
from apps.extraction.notes import cut_off, not_of_its_kind
from apps.extraction.prompt import question
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.schemas.definitions import shipped_schemas
from apps.schemas.fields import Field, Kind, Schema
from tests.unit.extraction.pages_of_words import document

ACCEPTED, REVIEW, UNGROUNDED = ValueStatus.ACCEPTED, ValueStatus.NEEDS_REVIEW, ValueStatus.UNGROUNDED
ITEMS = Field(
    name="items",
    title="Items",
    kind=Kind.ARRAY,
    columns=(
        Field(name="text", title="Text", kind=Kind.TEXT),
        Field(name="amount", title="Amount", kind=Kind.MONEY),
    ),
)


def _claim(value: str, quote: str = "") -> dict[str, Any]:
    return {"value": value, "quote": quote, "page": 1}


def _resolved(lines: Sequence[str], field: Field, said: Any, *, language: str | None = "en") -> Resolved:
    read = document(lines)
    claimed = read_reply(text=json.dumps({field.name: said}), fields=[field])
    return resolve(claimed=claimed, document=type(read)(pages=read.pages, language=language), engine="sglang:small")


def _one(lines: Sequence[str], field: Field, value: str, *, language: str | None = "en") -> ExtractedValue:
    (found,) = _resolved(lines, field, _claim(value, value[:200]), language=language).values
    return found


def _field(kind: Kind, **facts: Any) -> Field:
    return Field(name="it", title="It", kind=kind, **facts)


@pytest.mark.parametrize("slug", ["advertising-contract", "invoice", "nda", "receipt"])
def test_a_date_that_is_written_out_fits_every_shipped_schemas_reply(slug: str) -> None:
    dates = [field for field in shipped_schemas()[slug].fields if field.kind is Kind.DATE]
    assert dates
    schema = reply_schema(dates)
    for written in ("14 March 2025", "the fourteenth (14th) day of September, 2025", "2025-03-14"):
        reply = {field.name: _claim(written) for field in dates}
        assert Draft202012Validator(schema).is_valid(reply), written


def test_a_date_that_is_written_out_is_read_though_the_canonical_one_is_shorter() -> None:
    found = _one(["Issued 14 March 2025"], _field(Kind.DATE, max_length=10), "14 March 2025")
    assert (found.value, found.status) == ("2025-03-14", ACCEPTED)


def test_the_question_says_how_dates_are_written() -> None:
    schema = Schema(slug="s", version=1, title="S", description="", fields=(_field(Kind.DATE),))
    assert question(schema=schema, fields=schema.fields).splitlines()[-1] == "- it: It. A date, as YYYY-MM-DD."


@pytest.mark.parametrize(
    ("kind", "value"),
    [(Kind.DATE, "14 March 2"), (Kind.DATE, "١٤/٠٣/٢٠٢٥"), (Kind.MONEY, "a hundred"), (Kind.IBAN, "DE00 1234")],
)
def test_an_answer_that_is_none_of_its_kind_is_left_out_and_said(kind: Kind, value: str) -> None:
    found = _resolved([value], _field(kind), _claim(value))
    assert found.values == ()
    assert found.notes == (not_of_its_kind(name="it", kind=kind),)
    assert str(found.notes[0]) == f"it: the model's answer is no {kind.value}"
    assert found.unread == {"it"}


def test_a_blank_answer_is_none() -> None:
    assert _resolved(["Total"], _field(Kind.MONEY), _claim(" ")) == Resolved(values=(), notes=(), unread=frozenset())


def test_the_rest_of_a_row_that_lost_a_cell_is_for_a_person() -> None:
    lines = ["Pump   5.00", "Valve   6.00"]
    rows = [
        {"text": _claim("Pump", "Pump"), "amount": _claim("five", "5.00")},
        {"text": _claim("Valve", "Valve"), "amount": _claim("6.00", "6.00")},
    ]
    found = _resolved(lines, ITEMS, rows)
    assert [(value.path, value.status) for value in found.values] == [
        ("/items/0/text", REVIEW),
        ("/items/1/text", ACCEPTED),
        ("/items/1/amount", ACCEPTED),
    ]
    assert found.notes == (not_of_its_kind(name="items", kind=Kind.MONEY, column="amount"),)
    assert str(found.notes[0]) == "items: the model's answer in the column amount is no money"
    assert found.unread == {"items"}


STREET = "12 Main Street Springfield"


def test_a_value_as_long_as_its_schema_allows_is_taken_and_a_longer_one_is_not() -> None:
    whole = _one([STREET], _field(Kind.TEXT, max_length=len(STREET)), STREET)
    assert (whole.value, whole.status) == (STREET, ACCEPTED)
    cut = _resolved([STREET], _field(Kind.TEXT, max_length=14), _claim("12 Main Street ", STREET))
    assert [(value.value, value.status, value.confidence) for value in cut.values] == [("12 Main Street", REVIEW, 0.01)]
    assert cut.notes == (cut_off(name="it", longest=14),)
    assert str(cut.notes[0]) == "it: the model's answer is longer than 14 characters and was cut"


def test_no_length_at_which_a_server_cuts_a_long_clause_is_accepted() -> None:
    clause = " ".join(f"word{number}" for number in range(400))
    lines = [clause[at : at + 80].strip() for at in range(0, 3000, 80)]
    text = " ".join(lines)
    for longest in [*range(470, 501), 1999, 2000, 10_000]:
        field = _field(Kind.TEXT, max_length=longest)
        room = reply_schema([field])["properties"]["it"]["anyOf"][0]["properties"]["value"]["maxLength"]
        assert room == min(longest, 2000) + 1
        found = _one(lines, field, text[:room])
        at_an_edge = " " in text[room - 1 : room + 1]
        assert found.status is (REVIEW if at_an_edge else UNGROUNDED), longest
        assert found.confidence == (0.01 if at_an_edge else 0.0), longest


def test_a_list_has_room_for_one_more_than_the_schema_allows() -> None:
    few = Field(name="it", title="It", kind=Kind.ARRAY, max_items=3, columns=(_field(Kind.TEXT),))
    assert reply_schema([few])["properties"]["it"]["maxItems"] == 4
    many = Field(name="it", title="It", kind=Kind.ARRAY, max_items=1000, columns=(_field(Kind.TEXT),))
    assert reply_schema([many])["properties"]["it"]["maxItems"] == 100


COMMA = ("Invoice date 25/03/2025 due 03/04/2025", "The net total of this order is 1.234,50 EUR", "Deposit 1.234 EUR")


@pytest.mark.parametrize(
    ("lines", "kind", "said", "value", "confidence", "status"),
    [
        # An English page whose own dates and amounts say how the others are meant.
        (COMMA, Kind.DATE, "03/04/2025", "2025-04-03", 0.855, ACCEPTED),
        (COMMA, Kind.MONEY, "1.234 EUR", "1234", 0.9, ACCEPTED),
        (COMMA, Kind.MONEY, "1.234,50 EUR", "1234.50", 0.9, ACCEPTED),
        # What the model makes of it against the document, and quotes so, is for a person.
        (COMMA, Kind.DATE, "2025-03-04", "2025-03-04", 0.214, REVIEW),
        (("Due 03/25/2025 and 03/04/2025",), Kind.DATE, "03/04/2025", "2025-03-04", 0.855, ACCEPTED),
        # Nothing decides.
        (("Due on 03/04/2025",), Kind.DATE, "03/04/2025", "2025-03-04", 0.45, REVIEW),
        (("Sum 1,50 and 2.50", "Deposit 1.234"), Kind.MONEY, "1.234", "1.234", 0.45, REVIEW),
        (("Sum 1,50 and 2.50", "Deposit 1.234,00"), Kind.MONEY, "1.234,00", "1234.00", 0.9, ACCEPTED),
        # Only one is a date.
        (("Due on 30/04/2025",), Kind.DATE, "30/04/2025", "2025-04-30", 0.9, ACCEPTED),
    ],
)
def test_what_can_be_read_in_two_ways_is_read_as_the_document_writes(
    lines: Sequence[str], kind: Kind, said: str, value: str, confidence: float, status: ValueStatus
) -> None:
    found = _one(lines, _field(kind), said)
    assert (found.value, found.confidence, found.status) == (value, confidence, status)


@pytest.mark.parametrize(
    ("line", "said", "quote", "value", "status"),
    [
        ("Renewal is automatic: Yes", "yes", "automatic: Yes", "true", ACCEPTED),
        ("Verlängerung automatisch: Ja", "true", "automatisch: Ja", "true", ACCEPTED),
        ("Renouvellement : Oui", "Oui", "Renouvellement : Oui", "true", ACCEPTED),
        ("Prórroga: Sí", "true", "Prórroga: Sí", "true", ACCEPTED),
        ("Exclusive: No", "false", "Exclusive: No", "false", ACCEPTED),
        ("Flag true", "true", "", "true", ACCEPTED),
        # What no quote holds may be the answer to anything.
        ("Invoice No 4711", "false", "exclusive", "false", UNGROUNDED),
        ("Exclusive: No", "true", "Exclusive: No", "true", UNGROUNDED),
    ],
)
def test_yes_and_no_are_believed_where_the_quote_holds_them(
    line: str, said: str, quote: str, value: str, status: ValueStatus
) -> None:
    (found,) = _resolved([line], _field(Kind.BOOLEAN), _claim(said, quote)).values
    assert (found.value, found.status) == (value, status)
