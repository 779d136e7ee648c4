"""Page images against the plain PyMuPDF loop that writes JPEGs of the same size. Neither looks for tables."""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter

import pymupdf

from apps.parsing.sandbox import RenderedPage, Sandbox
from apps.parsing.sniff import PDF
from deploy.bench.material import documents
from deploy.bench.measurement import Measurement, measurement

ROUNDS = 3
PAGES = 20


def measure() -> list[Measurement]:
    """Return pages a second of one process each, the best of three rounds in turn."""
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        (path,) = documents(count=1, pages=PAGES, folder=Path(folder))
        rendered = list(sandbox.render(path=path, media_type=PDF, tables=False))
        ours = baseline = float("inf")
        for _ in range(ROUNDS):
            start = perf_counter()
            list(sandbox.render(path=path, media_type=PDF, tables=False))
            ours = min(ours, perf_counter() - start)
            start = perf_counter()
            _naive(path, rendered)
            baseline = min(baseline, perf_counter() - start)
    return [
        measurement(
            name="page images, pages/s a process",
            ours=PAGES / ours,
            baseline=PAGES / baseline,
            baseline_name="PyMuPDF get_pixmap + tobytes('jpeg')",
            target=5,
        )
    ]


def _naive(path: Path, sizes: list[RenderedPage]) -> None:
    with pymupdf.open(path) as document:
        for page, size in zip(document, sizes, strict=True):
            matrix = pymupdf.Matrix(size.width / page.rect.width, size.height / page.rect.height)
            page.get_pixmap(matrix=matrix).tobytes("jpeg")
