"""What was read from each stretch of a long document becomes one result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from apps.common.clock import Clock
from apps.documents import queries as documents
from apps.extraction import notes as notes_of
from apps.extraction import stretches
from apps.inference import queries as inference
from apps.parsing import queries as parsing
from apps.pipeline.bodies.extract import recorded
from apps.pipeline.bodies.watching import WatchedPages
from apps.pipeline.operations import LeaseLostError
from apps.pipeline.stages import Claim, Outcome
from apps.results import calibrating
from apps.results import operations as results
from apps.results import queries as stored_results
from apps.schemas import queries as schemas


def merge(*, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:
    """Unite the stretches under the schema that the first of them was read under."""
    tenant_id, document_id = claim.tenant_id, claim.document_id
    summary = documents.document(tenant_id=tenant_id, document_id=document_id)
    if summary is None or summary.blob_id is None or cancelled():
        raise LeaseLostError
    read = stored_results.stretches_of_run(tenant_id=tenant_id, run_id=claim.run_id)
    if not read:
        return Outcome(skip=frozenset({"ask"}))
    slug, version = read[0].schema_slug, read[0].schema_version
    schema = schemas.version(tenant_id=tenant_id, slug=slug, version=version)
    engines = inference.policy(tenant_id=tenant_id, schema_slug=schema.slug, schema_engines=schema.engines)
    source = parsing.stored_pages(tenant_id=tenant_id, blob_id=summary.blob_id)
    parts = {
        part.first_page: part.stretch for part in read if (part.schema_slug, part.schema_version) == (slug, version)
    }
    answers = stretches.united(
        parts.values(),
        document=parsing.parsed_document(tenant_id=tenant_id, blob_id=summary.blob_id, max_pages=0),
        source=WatchedPages(source=source, cancelled=cancelled),
        schema=schema,
        engines=engines,
        curves=calibrating.curves(tenant_id=tenant_id, schema_slug=schema.slug),
    )
    # A schema was published, or became the one that fits, while the document was being read.
    left_out = [first for first in range(1, source.count + 1, stretches.PAGES) if first not in parts]
    notes = [notes_of.left_out(first=first, last=min(first + stretches.PAGES - 1, source.count)) for first in left_out]
    if cancelled():
        raise LeaseLostError
    outcome = recorded(
        claim=claim,
        schema=schema,
        engines=engines,
        answers=replace(answers, notes=(*answers.notes, *notes)),
        clock=clock,
    )

    def store() -> None:
        outcome.store()
        results.forget_stretches(tenant_id=tenant_id, run_id=claim.run_id)

    return replace(outcome, store=store, doubtful=bool(outcome.doubtful or left_out))
