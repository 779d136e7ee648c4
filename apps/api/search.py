"""Search over REST."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from ninja import Router, Schema
from pydantic import Field, StringConstraints

from apps.api.auth import AuthenticatedRequest
from apps.api.bodies import Sent
from apps.common.clock import SYSTEM_CLOCK
from apps.search import queries

router = Router(tags=["search"])

MAX_QUERY_CHARACTERS = 1000
MAX_HITS = 100


class SearchIn(Sent):
    """A question in any language, or some words; in one document, or in all that the tenant has."""

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUERY_CHARACTERS)]
    limit: Annotated[int, Field(ge=1, le=MAX_HITS)] = 10
    document_id: UUID | None = None


class HitOut(Schema):
    """A passage: page from 1, box [x0, y0, x1, y1] in [0, 1] from the top left, score in (0, 1]."""

    document_id: UUID
    document_name: str
    page: int
    box: tuple[float, float, float, float]
    text: str
    score: float


class SearchOut(Schema):
    """Passages, the best first."""

    hits: list[HitOut]


@router.post("/search", response=SearchOut, summary="Search the documents")
def search(request: AuthenticatedRequest, body: SearchIn) -> SearchOut:
    """Find passages by meaning and by word; a foreign or deleted document has none."""
    hits = queries.search(
        tenant_id=request.auth.tenant_id,
        query=body.query,
        limit=body.limit,
        document_id=body.document_id,
        clock=SYSTEM_CLOCK,
    )
    return SearchOut(
        hits=[
            HitOut(
                document_id=hit.document_id,
                document_name=hit.document_name,
                page=hit.page,
                box=hit.box,
                text=hit.text,
                score=hit.score,
            )
            for hit in hits
        ]
    )
