"""One document: its pages with its values beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from apps.common.clock import SYSTEM_CLOCK
from apps.documents import queries as documents
from apps.documents.models import DocumentStatus
from apps.documents.queries import DocumentSummary
from apps.documents.storage import fetch
from apps.parsing import queries as parsing
from apps.parsing.errors import CODES
from apps.pipeline import intake
from apps.pipeline.queries import progress, stages_under_way
from apps.pipeline.review import reasons_for_review
from apps.portal.access import MemberRequest, member_required
from apps.portal.presentation import (
    ShownResult,
    ShownValue,
    boxes_by_page,
    doing,
    in_progress,
    reason_in_words,
    show,
    words_for,
)
from apps.results import queries as results
from apps.results.queries import DocumentResult
from apps.schemas import queries as schemas
from apps.tenants.models import Role

MAX_SHOWN_PAGES = 50
MAX_PASSWORD_CHARACTERS = 1024
_STOPPED = frozenset({DocumentStatus.QUARANTINED, DocumentStatus.FAILED, DocumentStatus.CANCELLED})


@require_GET
@member_required()
def document_page(request: MemberRequest, document_id: UUID) -> HttpResponseBase:
    """Show pages and values. As a fragment it answers 204 while the document's state is the one that is shown."""
    tenant_id = request.member.tenant_id
    document = documents.document(tenant_id=tenant_id, document_id=document_id)
    if document is None:
        raise Http404
    version = document.updated_at.isoformat()
    work = work_on(tenant_id=tenant_id, document=document)
    now = (version, str(work.share), work.state)
    shown = tuple(request.GET.get(name) for name in ("version", "share", "state")) == now
    if request.headers.get("HX-Request") == "true" and shown and in_progress(document.status):
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    return page_of(request, document, work=work, wanted=request.GET.get("value", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How far a document is: `share` of the work is done, in [0, 1], None where none is under way; `state` in words."""

    share: float | None
    state: str


def work_on(*, tenant_id: UUID, document: DocumentSummary) -> Work:
    """Return how far a document is."""
    under_way = stages_under_way(tenant_id=tenant_id, found=[document]).get(document.id)
    return Work(
        share=progress(tenant_id=tenant_id, found=[document]).get(document.id),
        state=doing(document, under_way=under_way) or words_for(document.status),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A decision that wasn't taken: why, and what was typed as the right value."""

    message: str
    typed: str


def page_of(
    request: MemberRequest,
    document: DocumentSummary,
    *,
    work: Work,
    wanted: str,
    refused: Refused | None = None,
) -> HttpResponse:
    """Show a document with one of its values chosen: the wanted one, or the first that a person should decide on."""
    tenant_id = request.member.tenant_id
    found = results.results_of(tenant_id=tenant_id, document_id=document.id)
    facts = parsing.page_facts(tenant_id=tenant_id, blob_id=document.blob_id) if document.blob_id else ()
    shown = shown_results(tenant_id=tenant_id, found=found)
    everything = [one for result in shown for one in result.all]
    to_check = [one for result in shown for one in result.open]
    chosen = next((one for one in everything if one.key == wanted), to_check[0] if to_check else None)
    hit = _hit(request)
    first = _first_page(request, len(facts))
    boxes = boxes_by_page(found, pages=facts)
    reasons = reasons_for_review(tenant_id=tenant_id, found=[document])
    context = {
        "document": document,
        "state": work.state,
        "reason": reason_in_words(document),
        "unread": document.status in _STOPPED and not facts and not found,
        "again": document.status in {DocumentStatus.FAILED, DocumentStatus.CANCELLED}
        and document.reason_code not in CODES,
        "live": in_progress(document.status),
        "version": document.updated_at.isoformat(),
        "share": work.share,
        "results": shown,
        "reasons": reasons.get(document.id, ()),
        "chosen": chosen,
        "asked": bool(wanted),
        "next": following(to_check, everything, after=chosen),
        "place": to_check.index(chosen) + 1 if chosen in to_check else 0,
        "to_check": to_check,
        "acceptable": [one for one in to_check if one.value],
        "refused": refused,
        "pages": [
            {"facts": page, "boxes": boxes.get(page.number, [])}
            for page in facts[first - 1 : first - 1 + MAX_SHOWN_PAGES]
        ],
        "page_total": len(facts),
        "ranges": _ranges(len(facts)),
        "first": first,
        "hit": hit,
        "is_reviewer": request.member.role != Role.VIEWER,
        "decidable": document.status in {DocumentStatus.DONE, DocumentStatus.NEEDS_REVIEW},
    }
    return render(request, "portal/document.html", context)


def shown_results(*, tenant_id: UUID, found: Sequence[DocumentResult]) -> list[ShownResult]:
    """Return results as the page shows them."""
    return [
        show(
            result=result,
            schema=schemas.version(tenant_id=tenant_id, slug=result.schema_slug, version=result.schema_version),
        )
        for result in found
    ]


def following(
    to_check: Sequence[ShownValue], everything: Sequence[ShownValue], *, after: ShownValue | None
) -> ShownValue | None:
    """Return the value to check that stands next after one, from the top again after the last; None without another."""
    order = {one.key: place for place, one in enumerate(everything)}
    here = order[after.key] if after else -1
    others = [one for one in to_check if after is None or one.key != after.key]
    return next((one for one in others if order[one.key] > here), others[0] if others else None)


@require_GET
@member_required()
def page_image(request: MemberRequest, document_id: UUID, number: int) -> HttpResponseBase:
    """Send a page's picture. A document's bytes never change, so neither does this."""
    document = documents.document(tenant_id=request.member.tenant_id, document_id=document_id)
    if document is None or document.blob_id is None:
        raise Http404
    key = parsing.image_key(tenant_id=request.member.tenant_id, blob_id=document.blob_id, number=number)
    if key is None:
        raise Http404
    response = HttpResponse(fetch(key=key), content_type="image/jpeg")
    response["Cache-Control"] = "private, max-age=86400, immutable"
    return response


@require_POST
@member_required(Role.REVIEWER)
def cancel(request: MemberRequest, document_id: UUID) -> HttpResponseBase:
    """Stop the work on a document."""
    try:
        found = intake.cancel_document(tenant_id=request.member.tenant_id, document_id=document_id, clock=SYSTEM_CLOCK)
    except intake.NotCancellableError as error:
        messages.info(request, error.message)
        found = True
    if not found:
        raise Http404
    return redirect(reverse("portal:document", args=[document_id]))


@require_POST
@sensitive_post_parameters("password")
@member_required()
def reopen(request: MemberRequest, document_id: UUID) -> HttpResponseBase:
    """Read a document again: a locked one with the password that was typed, which is sealed and shown nowhere."""
    tenant_id = request.member.tenant_id
    document = documents.document(tenant_id=tenant_id, document_id=document_id)
    if document is None:
        raise Http404
    password = request.POST.get("password", "")
    if document.locked and not password:
        messages.error(request, _("Type the document's password first."))
    elif len(password) > MAX_PASSWORD_CHARACTERS:
        messages.error(request, _("A password has at most %(n)d characters.") % {"n": MAX_PASSWORD_CHARACTERS})
    elif not intake.reopen_document(
        tenant_id=tenant_id, document_id=document_id, password=password or None, clock=SYSTEM_CLOCK
    ):
        raise Http404
    return redirect(reverse("portal:document", args=[document_id]))


@require_POST
@member_required(Role.REVIEWER)
def delete(request: MemberRequest, document_id: UUID) -> HttpResponseBase:
    """Delete a document."""
    if not intake.delete_document(tenant_id=request.member.tenant_id, document_id=document_id, clock=SYSTEM_CLOCK):
        raise Http404
    messages.success(request, _("The document is deleted."))
    return redirect("portal:documents")


def _first_page(request: MemberRequest, total: int) -> int:
    wanted = request.GET.get("from", "1")
    number = int(wanted) if wanted.isdecimal() and len(wanted) < 7 else 1
    return min(max(number, 1), max(total, 1))


def _ranges(total: int) -> list[tuple[int, int]]:
    if total <= MAX_SHOWN_PAGES:
        return []
    return [(start, min(start + MAX_SHOWN_PAGES - 1, total)) for start in range(1, total + 1, MAX_SHOWN_PAGES)]


def _hit(request: MemberRequest) -> dict[str, object] | None:
    """Return the passage that the address asks to light, `page:x0,y0,x1,y1`, or None for anything else."""
    match = re.fullmatch(
        r"(\d{1,6}):([01]\.\d{1,6}),([01]\.\d{1,6}),([01]\.\d{1,6}),([01]\.\d{1,6})", request.GET.get("hit", "")
    )
    if not match:
        return None
    x0, y0, x1, y1 = (float(part) for part in match.groups()[1:])
    if not (x0 <= x1 <= 1 and y0 <= y1 <= 1):
        return None
    return {
        "page": int(match[1]),
        "x": f"{x0:.4f}",
        "y": f"{y0:.4f}",
        "width": f"{x1 - x0:.4f}",
        "height": f"{y1 - y0:.4f}",
    }
