"""Grounding: what it finds, where, what it wrongly accepts, and what it costs beside parsing.

True values are the corpus' (QUIRE_CORPUS, or ../shared/corpus), of PDFs, on the pages that show them: `find` has them
in reading order, letter by letter. Where a value stands once, the box of those words is its own. Where there is no
corpus, the values are those of the shipped samples' XML, with the page's own text as the judge. Shuffled values are
other families' true values of the same field that stand nowhere on the pages: not as they are, no date as 31.12.2026,
12/31/26 or December 31, 2026, and no number of years as a word. True values count where they stand as they are.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from time import perf_counter

from apps.extraction.engines.einvoice import EInvoiceEngine
from apps.extraction.engines.protocol import ExtractionRequest
from apps.extraction.grounding import ground
from apps.extraction.normalising import squeeze
from apps.extraction.packing import Packed, pack
from apps.extraction.page_index import DocumentIndex
from apps.inference.profiles import profile
from apps.inference.tokens import counter
from apps.parsing import sniff
from apps.parsing.pages import Box, ParsedDocument
from apps.parsing.sandbox import Sandbox
from apps.schemas.definitions import shipped_schemas
from apps.schemas.fields import Kind
from deploy.bench import material
from deploy.bench.measurement import Measurement, measurement
from deploy.bench.truth import documents, there_is_a_corpus, with_truth

PAGES = 300
VALUES = 300
SHUFFLED = 5
_IOU = 0.5
_NUMBER_WORDS = {"1": "one", "2": "two", "3": "three", "5": "five"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A document with its true values: (field, kind, value)."""

    family: str
    document: ParsedDocument
    values: tuple[tuple[str, Kind, str], ...]


def measure() -> list[Measurement]:
    """Return shares against 1, and parsing's seconds over grounding's."""
    known = list(_known())
    found: list[bool] = []
    right: list[bool] = []
    refused: list[bool] = []
    chosen = random.Random(3)  # noqa: S311 - the same values each time
    pool = [(item.family, value) for item in known for value in item.values]
    for item in known:
        index = DocumentIndex(item.document)
        fields = {field: kind for field, kind, _ in item.values}
        for _, kind, value in item.values:
            places = _places(index, value)
            if not places:
                continue
            grounding = ground(index=index, value=value, kind=kind)
            found.append(grounding is not None)
            right.append(
                grounding is not None
                and any(page == grounding.page and _iou(box, grounding.box) >= _IOU for page, box in places)
            )
        others = [value for family, value in pool if family != item.family and value[0] in fields]
        strangers = [value for value in others if not _says(index, value[2], item)]
        for _, kind, value in chosen.sample(strangers, min(SHUFFLED, len(strangers))):
            refused.append(ground(index=index, value=value, kind=kind) is None)
    return [
        _share(f"true values on the page that are found ({len(found)})", found, 0.97),
        _share(f"true values found with IoU >= {_IOU} ({len(right)})", right, 0.97),
        _share(f"values of other documents that are refused ({len(refused)})", refused, 0.99),
        _speed(),
    ]


def _known() -> Iterator[Known]:
    if there_is_a_corpus():
        for example, document in with_truth():
            values = [
                (name, truth.kind, text) for name, truth in example.fields.items() for text in (truth.values or ())[:1]
            ]
            yield Known(family=example.family, document=document, values=tuple(values))
        return
    schema = shipped_schemas()["invoice"]
    for name, document in documents(e_invoices=True):
        result = EInvoiceEngine().extract(
            ExtractionRequest(document=document, schema=schema, wanted=frozenset(field.name for field in schema.fields))
        )
        single = [(value.path, value.kind, value.value) for value in result.values if value.path.count("/") == 1]
        if single:
            yield Known(family=name, document=document, values=tuple(single))


def _places(index: DocumentIndex, value: str) -> list[tuple[int, Box]]:
    """Return where a value's letters and digits stand in reading order, from one word's edge to another's."""
    needle = squeeze(value)
    if len(needle) < 3:  # as little stands anywhere
        return []
    return [
        (page.page.number, page.box(span)) for page in index.pages for span in page.find(needle) if page.is_close(span)
    ]


def _says(index: DocumentIndex, value: str, item: Known) -> bool:
    needles = [squeeze(text) for text in (value, *_written(value))]
    return any(needle in page.text for page in index.pages for needle in needles) or any(
        value == own for _, _, own in item.values
    )


def _written(value: str) -> Iterator[str]:
    """Yield how else documents write a date or a duration, apart from what grounding itself knows of spellings."""
    first, _, rest = value.partition(" ")
    if first in _NUMBER_WORDS:
        yield f"{_NUMBER_WORDS[first]} {rest}"
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return
    yield from (f"{day:%d.%m.%Y}", f"{day:%m/%d/%y}", f"{day:%m/%d/%Y}", f"{day:%B} {day.day}, {day.year}")


def _iou(one: Box, other: Box) -> float:
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.width * one.height + other.width * other.height - shared)


def _speed() -> Measurement:
    """Pack a document of 300 pages and ground as many values as a long statement has, against parsing it."""
    medium = profile("medium")
    counter(medium)  # the tokenizer is loaded once a process
    with tempfile.TemporaryDirectory() as folder:
        path = material.documents(count=1, pages=PAGES, folder=Path(folder))[0]
        sandbox = Sandbox()
        try:
            began = perf_counter()
            document = sandbox.read_document(path=path, media_type=sniff.PDF)
            for _ in sandbox.render(path=path, media_type=sniff.PDF):
                pass
            parsing = perf_counter() - began
        finally:
            sandbox.close()
    words = (word.text for page in document.pages for word in page.words if any(map(str.isdigit, word.text)))
    values = list(islice(words, VALUES))
    began = perf_counter()
    windows = sum(isinstance(window, Packed) for window in pack(pages=document.pages, profile=medium))
    packing = perf_counter() - began
    index = DocumentIndex(document)
    for value in values:
        ground(index=index, value=value, kind=Kind.IDENTIFIER)
    both = perf_counter() - began
    return measurement(
        name=f"pack {PAGES} pages into {windows} prompts ({packing / both:.0%}) and ground {len(values)} values "
        "(documents/s)",
        ours=1 / both,
        baseline=1 / parsing,
        baseline_name="parsing the document, page images included",
        target=10.0,
    )


def _share(name: str, held: Sequence[bool], target: float) -> Measurement:
    share = sum(held) / len(held) if held else 0.0
    return measurement(name=name, ours=share, baseline=1.0, baseline_name="all", target=target)
