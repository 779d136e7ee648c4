"""Pages and a schema become values, by the engines that need no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from apps.common.clock import Clock
from apps.documents import operations as document_operations
from apps.documents import queries as documents
from apps.extraction import stretches
from apps.extraction.cascade import Answers
from apps.extraction.classification import READ_PAGES, classify
from apps.extraction.engines.registry import model_profiles
from apps.extraction.stretches import Stretch
from apps.inference import queries as inference
from apps.inference import servers
from apps.parsing import queries as parsing
from apps.parsing.pages import ParsedDocument
from apps.pipeline.operations import LeaseLostError
from apps.pipeline.stages import Claim, Outcome
from apps.results import calibrating
from apps.results import operations as results
from apps.schemas import queries as schemas
from apps.schemas.fields import Schema


def extract(*, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:
    """Choose the schema and run the local engines over a stretch of pages.

    Of a document of one stretch that is its result; those of a longer one are put down to be merged.
    """
    tenant_id, document_id = claim.tenant_id, claim.document_id
    summary = documents.document(tenant_id=tenant_id, document_id=document_id)
    if summary is None or summary.blob_id is None or cancelled():
        raise LeaseLostError
    source = parsing.stored_pages(tenant_id=tenant_id, blob_id=summary.blob_id)
    document = parsing.parsed_document(tenant_id=tenant_id, blob_id=summary.blob_id, max_pages=READ_PAGES)
    schema = _schema(claim=claim, slug=summary.schema_slug, document=document)
    alone = claim.first_page == 1 and claim.last_page >= source.count
    if schema is None:
        return Outcome(skip=frozenset({"merge", "ask"}) if alone else frozenset())
    engines = inference.policy(tenant_id=tenant_id, schema_slug=schema.slug, schema_engines=schema.engines)
    answers = stretches.read(
        document=document,
        source=source,
        first=claim.first_page,
        last=claim.last_page,
        schema=schema,
        engines=engines,
        curves=calibrating.curves(tenant_id=tenant_id, schema_slug=schema.slug),
    )
    if cancelled():
        raise LeaseLostError
    if alone:
        outcome = recorded(claim=claim, schema=schema, engines=engines, answers=answers, clock=clock)
        return replace(outcome, skip=outcome.skip | {"merge"})

    def store() -> None:
        results.store_stretch(
            tenant_id=tenant_id,
            document_id=document_id,
            run_id=claim.run_id,
            first_page=claim.first_page,
            last_page=claim.last_page,
            schema_slug=schema.slug,
            schema_version=schema.version,
            stretch=Stretch(values=answers.values, notes=answers.notes, alternatives=answers.alternatives),
        )

    return Outcome(store=store)


def recorded(*, claim: Claim, schema: Schema, engines: Sequence[str], answers: Answers, clock: Clock) -> Outcome:
    """Return what stores the answers as the run's result, and skips the model where nothing is left for it."""

    def store() -> None:
        document_operations.record_schema(
            tenant_id=claim.tenant_id, document_id=claim.document_id, schema_slug=schema.slug
        )
        results.store_result(
            tenant_id=claim.tenant_id,
            document_id=claim.document_id,
            run_id=claim.run_id,
            schema_slug=schema.slug,
            schema_version=schema.version,
            values=answers.values,
            notes=answers.notes,
            alternatives=answers.alternatives,
            clock=clock,
        )

    model_is_there = servers.has_any() and bool(model_profiles(engines))
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
