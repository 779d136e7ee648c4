"""XML -> values with evidence. Exact and free, so it is tried first."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import zip_longest

from apps.extraction.canonical import as_decimal
from apps.extraction.confidence import UNSEEN
from apps.extraction.engines.einvoice import cii, ubl
from apps.extraction.engines.einvoice.invoice import Invoice
from apps.extraction.engines.einvoice.xml import Node, UnreadableXmlError, read_root
from apps.extraction.engines.protocol import Extraction, ExtractionRequest
from apps.extraction.exact import exactly
from apps.extraction.grounding import Grounding, ground, occurrences, rows_apart
from apps.extraction.notes import Note, unreadable
from apps.extraction.page_index import DocumentIndex
from apps.extraction.row_grounding import Cell, ground_rows
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Attachment, Box, ParsedDocument
from apps.schemas.fields import Field, Kind

# The names that the standards prescribe: such an attachment is read before others.
_KNOWN_NAMES = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml", "order-x.xml")
_SURE = 0.99
_DOUBTFUL = 0.5
_SIGN_OF_DOUBT = 0.85
_TOTALS = ("net_total", "tax_total", "gross_total")
_ROW_REACH = 0.12
"""How far, in page heights, a line's values may stand above or below its description."""
_XML_REACH = 1.5
"""The same where the pages show the XML itself, an element a line."""
_ELEMENTS = {
    "due_date": ("DueDateDateTime", "DueDate", "PaymentDueDate"),
    "issue_date": ("IssueDateTime", "IssueDate"),
    "seller_name": ("SellerTradeParty", "RegistrationName", "AccountingSupplierParty"),
    "buyer_name": ("BuyerTradeParty", "RegistrationName", "AccountingCustomerParty"),
    "currency": ("InvoiceCurrencyCode", "DocumentCurrencyCode"),
    "net_total": ("TaxBasisTotalAmount", "TaxExclusiveAmount"),
    "tax_total": ("TaxTotalAmount", "TaxAmount"),
    "gross_total": ("GrandTotalAmount", "TaxInclusiveAmount"),
    "quantity": ("BilledQuantity", "InvoicedQuantity", "CreditedQuantity"),
    "unit_price": ("ChargeAmount", "PriceAmount"),
    "line_total": ("LineTotalAmount", "LineExtensionAmount"),
}
"""What stands beside a value there."""
_DIFFER = Note(text="net and tax don't add up to the gross total in the e-invoice XML", others=_TOTALS)
_BESIDE = {
    "seller_vat_id": ("seller_name",),
    "buyer_vat_id": ("buyer_name",),
    "issue_date": ("invoice_number",),
    "currency": ("gross_total", "net_total"),
}
"""Beside which other values one is looked for."""
_LEVEL = 0.012
"""So much of a page's height may lie between two values of one line."""
_CENT = Decimal("0.01")


class EInvoiceEngine:
    """Reads Factur-X, ZUGFeRD 1 and 2, XRechnung and UBL, embedded in a PDF or bare.

    It fills the fields of any schema that bear the invoice schema's names. A value that no page shows is `ungrounded`.
    """

    @property
    def name(self) -> str:
        return "einvoice"

    @exactly
    def extract(self, request: ExtractionRequest) -> Extraction:
        """Answer the wanted fields that the XML holds. An XML that can't be read yields a note and no values."""
        notes: list[Note] = []
        for attachment in _in_order(request.document.attachments):
            try:
                found = _read(attachment)
            except UnreadableXmlError as error:
                notes.append(Note(text=str(error)))
                continue
            if found is not None:
                root, invoice = found
                is_xml = _shows(request.document, root)
                values = _Values(request=request, invoice=invoice, engine=self.name, is_xml=is_xml)
                return Extraction(
                    values=tuple(values.all()),
                    notes=(*notes, *values.notes, *(unreadable(name=name) for name in sorted(values.unreadable))),
                    unreadable=values.unreadable,
                )
        return Extraction(values=(), notes=tuple(notes))


def _in_order(attachments: tuple[Attachment, ...]) -> list[Attachment]:
    return sorted(attachments, key=lambda item: item.name.lower() not in _KNOWN_NAMES)


def _read(attachment: Attachment) -> tuple[Node, Invoice] | None:
    """Return the attachment's root element and invoice, None if it is no invoice. Raises UnreadableXmlError."""
    head = attachment.data[:1024].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if not head.startswith((b"<", b"\x00<", b"<\x00")):
        return None
    root = read_root(attachment.data)
    if root.name in cii.ROOTS:
        return root, cii.read(root)
    if root.name in ubl.ROOTS and "ubl" in root.namespace:
        return root, ubl.read(root)
    return None


def _shows(document: ParsedDocument, root: Node) -> bool:
    """Return whether the pages are those of a bare XML: its elements, one a line."""
    words = document.pages[0].words[:1] if document.pages else ()
    return any(word.text.rpartition(":")[2] == root.name for word in words)


