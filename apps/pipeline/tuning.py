"""How a tenant tunes its models: what it tells them, what goes with its requests, and what waits for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

from apps.common.clock import Clock
from apps.extraction.guidance import Guidance, chosen, example
from apps.inference import operations as inference
from apps.inference import queries as requests
from apps.inference.adapters import RequestTuning
from apps.inference.errors import MissingAdapterError
from apps.pipeline import outbox
from apps.results import queries as results
from apps.schemas import operations as writing
from apps.schemas import queries as schemas
from apps.schemas.tuning import Tuning, together
from apps.tenants.scope import in_tenant_scope

# Of so many of the newest corrections the examples are chosen.
LOOKED_AT = 200


class EngineTuning(TypedDict):
    """What a model engine is given of it."""

    guidance: Guidance
    tuning: RequestTuning


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentTuning:
    """What holds for one document under one schema."""

    guidance: Guidance
    adapters: Mapping[str, str]
    cache_salt: str

    def of(self, profile: str) -> EngineTuning:
        """Return what holds for a model profile."""
        tuning = RequestTuning(adapter=self.adapters.get(profile, ""), cache_salt=self.cache_salt)
        return EngineTuning(guidance=self.guidance, tuning=tuning)


@in_tenant_scope
def document_tuning(*, tenant_id: UUID, schema_slug: str, document_id: UUID, clock: Clock) -> DocumentTuning:
    """Return what goes with the questions on a document.

    Examples are the tenant's own corrections under this schema, the newest first, and none of the document itself: its
    answers would stand in the question.
    """
    told = together(
        schema=schemas.tuning(tenant_id=tenant_id, slug=schema_slug),
        everywhere=schemas.tuning(tenant_id=tenant_id, slug=""),
    )
    corrected = (
        results.corrections(tenant_id=tenant_id, schema_slug=schema_slug, limit=LOOKED_AT) if told.examples else ()
    )
    examples = chosen(
        [
            example(path=one.path, quote=one.quote, wrong=one.said, right=one.value)
            for one in corrected
            if one.document_id != document_id
        ],
        count=told.examples or 0,
    )
    return DocumentTuning(
        guidance=Guidance(instructions=told.instructions, glossary=told.glossary, examples=examples),
        adapters=requests.adapters(tenant_id=tenant_id),
        cache_salt=inference.cache_salt(tenant_id=tenant_id, clock=clock),
    )


@in_tenant_scope
def set_tuning_everywhere(*, tenant_id: UUID, tuning: Tuning, adapters: Mapping[str, str], clock: Clock) -> None:
    """Set what models are told for all schemas, and the adapters; what waits for an adapter looks again at once.

    Raises BadTuningError, BadAdapterError, UnknownProfileError.
    """
    writing.set_tuning(tenant_id=tenant_id, slug="", tuning=tuning, clock=clock)
    inference.set_adapters(tenant_id=tenant_id, adapters=adapters, clock=clock)
    outbox.wake(tenant_id=tenant_id, reason_code=MissingAdapterError.code)


@in_tenant_scope
def tuning_everywhere(*, tenant_id: UUID) -> tuple[Tuning, Mapping[str, str]]:
    """Return what models are told for all schemas, and the adapters by model profile."""
    return schemas.tuning(tenant_id=tenant_id, slug=""), requests.adapters(tenant_id=tenant_id)
