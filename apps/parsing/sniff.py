"""What kind of file these bytes are, by what they begin with: names and declared types are anybody's claim."""

from __future__ import annotations

import re

PDF = "application/pdf"
PNG = "image/png"
JPEG = "image/jpeg"
TIFF = "image/tiff"
XML = "application/xml"
ACCEPTED = (PDF, PNG, JPEG, TIFF, XML)

HEAD_BYTES = 65536
"""How much of a file `sniff` wants to see: e-invoices begin with long comments."""

_PDF_MARK_WITHIN = 1024
_TRUNCATED = 1024  # fewer bytes are a whole file
_INVOICE_ROOTS = {
    ("urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:", "CrossIndustryInvoice"),
    ("urn:ferd:CrossIndustryDocument:", "CrossIndustryDocument"),
    ("urn:oasis:names:specification:ubl:schema:xsd:Invoice-2", "Invoice"),
    ("urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2", "CreditNote"),
}
_NOT_ELEMENTS = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_ROOT = re.compile(r"<(?:([\w.-]+):)?([\w.-]+)((?:\s[^<>]*)?)/?>?", re.DOTALL)
_NAMESPACE = re.compile(r"""\bxmlns(?::([\w.-]+))?\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def sniff(head: bytes) -> str | None:
    """Return the media type that a file's first bytes show, or None where Quire doesn't read such files.

    `head` is the beginning of the file, HEAD_BYTES of it or all. XML counts only with the root element of an
    e-invoice: UN/CEFACT CrossIndustryInvoice, ZUGFeRD 1's CrossIndustryDocument, UBL 2 Invoice and CreditNote. Where a
    long comment keeps the root out of `head` it counts too: whoever opens the file sees the rest.
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith((b"II*\x00", b"MM\x00*")):
        return TIFF
    if _is_invoice(head):
        return XML
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"{\\rtf", b"GIF8", b"%!PS")):
        return None
    if b"%PDF-" in head[:_PDF_MARK_WITHIN]:
        return PDF
    return None


def describe(head: bytes) -> str:
    """Return what a file that `sniff` doesn't know seems to be, in words for a message: "a Word document"."""
    if not head:
        return "an empty file"
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _describe_zip(head)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "an older Office document (Word, Excel, PowerPoint or Outlook)"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP picture"
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return "a HEIC picture" if brand in {b"heic", b"heix", b"mif1", b"msf1", b"hevc"} else "a video or sound file"
    return _describe_text(head)


def is_program(head: bytes) -> bool:
    """Return whether a file is one that no converter makes a document of."""
    return head.startswith(_PROGRAMS)


_PROGRAMS = (b"MZ", b"\x7fELF")
_MARKS = (
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II+\x00", "a BigTIFF picture"),
    (b"MM\x00+", "a BigTIFF picture"),
    (b"%!PS", "a PostScript file"),
    (b"{\\rtf", "an RTF document"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a program"),
)


def _describe_zip(head: bytes) -> str:
    if b"mimetypeapplication/vnd.oasis.opendocument." in head[:200]:
        return "an OpenDocument file (LibreOffice)"
    if b"mimetypeapplication/epub" in head[:200]:
        return "an EPUB book"
    for mark, name in (
        (b"word/", "a Word document"),
        (b"xl/", "an Excel workbook"),
        (b"ppt/", "a PowerPoint presentation"),
    ):
        if mark in head:
            return name
    if b"[Content_Types].xml" in head:
        return "an Office document (Word, Excel or PowerPoint)"
    return "a ZIP archive"


def _describe_text(head: bytes) -> str:
    text = _decode(head)
    if text is None:
        return "a file of an unknown type"
    start = text.lstrip("\ufeff \t\r\n")[:2000].lower()
    if start.startswith(("<!doctype html", "<html")):
        return "a web page (HTML)"
    if start.startswith("<?xml") or _ROOT.match(start):
        return "an XML file that is no e-invoice"
    if re.match(
        r"(?:from |return-path:|received:|mime-version:|message-id:|delivered-to:|x-[\w-]+:|date:|subject:|to:)", start
    ):
        return "a mail message"
    if start.startswith(("{", "[")):
        return "a JSON file"
    return "plain text"


def _is_invoice(head: bytes) -> bool:
    text = _decode(head)
    if text is None:
        return False
    position = 1 if text.startswith("\ufeff") else 0
    while found := _NOT_ELEMENTS.match(text, position):
        position = found.end()
    root = _ROOT.match(text, position)
    if root is None:
        return (
            len(head) >= _TRUNCATED and text.lstrip("\ufeff").startswith("<?xml") and text.startswith("<!--", position)
        )
    prefix, name, attributes = root.group(1) or "", root.group(2), root.group(3)
    namespaces = {
        found.group(1) or "": found.group(2) or found.group(3) or "" for found in _NAMESPACE.finditer(attributes)
    }
    namespace = namespaces.get(prefix, "")
    return any(name == known and namespace.startswith(start) for start, known in _INVOICE_ROOTS)


def _decode(head: bytes) -> str | None:
    """Return the text of bytes that are text, else None."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace")
    if b"\x00" in head:
        return None
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 3:  # a character cut in two at the end
            return head[: error.start].decode("utf-8")
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    return head.decode("latin-1") if control == 0 else None
