"""Files made on the fly."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import pymupdf
from PIL import Image

INVOICE_LINES = (
    (60, 60, "Northwind Instruments Ltd", 14),
    (60, 80, "4 Harbour Road, Bristol BS1 5TX", 9),
    (360, 60, "INVOICE", 20),
    (360, 100, "Invoice No.:", 10),
    (460, 100, "NW-2025-0417", 10),
    (360, 116, "Invoice date:", 10),
    (460, 116, "14 March 2025", 10),
    (360, 132, "Due date:", 10),
    (460, 132, "13 April 2025", 10),
    (60, 160, "Bill to:", 10),
    (60, 176, "Contoso Retail GmbH", 10),
    (60, 190, "Lindenstrasse 7, 10969 Berlin", 10),
    (60, 250, "Description", 10),
    (300, 250, "Quantity", 10),
    (380, 250, "Unit price", 10),
    (480, 250, "Amount", 10),
    (60, 270, "Pressure gauge", 10),
    (300, 270, "4", 10),
    (380, 270, "120.00", 10),
    (480, 270, "480.00", 10),
    (60, 286, "Calibration service", 10),
    (300, 286, "2", 10),
    (380, 286, "85.50", 10),
    (480, 286, "171.00", 10),
    (380, 330, "Net total:", 10),
    (480, 330, "GBP 651.00", 10),
    (380, 346, "VAT 20%:", 10),
    (480, 346, "GBP 130.20", 10),
    (380, 362, "Total due:", 10),
    (480, 362, "GBP 781.20", 10),
)


def pdf(*, pages: int = 1, lines: Sequence[tuple[float, float, str, float]] = INVOICE_LINES, mark: str = "") -> bytes:
    """Return a PDF with these lines (x, y, text, size; points) on each page. `mark` makes its bytes its own."""
    with pymupdf.open() as document:
        for _ in range(pages):
            page = document.new_page(width=595, height=842)
            for x, y, text, size in lines:
                page.insert_text((x, y), text, fontsize=size)
            if mark:
                page.insert_text((60, 820), mark, fontsize=6)
        data: bytes = document.tobytes()
    return data


def encrypted_pdf(*, password: str) -> bytes:
    """Return the invoice, readable with a password only."""
    with pymupdf.open(stream=pdf(), filetype="pdf") as document:
        data: bytes = document.tobytes(
            encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw=password, owner_pw=f"{password}-owner"
        )
    return data


def png(*, width: int = 40, height: int = 40) -> bytes:
    """Return a white picture."""
    buffer = BytesIO()
    Image.new("L", (width, height), 255).save(buffer, "PNG")
    return buffer.getvalue()


def scan(*, pages: int) -> bytes:
    """Return the invoice as pictures only, at 200 dpi: every page has to be read by OCR."""
    with pymupdf.open(stream=pdf(pages=pages), filetype="pdf") as source, pymupdf.open() as target:
        for number, page in enumerate(source):
            picture = page.get_pixmap(dpi=200, colorspace=pymupdf.csGRAY)
            # One pixel differs, so that no page is the copy of another.
            picture.set_pixel(number, 0, (0,))
            target.new_page(width=595, height=842).insert_image((0, 0, 595, 842), stream=picture.tobytes("png"))
        data: bytes = target.tobytes(deflate=True)
    return data
