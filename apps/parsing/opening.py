"""Opening bytes as a document of pages, or saying why that can't be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pymupdf

from apps.parsing import attachments, ends, sniff, xmlview
from apps.parsing.errors import Failure
from apps.parsing.limits import Limits
from apps.parsing.pages import Attachment

_PROLOG_BYTES = 1024 * 1024
_REHEARSAL = (
    '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"><ID of="x">1 \u00e4\u20ac</ID></Invoice>'
).encode()
_FILE_TYPES = {sniff.PDF: "pdf", sniff.PNG: "png", sniff.JPEG: "jpeg", sniff.TIFF: "tiff"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A document whose pages can be loaded. `data` are the file's bytes."""

    document: pymupdf.Document
    media_type: str
    data: memoryview
    limits: Limits

    @property
    def is_picture(self) -> bool:
        """Whether the pages are bare pictures."""
        return self.media_type in {sniff.PNG, sniff.JPEG, sniff.TIFF}

    def attachments(self) -> Iterator[Attachment]:
        """Yield the e-invoices that the document carries, or is."""
        if self.media_type == sniff.XML:
            yield Attachment(name="invoice.xml", media_type=sniff.XML, data=bytes(self.data))
        elif self.media_type == sniff.PDF:
            yield from attachments.invoices(self.document, max_bytes=self.limits.max_attachment_bytes)


def open_document(data: memoryview, *, media_type: str, password: str | None, limits: Limits) -> Opened:
    """Open a file's bytes. Raises Failure: encrypted, wrong_password, broken, cut_off, zero_pages, too_many_pages."""
    if media_type == sniff.XML:
        if sniff.sniff(bytes(data[:_PROLOG_BYTES])) != sniff.XML:
            raise Failure("no_invoice")
        document = xmlview.to_pages(bytes(data), limits=limits)
    else:
        if media_type != sniff.PDF and ends.is_cut(data, media_type=media_type):
            raise Failure("cut_off")
        document = _open(data, media_type=media_type)
        _unlock(document, password)
        if media_type == sniff.PDF and not document.is_pdf:
            raise Failure("broken")
    try:
        pages = document.page_count
    except Exception as error:
        raise _broken(data, media_type=media_type) from error
    if pages < 1:
        raise Failure("zero_pages") if _is_meant_empty(document) else _broken(data, media_type=media_type)
    if pages > limits.max_pages:
        raise Failure("too_many_pages", pages=pages, max_pages=limits.max_pages)
    return Opened(document=document, media_type=media_type, data=data, limits=limits)


def rehearsal() -> Opened:
    """Return a small document of text and ruled lines, opened twice: as what it was made of and as PDF."""
    xml = open_document(memoryview(_REHEARSAL), media_type=sniff.XML, password=None, limits=Limits()).document
    page = xml.load_page(0)
    for step in range(4):
        page.draw_line((100, 300 + 30 * step), (400, 300 + 30 * step))
        page.draw_line((100 + 100 * step, 300), (100 + 100 * step, 390))
    xml.embfile_add("invoice.xml", _REHEARSAL)
    return open_document(memoryview(xml.tobytes()), media_type=sniff.PDF, password=None, limits=Limits())


def _is_meant_empty(document: pymupdf.Document) -> bool:
    """Return whether there is a page tree, and no page in it: in what is left of a PDF there is often none at all."""
    if not document.is_pdf or not document.is_repaired:
        return True
    catalog = document.pdf_catalog()
    return bool(catalog > 0 and document.xref_get_key(catalog, "Pages/Kids")[0] == "array")


def _broken(data: memoryview, *, media_type: str) -> Failure:
    return Failure("cut_off" if ends.is_cut(data, media_type=media_type) else "broken")


def _open(data: memoryview, *, media_type: str) -> pymupdf.Document:
    try:
        return pymupdf.open(stream=data, filetype=_FILE_TYPES[media_type])
    except (pymupdf.FileDataError, pymupdf.EmptyFileError) as error:
        if "alloc" in str(error.__cause__):
            raise Failure("too_much_memory") from error
        raise _broken(data, media_type=media_type) from error


def _unlock(document: pymupdf.Document, password: str | None) -> None:
    if not document.needs_pass:
        return
    if password is None:
        raise Failure("encrypted")
    if not document.authenticate(password):
        raise Failure("wrong_password")
