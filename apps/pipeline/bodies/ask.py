"""What the cheaper engines left open is asked of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from django.conf import settings

from apps.common.clock import Clock
from apps.documents import queries as documents
from apps.documents import storage
from apps.extraction import cascade
from apps.extraction.engines.protocol import ExtractionRequest, PageImage
from apps.extraction.engines.registry import model_profiles
from apps.extraction.engines.sglang import SglangEngine
from apps.extraction.values import ExtractedValue
from apps.inference import operations as inference
from apps.inference.client import SglangClient
from apps.inference.ledger import CallRecord
from apps.inference.profiles import profile
from apps.parsing import queries as parsing
from apps.pipeline.bodies.extract import MAX_PAGES
from apps.pipeline.operations import LeaseLostError
from apps.pipeline.stages import Claim, Outcome
from apps.results import operations as results
from apps.results import queries as stored_results
from apps.schemas import queries as schemas


class _Calls:
    """Collects what was spent."""

    def __init__(self) -> None:
        self.made: list[CallRecord] = []

    def record(self, call: CallRecord) -> None:
        self.made.append(call)


def ask(*, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:
    """Run the schema's model engines over what is missing or weak. Raises what the client raises.

    What was spent is written down at once, whatever becomes of the answer: it was spent.
    """
    tenant_id, document_id = claim.tenant_id, claim.document_id
    summary = documents.document(tenant_id=tenant_id, document_id=document_id)
    if summary is None or summary.blob_id is None:
        raise LeaseLostError
    blob_id = summary.blob_id
    stored = stored_results.result_of_run(tenant_id=tenant_id, run_id=claim.run_id)
    if stored is None or not settings.QUIRE_INFERENCE_URL:
        return Outcome(store=_nothing)
    schema = schemas.version(tenant_id=tenant_id, slug=stored.schema_slug, version=stored.schema_version)

    def load(numbers: Sequence[int]) -> Sequence[PageImage]:
        return _images(tenant_id=tenant_id, blob_id=blob_id, numbers=numbers)

    calls = _Calls()
    client = SglangClient(
        base_url=settings.QUIRE_INFERENCE_URL,
        api_key=settings.QUIRE_INFERENCE_API_KEY,
        model=settings.QUIRE_INFERENCE_MODEL,
    )
    try:
        answers = cascade.run(
            request=ExtractionRequest(
                document=parsing.parsed_document(tenant_id=tenant_id, blob_id=blob_id, max_pages=MAX_PAGES),
                schema=schema,
                wanted=frozenset(field.name for field in schema.fields),
                known=tuple(_known(value) for value in stored.values),
                images=load,
            ),
            engines=(
                SglangEngine(profile=profile(name), client=client, ledger=calls, cancelled=cancelled)
                for name in model_profiles(schema)
            ),
        )
    finally:
        client.close()
        if calls.made:
            inference.record_calls(tenant_id=tenant_id, document_id=document_id, calls=calls.made, clock=clock)

    def store() -> None:
        results.store_result(
            tenant_id=tenant_id,
            document_id=document_id,
            run_id=claim.run_id,
            schema_slug=schema.slug,
            schema_version=schema.version,
            values=answers.values,
            notes=(*stored.notes, *answers.notes),
            clock=clock,
        )

    return Outcome(store=store, doubtful=answers.doubtful(schema=schema))


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


def _known(value: stored_results.DocumentValue) -> ExtractedValue:
    return ExtractedValue(
        path=value.path,
        value=value.value,
        kind=value.kind,
        engine=value.engine,
        confidence=value.confidence,
        status=value.status,
        evidence=value.evidence,
        formula=value.formula,
    )


def _nothing() -> None:
    """Store nothing."""
