"""Documents over REST."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpResponse
from ninja import File, Form, Query, Router, Schema
from ninja.files import UploadedFile
from ninja.responses import Status
from pydantic import Field

from apps.api.auth import AuthenticatedRequest
from apps.api.bodies import Sent, refuse_other_parts
from apps.api.openapi import file_of
from apps.api.problems import not_found
from apps.api.times import Moment
from apps.common.clock import SYSTEM_CLOCK
from apps.documents import queries as documents
from apps.documents.errors import UnknownSchemaError
from apps.documents.models import DocumentStatus, Lane
from apps.documents.storage import fetch
from apps.parsing import queries as parsing
from apps.pipeline import intake
from apps.pipeline.queries import progress
from apps.pipeline.review import reasons_for_review
from apps.results import queries as results
from apps.results.doubts import Reason, reasons_by_path
from apps.results.render import RenderedResult, render_reasons, render_result
from apps.schemas import queries as schemas

router = Router(tags=["documents"])

# Views answer plain mappings, which ninja checks against the schemas below: an object of a schema with a field that is
# called `schema` would be read by the attribute of that name, which is pydantic's.
Json = dict[str, object]


class ReasonOut(Schema):
    """Why something is for a person: `code` is stable, `message` is for that person."""

    code: str
    message: str


class DocumentOut(Schema):
    """A document.

    `reason` says in words why it is quarantined or failed, what it waits for, or, where it needs review, what is wrong
    with its file; `review_reasons` say all that is for a person there. `pages` is null until it is parsed. `progress`
    is how much of the work on its pages is done, in [0, 1], null where none is under way; what a model is asked comes
    on top.
    """

    id: UUID
    name: str
    status: str
    reason_code: str
    reason: str
    review_reasons: list[ReasonOut]
    pages: int | None
    progress: float | None
    document_schema: str = Field(alias="schema", serialization_alias="schema")
    external_id: str
    lane: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None


class DocumentListOut(Schema):
    """Some documents; send `next_cursor` as `cursor` for more, null where there are none."""

    items: list[DocumentOut]
    next_cursor: str | None


class WordOut(Schema):
    """A word; the box is [x0, y0, x1, y1] in [0, 1] from the top left."""

    text: str
    box: tuple[float, float, float, float]
    block: int
    line: int
    confidence: float


class WordsOut(Schema):
    """A page's words. Width and height are points."""

    page: int
    width: float
    height: float
    source: str
    words: list[WordOut]


class EvidenceOut(Schema):
    """Where a value stands."""

    page: int
    box: tuple[float, float, float, float]
    quote: str


class ValueOut(Schema):
    """A value. `path` is a JSON Pointer; dates are ISO 8601, amounts decimal strings.

    One that needs a person, and has had none, has `reasons`.
    """

    path: str
    value: str
    type: str
    engine: str
    confidence: float
    status: str
    evidence: list[EvidenceOut]
    reasons: list[ReasonOut] = Field(default_factory=list)


class ResultOut(Schema):
    """A document's values under one version of a schema."""

    result_schema: str = Field(alias="schema", serialization_alias="schema")
    version: int
    values: list[ValueOut]


class UploadForm(Sent):
    """What goes with a file. Without a schema, Quire finds out which one fits."""

    document_schema: Annotated[str, Field(alias="schema", max_length=63)] = ""
    external_id: Annotated[str, Field(max_length=200)] = ""
    lane: Literal["interactive", "bulk"] = "interactive"
    password: Annotated[str, Field(max_length=1024)] = ""


@router.post("", response={201: DocumentOut, 200: DocumentOut}, by_alias=True, summary="Upload a document")
def upload(request: AuthenticatedRequest, file: File[UploadedFile], form: Form[UploadForm]) -> Status[Json]:
    """Store a document and start its extraction; 200 with the existing one where these bytes are there already.

    What such an upload adds is taken: a password opens a locked document, another schema is read too (409 while the
    first one still is), a failed or cancelled document is tried again, an external id is noted where there was none.
    """
    refuse_other_parts(request, form=UploadForm, files=("file",))
    accepted = intake.accept_upload(
        tenant_id=request.auth.tenant_id,
        chunks=file.chunks(),
        name=file.name or "",
        schema_slug=form.document_schema,
        external_id=form.external_id,
        lane=Lane(form.lane),
        password=form.password or None,
        clock=SYSTEM_CLOCK,
    )
    found = documents.document(tenant_id=request.auth.tenant_id, document_id=accepted.document_id)
    if found is None:
        raise not_found("document")
    return Status(HTTPStatus.CREATED if accepted.created else HTTPStatus.OK, _shown(request, [found])[0])


@router.get("", response=DocumentListOut, by_alias=True, summary="List documents")
def list_documents(
    request: AuthenticatedRequest,
    *,
    updated_since: Annotated[
        Moment | None, Query(description="an RFC 3339 date-time with its zone, or a day, from midnight UTC")
    ] = None,
    status: Annotated[DocumentStatus | None, Query(description="those in this state alone")] = None,
    schema_slug: Annotated[
        str | None, Query(alias="schema", max_length=63, description="those of this schema alone, by its slug")
    ] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = documents.PAGE_SIZE,
) -> Json:
    """Return documents, the longest unchanged first. With `updated_since`, deleted ones come too, as tombstones.

    A document that has left the asked state doesn't come: to follow changes, ask without `status`. A schema that isn't
    there is refused with 422.
    """
    if schema_slug:
        known = schemas.slugs(tenant_id=request.auth.tenant_id)
        if schema_slug not in known:
            raise UnknownSchemaError.among(known, slug=schema_slug)
    page = documents.changed_documents(
        tenant_id=request.auth.tenant_id,
        updated_since=updated_since,
        status=status,
        schema_slug=schema_slug,
        cursor=cursor,
        limit=limit,
    )
    return {"items": _shown(request, page.items), "next_cursor": page.next_cursor}


