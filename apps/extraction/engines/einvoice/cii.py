"""UN/CEFACT Cross Industry Invoice: Factur-X, ZUGFeRD 2 and XRechnung in all profiles, and ZUGFeRD 1.

ZUGFeRD 1 is an earlier draft of the same model: other wrappers, the same terms. Sources: EN 16931-3-3, Factur-X
1.07 / ZUGFeRD 2.3 technical annexes, ZUGFeRD 1.0 specification.
"""

from __future__ import annotations

from collections.abc import Iterator

from apps.extraction.canonical import vat_id
from apps.extraction.engines.einvoice.invoice import Invoice, Line
from apps.extraction.engines.einvoice.xml import Node, Terms

ROOTS = frozenset({"CrossIndustryInvoice", "CrossIndustryDocument"})
# Lines of a group and lines for information repeat what other lines bill (BG-X of the EXTENDED profile).
_NOT_BILLED = frozenset({"GROUP", "INFORMATION"})


def read(root: Node) -> Invoice:
    """Return what the XML says."""
    document = _part(root, "ExchangedDocument", "HeaderExchangedDocument")
    trade = _part(root, "SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction")
    agreement = _part(trade, "ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement")
    settlement = _part(trade, "ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement")
    sums = _part(
        settlement,
        "SpecifiedTradeSettlementHeaderMonetarySummation",
        "SpecifiedTradeSettlementMonetarySummation",
    )
    code = settlement.text("InvoiceCurrencyCode")
    terms = Terms()
    return Invoice(
        dialect="ZUGFeRD 1" if root.name == "CrossIndustryDocument" else "CII",
        invoice_number=document.text("ID"),
        issue_date=terms.date("issue_date", _date(document.first("IssueDateTime"))),
        due_date=terms.date("due_date", *map(_date, settlement.all("SpecifiedTradePaymentTerms/DueDateDateTime"))),
        seller_name=agreement.text("SellerTradeParty/Name"),
        seller_vat_id=_vat(agreement.first("SellerTradeParty")),
        buyer_name=agreement.text("BuyerTradeParty/Name"),
        buyer_vat_id=_vat(agreement.first("BuyerTradeParty")),
        currency=terms.currency("currency", code),
        net_total=terms.total("net_total", sums.all("TaxBasisTotalAmount"), code=code),
        tax_total=terms.total("tax_total", sums.all("TaxTotalAmount"), code=code),
        gross_total=terms.total("gross_total", sums.all("GrandTotalAmount"), code=code),
        lines=tuple(_lines(trade, terms)),
        unreadable=frozenset(terms.unreadable),
    )


def _lines(trade: Node, terms: Terms) -> Iterator[Line]:
    for item in trade.all("IncludedSupplyChainTradeLineItem"):
        if item.text("AssociatedDocumentLineDocument/LineStatusReasonCode") in _NOT_BILLED:
            continue
        agreement = _part(item, "SpecifiedLineTradeAgreement", "SpecifiedSupplyChainTradeAgreement")
        delivery = _part(item, "SpecifiedLineTradeDelivery", "SpecifiedSupplyChainTradeDelivery")
        settlement = _part(item, "SpecifiedLineTradeSettlement", "SpecifiedSupplyChainTradeSettlement")
        line = Line(
            description=item.text("SpecifiedTradeProduct/Name", "SpecifiedTradeProduct/Description"),
            quantity=terms.decimal("lines", delivery.text("BilledQuantity"), places=0),
            unit_price=terms.decimal(
                "lines",
                agreement.text("NetPriceProductTradePrice/ChargeAmount", "GrossPriceProductTradePrice/ChargeAmount"),
            ),
            line_total=terms.decimal(
                "lines",
                settlement.text(
                    "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount",
                    "SpecifiedTradeSettlementMonetarySummation/LineTotalAmount",
                ),
            ),
        )
        # ZUGFeRD 1 puts remarks between the lines: an item without a name and an amount bills nothing.
        if line.description or line.line_total:
            yield line


def _part(node: Node, *names: str) -> Node:
    """Return a part of the model under the name that the dialect gives it; an empty one where it is missing."""
    return node.first(*names) or Node(node.element.makeelement("missing"))


def _date(node: Node | None) -> str | None:
    """Return `DateTimeString` (format 102: YYYYMMDD, 203: with a time), `DateTime`, or the element's own text."""
    if node is None:
        return None
    text = node.text("DateTimeString", "DateString", "DateTime", "Date") or node.value
    if len(text) in {12, 14} and text.isdigit():
        text = text[:8]
    return text


def _vat(party: Node | None) -> str | None:
    """Return a party's VAT id: the tax registration under scheme VA, not FC (a national tax number)."""
    if party is None:
        return None
    for node in party.all("SpecifiedTaxRegistration/ID"):
        if node.attribute("schemeID").upper() == "VA" and node.value:
            return vat_id(node.value) or node.value
    return None
