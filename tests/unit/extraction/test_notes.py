"""Which notes of an earlier stage a model's answers leave true."""

from __future__ import annotations

import pytest

from apps.extraction.notes import (
    LOCKED,
    About,
    about,
    another,
    broken,
    hidden,
    hidden_paths,
    is_of_the_whole,
    still_true,
    unaccounted,
    unequal,
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


def _left(note: str, *, after: tuple[ExtractedValue, ...]) -> bool:
    before = (_value("net", "layout"), _value("gross", "layout"))
    return still_true([note], schema=SCHEMA, before=before, after=after) == (note,)


def test_what_names_a_field_goes_when_another_engine_answers_it() -> None:
    note = "layout: net + tax doesn't make gross"
    unchanged = (_value("net", "layout"), _value("gross", "layout"))
    assert _left(note, after=unchanged)
    assert _left(note, after=(*unchanged, _value("items", "sglang:small")))
    assert not _left(note, after=(*unchanged, _value("tax", "sglang:small")))
    assert not _left(note, after=(_value("net", "layout"), _value("gross", "sglang:small")))


def test_what_names_no_field_goes_with_the_last_value_of_its_engine() -> None:
    note = "layout: the pages are crooked"
    assert _left(note, after=(_value("net", "layout"), _value("gross", "sglang:small")))
    assert not _left(note, after=(_value("net", "sglang:small"), _value("gross", "sglang:small")))
    assert _left("einvoice: the XML can't be read", after=(_value("net", "sglang:small"),))


def test_what_holds_for_the_whole_is_said_anew() -> None:
    unchanged = (_value("net", "layout"), _value("gross", "layout"))
    for note in (unaccounted(name="items", count=2), broken("net breaks the schema's maximum")):
        assert is_of_the_whole(note)
        assert not _left(note, after=unchanged)
    assert unaccounted(name="items", count=1) == "items: 1 row of its table is unaccounted for"
    assert unaccounted(name="items", count=2) == "items: 2 rows of its table are unaccounted for"


@pytest.mark.parametrize(
    ("note", "kind"),
    [
        (broken("net breaks the schema's maximum"), About.SCHEMA),
        (unequal("net + tax = gross"), About.SCHEMA),
        ("layout: net + tax doesn't make gross", About.SCHEMA),
        (another(name="net", page=2), About.ANOTHER_VALUE),
        (f"sglang:small: {another(name='net', page=2)}", About.ANOTHER_VALUE),
        (hidden(["/net"]), About.HIDDEN),
        (LOCKED, About.NOT_LOOKED_AT),
        (unaccounted(name="items", count=2), About.ROWS_UNACCOUNTED),
        ("sglang:small: items: a row on page 3 was read in two ways", About.ROWS_READ_TWICE),
        ("sglang:small: items has as many items as a reply can hold: there may be more", About.LIST_CUT),
        ("sglang:small: page 7 alone is longer than the model's context and was not read", About.PAGE_UNREAD),
        ("sglang:small: the reply was cut off, 3 times", About.MODEL_UNUSABLE),
        ("sglang:small: pictures that were left out of what the model sees: 2", About.ANYTHING),
        ("einvoice: the XML can't be read", About.ANYTHING),
    ],
)
def test_what_a_note_is_about(note: str, kind: About) -> None:
    assert about(note) is kind


def test_hidden_paths_are_read_from_the_note_that_names_them() -> None:
    notes = ["layout: the pages are crooked", hidden(["/net", "/items/0/total"])]
    assert hidden_paths(notes) == {"/net", "/items/0/total"}
