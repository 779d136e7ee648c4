"""What a schema's keywords ask of a value."""

from __future__ import annotations

from typing import Any

import pytest

from apps.schemas.constraints import faulty_items, too_few, violated
from apps.schemas.definitions import SchemaInvalid, parse_schema
from apps.schemas.fields import Field, Kind


def _broken(keywords: dict[str, Any], value: str) -> tuple[str, ...]:
    schema = parse_schema({"type": "object", "properties": {"field": keywords}}, slug="s", version=1)
    return violated(field=schema.fields[0], value=value)


@pytest.mark.parametrize(
    ("keywords", "value", "broken"),
    [
        ({"type": "string"}, "anything", ()),
        ({"type": "string", "pattern": "^RE-[0-9]{4}$"}, "RE-2041", ()),
        ({"type": "string", "pattern": "^RE-[0-9]{4}$"}, "RE-204", ("pattern",)),
        ({"type": "string", "pattern": "[0-9]"}, "a1b", ()),
        ({"type": "string", "enum": ["open", "paid"]}, "paid", ()),
        ({"type": "string", "enum": ["open", "paid"]}, "Paid", ("enum",)),
        ({"type": "string", "enum": ["7.0", "19"], "x-quire": {"kind": "number"}}, "7", ()),
        ({"type": "string", "enum": ["7.0", "19"], "x-quire": {"kind": "number"}}, "16", ("enum",)),
        ({"type": "string", "minLength": 3, "maxLength": 4}, "é€", ("minLength",)),
        ({"type": "string", "minLength": 3, "maxLength": 4}, "é€a", ()),
        ({"type": "string", "minLength": 3, "maxLength": 4}, "abcde", ("maxLength",)),
        ({"type": "number", "minimum": 0, "maximum": 100}, "0", ()),
        ({"type": "number", "minimum": 0, "maximum": 100}, "-0.01", ("minimum",)),
        ({"type": "number", "minimum": 0, "maximum": 100}, "100.5", ("maximum",)),
        ({"type": "number", "exclusiveMinimum": 0}, "0.00", ("exclusiveMinimum",)),
        ({"type": "number", "exclusiveMaximum": 1}, "1", ("exclusiveMaximum",)),
        ({"type": "number", "multipleOf": 0.1}, "0.3", ()),
        ({"type": "number", "multipleOf": 0.1}, "0.35", ("multipleOf",)),
        ({"type": "number", "minimum": 0}, "a few", ("type",)),
        ({"type": "string", "pattern": "^[0-9]+$", "minLength": 5}, "x", ("pattern", "minLength")),
    ],
)
def test_a_value_is_held_against_the_keywords(keywords: dict[str, Any], value: str, broken: tuple[str, ...]) -> None:
    assert _broken(keywords, value) == broken


def test_a_catastrophic_pattern_is_matched_in_linear_time() -> None:
    # A backtracking engine takes 2^9999 steps here, so this would never end.
    assert _broken({"type": "string", "pattern": "^(a+)+$"}, "a" * 9_999 + "!") == ("pattern", "maxLength")


@pytest.mark.parametrize("pattern", [r"(?=a)b", r"(a)\1"])
def test_a_pattern_that_needs_backtracking_is_refused(pattern: str) -> None:
    with pytest.raises(SchemaInvalid) as refused:
        _broken({"type": "string", "pattern": pattern}, "")
    assert [error.path for error in refused.value.errors] == ["/properties/field/pattern"]


@pytest.mark.parametrize(
    ("value", "broken"),
    [
        ("9" * 26 + "." + "9" * 12, ()),
        ("0" * 30 + "1." + "0" * 30, ()),
        ("-1" + "0" * 26, ("digits",)),
        ("0." + "0" * 12 + "1", ("digits",)),
        ("n/a", ()),
    ],
)
def test_a_number_with_more_digits_than_are_stored_is_never_accepted(value: str, broken: tuple[str, ...]) -> None:
    assert violated(field=Field(name="f", title="F", kind=Kind.MONEY), value=value) == broken
    assert violated(field=Field(name="f", title="F", kind=Kind.TEXT), value=value) == ()


ROWS = {
    "type": "array",
    "maxItems": 3,
    "minItems": 2,
    "uniqueItems": True,
    "items": {
        "type": "object",
        "required": ["text"],
        "properties": {"text": {"type": "string"}, "price": {"type": "number"}},
    },
}


def _array(keywords: dict[str, Any]) -> Field:
    return parse_schema({"type": "object", "properties": {"field": keywords}}, slug="s", version=1).fields[0]


def test_items_are_held_against_the_arrays_keywords_and_their_own() -> None:
    items = {
        0: {"text": "Pump", "price": "5.00"},
        1: {"price": "6.00"},
        2: {"text": "Pump", "price": "5"},
        3: {"text": "Hose", "price": "7.00"},
        4: {"price": "6"},
    }
    assert faulty_items(field=_array(ROWS), items=items) == {
        1: ("required",),
        2: ("uniqueItems",),
        3: ("maxItems",),
        4: ("required", "maxItems", "uniqueItems"),
    }
    plain = {"type": "array", "items": {"type": "string"}}
    assert faulty_items(field=_array(plain), items={0: {"": "a"}, 1: {"": "a"}}) == {}
    assert faulty_items(field=_array(plain | {"uniqueItems": True}), items={0: {"": "a"}, 1: {"": "a"}}) == {
        1: ("uniqueItems",)
    }


def test_an_array_that_is_there_has_its_least_number_of_items() -> None:
    assert [too_few(field=_array(ROWS), count=count) for count in (0, 1, 2)] == [False, True, False]
    assert not too_few(field=_array({"type": "array", "items": {"type": "string"}}), count=1)
