"""Pages and a schema become values, by the engines that need no model."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from apps.common.clock import Clock
from apps.documents import operations as document_operations
from apps.documents import queries as documents
from apps.extraction import cascade
from apps.extraction.classification import classify
from apps.extraction.engines.protocol import ExtractionRequest
from apps.extraction.engines.registry import local_engines, model_profiles
from apps.parsing import queries as parsing
from apps.parsing.pages import ParsedDocument
from apps.pipeline.operations import LeaseLostError
from apps.pipeline.stages import Claim, Outcome
from apps.results import operations as results
from apps.schemas import queries as schemas
from apps.schemas.fields import Schema

# An engine without windows reads so many pages at most; a note says so on a longer document.
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
    answers = cascade.run(
        request=ExtractionRequest(
            document=document, schema=schema, wanted=frozenset(field.name for field in schema.fields)
        ),
        engines=local_engines(schema),
    )
    notes = list(answers.notes)
    if (summary.page_count or 0) > MAX_PAGES:
        notes.append(f"only the first {MAX_PAGES} of {summary.page_count} pages were read")
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
            notes=tuple(notes),
            clock=clock,
        )

    model_is_there = bool(settings.QUIRE_INFERENCE_URL and model_profiles(schema))
    return Outcome(
        store=store,
        skip=frozenset() if answers.missing and model_is_there else frozenset({"ask"}),
        doubtful=answers.doubtful(schema=schema),
    )


def _schema(*, claim: Claim, slug: str, document: ParsedDocument) -> Schema | None:
    """Return the schema that the upload named, or the one that fits."""
    if slug:
        return schemas.newest_version(tenant_id=claim.tenant_id, slug=slug)
    known = {schema.slug: schema for schema in schemas.newest_versions(tenant_id=claim.tenant_id)}
    found = classify(document, tuple(known.values()))
    return known[found] if found else None


def _nothing() -> None:
    """Store nothing: a document that fits no schema is parsed and searchable."""
