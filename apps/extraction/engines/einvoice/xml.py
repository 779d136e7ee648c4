"""Reading XML that strangers wrote: no entities, no document types, no network, bounded in size and depth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from lxml import etree

from apps.extraction import dates
from apps.extraction.canonical import collapse, currency
from apps.extraction.exact import DECIMAL_PLACES, WHOLE_DIGITS
from apps.extraction.numerals import decimal_text

MAX_BYTES = 16 * 1024 * 1024
_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*\?>")
_DECIMAL = re.compile(
    rf"[+-]?0*\d{{1,{WHOLE_DIGITS}}}(\.\d{{0,{DECIMAL_PLACES}}}0*)?|[+-]?\.\d{{1,{DECIMAL_PLACES}}}0*", re.ASCII
)


class UnreadableXmlError(ValueError):
    """The XML is no e-invoice that can be read. The message is for a person and holds nothing of the document."""


@dataclass(frozen=True, slots=True)
class Node:
    """An element, with paths of local names: dialects and versions differ in their namespaces only."""

    element: etree._Element

    @property
    def name(self) -> str:
        """The local name."""
        return etree.QName(self.element).localname

    @property
    def namespace(self) -> str:
        return etree.QName(self.element).namespace or ""

    def attribute(self, name: str) -> str:
        """Return an attribute's text, "" where there is none."""
        value = self.element.get(name)
        return value.strip() if isinstance(value, str) else ""

    def all(self, path: str) -> Iterator[Node]:
        """Yield the elements at a path such as "ExchangedDocument/ID", in document order."""
        head, _, rest = path.partition("/")
        for child in self.element:
            if isinstance(child.tag, str) and etree.QName(child).localname == head:
                if rest:
                    yield from Node(child).all(rest)
                else:
                    yield Node(child)

    def first(self, *paths: str) -> Node | None:
        """Return the first element at the first of the paths that leads to one."""
        for path in paths:
            for node in self.all(path):
                return node
        return None

    def text(self, *paths: str) -> str | None:
        """Return the text, white space collapsed, at the first of the paths that has any."""
        for path in paths:
            for node in self.all(path):
                if value := node.value:
                    return value
        return None

    @property
    def value(self) -> str:
        text = self.element.text
        return collapse(text) if isinstance(text, str) else ""


class Terms:
    """Reads an invoice's terms as what they are, and keeps in `unreadable` the names of those that are no such thing.

    A term that the XML doesn't have is None, and not among them.
    """

    def __init__(self) -> None:
        self.unreadable: set[str] = set()

    def decimal(self, name: str, text: str | None, *, places: int = 2) -> str | None:
        """Return canonical text; see `decimal`."""
        return self._known(name, text, decimal(text, places=places))

    def total(self, name: str, nodes: Iterator[Node], *, code: str | None) -> str | None:
        """Return a total; of several, in the invoice's and in the accounting currency, that in the invoice's `code`."""
        filled = [node for node in nodes if node.value]
        ours = (node for node in filled if node.attribute("currencyID") == (code or ""))
        node = next(ours, filled[0] if filled else None)
        return self.decimal(name, node.value) if node else None

    def date(self, name: str, *texts: str | None) -> str | None:
        """Return the first of the texts that is a date, as ISO 8601."""
        found = next(filter(None, map(iso_date, texts)), None)
        return self._known(name, next(filter(None, texts), None), found)

    def currency(self, name: str, text: str | None) -> str | None:
        """Return a currency's code of ISO 4217."""
        return self._known(name, text, currency(text) if text else None)

    def _known(self, name: str, text: str | None, found: str | None) -> str | None:
        if text and found is None:
            self.unreadable.add(name)
        return found


def read_root(data: bytes) -> Node:
    """Return the root element. Raises UnreadableXmlError."""
    if len(data) > MAX_BYTES:
        raise UnreadableXmlError(f"the e-invoice XML is larger than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        root = _parse(data)
    except (etree.XMLSyntaxError, ValueError):
        # Some writers declare an encoding that doesn't exist: e-invoices are UTF-8, so it is tried without.
        try:
            root = _parse(_DECLARATION.sub(b"", data.removeprefix(b"\xef\xbb\xbf")))
        except (etree.XMLSyntaxError, ValueError):
            raise UnreadableXmlError("the e-invoice XML is not well formed") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableXmlError("the e-invoice XML declares a document type, which no e-invoice does")
    return Node(root)


def decimal(text: str | None, *, places: int = 2) -> str | None:
    """Return an XML decimal as canonical text; None if it is none.

    Programs fill numbers up with zeros; those beyond `places` say nothing.
    """
    if text is None or not _DECIMAL.fullmatch(text):
        return None
    try:
        written = decimal_text(Decimal(text))
    except InvalidOperation:
        return None
    whole, _, fraction = written.partition(".")
    fraction = fraction[:places] + fraction[places:].rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def iso_date(text: str | None) -> str | None:
    """Return an XML date, ISO 8601 or YYYYMMDD, as ISO 8601; None if it is none."""
    found = dates.readings(text) if text else ()
    return found[0].isoformat() if found else None


def _parse(data: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
    )
    return etree.fromstring(data, parser)
