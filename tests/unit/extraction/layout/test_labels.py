from __future__ import annotations

import pytest

from apps.extraction.engines.layout.labels import Lexicon, lexicon
from apps.extraction.engines.layout.wording import tokens
from apps.schemas.definitions import shipped_schemas
from apps.schemas.fields import Field, Kind

FIELDS = shipped_schemas()["invoice"].fields
GERMAN = lexicon(fields=FIELDS, language="de")


def best(phrase: str, words: Lexicon = GERMAN) -> str | None:
    reading = words.read(tokens(phrase))
    scores = {field.name: reading.score(field.name) for field in FIELDS}
    name = max(scores, key=lambda key: scores[key])
    return name if scores[name] >= 0.6 else None


@pytest.mark.parametrize(
    ("phrase", "field"),
    [
        ("Rechnungsnummer", "invoice_number"),
        ("Rechnungs-Nr.:", "invoice_number"),
        ("Rechnung Nr.", "invoice_number"),
        ("Rechnungsnunmer", "invoice_number"),  # as optical recognition reads it
        ("Rechnungsdatnm", "issue_date"),
        ("Invoice #", "invoice_number"),
        ("Beleg-Nr", "invoice_number"),
        ("Rechnungsdatum", "issue_date"),
        ("Zahlbar bis", "due_date"),
        ("Nettobetrag", "net_total"),
        ("Rechnungssumme ohne USt.", "net_total"),
        ("Summe Umsatzsteuer", "tax_total"),
        ("Rechnungssumme Brutto (inkl. USt.)", "gross_total"),
        ("Ihre USt-IdNr.", "buyer_vat_id"),
        ("USt-IdNr.", "seller_vat_id"),
    ],
)
def test_a_label_names_its_field(phrase: str, field: str) -> None:
    assert best(phrase) == field


@pytest.mark.parametrize(
    "phrase",
    [
        "Bestelldatum",
        "Lieferdatum",
        "Kundennummer",
        "Bestellung Nr.",
        "Steuernummer",
        "Seite",
        "Erhaltene Anzahlungen",
        "",
    ],
)
def test_the_usual_neighbours_of_a_field_are_none(phrase: str) -> None:
    assert best(phrase) is None


def test_what_a_schema_asks_for_is_no_mere_neighbour() -> None:
    order = Field(name="order_date", title="Order date", kind=Kind.DATE)
    words = lexicon(fields=[order], language="en")
    assert words.read(tokens("Order date")).score("order_date") > 0.9


def test_the_documents_language_decides_about_short_words() -> None:
    seller = next(field for field in FIELDS if field.name == "seller_name")
    french, english = lexicon(fields=[seller], language="fr"), lexicon(fields=[seller], language="en")
    assert french.read(("de",)).score("seller_name") > 0
    assert english.read(("de",)).score("seller_name") == 0


def test_longer_labels_beat_their_parts() -> None:
    reading = GERMAN.read(tokens("Gesamtbetrag netto"))
    assert reading.score("net_total") > 0.9
    assert reading.score("gross_total") < 0.6


def test_number_alone_is_no_id() -> None:
    field = Field(name="employee_id", title="Employee ID", kind=Kind.IDENTIFIER)
    words = lexicon(fields=[field], language="en")
    assert words.read(tokens("Employee number")).score("employee_id") > 0.6
    assert words.read(tokens("No.")).score("employee_id") == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rechnungs-Nr.:", ("rechnungs", "nr")),
        ("Rechnungsnummer", ("rechnungs", "nr")),
        ("N° de facture", ("nr", "de", "facture")),
        ("Nº factura", ("nr", "factura")),
        ("Invoice #", ("invoice", "nr")),
        ("USt-IdNr.", ("ust", "id", "nr")),
        ("Fällig am", ("fallig", "am")),
        ("Straße", ("strasse",)),
    ],
)
def test_spellings_become_one(text: str, expected: tuple[str, ...]) -> None:
    assert tokens(text) == expected
