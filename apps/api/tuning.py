"""What models are told beside the schemas, and which adapters they wear, over REST."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from ninja import Router
from ninja.responses import Status
from pydantic import Field

from apps.api.auth import ADMINISTRATOR, AuthenticatedRequest
from apps.api.bodies import Sent
from apps.api.problems import not_found
from apps.audit.changes import log_change
from apps.common.clock import SYSTEM_CLOCK
from apps.pipeline import tuning as pipeline
from apps.schemas import operations, queries
from apps.schemas.tuning import MAX_EXAMPLES, MAX_INSTRUCTIONS, MAX_MEANING, MAX_TERM, MAX_TERMS, Term, Tuning

router = Router(tags=["tuning"])

MAX_ADAPTERS = 16

Name = Annotated[str, Field(max_length=128)]


class TermShape(Sent):
    """A word of your trade, and what it means."""

    term: Annotated[str, Field(min_length=1, max_length=MAX_TERM)]
    meaning: Annotated[str, Field(min_length=1, max_length=MAX_MEANING)]


class TuningShape(Sent):
    """What models are told in each question, after the document.

    `examples` is how many of your people's corrections are shown, of other documents of the same schema; the newest
    first, at most two of a field. 0 shows none; null leaves it to the tuning for all schemas, which shows none
    unless it says so. What has no room is left out: examples first, then the last terms of the glossary.
    """

    instructions: Annotated[str, Field(max_length=MAX_INSTRUCTIONS)] = ""
    glossary: Annotated[list[TermShape], Field(max_length=MAX_TERMS, default_factory=list)]
    examples: Annotated[int, Field(ge=0, le=MAX_EXAMPLES)] | None = None


class TuningEverywhereShape(TuningShape):
    """What holds for all schemas; a schema's own comes on top, and its meaning of a term counts.

    `adapters` are LoRA adapters by model profile, for profiles that take one. An adapter is named after the tenant,
    `SLUG` or `SLUG.more`, and has to be loaded on the model server by that name: documents wait for one that isn't.
    """

    adapters: Annotated[dict[Name, Name], Field(max_length=MAX_ADAPTERS, default_factory=dict)]


@router.get("", response=TuningEverywhereShape, summary="What models are told for all schemas")
def get_tuning_everywhere(request: AuthenticatedRequest) -> TuningEverywhereShape:
    """Return what holds for all schemas, and the adapters."""
    return _everywhere(request.auth.tenant_id)


@router.put("", auth=ADMINISTRATOR, response=TuningEverywhereShape, summary="Set what models are told for all schemas")
def put_tuning_everywhere(request: AuthenticatedRequest, body: TuningEverywhereShape) -> TuningEverywhereShape:
    """Replace all of it, the adapters too. Documents that wait for an adapter look again at once.

    422 for an adapter that a profile doesn't take or whose name isn't yours, and for a term that is there twice.
    """
    tenant_id = request.auth.tenant_id
    before = pipeline.tuning_everywhere(tenant_id=tenant_id)
    pipeline.set_tuning_everywhere(
        tenant_id=tenant_id, tuning=_tuning(body), adapters=body.adapters, clock=SYSTEM_CLOCK
    )
    after = pipeline.tuning_everywhere(tenant_id=tenant_id)
    log_change(
        tenant_id=tenant_id, by=request.auth.name, what="tuning", before=_figures(*before), after=_figures(*after)
    )
    return _everywhere(tenant_id)


@router.get("/{slug}", response=TuningShape, summary="What models are told for a schema")
def get_tuning(request: AuthenticatedRequest, slug: str) -> TuningShape:
    """Return what the schema has of its own, empty where it has nothing."""
    if slug not in queries.slugs(tenant_id=request.auth.tenant_id):
        raise not_found("schema")
    told = queries.tuning(tenant_id=request.auth.tenant_id, slug=slug)
    return TuningShape(instructions=told.instructions, glossary=_glossary(told), examples=told.examples)


@router.put("/{slug}", auth=ADMINISTRATOR, response=TuningShape, summary="Set what models are told for a schema")
def put_tuning(request: AuthenticatedRequest, slug: str, body: TuningShape) -> TuningShape:
    """Replace all of it; documents that are asked about from now on are asked so."""
    _set(request, slug, _tuning(body))
    return get_tuning(request, slug)


@router.delete("/{slug}", auth=ADMINISTRATOR, response={204: None}, summary="End a schema's own tuning")
def delete_tuning(request: AuthenticatedRequest, slug: str) -> Status[None]:
    """Leave the schema with what holds for all."""
    _set(request, slug, Tuning())
    return Status(HTTPStatus.NO_CONTENT, None)


def _set(request: AuthenticatedRequest, slug: str, tuning: Tuning) -> None:
    tenant_id = request.auth.tenant_id
    before = queries.tuning(tenant_id=tenant_id, slug=slug)
    operations.set_tuning(tenant_id=tenant_id, slug=slug, tuning=tuning, clock=SYSTEM_CLOCK)
    after = queries.tuning(tenant_id=tenant_id, slug=slug)
    log_change(
        tenant_id=tenant_id,
        by=request.auth.name,
        what=f"tuning {slug}",
        before=_figures(before),
        after=_figures(after),
    )


def _figures(told: Tuning, adapters: Mapping[str, str] | None = None) -> dict[str, str | int | None]:
    """Return how much is told, and none of its words: they may quote documents."""
    figures: dict[str, str | int | None] = {
        "instruction_characters": len(told.instructions),
        "terms": len(told.glossary),
        "examples": told.examples,
    }
    return figures | {f"adapter {profile}": name for profile, name in (adapters or {}).items()}


def _everywhere(tenant_id: UUID) -> TuningEverywhereShape:
    told, adapters = pipeline.tuning_everywhere(tenant_id=tenant_id)
    return TuningEverywhereShape(
        instructions=told.instructions, glossary=_glossary(told), examples=told.examples, adapters=dict(adapters)
    )


def _tuning(body: TuningShape) -> Tuning:
    return Tuning(
        instructions=body.instructions,
        glossary=tuple(Term(term=one.term, meaning=one.meaning) for one in body.glossary),
        examples=body.examples,
    )


def _glossary(told: Tuning) -> list[TermShape]:
    return [TermShape(term=one.term, meaning=one.meaning) for one in told.glossary]
