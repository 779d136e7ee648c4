"""Which schema a document fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from apps.extraction.classification import classify
from apps.parsing.pages import Attachment, Page, ParsedDocument, TextSource
from apps.schemas.definitions import shipped_schemas
from apps.schemas.fields import Schema

SAMPLES = Path(__file__).parents[3] / "deploy" / "samples"
SHIPPED = tuple(shipped_schemas().values())


def _document(text: str, *, xml: bytes | None = None) -> ParsedDocument:
    page = Page(number=1, width=595, height=842, text=text, words=(), source=TextSource.LAYER)
    attachments = () if xml is None else (Attachment(name="a.xml", media_type="application/xml", data=xml),)
    return ParsedDocument(pages=(page,), attachments=attachments, language=None)


def _own(*names: str) -> Schema:
    invoice = shipped_schemas()["invoice"]
    fields = tuple(replace(field, name=name) for field, name in zip(invoice.fields, names, strict=False))
    return replace(invoice, slug="own", fields=fields, engines=("einvoice", "layout"), cues={})


@pytest.mark.parametrize("others", [(), (_own("delivery_number", "weight"),), (_own("issue_date", "colour"),)])
def test_an_e_invoice_fits_the_schema_with_most_of_its_fields(others: tuple[Schema, ...]) -> None:
    xml = (SAMPLES / "invoice-de-stationery.xml").read_bytes()
    assert classify(_document("", xml=xml), (*SHIPPED, *others)) == "invoice"


def test_words_tell_the_kind() -> None:
    text = "NON-DISCLOSURE AGREEMENT\nbetween the Disclosing Party and the Receiving Party\nConfidential Information"
    assert classify(_document(text), SHIPPED) == "nda"


@pytest.mark.parametrize("text", ["", "Dear Ann, the weather is fine. Yours, Rob"])
def test_what_fits_none_is_not_guessed(text: str) -> None:
    assert classify(_document(text), SHIPPED) is None
    assert classify(_document(text), ()) is None
