"""A long document is read in stretches, each by itself, wherever there is a worker; then one answer is made of them.

stretch = read(document=document, source=source, first=51, last=100, schema=schema, engines=("layout",))
united([stretch, ...], document=document, source=source, schema=schema, engines=("einvoice", "layout"))
-> Answers(values=(...), notes=(...), ...)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from apps.extraction import cascade
from apps.extraction.calibration import Curve
from apps.extraction.cascade import Answers
from apps.extraction.confidence import is_exact
from apps.extraction.engines.protocol import ExtractionRequest, PageSource
from apps.extraction.engines.registry import local_engines
from apps.extraction.merging import merged
from apps.extraction.notes import Note
from apps.extraction.paths import top_level
from apps.extraction.values import ExtractedValue
from apps.parsing.pages import ParsedDocument
from apps.schemas.fields import Kind, Schema

PAGES = 50
"""So many pages a stretch: some seconds of work, and more than most documents have."""
PAGES_OF_XML = 300
"""On so many first pages the values of an e-invoice's XML are looked for: all of them are held at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What was read from one stretch; the fields are those of `Answers`."""

    values: tuple[ExtractedValue, ...]
    notes: tuple[Note, ...] = ()
    alternatives: tuple[ExtractedValue, ...] = ()


def read(
    *,
    document: ParsedDocument,
    source: PageSource,
    first: int,
    last: int,
    schema: Schema,
    engines: Sequence[str],
    curves: Mapping[str, Curve] | None = None,
) -> Answers:
    """Run a policy's local engines over pages first to last, from 1.

    `document` has what is not on pages. The document's first page is read with every stretch, since it says whose the
    document is and how it writes, and so is the first page of the next one: a row that a page's end cuts is whole in
    one of the two. What a document carries is of no stretch: where there are several, it waits for `united`.
    """
    alone = first == 1 and last >= source.count
    names = engines if alone else [name for name in engines if not is_exact(name)]
    own = source.pages(first=first, last=min(last + 1, source.count))
    pages = tuple(own if first == 1 else chain(source.pages(first=1, last=1), own))
    return cascade.run(
        request=_request(replace(document, pages=pages), schema=schema), engines=local_engines(names), curves=curves
    )


def united(
    stretches: Iterable[Stretch],
    *,
    document: ParsedDocument,
    source: PageSource,
    schema: Schema,
    engines: Sequence[str],
    curves: Mapping[str, Curve] | None = None,
) -> Answers:
    """Make one answer of all stretches, in their order, and of what the document carries.

    What an exact engine reads there is taken whole, unless the stretches know a field better.
    """
    parts = list(stretches)
    arrays = frozenset(field.name for field in schema.fields if field.kind is Kind.ARRAY)
    # A row's number is another one now, so that nobody knows which row an alternative was to.
    others = [value for part in parts for value in part.alternatives if top_level(value.path) not in arrays]
    together = merged([part.values for part in parts], arrays=arrays, alternatives=others)
    exact = _carried(document, source=source, schema=schema, engines=engines, curves=curves)
    values, taken = cascade.best_of(exact.values, together.values)
    whole = cascade.run(
        request=replace(_request(document, schema=schema), source=source, known=values, unreadable=exact.unreadable),
        engines=(),
        curves=curves,
    )
    said = [*exact.notes, *(note for part in parts for note in part.notes)]
    notes = [note for note in said if not note.is_of_the_whole]
    alternatives = {(value.path, value.value): value for value in [*others, *together.alternatives]}
    return replace(
        whole,
        notes=tuple(dict.fromkeys([*notes, *together.notes, *whole.notes])),
        alternatives=tuple(value for value in alternatives.values() if top_level(value.path) not in taken),
    )


def _carried(
    document: ParsedDocument,
    *,
    source: PageSource,
    schema: Schema,
    engines: Sequence[str],
    curves: Mapping[str, Curve] | None,
) -> Answers:
    names = [name for name in engines if is_exact(name)]
    if not (names and document.attachments):
        return Answers(values=(), notes=(), missing=frozenset())
    pages = tuple(source.pages(first=1, last=min(PAGES_OF_XML, source.count)))
    return cascade.run(
        request=_request(replace(document, pages=pages), schema=schema), engines=local_engines(names), curves=curves
    )


def _request(document: ParsedDocument, *, schema: Schema) -> ExtractionRequest:
    return ExtractionRequest(document=document, schema=schema, wanted=frozenset(field.name for field in schema.fields))
