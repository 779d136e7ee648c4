"""VAT ids whose labels say whose they are, and those whose place does."""

from __future__ import annotations

import pytest

from apps.extraction.engines.layout import LayoutEngine
from apps.extraction.engines.layout.roles import Role, role_said
from apps.extraction.engines.layout.wording import tokens
from apps.extraction.engines.protocol import ExtractionRequest
from apps.schemas.definitions import shipped_schemas
from tests.factories.pages import document

INVOICE = shipped_schemas()["invoice"]
WANTED = frozenset({"seller_vat_id", "buyer_vat_id"})


def vat_ids(drawing: str) -> dict[str, str]:
    request = ExtractionRequest(document=document(drawing), schema=INVOICE, wanted=WANTED)
    return {value.path[1:]: value.value for value in LayoutEngine().extract(request).values}


@pytest.mark.parametrize(
    ("heading", "label", "number"),
    [
        ("Adresse de livraison", "N° TVA client", "FR19787878784"),
        ("Lieferadresse", "Ihre USt-IdNr.", "DE123456788"),
        ("Ship to", "Customer VAT no.", "GB980780684"),
    ],
)
def test_a_label_that_names_the_buyer_is_believed_under_another_s_address(
    heading: str, label: str, number: str
) -> None:
    drawing = f"""
    {heading}
    Harbour Shop
    35 rue de la République
    69001 Lyon

    {label}          {number}
    """
    assert vat_ids(drawing) == {"buyer_vat_id": number}


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("N° TVA client", Role.RECIPIENT),
        ("Kunden-USt-IdNr.", Role.RECIPIENT),
        ("Your VAT no.", Role.RECIPIENT),
        ("Our VAT ID", Role.ISSUER),
        ("Supplier VAT no.", Role.ISSUER),
        ("USt-IdNr.", Role.NONE),
        ("VAT no. of supplier and customer", Role.NONE),
    ],
)
def test_labels_say_whose_number_it_is(label: str, role: Role) -> None:
    assert role_said(tokens(label)) is role
