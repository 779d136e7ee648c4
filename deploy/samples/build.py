"""How the samples were made from the corpus: `python -m deploy.samples.build`.

Files are copied as they are, or without their attachments (so that the pages have to be read), or as pictures of their
pages (scans). Only sets under Apache-2.0, MIT and BSD licences are used; each file's licence is in `licences/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageFilter

from deploy.eval.corpus import folder

# Its own types are incomplete.
pymupdf: Any = import_module("pymupdf")

SAMPLES = Path(__file__).parent
_APACHE, _MIT, _BSD = "Apache-2.0", "MIT", "BSD-3-Clause"
_ZUGFERD = "https://github.com/ZUGFeRD/corpus"
_HORSTOEKO = "https://github.com/horstoeko/zugferd"
_AKRETION = "https://github.com/akretion/factur-x"
_PDFJS = "https://github.com/mozilla/pdf.js"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One shipped file: `origin` is its path in the corpus, `upstream` the repository that it came from."""

    file: str
    origin: str
    upstream: str
    licence: str
    treatment: Callable[[bytes], bytes]
    note: str


def unchanged(data: bytes) -> bytes:
    """Return the file as it is."""
    return data


def without_attachments(data: bytes) -> bytes:
    """Return a PDF without embedded files: the e-invoice's XML would tell what the pages are to be read for."""
    document = pymupdf.open(stream=data, filetype="pdf")
    for name in list(document.embfile_names()):
        document.embfile_del(name)
    holders = [document.pdf_catalog(), *(page.xref for page in document)]
    for xref in holders:
        document.xref_set_key(xref, "AF", "null")
    stripped: bytes = document.tobytes(garbage=4, deflate=True)
    return stripped


def scanned(data: bytes) -> bytes:
    """Return a PDF whose pages are grey pictures at 150 dpi, a little turned and blurred, without a text layer."""
    source = pymupdf.open(stream=data, filetype="pdf")
    target = pymupdf.open()
    for page in source:
        picture = _picture(page, dpi=150).rotate(0.4, resample=Image.Resampling.BICUBIC, fillcolor=252)
        sheet = target.new_page(width=page.rect.width, height=page.rect.height)
        sheet.insert_image(sheet.rect, stream=_jpeg(picture.filter(ImageFilter.GaussianBlur(0.4)), quality=45))
    bytes_: bytes = target.tobytes(garbage=4, deflate=True)
    return bytes_


def photographed(data: bytes) -> bytes:
    """Return the first page as a JPEG of 150 dpi."""
    document = pymupdf.open(stream=data, filetype="pdf")
    return _jpeg(_picture(document[0], dpi=150), quality=55)


def _picture(page: Any, *, dpi: int) -> Image.Image:
    pixmap = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY, alpha=False)
    return Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples)


def _jpeg(picture: Image.Image, *, quality: int) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


_FX = "zugferd_corpus/XML-Rechnung/FX/EN16931_"
_V1 = "zugferd_corpus/ZUGFeRDv1/correct/Intarsys/ZUGFeRD_1p0_"
_FNFE = "zugferd_corpus/ZUGFeRDv2/correct/FNFE-factur-x-examples/"
_MUSTANG = "zugferd_corpus/ZUGFeRDv2/correct/Mustangproject/MustangGnuaccountingBeispielRE-"

