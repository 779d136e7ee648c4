"""What the cheaper engines left open is asked of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from django.conf import settings

from apps.common.clock import Clock
from apps.documents import queries as documents
from apps.documents import storage
from apps.extraction import cascade
from apps.extraction import notes as notes_of
from apps.extraction.engines.protocol import ExtractionRequest, PageImage
from apps.extraction.engines.registry import model_profiles
from apps.extraction.engines.sglang import SglangEngine
from apps.extraction.engines.turns import Turns
from apps.extraction.values import ExtractedValue
from apps.inference import queries as spending
from apps.inference.admission import admission
from apps.inference.admitted_client import AdmittedClient
from apps.inference.client import SglangClient
from apps.inference.fairness import Lane
from apps.inference.operations import DocumentLedger
from apps.inference.profiles import profile
from apps.parsing import queries as parsing
from apps.pipeline.bodies.watching import WatchedPages
from apps.pipeline.operations import LeaseLostError
from apps.pipeline.stages import Claim, Outcome
from apps.pipeline.tuning import document_tuning
from apps.results import calibrating
from apps.results import operations as results
from apps.results import queries as stored_results
from apps.schemas import queries as schemas
from apps.schemas.fields import Schema


def ask(*, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:
    """Run the schema's model engines over what is missing or weak. Raises what the client raises.

    Each call is held to the tenant's budgets before it is sent, and written down when it ends, whatever becomes of its
    answer. Where an engine is stopped, what those before it found is stored, and they aren't asked again. A document
    longer than the context is asked window by window within this one stage: where its worker dies, the next attempt
    begins with the first window again, most of whose prefill the server still has.
    """
    tenant_id, document_id = claim.tenant_id, claim.document_id
    summary = documents.document(tenant_id=tenant_id, document_id=document_id)
    if summary is None or summary.blob_id is None:
        raise LeaseLostError
    stored = stored_results.result_of_run(tenant_id=tenant_id, run_id=claim.run_id)
    if stored is None or not settings.QUIRE_INFERENCE_URL:
        return Outcome()
    schema = schemas.version(tenant_id=tenant_id, slug=stored.schema_slug, version=stored.schema_version)
    known = tuple(value.as_extracted() for value in stored.values)
    names = spending.policy(tenant_id=tenant_id, schema_slug=schema.slug, schema_engines=schema.engines)
    purse = DocumentLedger(
        tenant_id=tenant_id,
        document_id=document_id,
        schema_slug=schema.slug,
        lane=claim.lane,
        document_pages=summary.page_count or 0,
        clock=clock,
    )
    tuned = document_tuning(tenant_id=tenant_id, schema_slug=schema.slug, document_id=document_id, clock=clock)
    client = _client(settings.QUIRE_INFERENCE_URL, claim=claim)
    turns = Turns(
        (
            SglangEngine(profile=profile(name), client=client, ledger=purse, cancelled=cancelled, **tuned.of(name))
            for name in model_profiles(names)
        ),
        done=claim.progress,
    )
    try:
        client.expect_room()
        answers = cascade.run(
            request=replace(
                _request(tenant_id=tenant_id, blob_id=summary.blob_id, schema=schema, known=known, cancelled=cancelled),
                unreadable=notes_of.unreadable_fields(stored.notes),
            ),
            engines=turns,
            curves=calibrating.curves(tenant_id=tenant_id, schema_slug=schema.slug),
        )
    finally:
        client.close()
    if turns.stopped_by is not None and not turns.is_new:
        raise turns.stopped_by
    notes = (*notes_of.still_true(stored.notes, schema=schema, before=known, after=answers.values), *answers.notes)
    alternatives = (*_open(stored.alternatives, before=known, after=answers.values), *answers.alternatives)

    def store() -> None:
        results.store_result(
            tenant_id=tenant_id,
            document_id=document_id,
            run_id=claim.run_id,
            schema_slug=schema.slug,
            schema_version=schema.version,
            values=answers.values,
            notes=tuple(dict.fromkeys(notes)),
            alternatives=alternatives,
            clock=clock,
        )

    return Outcome(
        store=store,
        # What the stretches were merged without, the model wasn't asked about.
        doubtful=answers.doubtful(schema=schema) or notes_of.has_left_out(notes),
        stopped_by=turns.stopped_by,
        progress=tuple(turns.done),
    )


def _client(url: str, *, claim: Claim) -> AdmittedClient:
    return AdmittedClient(
        client=SglangClient(
            base_url=url,
            api_key=settings.QUIRE_INFERENCE_API_KEY,
            model=settings.QUIRE_INFERENCE_MODEL,
            kind=profile(settings.QUIRE_INFERENCE_PROFILE).server,
        ),
        admission=admission(url),
        tenant_id=claim.tenant_id,
        lane=Lane(claim.lane),
        since=claim.since,
    )


def _request(
    *,
    tenant_id: UUID,
    blob_id: UUID,
    schema: Schema,
    known: tuple[ExtractedValue, ...],
    cancelled: Callable[[], bool],
) -> ExtractionRequest:
    """Return the request; its pages and their images are loaded when an engine comes to them."""

    def load(numbers: Sequence[int]) -> Sequence[PageImage]:
        return _images(tenant_id=tenant_id, blob_id=blob_id, numbers=numbers)

    return ExtractionRequest(
        document=parsing.parsed_document(tenant_id=tenant_id, blob_id=blob_id, max_pages=0),
        source=WatchedPages(source=parsing.stored_pages(tenant_id=tenant_id, blob_id=blob_id), cancelled=cancelled),
        pictures=parsing.picture_sizes(tenant_id=tenant_id, blob_id=blob_id),
        images=load,
        schema=schema,
        wanted=frozenset(field.name for field in schema.fields),
        known=known,
    )


def _open(
    alternatives: Sequence[ExtractedValue], *, before: Sequence[ExtractedValue], after: Sequence[ExtractedValue]
) -> tuple[ExtractedValue, ...]:
    """Return the alternatives to values that no later engine has replaced."""
    kept = {(value.path, value.value, value.engine) for value in before} & {
        (value.path, value.value, value.engine) for value in after
    }
    paths = {path for path, _, _ in kept}
    return tuple(value for value in alternatives if value.path in paths)


def _images(*, tenant_id: UUID, blob_id: UUID, numbers: Sequence[int]) -> tuple[PageImage, ...]:
    return tuple(
        PageImage(
            page=facts.number,
            width=facts.image_width,
            height=facts.image_height,
            jpeg=storage.fetch(key=facts.image_key),
        )
        for facts in parsing.images(tenant_id=tenant_id, blob_id=blob_id, numbers=numbers)
    )
