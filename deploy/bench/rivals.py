"""How often a true value has a rival on its pages, which sends it to a person where a model gave it.

On the corpus' PDFs with truth (QUIRE_CORPUS, or ../shared/corpus): each document's true values are taken for a model's
answers, grounded where they stand. There is nothing to measure where there is no corpus.
"""

from __future__ import annotations

from collections.abc import Iterator

from apps.extraction.answers import ROW_REACH
from apps.extraction.engines.layout.rivals import KINDS, rivals
from apps.extraction.grounding import ground
from apps.extraction.page_index import DocumentIndex
from apps.extraction.row_grounding import Cell, ground_rows
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import ParsedDocument
from apps.schemas.definitions import shipped_schemas
from apps.schemas.fields import Field, Schema
from deploy.bench.measurement import Measurement, measurement
from deploy.bench.truth import with_truth
from deploy.eval.corpus import Example

TARGET = 0.9


def measure() -> list[Measurement]:
    """Return the share of true values without a rival, of all kinds that are checked."""
    alone: list[bool] = []
    schemas = shipped_schemas()
    for example, document in with_truth():
        schema = schemas[example.schema]
        values = list(_true(example, document, schema))
        names = {value.path[1:] for value in values if value.kind in KINDS and value.path.count("/") == 1}
        found = rivals(
            pages=document.pages, language=document.language, schema=schema, values=values, wanted=frozenset(names)
        )
        alone += [name not in found for name in names]
    if not alone:
        return []
    return [
        measurement(
            name=f"true values without a rival ({len(alone)})",
            ours=sum(alone) / len(alone),
            baseline=1.0,
            baseline_name="all",
            target=TARGET,
        )
    ]


def _true(example: Example, document: ParsedDocument, schema: Schema) -> Iterator[ExtractedValue]:
    """Yield the true values that stand on a page, at their places."""
    index = DocumentIndex(document)
    for field in schema.fields:
        truth = example.fields.get(field.name)
        for text in (truth.values or ())[:1] if truth else ():
            found = ground(index=index, value=text, kind=field.kind, near=_labels(field))
            if found is not None:
                yield _value(f"/{field.name}", text, field, found.evidence)
        if not field.columns or not example.rows:
            continue
        columns = {column.name: column for column in field.columns}
        placed = ground_rows(
            index=index,
            rows=[
                {
                    name: Cell(value=text, kind=columns[name].kind, near=_labels(columns[name]))
                    for name, text in row.items()
                }
                for row in example.rows
            ],
            anchors=("description", "line_total"),
            order=tuple(columns),
            reach=ROW_REACH,
        )
        for number, places in enumerate(placed):
            for name, place in places.items():
                path = f"/{field.name}/{number}/{name}"
                yield _value(path, example.rows[number][name], columns[name], place.evidence)


def _value(path: str, text: str, field: Field, evidence: Evidence) -> ExtractedValue:
    return ExtractedValue(
        path=path,
        value=text,
        kind=field.kind,
        engine="truth",
        confidence=1.0,
        status=ValueStatus.ACCEPTED,
        evidence=(evidence,),
    )


def _labels(field: Field) -> tuple[str, ...]:
    return tuple(label for labels in field.labels.values() for label in labels)
