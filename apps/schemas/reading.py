"""Walking a schema document into fields, noting every fault with its place on the way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard

from jsonschema import Draft202012Validator

from apps.schemas.constraints import exact_number, whole_number
from apps.schemas.fields import Field, Kind, Rule, Schema
from apps.schemas.patterns import pattern_fault
from apps.schemas.rules import RuleError, parse_formula, split_rule

MAX_FIELDS = 200
MAX_COLUMNS = 60
MAX_NAME = 63
LONGEST = 10_000
MOST_ITEMS = 10_000
DEFAULT_LENGTH = 500
_LENGTHS = {
    Kind.DATE: 10,
    Kind.CURRENCY: 3,
    Kind.COUNTRY: 64,
    Kind.IBAN: 42,
    Kind.VAT_ID: 32,
    Kind.IDENTIFIER: 128,
    Kind.MONEY: 32,
    Kind.NUMBER: 32,
    Kind.INTEGER: 32,
    Kind.PHONE: 40,
    Kind.EMAIL: 254,
    Kind.DURATION: 100,
    Kind.TEXT: 2_000,
    Kind.BOOLEAN: 5,
}
_BY_TYPE = {"number": Kind.NUMBER, "integer": Kind.INTEGER, "boolean": Kind.BOOLEAN, "string": Kind.TEXT}
_BY_FORMAT = {"date": Kind.DATE, "email": Kind.EMAIL}
_TYPES = {
    Kind.MONEY: {"string", "number", "integer"},
    Kind.NUMBER: {"string", "number", "integer"},
    Kind.INTEGER: {"string", "integer"},
    Kind.BOOLEAN: {"boolean", "string"},
}
NUMERIC = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER})
_FOREIGN = (
    "oneOf", "allOf", "not", "if", "then", "else", "patternProperties", "dependentSchemas", "dependentRequired",
    "prefixItems", "contains", "unevaluatedProperties", "unevaluatedItems", "propertyNames", "$dynamicRef", "const",
)  # fmt: skip
_UNCHECKED = (
    "minProperties", "maxProperties", "minContains", "maxContains", "dependencies", "additionalItems",
    "contentEncoding", "contentMediaType", "contentSchema",
)  # fmt: skip

_X = json.loads((Path(__file__).parent / "x_quire.json").read_text(encoding="utf-8"))
_X_META = {
    part: Draft202012Validator({"$ref": f"#/$defs/{part}", "$defs": _X["$defs"]}) for part in ("root", "property")
}

Path_ = tuple[str | int, ...]


class Reader:
    """Reads one document. `faults` are (JSON Pointer, message) in the order found, one message a place at most once.

    With `stored` keywords that nothing checks are passed over: they were written before they were refused.
    """

    def __init__(self, document: object, *, stored: bool = False) -> None:
        self._document = document
        self._stored = stored
        self.faults: list[tuple[str, str]] = []

    def complain(self, path: Iterable[str | int], message: str) -> None:
        """Note a fault. A place that has one already is left alone: a second is mostly its shadow."""
        pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
        if all(known != pointer for known, _ in self.faults):
            self.faults.append((pointer, message))

    def schema(self, *, slug: str, version: int) -> Schema | None:
        """Return the whole schema; what it is worth when there are faults is undefined."""
        root = self._document
        if not isinstance(root, dict):
            self.complain((), "a schema is a JSON object")
            return None
        if root.get("type") != "object":
            self.complain(("type",) if "type" in root else (), 'a schema describes one object: write "type": "object"')
        if "$schema" in root and "2020-12" not in str(root["$schema"]):
            self.complain(("$schema",), "use JSON Schema 2020-12: https://json-schema.org/draft/2020-12/schema")
        self._refuse_foreign(root, ())
        extension = self._extension(root, (), part="root")
        fields = self._properties(root, (), limit=MAX_FIELDS, inside=False)
        properties = root.get("properties")
        declared = properties if isinstance(properties, dict) else ()
        if not declared and isinstance(root.get("properties", {}), dict):
            self.complain(("properties",) if "properties" in root else (), "add 'properties': what is to be extracted")
        rules = self._rules(extension.get("rules"), fields, declared=declared)
        engines = extension.get("engines")
        schema = Schema(
            slug=slug,
            version=version,
            title=_text(root.get("title")) or slug.replace("-", " ").capitalize(),
            description=_text(root.get("description")),
            fields=fields,
            rules=rules,
            instructions=_text(extension.get("instructions")),
            cues=_words_by_language(extension.get("cues")),
        )
        return replace(schema, engines=tuple(engines)) if _strings(engines) else schema

    def _properties(self, owner: Mapping[str, Any], path: Path_, *, limit: int, inside: bool) -> tuple[Field, ...]:
        """Read an object's properties; `inside` an array they are columns and hold plain values only."""
        properties = owner.get("properties")
        if not isinstance(properties, dict):
            return ()
        here = (*path, "properties")
        if len(properties) > limit:
            self.complain(here, f"there are {len(properties)} properties: at most {limit} can be extracted")
        names: dict[str, str] = {}
        titles: dict[str, str] = {}
        listed = owner.get("required")
        required = listed if _strings(listed) else []
        for position, name in enumerate(required):
            if name not in properties:
                self.complain((*path, "required", position), f"'{name}' is required, but there is no such property")
        found = []
        for name, value in properties.items():
            place = (*here, name)
            self._check_name(name, place, names)
            field = self._field(name, value, place, required=name in required, inside=inside)
            if field is None:
                continue
            twin = titles.setdefault(field.title.casefold(), name)
            if twin != name:
                at = (*place, "title") if isinstance(value, dict) and "title" in value else place
                self.complain(at, f"'{twin}' has the title '{field.title[:80]}' too: give each its own")
            found.append(field)
        return tuple(found)

    def _check_name(self, name: str, place: Path_, names: dict[str, str]) -> None:
        if not name.isidentifier() or not name.isascii() or name.startswith("_"):
            self.complain(place, "a name begins with a letter and goes on with letters, digits and '_' (a-z, A-Z, 0-9)")
        elif len(name) > MAX_NAME:
            self.complain(
                place, f"the name is longer than {MAX_NAME} characters: shorten it and use 'title' for the rest"
            )
        twin = names.setdefault(name.casefold(), name)
        if twin != name:
            self.complain(place, f"'{twin}' differs in upper and lower case only: tables can't tell them apart")

    def _field(self, name: str, raw: object, place: Path_, *, required: bool, inside: bool) -> Field | None:
        value = self._resolved(raw, place)
        if value is None:
            return None
        self._refuse_foreign(value, place)
        extension = self._extension(value, place, part="property")
        kind_name = extension.get("kind")
        kind = Kind(kind_name) if isinstance(kind_name, str) and kind_name in set(Kind) else None
        type_ = self._type(value, place)
        title = _text(value.get("title")) or name.replace("_", " ").strip().capitalize()
        labels = _words_by_language(extension.get("labels"))
        if title and title not in labels.get("en", ()):
            labels["en"] = (*labels.get("en", ()), title)
        base = Field(
            name=name,
            title=title,
            kind=Kind.ARRAY,
            description=_text(value.get("description")),
            required=required,
            labels=labels,
        )
        if type_ == "object":
            what = "an array's rows hold plain values" if inside else "an object inside the schema"
            self.complain(
                place, f"nested too deep: {what}; give each part a property of its own, such as 'seller_name'"
            )
            return None
        if type_ == "array":
            if inside:
                self.complain(place, "nested too deep: a row of an array can't hold another array")
                return None
            if kind not in {None, Kind.ARRAY}:
                self.complain((*place, "x-quire", "kind"), "an array's kind is 'array': put this kind on its 'items'")
            columns = self._columns(value, place)
            return replace(
                base,
                columns=columns,
                max_items=self._size(value, place, "maxItems", default=MOST_ITEMS, limit=MOST_ITEMS),
                min_items=whole_number(value.get("minItems")),
                unique_items=value.get("uniqueItems") is True,
            )
        if type_ is None:
            return None
        kind = kind or _BY_FORMAT.get(str(value.get("format")), _BY_TYPE[type_])
        if type_ not in _TYPES.get(kind, {"string"}):
            wanted = " or ".join(sorted(_TYPES.get(kind, {"array"} if kind is Kind.ARRAY else {"string"})))
            self.complain((*place, "x-quire", "kind"), f"a value of kind '{kind}' has the type {wanted}, not {type_}")
        pattern = value.get("pattern")
        if isinstance(pattern, str) and (fault := pattern_fault(pattern)):
            self.complain((*place, "pattern"), fault)
        return replace(
            base,
            kind=kind,
            enum=self._enum(value, place),
            pattern=pattern if isinstance(pattern, str) else None,
            max_length=self._size(value, place, "maxLength", default=_LENGTHS.get(kind, DEFAULT_LENGTH), limit=LONGEST),
            min_length=whole_number(value.get("minLength")),
            minimum=exact_number(value.get("minimum")),
            maximum=exact_number(value.get("maximum")),
            exclusive_minimum=exact_number(value.get("exclusiveMinimum")),
            exclusive_maximum=exact_number(value.get("exclusiveMaximum")),
            multiple_of=exact_number(value.get("multipleOf")),
        )

    def _columns(self, array: Mapping[str, Any], place: Path_) -> tuple[Field, ...]:
        here = (*place, "items")
        if "items" not in array:
            self.complain(place, "say what the array holds: add 'items'")
            return ()
        items = self._resolved(array["items"], here)
        if items is None:
            return ()
        if self._type(items, here) != "object":
            column = self._field("", items, here, required=True, inside=True)
            return (column,) if column else ()
        self._refuse_foreign(items, here)
        self._extension(items, here, part="property")
        columns = self._properties(items, here, limit=MAX_COLUMNS, inside=True)
        if not items.get("properties"):
            self.complain(here, "add 'properties': the columns of a row")
        return columns

    def _type(self, value: Mapping[str, Any], place: Path_) -> str | None:
        """Return the one type beside null; absent, it is what the other keywords tell."""
        type_ = value.get("type")
        if type_ is None:
            if "properties" in value:
                return "object"
            if "items" in value:
                return "array"
            if _strings(value.get("enum")) or "format" in value or "maxLength" in value:
                return "string"
            self.complain(place, "say what it is: add 'type', such as \"string\"")
            return None
        types = [type_] if isinstance(type_, str) else type_
        if not _strings(types):
            self.complain((*place, "type"), "the type is a JSON type's name")
            return None
        plain = [item for item in types if item != "null"]
        if len(plain) != 1:
            self.complain((*place, "type"), "name one type (and null beside it, if you like)")
            return None
        if plain[0] not in {*_BY_TYPE, "object", "array"}:
            self.complain((*place, "type"), f"'{plain[0][:40]}' is no JSON type")
            return None
        return plain[0]

    def _enum(self, value: Mapping[str, Any], place: Path_) -> tuple[str, ...]:
        enum = value.get("enum")
        if not isinstance(enum, list):
            return ()
        texts = [item for item in enum if item is not None]
        if not texts or not _strings(texts):
            self.complain((*place, "enum"), "list the allowed values as strings")
            return ()
        if len(texts) > 500:
            self.complain((*place, "enum"), "list at most 500 values")
        return tuple(texts)

    def _size(self, value: Mapping[str, Any], place: Path_, keyword: str, *, default: int, limit: int) -> int:
        size = value.get(keyword)
        if size is None:
            return default
        if not isinstance(size, int) or isinstance(size, bool):
            self.complain((*place, keyword), "write a whole number")
            return default
        if not 0 < size <= limit:
            self.complain((*place, keyword), f"{size} is outside 1 to {limit}: an answer has to be bounded")
        return size

    def _extension(self, value: Mapping[str, Any], place: Path_, *, part: str) -> Mapping[str, Any]:
        if "x-quire" not in value:
            return {}
        here = (*place, "x-quire")
        extension = value["x-quire"]
        for error in _X_META[part].iter_errors(extension):
            self.complain((*here, *error.absolute_path), _extension_words(error))
        return extension if isinstance(extension, dict) else {}

    def _rules(self, texts: object, fields: Sequence[Field], *, declared: Iterable[str]) -> tuple[Rule, ...]:
        if not _strings(texts):
            return ()
        # A property with a fault of its own is known by name, so that a rule on it gets no second fault.
        kinds: dict[str, Kind] = dict.fromkeys(declared, Kind.NUMBER)
        kinds |= {field.name: field.kind for field in fields}
        for field in fields:
            kinds |= {f"{field.name}.{column.name}": column.kind for column in field.columns if column.name}
        rules = []
        for position, text in enumerate(texts):
            place = ("x-quire", "rules", position)
            try:
                rule = split_rule(text)
            except RuleError as error:
                self.complain(place, str(error))
                continue
            sides = [parse_formula(rule.left), parse_formula(rule.right)]
            names = sorted(sides[0].names() | sides[1].names())
            unknown = [name for name in names if name not in kinds]
            odd = [name for name in names if name in kinds and kinds[name] not in NUMERIC]
            rows = {name.partition(".")[0] for side in sides for name in side.row_names()}
            if unknown:
                self.complain(place, f"there is no field {' or '.join(unknown)}: name the schema's own")
            elif odd:
                self.complain(
                    place, f"{' and '.join(odd)} can't be reckoned with: rules take money, number and integer"
                )
            elif len(rows) > 1:
                self.complain(place, f"a rule goes through the rows of one array, not of {' and '.join(sorted(rows))}")
            rules.append(rule)
        return tuple(rules)

    def _refuse_foreign(self, value: Mapping[str, Any], place: Path_) -> None:
        for keyword in _FOREIGN:
            if keyword in value:
                self.complain((*place, keyword), f"'{keyword}' isn't supported: a property has one plain type")
        if self._stored:
            return
        for keyword in _UNCHECKED:
            if keyword in value:
                self.complain((*place, keyword), f"'{keyword}' isn't checked of what is extracted: leave it out")
        if isinstance(value.get("additionalProperties"), dict):
            words = "nothing is extracted but what 'properties' name: write false, or leave it out"
            self.complain((*place, "additionalProperties"), words)
        form = value.get("format")
        if isinstance(form, str) and form not in _BY_FORMAT:
            known = " and ".join(_BY_FORMAT)
            words = f"'{form[:40]}' isn't checked: formats are {known}; for others write a 'pattern', or leave it out"
            self.complain((*place, "format"), words)

    def _resolved(self, raw: object, place: Path_) -> Mapping[str, Any] | None:
        """Follow `$ref` within the document, and see through `anyOf` of one type and null."""
        seen: set[str] = set()
        value = raw
        while isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                reference = value["$ref"]
                if not reference.startswith("#"):
                    self.complain((*place, "$ref"), "only references within this document ('#/$defs/...') are followed")
                    return None
                target = _lookup(self._document, reference[1:])
                if target is None:
                    self.complain((*place, "$ref"), f"nothing stands at '{reference[:100]}'")
                    return None
                if reference in seen:
                    self.complain((*place, "$ref"), "the reference leads back to itself")
                    return None
                seen.add(reference)
                value = {**target, **{key: own for key, own in value.items() if key != "$ref"}}
            elif isinstance(value.get("anyOf"), list):
                options = [item for item in value["anyOf"] if item != {"type": "null"}]
                if len(options) != 1 or not isinstance(options[0], dict):
                    self.complain((*place, "anyOf"), "'anyOf' may hold one type, and null beside it")
                    return None
                value = {**options[0], **{key: own for key, own in value.items() if key != "anyOf"}}
            else:
                return value
        if value is True or value == {}:
            self.complain(place, "say what it is: add 'type', such as \"string\"")
        else:
            self.complain(place, "a property is described by a JSON object")
        return None


def _lookup(document: object, pointer: str) -> dict[str, Any] | None:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else None


def _extension_words(error: Any) -> str:
    shown = json.dumps(error.instance, ensure_ascii=False, default=str)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    where = list(error.absolute_schema_path)
    match error.validator:
        case "enum":
            return f"{shown} is no kind: use one of {', '.join(error.validator_value)}"
        case "additionalProperties":
            known = ", ".join(sorted(error.schema.get("properties", {})))
            return f"{str(error.message)[:120]}: known here are {known}"
        case "pattern" if "engines" in where:
            return f"{shown} is no engine: use einvoice, layout, sglang, or sglang: and a profile, as in sglang:small"
        case "pattern" if "propertyNames" in where:
            return f"{shown} is no language: use ISO 639-1, such as en or de"
        case "type":
            return f"{shown} should be of the JSON type {error.validator_value}"
        case "uniqueItems":
            return "the same entry stands here twice: remove one"
        case "maxLength":
            return f"longer than {error.validator_value} characters"
        case "maxItems" | "maxProperties":
            return f"more than {error.validator_value} entries"
    return str(error.message)[:200]


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _strings(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _words_by_language(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        return {}
    return {language: tuple(words) for language, words in value.items() if _strings(words)}
