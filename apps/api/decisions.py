"""What people decide on a document's values, over REST."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from ninja import Body, Router, Schema
from pydantic import Field

from apps.api.auth import AuthenticatedRequest
from apps.api.bodies import Sent
from apps.api.problems import not_found
from apps.common.clock import SYSTEM_CLOCK
from apps.documents import queries as documents
from apps.results import operations, queries
from apps.results.decisions import NewDecision, Verdict

router = Router(tags=["documents"])

MOST = 1000


class DecisionIn(Sent):
    """A decision on the value at `path`, "" for the whole document.

    `value` goes with `correct` alone: canonical text, as results have it.

    `schema` is needed only where the document was read with several schemas that have the path.
    """

    path: Annotated[str, Field(max_length=300)]
    verdict: Verdict
    value: Annotated[str, Field(max_length=10_000)] | None = None
    decision_schema: Annotated[str, Field(alias="schema", max_length=63)] = ""


class DecisionOut(Schema):
    """A decision. `value` is the right value, null where there is none; `said` what `engine` had read, or null.

    Of several on one value the last holds.
    """

    id: UUID
    decision_schema: str = Field(alias="schema", serialization_alias="schema")
    path: str
    verdict: str
    value: str | None
    said: str | None
    engine: str
    decided_by: str
    decided_at: datetime


@router.get(
    "/{uuid:document_id}/decisions",
    response=list[DecisionOut],
    by_alias=True,
    summary="What was decided on a document's values",
)
def get_decisions(request: AuthenticatedRequest, document_id: UUID) -> list[dict[str, object]]:
    """Return every decision, the oldest first; none is ever changed or taken away."""
    _known(request, document_id)
    return _decisions(request, document_id)


@router.post(
    "/{uuid:document_id}/decisions", response=list[DecisionOut], by_alias=True, summary="Decide on a document's values"
)
def decide(
    request: AuthenticatedRequest,
    document_id: UUID,
    body: Annotated[list[DecisionIn], Body(min_length=1, max_length=MOST)],
) -> list[dict[str, object]]:
    """Accept, correct or reject values, all of them or none; answers with all of the document's decisions.

    A field that nothing was read for may be given a value by `correct`, or said to be absent by `reject`. A document
    in review is done once everything doubtful is decided on; one that has lost pages, rows or its end is done by
    `accept` on the path "", which stands for the whole. 422 for a path that isn't there, a value that isn't canonical,
    or a whole that has values left to decide on; 409 while the document is being worked on.
    """
    _known(request, document_id)
    operations.decide(
        tenant_id=request.auth.tenant_id,
        document_id=document_id,
        decisions=[
            NewDecision(path=item.path, verdict=item.verdict, value=item.value, schema=item.decision_schema)
            for item in body
        ],
        decided_by=f"key {request.auth.key_id}",
        clock=SYSTEM_CLOCK,
    )
    return _decisions(request, document_id)


def _known(request: AuthenticatedRequest, document_id: UUID) -> None:
    if documents.document(tenant_id=request.auth.tenant_id, document_id=document_id) is None:
        raise not_found("document")


def _decisions(request: AuthenticatedRequest, document_id: UUID) -> list[dict[str, object]]:
    return [
        {
            "id": item.id,
            "schema": item.schema_slug,
            "path": item.path,
            "verdict": item.verdict.value,
            "value": None if item.verdict is Verdict.REJECT else item.value,
            "said": item.said if item.score is not None else None,
            "engine": item.engine,
            "decided_by": item.decided_by,
            "decided_at": item.decided_at,
        }
        for item in queries.decisions_of(tenant_id=request.auth.tenant_id, document_id=document_id)
    ]
