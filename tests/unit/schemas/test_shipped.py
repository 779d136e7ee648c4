"""The schemas that Quire ships with: their names are public."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from apps.schemas import definitions
from apps.schemas.definitions import shipped_documents, shipped_schemas
from apps.schemas.fields import Kind

K = Kind
FIELDS = {
    "invoice": {
        "invoice_number": K.IDENTIFIER,
        "issue_date": K.DATE,
        "due_date": K.DATE,
        "seller_name": K.ORGANISATION,
        "seller_vat_id": K.VAT_ID,
        "buyer_name": K.ORGANISATION,
        "buyer_vat_id": K.VAT_ID,
        "currency": K.CURRENCY,
        "net_total": K.MONEY,
        "tax_total": K.MONEY,
        "gross_total": K.MONEY,
        "line_items": K.ARRAY,
    },
    "receipt": {
        "merchant_name": K.ORGANISATION,
        "merchant_address": K.ADDRESS,
        "date": K.DATE,
        "total": K.MONEY,
        "currency": K.CURRENCY,
    },
    "advertising-contract": {
        "contract_number": K.IDENTIFIER,
        "advertiser": K.ORGANISATION,
        "agency": K.ORGANISATION,
        "gross_amount": K.MONEY,
        "flight_from": K.DATE,
        "flight_to": K.DATE,
    },
    "nda": {"parties": K.ARRAY, "effective_date": K.DATE, "jurisdiction": K.TEXT, "term": K.DURATION},
}
LANGUAGES = {"en", "de", "fr", "es", "it"}


def test_the_shipped_schemas_have_the_public_names_in_order() -> None:
    shipped = {slug: {field.name: field.kind for field in schema.fields} for slug, schema in shipped_schemas().items()}
    assert shipped == FIELDS
    assert {slug: list(fields) for slug, fields in shipped.items()} == {s: list(f) for s, f in FIELDS.items()}


def test_line_items_and_parties_have_their_columns() -> None:
    lines = shipped_schemas()["invoice"].fields[-1]
    parties = shipped_schemas()["nda"].fields[0]
    assert [(c.name, c.kind) for c in lines.columns] == [
        ("description", K.TEXT),
        ("quantity", K.NUMBER),
        ("unit_price", K.MONEY),
        ("line_total", K.MONEY),
    ]
    assert [(c.name, c.kind) for c in parties.columns] == [("", K.ORGANISATION)]


@pytest.mark.parametrize("slug", FIELDS)
def test_every_field_has_labels_in_five_languages(slug: str) -> None:
    for field in shipped_schemas()[slug].fields:
        for part in (field, *field.columns):
            assert set(part.labels) == LANGUAGES, part.name
            assert all(words and len(words) == len(set(words)) for words in part.labels.values()), part.name


@pytest.mark.parametrize("slug", FIELDS)
def test_every_field_is_bounded(slug: str) -> None:
    for field in shipped_schemas()[slug].fields:
        for part in (field, *field.columns):
            assert (part.max_items if part.kind is K.ARRAY else part.max_length) is not None, part.name


def test_the_kinds_of_the_extension_are_the_kinds_of_the_code() -> None:
    path = Path(definitions.__file__).parent / "x_quire.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["$defs"]["property"]["properties"]["kind"]["enum"] == [kind.value for kind in Kind]


def test_documents_and_schemas_are_the_same_set() -> None:
    assert set(shipped_documents()) == set(shipped_schemas())
