"""OASIS UBL 2 Invoice and CreditNote: XRechnung, Peppol BIS Billing 3 and plain EN 16931. Source: EN 16931-3-2."""

from __future__ import annotations

from collections.abc import Iterator

from apps.extraction.canonical import vat_id
from apps.extraction.engines.einvoice.invoice import Invoice, Line
from apps.extraction.engines.einvoice.xml import Node, Terms

ROOTS = frozenset({"Invoice", "CreditNote"})


def read(root: Node) -> Invoice:
    """Return what the XML says."""
    code = root.text("DocumentCurrencyCode")
    seller = root.first("AccountingSupplierParty/Party")
    buyer = root.first("AccountingCustomerParty/Party")
    terms = Terms()
    return Invoice(
        dialect=f"UBL {root.name}",
        invoice_number=root.text("ID"),
        issue_date=terms.date("issue_date", root.text("IssueDate")),
        due_date=terms.date(
            "due_date", root.text("DueDate", "PaymentMeans/PaymentDueDate", "PaymentTerms/PaymentDueDate")
        ),
        seller_name=_name(seller),
        seller_vat_id=_vat(seller),
        buyer_name=_name(buyer),
        buyer_vat_id=_vat(buyer),
        currency=terms.currency("currency", code),
        net_total=terms.decimal("net_total", root.text("LegalMonetaryTotal/TaxExclusiveAmount")),
        tax_total=terms.total("tax_total", root.all("TaxTotal/TaxAmount"), code=code),
        gross_total=terms.decimal("gross_total", root.text("LegalMonetaryTotal/TaxInclusiveAmount")),
        lines=tuple(_lines(root, terms)),
        unreadable=frozenset(terms.unreadable),
    )


def _lines(root: Node, terms: Terms) -> Iterator[Line]:
    for kind, quantity in (("InvoiceLine", "InvoicedQuantity"), ("CreditNoteLine", "CreditedQuantity")):
        for item in root.all(kind):
            yield Line(
                description=item.text("Item/Name", "Item/Description"),
                quantity=terms.decimal("lines", item.text(quantity), places=0),
                unit_price=terms.decimal("lines", item.text("Price/PriceAmount")),
                line_total=terms.decimal("lines", item.text("LineExtensionAmount")),
            )


def _name(party: Node | None) -> str | None:
    """Return the registered name (BT-27, BT-44), or the one it trades under."""
    return party.text("PartyLegalEntity/RegistrationName", "PartyName/Name") if party else None


def _vat(party: Node | None) -> str | None:
    for scheme in party.all("PartyTaxScheme") if party else ():
        number = scheme.text("CompanyID")
        if number and (scheme.text("TaxScheme/ID") or "VAT").upper() == "VAT":
            return vat_id(number) or number
    return None