SOURCES = (
    Sample(
        file="invoice-de-goods.pdf",
        origin=f"{_FX}Einfach.pdf",
        upstream=_ZUGFERD,
        licence=_APACHE,
        treatment=unchanged,
        note="German, two pages, embedded XML (EN 16931)",
    ),
    Sample(
        file="invoice-de-car-rental.pdf",
        origin=f"{_FX}Miete.pdf",
        upstream=_ZUGFERD,
        licence=_APACHE,
        treatment=unchanged,
        note="German, four pages, embedded XML (EN 16931)",
    ),
    Sample(
        file="invoice-de-insurance-without-xml.pdf",
        origin=f"{_FX}Kraftfahrversicherung_Bruttopreise.pdf",
        upstream=_ZUGFERD,
        licence=_APACHE,
        treatment=without_attachments,
        note="German, three pages, the embedded XML taken out",
    ),
    Sample(
        file="credit-note-de.pdf",
        origin=f"{_FX}Gutschrift.pdf",
        upstream=_ZUGFERD,
        licence=_APACHE,
        treatment=unchanged,
        note="German credit note, two pages, embedded XML (EN 16931)",
    ),
    Sample(
        file="invoice-en-supplies-without-xml.pdf",
        origin=f"{_FX}Innergemeinschaftliche_Lieferungen.pdf",
        upstream=_ZUGFERD,
        licence=_APACHE,
        treatment=without_attachments,
        note="German form of a British supplier, three pages, no tax, the embedded XML taken out",
    ),
    Sample(
        file="invoice-de-discounts-zugferd1.pdf",
        origin=f"{_V1}COMFORT_Rabatte.pdf",
        upstream=_ZUGFERD,
        licence=_APACHE,
        treatment=unchanged,
        note="German, printed by a line printer's layout, embedded XML (ZUGFeRD 1.0)",
    ),
    Sample(
        file="correction-de-without-xml.pdf",
        origin=f"{_V1}COMFORT_Rechnungskorrektur.pdf",
        upstream=_ZUGFERD,
        licence=_APACHE,
        treatment=without_attachments,
        note="German correction with negative amounts, the embedded XML taken out",
    ),
    Sample(
        file="invoice-fr-mill.pdf",
        origin=f"{_FNFE}Facture_FR_BASICWL.pdf",
        upstream=_ZUGFERD,
        licence=_APACHE,
        treatment=unchanged,
        note="French, embedded XML (Factur-X BASIC WL: no lines)",
    ),
    Sample(
        file="invoice-fr-mill-overseas-without-xml.pdf",
        origin=f"{_FNFE}Facture_DOM_MINIMUM.pdf",
        upstream=_ZUGFERD,
        licence=_APACHE,
        treatment=without_attachments,
        note="French, the embedded XML taken out",
    ),
    Sample(
        file="invoice-en-balloons.pdf",
        origin=f"{_MUSTANG}20201121_508.pdf",
        upstream=_ZUGFERD,
        licence=_APACHE,
        treatment=unchanged,
        note="English, embedded XML (ZUGFeRD 2)",
    ),
    Sample(
        file="invoice-en-balloons-without-xml.pdf",
        origin=f"{_MUSTANG}20190610_507.pdf",
        upstream=_ZUGFERD,
        licence=_APACHE,
        treatment=without_attachments,
        note="German text of the same seller, the embedded XML taken out",
    ),
    Sample(
        file="invoice-fr-supplier.pdf",
        origin="akretion_facturx/tests/fixtures/pdf/invoice_EN16931.pdf",
        upstream=_AKRETION,
        licence=_BSD,
        treatment=unchanged,
        note="French, dense form, embedded XML (Factur-X EN 16931)",
    ),
    Sample(
        file="invoice-fr-supplier-without-xml.pdf",
        origin="horstoeko_zugferd/tests/assets/pdf_fx_extended_1.pdf",
        upstream=_HORSTOEKO,
        licence=_MIT,
        treatment=without_attachments,
        note="French, dense form, the embedded XML taken out",
    ),
    Sample(
        file="invoice-en-workshop.pdf",
        origin="pdfjs/bigboundingbox.pdf",
        upstream=_PDFJS,
        licence=_APACHE,
        treatment=unchanged,
        note="English, US dollars, never had an XML",
    ),
    Sample(
        file="invoice-de-stationery.xml",
        origin="horstoeko_zugferd/examples/assets/03_ZugferdDocumentReader_ImportFile_EN16931.xml",
        upstream=_HORSTOEKO,
        licence=_MIT,
        treatment=unchanged,
        note="Bare XML: UN/CEFACT CII, EN 16931",
    ),
    Sample(
        file="invoice-de-discounts.ubl.xml",
        origin="zugferd_corpus/XML-Rechnung/UBL/EN16931_Rabatte.ubl.xml",
        upstream=_ZUGFERD,
        licence=_APACHE,
        treatment=unchanged,
        note="Bare XML: UBL invoice",
    ),
    Sample(
        file="scan-fr-mill.pdf",
        origin=f"{_FNFE}Facture_FR_MINIMUM.pdf",
        upstream=_ZUGFERD,
        licence=_APACHE,
        treatment=scanned,
        note="French, made a scan: a picture of the page, a little turned, without text and XML",
    ),
    Sample(
        file="photo-en-workshop.jpg",
        origin="pdfjs/bigboundingbox.pdf",
        upstream=_PDFJS,
        licence=_APACHE,
        treatment=photographed,
        note="English, made a JPEG picture of the page",
    ),
)


def main() -> None:
    """Write the samples and their manifest."""
    root = folder()
    manifest = []
    for sample in SOURCES:
        (SAMPLES / sample.file).write_bytes(sample.treatment((root / sample.origin).read_bytes()))
        path = sample.origin.partition("/")[2]
        manifest.append(
            {
                "file": sample.file,
                "schema": "invoice",
                "licence": sample.licence,
                "source": f"{sample.upstream} {path}",
                "note": sample.note,
            }
        )
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (SAMPLES / "manifest.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
