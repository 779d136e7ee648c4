"""What was handed over and what was given back: a till receipt's own proof of its total.

Cash less change is the total; what stands below the change sums up taxes or points, and is no total.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from apps.extraction.engines.layout.contexts import Relation, contexts
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.options import Option, Placed, amount
from apps.schemas.fields import Field, Kind

_TENDERED = """
cash|cash received|cash tendered|tendered|amount tendered|payment cash|cash payment|paid cash|visa|mastercard
master card|credit card|debit card|bar|barzahlung|gegeben|bar gegeben|erhalten|ec karte|especes|regle par espece
paiement|donne|efectivo|entregado|contanti|pagamento contanti|carta
"""
_CHANGE = """
change|change due|cash change|balance change|ruckgeld|zuruck|wechselgeld|rendu|monnaie|rendu monnaie|cambio|resto
"""
_LEAST = 0.7
_SURE = 0.8
_LEVEL = 0.7
_LEAST_FIT = 0.5
_LEAST_MONEY = 0.4
_PROVEN = 0.35
"""What is left of the doubt in a total that cash less change gives."""
_UNNAMED = 0.72
"""How sure such a total is where no label was read beside it."""
_BELOW = 0.4
"""What is left of an amount that stands below the change."""
_TOTAL = ("total",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Payment:
    """What a page says of one payment."""

    page: int
    tendered: tuple[Decimal, ...]
    change: tuple[Decimal, ...]
    first: float
    last: float

    def totals(self) -> frozenset[Decimal]:
        """Return what the total can be: it isn't nothing."""
        return frozenset(paid - back for paid in self.tendered for back in self.change if paid > back)


@lru_cache(maxsize=1)
def _words() -> Lexicon:
    spelled = {"tendered": _TENDERED, "change": _CHANGE}
    return Lexicon(
        {
            name: [(word, 1.0) for line in words.strip().splitlines() for word in line.split("|")]
            for name, words in spelled.items()
        },
        background=False,
    )


def payable(*, fields: Sequence[Field], lexicon: Lexicon) -> str | None:
    """Return the field that a bare "Total" would label best: what is to be paid."""
    scores = {
        field.name: lexicon.read(_TOTAL).scores.get(field.name, 0.0) for field in fields if field.kind is Kind.MONEY
    }
    best = max(scores, key=lambda name: scores[name], default=None)
    return best if best is not None and scores[best] > 0 else None


def prefer_payable(*, options: Sequence[Option], placed: Sequence[Placed]) -> list[Option]:
    """Raise the options that cash less change gives, and lower what stands below the change."""
    payments = [payment for page in _pages(placed) if (payment := _payment(page)) is not None]
    weighed = list(options)
    for payment in payments:
        totals = payment.totals()
        weighed = [_weigh(option, payment, totals) for option in weighed]
        if totals and not any(amount(option) in totals and option.label > 0 for option in weighed):
            weighed.extend(_unnamed(placed, payment, totals))
    weighed.sort(key=lambda option: -option.score)
    return weighed


def _pages(placed: Sequence[Placed]) -> list[list[Placed]]:
    by_page: dict[int, list[Placed]] = {}
    for spot in placed:
        if spot.candidate.kind is Kind.MONEY and spot.candidate.confidence >= _LEAST_MONEY:
            by_page.setdefault(spot.candidate.page, []).append(spot)
    return list(by_page.values())


def _payment(spots: Sequence[Placed]) -> _Payment | None:
    """Find what was handed over and given back on a page, or None where it doesn't speak of change.

    That "Cash" is how something was paid proves nothing; a change that couldn't be read still ends what is summed.
    """
    found: dict[str, list[Placed]] = {"tendered": [], "change": []}
    for spot in spots:
        for context in contexts(pieces=spot.pieces, piece=spot.piece, rect=spot.rect):
            if context.relation is Relation.ABOVE or context.fit < _LEAST_FIT:
                continue
            reading = _words().read(context.parts)
            name = max(found, key=lambda name: reading.scores.get(name, 0.0))
            if reading.scores.get(name, 0.0) >= _LEAST:
                found[name].append(spot)
                break
    change = [
        piece.rect.middle
        for row in spots[0].pieces.rows
        for piece in row
        if not piece.value and _words().read(piece.parts).scores.get("change", 0.0) >= _SURE
    ]
    if not change:
        return None
    return _Payment(
        page=spots[0].candidate.page,
        tendered=tuple(abs(Decimal(spot.candidate.value)) for spot in found["tendered"]),
        change=tuple(abs(Decimal(spot.candidate.value)) for spot in found["change"]),
        first=min([*change, *(spot.rect.middle for spot in found["tendered"])]),
        last=max(change),
    )


def _weigh(option: Option, payment: _Payment, totals: frozenset[Decimal]) -> Option:
    spot = option.placed
    if spot.candidate.page != payment.page:
        return option
    if spot.rect.middle > payment.last + _LEVEL:
        return replace(option, score=option.score * _BELOW)
    if amount(option) in totals and option.label > 0 and spot.rect.middle < payment.first:
        return replace(option, score=1 - (1 - option.score) * _PROVEN)
    return option


def _unnamed(placed: Sequence[Placed], payment: _Payment, totals: frozenset[Decimal]) -> list[Option]:
    """Return the last amount above the payment that it proves, though no label was read beside it."""
    found = [
        spot
        for spot in placed
        if spot.candidate.kind is Kind.MONEY
        and spot.candidate.page == payment.page
        and spot.candidate.confidence >= _LEAST_MONEY
        and spot.rect.middle < payment.first
        and Decimal(spot.candidate.value) in totals
    ]
    if not found:
        return []
    return [Option(placed=max(found, key=lambda spot: spot.rect.middle), score=_UNNAMED, label=0.0)]
