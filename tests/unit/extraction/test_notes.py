"""Which notes of an earlier stage a model's answers leave true."""

from __future__ import annotations

from dataclasses import replace

from apps.extraction.notes import (
    Note,
    broken,
    few_items,
    hidden,
    hidden_paths,
    left_out,
    no_sum,
    still_true,
    unaccounted,
    unchecked,
    unreadable,
    unreadable_fields,
)
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.schemas.fields import Field, Kind, Schema

SCHEMA = Schema(
    slug="slip",
    version=1,
    title="Slip",
    description="",
    fields=tuple(Field(name=name, title=name, kind=Kind.MONEY) for name in ("net", "tax", "gross", "items")),
)


def _value(name: str, engine: str) -> ExtractedValue:
    return ExtractedValue(
        path=f"/{name}", value="1", kind=Kind.MONEY, engine=engine, confidence=0.9, status=ValueStatus.ACCEPTED
    )


def _left(note: Note, *, after: tuple[ExtractedValue, ...]) -> bool:
    before = (_value("net", "layout"), _value("gross", "layout"))
    return still_true([note], schema=SCHEMA, before=before, after=after) == (note,)


def test_what_names_a_field_goes_when_another_engine_answers_it() -> None:
    note = replace(no_sum(formula="net + tax", output="gross", inputs=("net", "tax")), by="layout")
    unchanged = (_value("net", "layout"), _value("gross", "layout"))
    assert _left(note, after=unchanged)
    assert _left(note, after=(*unchanged, _value("items", "sglang:small")))
    assert not _left(note, after=(*unchanged, _value("tax", "sglang:small")))
    assert not _left(note, after=(_value("net", "layout"), _value("gross", "sglang:small")))


def test_what_names_no_field_goes_with_the_last_value_of_its_engine() -> None:
    note = Note(text="the pages are crooked", by="layout")
    assert _left(note, after=(_value("net", "layout"), _value("gross", "sglang:small")))
    assert not _left(note, after=(_value("net", "sglang:small"), _value("gross", "sglang:small")))
    assert _left(Note(text="the XML can't be read", by="einvoice"), after=(_value("net", "sglang:small"),))


def test_what_holds_for_the_whole_is_said_anew() -> None:
    unchanged = (_value("net", "layout"), _value("gross", "layout"))
    for note in (
        unaccounted(name="items", count=2),
        unchecked(name="items"),
        few_items(name="items"),
        broken("net breaks the schema's maximum"),
    ):
        assert note.is_of_the_whole
        assert not _left(note, after=unchanged)
    assert str(unaccounted(name="items", count=1)) == "items: 1 row of its table is unaccounted for"
    assert str(unaccounted(name="items", count=2)) == "items: 2 rows of its table are unaccounted for"


def test_a_note_stays_where_a_field_is_called_as_one_of_its_words() -> None:
    words = ("pages", "document", "schema")
    schema = replace(SCHEMA, fields=tuple(Field(name=name, title=name, kind=Kind.TEXT) for name in words))
    before = tuple(_value(name, "layout") for name in words)
    after = tuple(_value(name, "sglang:small") for name in words)
    note = left_out(first=51, last=80)
    assert still_true([note], schema=schema, before=before, after=after) == (note,)


def test_all_hidden_values_are_named() -> None:
    paths = tuple(f"/items/{row}/a, b" for row in range(30))
    notes = [Note(text="the pages are crooked", by="layout"), hidden(["/net"]), hidden(paths)]
    assert hidden_paths(notes) == {"/net", *paths}
    assert [str(note) for note in notes[1:]] == [
        "1 value is in the page's text, but not to be seen on the page",
        "30 values are in the page's text, but not to be seen on the page",
    ]


def test_what_an_xml_says_unreadably_it_goes_on_saying_whoever_answers() -> None:
    note = replace(unreadable(name="gross"), by="einvoice")
    assert _left(note, after=(_value("net", "layout"), _value("gross", "sglang:small")))
    assert unreadable_fields([note, unaccounted(name="items", count=1)]) == {"gross"}
