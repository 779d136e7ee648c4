"""A JSON Schema document (2020-12, with the keyword `x-quire`) -> the fields that the engines read.

A schema describes one object. Its properties are what to extract: strings, numbers, booleans, and arrays of such or of
flat objects. `x-quire` on a property says what kind of value it is and what stands beside it on a page; at the root it
holds arithmetic rules, the engines' order, words that tell the kind of document, and instructions for a model
(x_quire.json is its meta-schema). Nothing is unbounded: where a string or an array states no size, its kind's holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from apps.common.errors import TerminalError
from apps.schemas.fields import Schema
from apps.schemas.reading import Reader

DOCUMENT_BYTES = 262_144
DOCUMENT_DEPTH = 24
MAX_ERRORS = 200
_SHIPPED = Path(__file__).parent / "shipped"
_META = Draft202012Validator(Draft202012Validator.META_SCHEMA)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaError:
    """One fault. `path` is a JSON Pointer into the schema document ("" is its root); `message` says what to do."""

    path: str
    message: str


class SchemaInvalid(TerminalError):  # noqa: N818 - read as a state: the schema is invalid
    """The document isn't a schema that Quire can use. `errors` holds every fault, each with its place."""

    code = "schema_invalid"

    def __init__(self, errors: tuple[SchemaError, ...]) -> None:
        super().__init__(f"the schema has {len(errors)} error{'s' if len(errors) != 1 else ''}: 'errors' names each")
        self.errors = errors


def parse_schema(document: object, *, slug: str, version: int, stored: bool = False) -> Schema:
    """Return what a schema document says. `document` is decoded JSON. Raises SchemaInvalid with every fault.

    A new one is refused for keywords that nothing checks of what is extracted; a `stored` one isn't.
    """
    fault = _too_large(document)
    if fault:
        raise SchemaInvalid((SchemaError(path="", message=fault),))
    reader = Reader(document, stored=stored)
    for error in _META.iter_errors(document):
        reader.complain(error.absolute_path, _words(error))
    schema = reader.schema(slug=slug, version=version)
    if reader.faults:
        errors = tuple(SchemaError(path=path, message=message) for path, message in reader.faults)
        raise SchemaInvalid(errors[:MAX_ERRORS])
    assert schema is not None
    return schema


@cache
def shipped_documents() -> Mapping[str, Any]:
    """Return the schema documents that Quire ships with, by slug."""
    paths = sorted(_SHIPPED.glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


@cache
def shipped_schemas() -> Mapping[str, Schema]:
    """Return the shipped schemas, by slug, as version 1."""
    return {slug: parse_schema(document, slug=slug, version=1) for slug, document in shipped_documents().items()}


def _too_large(document: object) -> str | None:
    """Depth is measured without recursion: the document comes from outside."""
    depth, level = 0, [document]
    while level:
        depth += 1
        if depth > DOCUMENT_DEPTH:
            return f"the schema is nested more than {DOCUMENT_DEPTH} levels deep: make it flat"
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        level = inner
    if len(json.dumps(document, default=str).encode()) > DOCUMENT_BYTES:
        return f"the schema is larger than {DOCUMENT_BYTES // 1024} KiB: split it into several"
    return None


def _words(error: Any) -> str:
    """Say a meta-schema error for the schema's author."""
    keyword = str(error.absolute_path[-1]) if error.absolute_path else ""
    if keyword == "type" and error.validator == "anyOf":
        return f"{_shown(error.instance)} is no JSON type: use string, number, integer, boolean, array, object or null"
    match error.validator:
        case "type":
            wanted = error.validator_value
            wanted = wanted if isinstance(wanted, str) else " or ".join(wanted)
            return f"{_shown(error.instance)} should be of the JSON type {wanted}"
        case "minimum" | "exclusiveMinimum":
            return f"{_shown(error.instance)} is too small: it has to be at least {error.validator_value}"
        case "uniqueItems":
            return "the same entry stands here twice: remove one"
        case "pattern":
            return f"{_shown(error.instance)} isn't written as JSON Schema asks"
    return str(error.message)[:200]


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