@router.get("/{uuid:document_id}", response=DocumentOut, by_alias=True, summary="One document")
def get_document(request: AuthenticatedRequest, document_id: UUID) -> Json:
    """Return a document's state."""
    return _shown(request, [_document(request, document_id)])[0]


@router.get(
    "/{uuid:document_id}/results",
    response=list[ResultOut],
    by_alias=True,
    exclude_unset=True,
    summary="A document's values",
)
def get_results(request: AuthenticatedRequest, document_id: UUID) -> list[RenderedResult]:
    """Return the newest result of each schema, values in the schema's order."""
    _document(request, document_id)
    tenant_id = request.auth.tenant_id
    found = results.results_of(tenant_id=tenant_id, document_id=document_id)
    rendered = []
    for result in found:
        schema = schemas.version(tenant_id=tenant_id, slug=result.schema_slug, version=result.schema_version)
        rendered.append(render_result(result, reasons=reasons_by_path(result=result, schema=schema)))
    return rendered


@router.get(
    "/{uuid:document_id}/pages/{int:number}.jpg", summary="A page's picture", openapi_extra=file_of("image/jpeg")
)
def get_page_image(request: AuthenticatedRequest, document_id: UUID, number: int) -> HttpResponse:
    """Return the JPEG: width and height are multiples of 28 pixels within 1540."""
    document = _document(request, document_id)
    key = (
        parsing.image_key(tenant_id=request.auth.tenant_id, blob_id=document.blob_id, number=number)
        if document.blob_id
        else None
    )
    if not key:
        raise not_found("page picture, or it isn't rendered yet")
    response = HttpResponse(fetch(key=key), content_type="image/jpeg")
    response["Cache-Control"] = "private, max-age=86400, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@router.get("/{uuid:document_id}/pages/{int:number}/words", response=WordsOut, summary="A page's words")
def get_words(request: AuthenticatedRequest, document_id: UUID, number: int) -> WordsOut:
    """Return a page's words with their boxes."""
    document = _document(request, document_id)
    page = (
        parsing.page(tenant_id=request.auth.tenant_id, blob_id=document.blob_id, number=number)
        if document.blob_id
        else None
    )
    if page is None:
        raise not_found("page, or it isn't parsed yet")
    return WordsOut(
        page=page.number,
        width=page.width,
        height=page.height,
        source=page.source.value,
        words=[
            WordOut(text=word.text, box=(*word.box,), block=word.block, line=word.line, confidence=word.confidence)
            for word in page.words
        ],
    )


@router.post("/{uuid:document_id}/cancel", response=DocumentOut, by_alias=True, summary="Stop the work on a document")
def cancel(request: AuthenticatedRequest, document_id: UUID) -> Json:
    """Cancel what is under way; 409 where the document has come to another end already."""
    if not intake.cancel_document(tenant_id=request.auth.tenant_id, document_id=document_id, clock=SYSTEM_CLOCK):
        raise not_found("document")
    return _shown(request, [_document(request, document_id)])[0]


@router.delete("/{uuid:document_id}", response={204: None}, summary="Delete a document")
def delete(request: AuthenticatedRequest, document_id: UUID) -> Status[None]:
    """Delete a document with its bytes, pages, values and passages."""
    if not intake.delete_document(tenant_id=request.auth.tenant_id, document_id=document_id, clock=SYSTEM_CLOCK):
        raise not_found("document")
    return Status(HTTPStatus.NO_CONTENT, None)


def _shown(request: AuthenticatedRequest, found: Sequence[documents.DocumentSummary]) -> list[Json]:
    """Return documents as REST shows them."""
    reasons = reasons_for_review(tenant_id=request.auth.tenant_id, found=found)
    shares = progress(tenant_id=request.auth.tenant_id, found=found)
    return [_document_json(item, reasons=reasons.get(item.id, ()), progress=shares.get(item.id)) for item in found]


def _document_json(document: documents.DocumentSummary, *, reasons: Sequence[Reason], progress: float | None) -> Json:
    return {
        "id": document.id,
        "name": document.name,
        "status": document.status.value,
        "reason_code": document.reason_code,
        "reason": document.reason,
        "review_reasons": render_reasons(reasons),
        "pages": document.page_count,
        "progress": progress,
        "schema": document.schema_slug,
        "external_id": document.external_id,
        "lane": document.lane,
        "media_type": document.media_type,
        "size": document.size,
        "sha256": document.sha256,
        "created_at": document.created_at,
        "updated_at": document.updated_at,
        "completed_at": document.completed_at,
    }


def _document(request: AuthenticatedRequest, document_id: UUID) -> documents.DocumentSummary:
    found = documents.document(tenant_id=request.auth.tenant_id, document_id=document_id)
    if found is None:
        raise not_found("document")
    return found
