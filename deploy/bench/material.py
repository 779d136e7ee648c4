"""What is measured on: pages of the shipped samples, put together to documents of the wanted length."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path

import pymupdf

SAMPLES = Path(__file__).resolve().parents[1] / "samples"


def documents(*, count: int, pages: int, folder: Path) -> list[Path]:
    """Write PDFs of pages that have text, each with bytes of its own; return their paths."""
    sources = [pymupdf.open(path) for path in sorted(SAMPLES.glob("*.pdf"))]
    with_text = [
        (source, number) for source in sources for number in range(len(source)) if len(source[number].get_text()) > 300
    ]
    paths = []
    for document in range(count):
        with pymupdf.open() as target:
            for source, number in islice(cycle(with_text), document, document + pages):
                target.insert_pdf(source, from_page=number, to_page=number)
            target.set_metadata({"title": f"document {document}"})
            path = folder / f"{document}.pdf"
            target.save(path, garbage=3, deflate=True)
        paths.append(path)
    for source in sources:
        source.close()
    return paths
