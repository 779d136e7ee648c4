"""OASIS UBL 2 Invoice and CreditNote: XRechnung, Peppol BIS Billing 3 and plain EN 16931. Source: EN 16931-3-2."""

from __future__ import annotations

from collections.abc import Iterator

from apps.extraction.canonical import currency, vat_id
from apps.extraction.engines.einvoice.invoice import Invoice, Line
from apps.extraction.engines.einvoice.xml import Node, decimal, iso_date

ROOTS = frozenset({"Invoice", "CreditNote"})


def read(root: Node) -> Invoice:
    """Return what the XML says."""
    code = root.text("DocumentCurrencyCode")
    seller = root.first("AccountingSupplierParty/Party")
    buyer = root.first("AccountingCustomerParty/Party")
    return Invoice(
        dialect=f"UBL {root.name}",
        invoice_number=root.text("ID"),
        issue_date=iso_date(root.text("IssueDate")),
        due_date=iso_date(root.text("DueDate", "PaymentMeans/PaymentDueDate", "PaymentTerms/PaymentDueDate")),
        seller_name=_name(seller),
        seller_vat_id=_vat(seller),
        buyer_name=_name(buyer),
        buyer_vat_id=_vat(buyer),
        currency=currency(code) if code else None,
        net_total=decimal(root.text("LegalMonetaryTotal/TaxExclusiveAmount")),
        tax_total=_tax(root, code),
        gross_total=decimal(root.text("LegalMonetaryTotal/TaxInclusiveAmount")),
        lines=tuple(_lines(root)),
    )


def _lines(root: Node) -> Iterator[Line]:
    for kind, quantity in (("InvoiceLine", "InvoicedQuantity"), ("CreditNoteLine", "CreditedQuantity")):
        for item in root.all(kind):
            yield Line(
                description=item.text("Item/Name", "Item/Description"),
                quantity=decimal(item.text(quantity), places=0),
                unit_price=decimal(item.text("Price/PriceAmount")),
                line_total=decimal(item.text("LineExtensionAmount")),
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


def _tax(root: Node, code: str | None) -> str | None:
    """Return BT-110: of two tax totals, the one in the invoice's currency."""
    nodes = [node for node in root.all("TaxTotal/TaxAmount") if decimal(node.value)]
    for node in nodes:
        if node.attribute("currencyID") == (code or ""):
            return decimal(node.value)
    return decimal(nodes[0].value) if nodes else None
