"""Who a field is about: the one who issues a paper, or the one it is addressed to."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from apps.extraction.engines.layout.wording import tokens as words_of
from apps.schemas.fields import Field


class Role(Enum):
    """A party's part. A field of neither kind is known by its labels alone."""

    ISSUER = "issuer"
    RECIPIENT = "recipient"
    NONE = "none"


_ISSUER_WORDS = """
seller vendor supplier merchant issuer sender payee provider store shop creditor company biller
verkaufer lieferant anbieter handler aussteller rechnungssteller rechnungsaussteller absender glaubiger
vendeur fournisseur emetteur commercant marchand prestataire
vendedor proveedor emisor comercio comerciante
venditore fornitore emittente cedente esercente
"""
_RECIPIENT_WORDS = """
buyer customer client recipient payer purchaser debtor addressee
kaufer kunde empfanger rechnungsempfanger leistungsempfanger besteller schuldner
acheteur destinataire
comprador cliente destinatario
acquirente committente cessionario
"""
_ADDRESSING = {
    "issuer": "our unser unsere unserer notre nos nuestro nuestra nostro nostra",
    "recipient": "your ihr ihre ihrer votre vos su vostro vostra vs",
}
_ISSUER = frozenset(_ISSUER_WORDS.split())
_RECIPIENT = frozenset(_RECIPIENT_WORDS.split())


def role_of(field: Field) -> Role:
    """Return whose value a field asks for, by its name and title."""
    parts = set(words_of(field.name.replace("_", " "))) | set(words_of(field.title))
    if parts & _ISSUER and not parts & _RECIPIENT:
        return Role.ISSUER
    if parts & _RECIPIENT and not parts & _ISSUER:
        return Role.RECIPIENT
    return Role.NONE


def role_said(parts: Sequence[str]) -> Role:
    """Return whose value a label says that it names: "Customer VAT no.", "Ihre USt-IdNr."; none says most labels."""
    said = {
        role
        for role, words, addressing in (
            (Role.ISSUER, _ISSUER, _ADDRESSING["issuer"].split()),
            (Role.RECIPIENT, _RECIPIENT, _ADDRESSING["recipient"].split()),
        )
        if any(part in addressing or any(part.startswith(word) for word in words) for part in parts)
    }
    return said.pop() if len(said) == 1 else Role.NONE
