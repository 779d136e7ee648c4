"""Pages and a schema become values, by the engines that need no model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from django.conf import settings

from apps.common.clock import Clock
from apps.documents import operations as document_operations
from apps.documents import queries as documents
from apps.extraction import cascade
from apps.extraction.calibration import Curve
from apps.extraction.classification import classify
from apps.extraction.engines.protocol import ExtractionRequest, PageSource
from apps.extraction.engines.registry import local_engines, model_profiles
from apps.extraction.merging import merged
from apps.extraction.notes import is_of_the_whole
from apps.extraction.values import ExtractedValue
from apps.inference import queries as inference
from apps.parsing import queries as parsing
from apps.parsing.pages import ParsedDocument
from apps.pipeline.operations import LeaseLostError
from apps.pipeline.stages import Claim, Outcome
from apps.results import calibrating
from apps.results import operations as results
from apps.schemas import queries as schemas
from apps.schemas.fields import Kind, Schema

# What the local engines hold at once of a longer document: they read it in stretches that share a page.
MAX_PAGES = 300


def extract(*, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:
    """Choose the schema, run the local engines, and skip the model where nothing is left for it or there is none."""
    tenant_id, document_id = claim.tenant_id, claim.document_id
    summary = documents.document(tenant_id=tenant_id, document_id=document_id)
    if summary is None or summary.blob_id is None or cancelled():
        raise LeaseLostError
    document = parsing.parsed_document(tenant_id=tenant_id, blob_id=summary.blob_id, max_pages=MAX_PAGES)
    schema = _schema(claim=claim, slug=summary.schema_slug, document=document)
    if schema is None:
        return Outcome(store=_nothing, skip=frozenset({"ask"}))
    engines = inference.policy(tenant_id=tenant_id, schema_slug=schema.slug, schema_engines=schema.engines)
    curves = calibrating.curves(tenant_id=tenant_id, schema_slug=schema.slug)
    if len(document.pages) < MAX_PAGES:
        answers = cascade.run(
            request=ExtractionRequest(document=document, schema=schema, wanted=_all(schema)),
            engines=local_engines(engines),
            curves=curves,
        )
    else:
        source = parsing.stored_pages(tenant_id=tenant_id, blob_id=summary.blob_id)
        document = replace(document, pages=())
        answers = in_stretches(
            document=document, source=source, schema=schema, engines=engines, cancelled=cancelled, curves=curves
        )
    if cancelled():
        raise LeaseLostError

    def store() -> None:
        document_operations.record_schema(tenant_id=tenant_id, document_id=document_id, schema_slug=schema.slug)
        results.store_result(
            tenant_id=tenant_id,
            document_id=document_id,
            run_id=claim.run_id,
            schema_slug=schema.slug,
            schema_version=schema.version,
            values=answers.values,
            notes=answers.notes,
            alternatives=answers.alternatives,
            clock=clock,
        )

    model_is_there = bool(settings.QUIRE_INFERENCE_URL and model_profiles(engines))
    return Outcome(
        store=store,
        skip=frozenset() if answers.missing and model_is_there else frozenset({"ask"}),
        doubtful=answers.doubtful(schema=schema),
    )


def in_stretches(
    *,
    document: ParsedDocument,
    source: PageSource,
    schema: Schema,
    engines: Sequence[str],
    cancelled: Callable[[], bool],
    curves: Mapping[str, Curve] | None = None,
) -> cascade.Answers:
    """Run the local engines over a long document, a stretch of pages at a time, and make one answer of theirs.

    `document` has what is not on pages; its attachments are read with the first stretch. Raises LeaseLostError.
    """
    parts: list[tuple[ExtractedValue, ...]] = []
    notes: list[str] = []
    for first in range(1, source.count + 1, MAX_PAGES - 1):
        if cancelled():
            raise LeaseLostError
        part = replace(
            document,
            pages=tuple(source.pages(first=first, last=min(first + MAX_PAGES - 1, source.count))),
            attachments=document.attachments if first == 1 else (),
        )
        found = cascade.run(
            request=ExtractionRequest(document=part, schema=schema, wanted=_all(schema)),
            engines=local_engines(engines),
            curves=curves,
        )
        parts.append(found.values)
        notes += [note for note in found.notes if not is_of_the_whole(note)]
        if first + MAX_PAGES > source.count:
            break
    arrays = frozenset(field.name for field in schema.fields if field.kind is Kind.ARRAY)
    together = merged(parts, arrays=arrays)
    whole = cascade.run(
        request=ExtractionRequest(
            document=document, source=source, schema=schema, wanted=_all(schema), known=together.values
        ),
        engines=(),
    )
    notes += together.notes
    return replace(whole, notes=tuple(dict.fromkeys([*notes, *whole.notes])), alternatives=together.alternatives)


def _all(schema: Schema) -> frozenset[str]:
    return frozenset(field.name for field in schema.fields)


def _schema(*, claim: Claim, slug: str, document: ParsedDocument) -> Schema | None:
    """Return the schema that the upload named, or the one that fits."""
    if slug:
        return schemas.newest_version(tenant_id=claim.tenant_id, slug=slug)
    known = {schema.slug: schema for schema in schemas.newest_versions(tenant_id=claim.tenant_id)}
    found = classify(document, tuple(known.values()))
    return known[found] if found else None


def _nothing() -> None:
    """Store nothing: a document that fits no schema is parsed and searchable."""
