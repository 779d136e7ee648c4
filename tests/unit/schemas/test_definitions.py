"""Schema documents: what they mean, and every fault with its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.schemas.definitions import SchemaError, SchemaInvalid, parse_schema
from apps.schemas.fields import Field, Kind, Rule

MINIMAL: dict[str, Any] = {"type": "object", "properties": {"number": {"type": "string"}}}


def with_property(value: object, name: str = "it") -> dict[str, Any]:
    return {"type": "object", "properties": {"number": {"type": "string"}, name: value}}


def faults(document: object) -> dict[str, str]:
    with pytest.raises(SchemaInvalid) as caught:
        parse_schema(document, slug="s", version=1)
    return {error.path: error.message for error in caught.value.errors}


def only_field(value: object) -> Field:
    return parse_schema({"type": "object", "properties": {"it": value}}, slug="s", version=1).fields[0]


class TestMeaning:
    def test_a_plain_json_schema_is_enough(self) -> None:
        schema = parse_schema(MINIMAL, slug="delivery-note", version=3)
        assert (schema.slug, schema.version, schema.title) == ("delivery-note", 3, "Delivery note")
        assert schema.engines == ("einvoice", "layout", "sglang")
        assert schema.fields == (
            Field(name="number", title="Number", kind=Kind.TEXT, labels={"en": ("Number",)}, max_length=2000),
        )

    def test_a_field_has_what_its_property_says(self) -> None:
        field = parse_schema(
            {
                "type": "object",
                "required": ["due"],
                "properties": {
                    "due": {
                        "title": "Due date",
                        "description": "When to pay.",
                        "type": "string",
                        "format": "date",
                        "x-quire": {"kind": "date", "labels": {"de": ["Fällig am", "Zahlbar bis"], "en": ["Pay by"]}},
                    }
                },
            },
            slug="s",
            version=1,
        ).fields[0]
        assert field == Field(
            name="due",
            title="Due date",
            kind=Kind.DATE,
            description="When to pay.",
            required=True,
            labels={"de": ("Fällig am", "Zahlbar bis"), "en": ("Pay by", "Due date")},
            max_length=10,
        )

    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            ({"type": "string"}, Kind.TEXT),
            ({"type": ["string", "null"]}, Kind.TEXT),
            ({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}, Kind.DATE),
            ({"type": "string", "format": "email"}, Kind.EMAIL),
            ({"type": "number"}, Kind.NUMBER),
            ({"type": "integer"}, Kind.INTEGER),
            ({"type": "boolean"}, Kind.BOOLEAN),
            ({"enum": ["a", "b"]}, Kind.TEXT),
            ({"type": "number", "x-quire": {"kind": "money"}}, Kind.MONEY),
        ],
    )
    def test_the_kind_follows_from_the_type(self, value: object, kind: Kind) -> None:
        assert only_field(value).kind is kind

    def test_an_array_of_objects_has_columns(self) -> None:
        field = only_field(
            {"type": "array", "maxItems": 7, "items": {"type": "object", "properties": {"price": {"type": "number"}}}}
        )
        assert (field.kind, field.max_items) == (Kind.ARRAY, 7)
        assert [(column.name, column.kind) for column in field.columns] == [("price", Kind.NUMBER)]

    def test_an_array_of_values_has_one_column_without_a_name(self) -> None:
        field = only_field({"type": "array", "items": {"type": "string", "x-quire": {"kind": "person"}}})
        assert [(column.name, column.kind) for column in field.columns] == [("", Kind.PERSON)]

    def test_references_within_the_document_are_followed(self) -> None:
        document = {
            "type": "object",
            "$defs": {"day": {"type": "string", "format": "date"}},
            "properties": {"from": {"$ref": "#/$defs/day", "title": "Start"}},
        }
        field = parse_schema(document, slug="s", version=1).fields[0]
        assert (field.name, field.title, field.kind) == ("from", "Start", Kind.DATE)

    def test_nothing_is_unbounded(self) -> None:
        listed = only_field({"type": "array", "items": {"type": "string", "x-quire": {"kind": "identifier"}}})
        assert (listed.max_items, listed.columns[0].max_length) == (10_000, 128)

    def test_what_an_array_and_its_items_must_have_is_read(self) -> None:
        field = only_field(
            {
                "type": "array",
                "minItems": 2,
                "maxItems": 7,
                "uniqueItems": True,
                "items": {
                    "type": "object",
                    "required": ["text"],
                    "properties": {"text": {"type": "string"}, "price": {"type": "number"}},
                },
            }
        )
        assert (field.min_items, field.max_items, field.unique_items) == (2, 7, True)
        assert [(column.name, column.required) for column in field.columns] == [("text", True), ("price", False)]

    def test_what_was_stored_before_a_keyword_was_refused_is_read_as_before(self) -> None:
        document = with_property({"type": "string", "format": "uri", "contentEncoding": "base64"}) | {
            "minProperties": 1,
            "additionalProperties": {"type": "string"},
        }
        assert set(faults(document)) == {
            "/minProperties",
            "/additionalProperties",
            "/properties/it/format",
            "/properties/it/contentEncoding",
        }
        stored = parse_schema(document, slug="s", version=1, stored=True)
        assert [(field.name, field.kind) for field in stored.fields] == [("number", Kind.TEXT), ("it", Kind.TEXT)]

    def test_rules_and_policy_are_read(self) -> None:
        document = {
            "type": "object",
            "properties": {"net": {"type": "number"}, "tax": {"type": "number"}, "gross": {"type": "number"}},
            "x-quire": {
                "rules": ["net + tax = gross"],
                "engines": ["layout", "sglang:medium"],
                "cues": {"en": ["bill"]},
                "instructions": "Read well.",
            },
        }
        schema = parse_schema(document, slug="s", version=1)
        assert schema.rules == (Rule(left="net + tax", right="gross"),)
        assert schema.engines == ("layout", "sglang:medium")
        assert schema.cues == {"en": ("bill",)}
        assert schema.instructions == "Read well."


class TestFaults:
    @pytest.mark.parametrize(
        ("document", "path", "part"),
        [
            ([], "", "JSON type object"),
            ({"properties": {"a": {"type": "string"}}}, "", 'write "type": "object"'),
            ({"type": "array", "properties": {"a": {"type": "string"}}}, "/type", 'write "type": "object"'),
            ({"type": "object"}, "", "add 'properties'"),
            ({"type": "object", "properties": {}}, "/properties", "add 'properties'"),
            ({**MINIMAL, "$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "use JSON Schema 2020-12"),
            ({**MINIMAL, "required": ["gone"]}, "/required/0", "'gone' is required, but there is no such property"),
            ({**MINIMAL, "required": ["number", "number"]}, "/required", "stands here twice"),
            ({**MINIMAL, "oneOf": [{}]}, "/oneOf", "isn't supported"),
            ({**MINIMAL, "minProperties": 1}, "/minProperties", "isn't checked of what is extracted: leave it out"),
            ({**MINIMAL, "additionalProperties": {}}, "/additionalProperties", "write false, or leave it out"),
            (with_property({"type": "string", "format": "uri"}), "/properties/it/format", "formats are date and email"),
            (
                with_property({"type": "array", "items": {"type": "string"}, "maxContains": 2}),
                "/properties/it/maxContains",
                "isn't checked",
            ),
            (
                with_property(
                    {
                        "type": "array",
                        "items": {"type": "object", "minProperties": 2, "properties": {"a": {"type": "string"}}},
                    }
                ),
                "/properties/it/items/minProperties",
                "isn't checked",
            ),
            (
                with_property({"type": "array", "items": {"type": "string"}, "minItems": -1}),
                "/properties/it/minItems",
                "at least 0",
            ),
            (with_property({"type": "strin"}), "/properties/it/type", '"strin" is no JSON type'),
            (with_property({"type": ["string", "number"]}), "/properties/it/type", "name one type"),
            (with_property([]), "/properties/it", "JSON type object or boolean"),
            (with_property(True), "/properties/it", "say what it is"),
            (with_property({}), "/properties/it", "say what it is"),
            (with_property({"type": "string", "maxLength": "9"}), "/properties/it/maxLength", "JSON type integer"),
            (with_property({"type": "string", "maxLength": -1}), "/properties/it/maxLength", "at least 0"),
            (with_property({"type": "string", "maxLength": 10_001}), "/properties/it/maxLength", "1 to 10000"),
            (
                with_property({"type": "array", "items": {"type": "string"}, "maxItems": 1_000_000}),
                "/properties/it/maxItems",
                "1 to 10000",
            ),
            (with_property({"type": "string", "pattern": "("}), "/properties/it/pattern", "unclosed group"),
            (with_property({"type": "string", "enum": [1]}), "/properties/it/enum", "as strings"),
            (with_property({"type": "string", "title": "Number"}), "/properties/it/title", "'number' has the title"),
            (with_property({"type": "string"}, "Number"), "/properties/Number", "upper and lower case only"),
            (with_property({"type": "string"}, "a-b"), "/properties/a-b", "a name begins with a letter"),
            (with_property({"type": "string"}, "a/b~c"), "/properties/a~1b~0c", "a name begins with a letter"),
            (with_property({"type": "string"}, "a" * 64), "/properties/" + "a" * 64, "longer than 63 characters"),
            (with_property({"type": "array"}), "/properties/it", "add 'items'"),
            (with_property({"type": "array", "items": {"type": "object"}}), "/properties/it/items", "add 'properties'"),
            (
                with_property({"type": "object", "properties": {"a": {"type": "string"}}}),
                "/properties/it",
                "nested too deep",
            ),
            (
                with_property(
                    {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "array", "items": {}}}}}
                ),
                "/properties/it/items/properties/a",
                "nested too deep",
            ),
            (
                with_property({"type": "array", "items": {"type": "string"}, "x-quire": {"kind": "date"}}),
                "/properties/it/x-quire/kind",
                "put this kind on its 'items'",
            ),
            (with_property({"$ref": "https://example.org/x"}), "/properties/it/$ref", "within this document"),
            (with_property({"$ref": "#/$defs/gone"}), "/properties/it/$ref", "nothing stands at"),
            (with_property({"$ref": "#/properties/it"}), "/properties/it/$ref", "leads back to itself"),
            (with_property({"anyOf": [{"type": "string"}, {"type": "number"}]}), "/properties/it/anyOf", "one type"),
            (
                with_property({"type": "string", "x-quire": {"kind": "monie"}}),
                "/properties/it/x-quire/kind",
                '"monie" is no kind: use one of text, identifier',
            ),
            (
                with_property({"type": "string", "x-quire": {"label": {}}}),
                "/properties/it/x-quire",
                "known here are kind, labels",
            ),
            (
                with_property({"type": "boolean", "x-quire": {"kind": "money"}}),
                "/properties/it/x-quire/kind",
                "has the type integer or number or string, not boolean",
            ),
            (
                with_property({"type": "string", "x-quire": {"labels": {"english": ["x"]}}}),
                "/properties/it/x-quire/labels",
                "is no language",
            ),
            (
                with_property({"type": "string", "x-quire": {"labels": {"en": "x"}}}),
                "/properties/it/x-quire/labels/en",
                "JSON type array",
            ),
            ({**MINIMAL, "x-quire": {"engines": ["gpt"]}}, "/x-quire/engines/0", '"gpt" is no engine'),
            ({**MINIMAL, "x-quire": {"engines": ["sglang:"]}}, "/x-quire/engines/0", "is no engine"),
            ({**MINIMAL, "x-quire": {"rules": ["a = number"]}}, "/x-quire/rules/0", "there is no field a"),
            ({**MINIMAL, "x-quire": {"rules": ["1 + = number"]}}, "/x-quire/rules/0", "the formula ends too soon"),
            ({**MINIMAL, "x-quire": {"rules": ["2 * 3 = number"]}}, "/x-quire/rules/0", "can't be reckoned with"),
        ],
    )
    def test_a_fault_has_its_place_and_words(self, document: object, path: str, part: str) -> None:
        found = faults(document)
        assert path in found, found
        assert part in found[path]

    def test_every_fault_is_told_at_once(self) -> None:
        document = {
            "type": "object",
            "required": ["gone"],
            "properties": {"a": {"type": "strin"}, "b": {"type": "string", "x-quire": {"kind": "b"}}, "c": {}},
            "x-quire": {"engines": ["gpt"], "rules": ["x = y"]},
        }
        assert set(faults(document)) == {
            "/required/0",
            "/properties/a/type",
            "/properties/b/x-quire/kind",
            "/properties/c",
            "/x-quire/engines/0",
            "/x-quire/rules/0",
        }

    def test_a_rule_on_a_property_that_is_wrong_itself_has_no_fault_of_its_own(self) -> None:
        document = {
            "type": "object",
            "properties": {"a": {"type": "nmber"}, "b": {"type": "number"}},
            "x-quire": {"rules": ["a = b"]},
        }
        assert set(faults(document)) == {"/properties/a/type"}

    def test_a_rule_goes_through_the_rows_of_one_array(self) -> None:
        rows = {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "number"}}}}
        document = {"type": "object", "properties": {"a": rows, "b": rows}, "x-quire": {"rules": ["a.n = b.n"]}}
        assert "the rows of one array" in faults(document)["/x-quire/rules/0"]

    def test_too_many_properties(self) -> None:
        document = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(201)}}
        assert faults(document) == {"/properties": "there are 201 properties: at most 200 can be extracted"}

    def test_too_deep_is_the_only_fault(self) -> None:
        document: dict[str, Any] = MINIMAL
        for _ in range(5000):
            document = {"type": "object", "properties": {"a": document}}
        assert faults(document) == {"": "the schema is nested more than 24 levels deep: make it flat"}

    def test_too_large_is_the_only_fault(self) -> None:
        assert faults({**MINIMAL, "description": "x" * 300_000}) == {
            "": "the schema is larger than 256 KiB: split it into several"
        }

    def test_the_message_counts_the_faults(self) -> None:
        with pytest.raises(SchemaInvalid) as caught:
            parse_schema(
                {"type": "object", "properties": {"a": {"type": "x"}, "b": {"type": "y"}}}, slug="s", version=1
            )
        assert caught.value.message == "the schema has 2 errors: 'errors' names each"
        assert caught.value.code == "schema_invalid"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["string", "array", "object"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "items", "x-quire", "kind", "labels", "rules", "$ref", "enum", "a"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(document=JSON)
@settings(max_examples=300)
def test_whatever_is_sent_is_read_or_refused_with_words(document: object) -> None:
    errors: tuple[SchemaError, ...] = ()
    try:
        assert parse_schema(document, slug="s", version=1).fields
    except SchemaInvalid as invalid:
        errors = invalid.errors
    else:
        return
    assert errors
    assert all(error.message and (error.path == "" or error.path.startswith("/")) for error in errors)
