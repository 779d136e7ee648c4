"""An e-invoice in the terms of EN 16931, whichever dialect it came in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One invoice line: BT-153 item name, BT-129 quantity, BT-146 net price, BT-131 net amount."""

    description: str | None
    quantity: str | None
    unit_price: str | None
    line_total: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """The terms that Quire's invoice schema has, as canonical text; None where the XML has none.

    BT-1 number, BT-2 issue date, BT-9 due date, BT-27 and BT-31 seller, BT-44 and BT-48 buyer, BT-5 currency, BT-109
    total without VAT, BT-110 VAT, BT-112 total with VAT. A credit note's amounts keep the sign that the XML gives.
    `unreadable` are the names of terms that the XML has, but none of their kind: `NaN` is no amount. They are None.
    """

    dialect: str
    invoice_number: str | None
    issue_date: str | None
    due_date: str | None
    seller_name: str | None
    seller_vat_id: str | None
    buyer_name: str | None
    buyer_vat_id: str | None
    currency: str | None
    net_total: str | None
    tax_total: str | None
    gross_total: str | None
    lines: tuple[Line, ...]
    unreadable: frozenset[str] = frozenset()
