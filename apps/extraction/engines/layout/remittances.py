"""Slips at a paper's foot that go back with the payment: there "To" names whoever is paid.

A payment advice is a letter of the customer's to the issuer, so that its bare "To" and "From" mean the other parties
than on the rest of the page.
"""

from __future__ import annotations

from collections.abc import Sequence

from apps.extraction.engines.layout.pieces import PagePieces
from apps.extraction.engines.layout.wording import tokens as words_of

_HEADINGS = frozenset(
    tuple(words_of(heading))
    for heading in (
        "payment advice", "payment slip", "payment stub", "payment coupon", "payment voucher", "remittance",
        "remittance advice", "remittance slip", "remittance stub", "remittance coupon", "remittance form",
        "zahlungsbeleg", "zahlungsavis", "zahlschein", "zahlteil", "einzahlungsschein", "überweisungsträger",
        "überweisungsauftrag", "talon de paiement", "coupon de paiement", "coupon réponse", "bulletin de versement",
        "bordereau de paiement", "avis de paiement", "talón de pago", "cupón de pago", "aviso de pago",
        "boletín de pago", "bollettino di pagamento", "bollettino", "avviso di pagamento", "cedola di pagamento",
    )
)  # fmt: skip
_DIRECTIONS = frozenset({"to", "from", "an", "von", "a", "de", "da"})
_LEAST_DEPTH = 0.4
"""A page that begins with such a heading is an advice as a whole, and its first lines are a letter's."""
_MOST_AROUND = 2
"""A line with more words beside the heading's is a sentence about the slip."""
_RISE = 1.5


def slip_top(*, pieces: PagePieces) -> float | None:
    """Return where a page's payment slip begins, in line heights from the top; None where the page has none."""
    frame = pieces.layout.frame
    for row in pieces.layout.rows:
        if row.rect.y0 < _LEAST_DEPTH * frame.height:
            continue
        for segment in row.segments:
            words = words_of(segment.text)
            if any(
                words[at : at + len(heading)] == heading
                for heading in _HEADINGS
                if len(words) <= len(heading) + _MOST_AROUND
                for at in range(len(words))
            ):
                # What stands beside a large heading begins a little above it.
                return segment.rect.y0 - _RISE
    return None


def is_direction(parts: Sequence[str]) -> bool:
    """Return whether a label is a bare "To" or "From", whose meaning depends on who writes to whom."""
    return len(parts) == 1 and parts[0] in _DIRECTIONS
