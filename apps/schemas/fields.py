"""A schema as the engines read it: a flat list of typed fields, arrays holding their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """What a value is. It decides which candidates on a page can be it, and how it is written canonically."""

    TEXT = "text"
    IDENTIFIER = "identifier"
    ORGANISATION = "organisation"
    PERSON = "person"
    ADDRESS = "address"
    DATE = "date"
    MONEY = "money"
    NUMBER = "number"
    INTEGER = "integer"
    CURRENCY = "currency"
    VAT_ID = "vat-id"
    IBAN = "iban"
    COUNTRY = "country"
    EMAIL = "email"
    PHONE = "phone"
    DURATION = "duration"
    BOOLEAN = "boolean"
    ARRAY = "array"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing to extract.

    `name` is the property's name. `labels` are the words that stand beside the value on a page, by ISO 639-1
    language, in the schema author's order; the title is always among them under "en". `columns` are the fields of an
    array's items; a scalar array (`parties[]`) has exactly one column, with the empty name. `enum`, `pattern` and the
    limits are JSON Schema's, and hold for the canonical value (apps/schemas/constraints.py).
    """

    name: str
    title: str
    kind: Kind
    description: str = ""
    required: bool = False
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    enum: tuple[str, ...] = ()
    pattern: str | None = None
    max_length: int | None = None
    max_items: int | None = None
    min_items: int | None = None
    unique_items: bool = False
    columns: tuple[Field, ...] = ()
    min_length: int | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    exclusive_minimum: Decimal | None = None
    exclusive_maximum: Decimal | None = None
    multiple_of: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An arithmetic rule: `left` is a formula over field names whose value equals `right`, within a rounding unit.

    `net_total + tax_total = gross_total`, `line_items.quantity * line_items.unit_price = line_items.line_total`,
    `sum(line_items.line_total) = net_total`.
    """

    left: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One version of what to extract. `engines` is the policy: names in the order in which they are tried.

    The engine `sglang`, without a profile, is the model that the house serves. `cues` are words, by language, whose
    presence says that a document is of this kind.
    """

    slug: str
    version: int
    title: str
    description: str
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...] = ()
    engines: tuple[str, ...] = ("einvoice", "layout", "sglang")
    instructions: str = ""
    cues: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
