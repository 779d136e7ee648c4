"""What was paid before: an amount that makes what is left to pay differ from the total."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from apps.extraction.engines.layout.contexts import Relation, contexts
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.options import Placed
from apps.schemas.fields import Kind

# `PrepaidAmount` and the like are the elements of an e-invoice, whose pages show the XML.
_PREPAID = """
prepaid|prepaid amount|prepaidamount|totalprepaidamount|prepayment|prepayments|already paid|paid|amount paid|paid amount
payments received|payment received|less payments|less payment|deposit|deposit paid|less deposit|advance|advance payment
down payment|credit applied|bereits bezahlt|bereits gezahlt|bezahlt|bezahlter betrag|anzahlung|abzgl anzahlung
abzuglich anzahlung|geleistete anzahlung|geleistete anzahlungen|vorauszahlung|abschlagszahlung|abschlag|bereits erhalten
erhaltene anzahlung|acompte|acompte verse|acomptes|deja paye|deja regle|montant paye|montant deja paye|arrhes|avance
anticipo|pagado|ya pagado|importe pagado|a cuenta|entrega a cuenta|acconto|acconti|gia pagato|importo pagato|versato
"""
_LEAST = 0.8
_LEAST_FIT = 0.5


@lru_cache(maxsize=1)
def _words() -> Lexicon:
    spelled = [(word, 1.0) for line in _PREPAID.strip().splitlines() for word in line.split("|")]
    return Lexicon({"prepaid": spelled}, background=False)


def prepaid(*, placed: Sequence[Placed]) -> frozenset[int]:
    """Return the placed amounts, by id, that a label in their row says were paid before."""
    return frozenset(
        id(spot)
        for spot in placed
        if spot.candidate.kind is Kind.MONEY
        and any(
            context.relation is not Relation.ABOVE
            and context.fit >= _LEAST_FIT
            and _words().read(context.parts).scores.get("prepaid", 0.0) >= _LEAST
            for context in contexts(pieces=spot.pieces, piece=spot.piece, rect=spot.rect)
        )
    )
