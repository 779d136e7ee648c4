"""How often the completeness ledger notices rows that were left out, and how seldom it calls a complete table short.

On the corpus' e-invoices (QUIRE_CORPUS, or ../shared/corpus), whose XML gives the true rows; where there is no corpus,
on the shipped samples. Of each table whose rows all stand on the page, every row is left out once, alone, and one row
in a hundred (at least one) at random; a table of one row teaches nothing when it's gone, and is left out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.extraction.completeness import ledger
from apps.extraction.engines.einvoice import EInvoiceEngine
from apps.extraction.engines.protocol import ExtractionRequest
from apps.extraction.values import ExtractedValue
from apps.parsing.pages import ParsedDocument
from apps.schemas.definitions import shipped_schemas
from apps.schemas.fields import Field, Schema
from deploy.bench.measurement import Measurement, measurement
from deploy.bench.truth import documents

SHARE = 0.01
ROUNDS = 5
_ARRAY = "line_items"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A document, and the values of all rows of its table, which all have a place."""

    name: str
    document: ParsedDocument
    values: tuple[ExtractedValue, ...]
    rows: int


def measure() -> list[Measurement]:
    """Return shares against 1: deletions reported, and complete tables let alone."""
    schema = shipped_schemas()["invoice"]
    field = next(field for field in schema.fields if field.name == _ARRAY)
    tables = list(known_tables(schema))
    single = [_reported(schema, field, table, {row}) for table in tables if table.rows > 1 for row in range(table.rows)]
    chosen = random.Random(3)  # noqa: S311 - the same rows each time
    share = [
        _reported(schema, field, table, set(chosen.sample(range(table.rows), max(1, round(SHARE * table.rows)))))
        for table in tables
        if table.rows > 1
        for _ in range(ROUNDS)
    ]
    quiet = [not _reported(schema, field, table, set()) for table in tables]
    return [
        _share(f"rows left out, one of each table's, that are reported ({len(single)})", single, 0.99),
        _share(f"tables short of 1% of their rows that are reported ({len(share)})", share, 0.99),
        _share(f"complete tables that are let alone ({len(quiet)})", quiet, 0.95),
    ]


def known_tables(schema: Schema) -> Iterator[Known]:
    """Yield the e-invoices whose XML rows all stand on the page."""
    for name, document in documents(e_invoices=True):
        found = EInvoiceEngine().extract(
            ExtractionRequest(document=document, schema=schema, wanted=frozenset({_ARRAY}))
        )
        rows: dict[int, list[ExtractedValue]] = {}
        for value in found.values:
            rows.setdefault(int(value.path.split("/")[2]), []).append(value)
        if rows and all(value.evidence for row in rows.values() for value in row):
            yield Known(name=name, document=document, values=found.values, rows=len(rows))


def _reported(schema: Schema, field: Field, table: Known, gone: set[int]) -> bool:
    left = tuple(value for value in table.values if int(value.path.split("/")[2]) not in gone)
    rows = ledger(document=table.document, schema=schema, field=field, values=left)
    return len(rows.unaccounted) >= max(1, len(gone))


def _share(name: str, held: Sequence[bool], target: float) -> Measurement:
    share = sum(held) / len(held) if held else 0.0
    return measurement(name=name, ours=share, baseline=1.0, baseline_name="all", target=target)