class _Values:
    """One invoice's terms as values of a schema, each found on the pages."""

    def __init__(self, *, request: ExtractionRequest, invoice: Invoice, engine: str, is_xml: bool) -> None:
        self._request = request
        self._invoice = invoice
        self._engine = engine
        self._is_xml = is_xml
        self._reach = _XML_REACH if is_xml else _ROW_REACH
        self._index = DocumentIndex(request.document)
        self._fields = {field.name: field for field in request.schema.fields}
        self._doubtful = frozenset(_TOTALS) if _totals_differ(invoice) else frozenset()
        self.notes = (_DIFFER,) if self._doubtful else ()

    @property
    def unreadable(self) -> frozenset[str]:
        """The wanted fields for which the XML has something that is none of their kind."""
        names = {"line_items" if name == "lines" else name for name in self._invoice.unreadable}
        return self._request.wanted & self._fields.keys() & names

    def all(self) -> Iterator[ExtractedValue]:
        """Yield the values in the schema's order."""
        for field in self._request.schema.fields:
            if field.name not in self._request.wanted:
                continue
            if field.kind is Kind.ARRAY:
                if field.name == "line_items":
                    yield from self._rows(field)
                continue
            text = getattr(self._invoice, field.name, None) if field.name in FIELDS else None
            if isinstance(text, str) and text:
                yield self._value(field, text, self._place(field, text), path=f"/{field.name}")

    def _place(self, field: Field, text: str) -> Grounding | None:
        """Return where the pages say a single value; of several places the one beside what it belongs to.

        A party's VAT id is the nearest to its name, the date of issue that beside the invoice's number rather than one
        on another page, a currency's bare sign that of a total: "120.000 €" may be the share capital.
        """
        found = ground(index=self._index, value=text, kind=field.kind, near=self._near(field))
        if found is None or self._is_xml:
            return found
        anchors = [
            place
            for name in _BESIDE.get(field.name, ())
            if name in self._fields and (place := self._anchor(name)) is not None
        ]
        for anchor in anchors:
            if field.kind is Kind.CURRENCY and any(char.isalpha() for char in found.quote):
                break
            if field.kind is Kind.DATE and found.page == anchor.page:
                break
            level = None if field.kind is Kind.VAT_ID else _LEVEL
            near = [
                item
                for item in occurrences(index=self._index, value=text, kind=field.kind)
                if item.page.number == anchor.page
                and item.score >= found.score
                and (level is None or rows_apart(item, anchor) <= level)
            ]
            if near:
                return min(near, key=lambda item: _apart(item.box, anchor.box)).grounding
        return found

    def _anchor(self, name: str) -> Evidence | None:
        text = getattr(self._invoice, name, None)
        field = self._fields[name]
        place = ground(index=self._index, value=text, kind=field.kind, near=self._near(field)) if text else None
        return self._index.as_read(place.evidence) if place is not None else None

    def _rows(self, field: Field) -> Iterator[ExtractedValue]:
        """Yield the lines' values, each line found by its description, else its amount."""
        columns = {column.name: column for column in field.columns if column.name in _COLUMNS}
        lines = [
            {name: text for name in columns if (text := getattr(line, name, None))} for line in self._invoice.lines
        ]
        places = ground_rows(
            index=self._index,
            rows=[
                {
                    name: Cell(value=text, kind=columns[name].kind, near=self._near(columns[name]))
                    for name, text in cells.items()
                }
                for cells in lines
            ],
            anchors=("description", "line_total"),
            order=tuple(columns),
            reach=self._reach,
            across=not self._is_xml,
        )
        for position, (cells, found) in enumerate(zip(lines, places, strict=True)):
            for name, text in cells.items():
                yield self._value(columns[name], text, found.get(name), path=f"/{field.name}/{position}/{name}")

    def _value(self, field: Field, text: str, found: Grounding | None, *, path: str) -> ExtractedValue:
        confidence, status = _SURE, ValueStatus.ACCEPTED
        if found is None:
            confidence, status = UNSEEN, ValueStatus.UNGROUNDED
        elif field.name in self._doubtful:
            confidence, status = _DOUBTFUL, ValueStatus.NEEDS_REVIEW
        elif found.score < _SIGN_OF_DOUBT:
            confidence, status = round(_SURE * found.score, 4), ValueStatus.NEEDS_REVIEW
        return ExtractedValue(
            path=path,
            value=text,
            kind=field.kind,
            engine=self._engine,
            confidence=confidence,
            status=status,
            evidence=(found.evidence,) if found else (),
        )

    def _near(self, field: Field) -> tuple[str, ...]:
        # The likeliest label of each language first: the document's language isn't always known.
        ranks = zip_longest(*field.labels.values())
        near = [label for rank in ranks for label in rank if label]
        return (*_ELEMENTS.get(field.name, ()), *near) if self._is_xml else tuple(near)


FIELDS = frozenset(Invoice.__dataclass_fields__) - {"dialect", "lines", "unreadable"}
"""Names of fields that an e-invoice can fill."""
_COLUMNS = frozenset({"description", "quantity", "unit_price", "line_total"})


def _apart(one: Box, other: Box) -> float:
    """Return how far two boxes' middles lie apart, in page widths and heights together."""
    (x, y), (u, v) = one.center, other.center
    return abs(x - u) + abs(y - v)


def _totals_differ(invoice: Invoice) -> bool:
    """Return whether the totals break BR-CO-15 of EN 16931: net plus tax is gross."""
    texts = (invoice.net_total, invoice.tax_total, invoice.gross_total)
    amounts = [as_decimal(text) for text in texts if text is not None]
    net, tax, gross = (*amounts, None, None, None)[:3]
    if len(amounts) < len(_TOTALS) or net is None or tax is None or gross is None:
        return False
    return abs(net + tax - gross) > _CENT
