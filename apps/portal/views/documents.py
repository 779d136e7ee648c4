"""The list of documents, and what comes in by hand."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from apps.common.clock import SYSTEM_CLOCK
from apps.common.errors import QuireError
from apps.documents import queries as documents
from apps.documents.models import DocumentStatus, Lane
from apps.pipeline import intake
from apps.pipeline.queries import progress, stages_under_way
from apps.pipeline.review import reasons_for_review
from apps.portal.access import MemberRequest, member_required
from apps.portal.presentation import doing, in_progress, reason_in_words, sentence, words_for
from apps.schemas import queries as schemas

PAGE_SIZE = 50
STATUSES = tuple(status for status in DocumentStatus if status != DocumentStatus.DELETED)


@require_GET
@member_required()
def document_list(request: MemberRequest) -> HttpResponseBase:
    """Show the newest documents. As a fragment it answers 204 while nothing has changed."""
    tenant_id = request.member.tenant_id
    text = request.GET.get("q", "").strip()[:200]
    status = request.GET.get("status", "")
    status = status if status in STATUSES else ""
    cursor = request.GET.get("cursor") or None
    try:
        page = documents.newest_documents(
            tenant_id=tenant_id, text=text, statuses=(status,) if status else (), cursor=cursor, limit=PAGE_SIZE
        )
    except documents.BadCursorError:
        return redirect("portal:documents")
    shares = progress(tenant_id=tenant_id, found=page.items)
    under_way = stages_under_way(tenant_id=tenant_id, found=page.items)
    doings = {item.id: doing(item, under_way=under_way.get(item.id)) for item in page.items}
    version = hashlib.sha256(
        "|".join(
            f"{item.id}{item.updated_at.isoformat()}{item.page_count}{shares.get(item.id)}{doings[item.id]}"
            for item in page.items
        ).encode()
    ).hexdigest()[:16]
    filters = {name: value for name, value in (("q", text), ("status", status), ("cursor", cursor)) if value}
    context = {
        "page": page,
        "text": text,
        "status": status,
        "statuses": [(one.value, words_for(one)) for one in STATUSES],
        "live": any(in_progress(item.status) for item in page.items),
        "poll": f"{reverse('portal:documents')}?{urlencode({**filters, 'version': version})}",
        "more": f"?{urlencode({**filters, 'cursor': page.next_cursor})}" if page.next_cursor else "",
        "first": not cursor,
        "filtered": bool(text or status),
    }
    fragment = request.headers.get("HX-Request") == "true" and "version" in request.GET
    if fragment and request.GET["version"] == version and context["live"]:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    reasons = reasons_for_review(tenant_id=tenant_id, found=page.items)
    context["rows"] = [
        {
            "item": item,
            "reasons": reasons.get(item.id, ()),
            "reason": reason_in_words(item),
            "share": shares.get(item.id),
            "state": doings[item.id] or words_for(item.status),
        }
        for item in page.items
    ]
    if fragment:
        return render(request, "portal/_rows.html", context)
    context["max_bytes"] = settings.QUIRE_MAX_UPLOAD_BYTES
    context["slugs"] = schemas.slugs(tenant_id=tenant_id)
    return render(request, "portal/documents.html", context)


@require_POST
@member_required()
def upload(request: MemberRequest) -> HttpResponseBase:
    """Take files. A script gets one JSON answer a file; a plain form goes back to the list with a message each."""
    files = request.FILES.getlist("file")
    slug = request.POST.get("schema", "")
    if request.headers.get("Accept", "").startswith("application/json"):
        if len(files) != 1:
            return JsonResponse({"error": _("Choose a file first.")}, status=HTTPStatus.BAD_REQUEST)
        return _answer(request, files[0], slug)
    if not files:
        messages.error(request, _("Choose a file first."))
    created = 0
    for file in files:
        try:
            accepted = _accept(request, file, slug)
        except QuireError as error:
            messages.error(request, f"{file.name}: {sentence(error.message)}")
            continue
        created += accepted.created
        if trouble := _trouble(request, accepted):
            messages.error(request, f"{file.name} {trouble}")
        elif not accepted.created:
            messages.info(request, _("%(name)s is there already.") % {"name": file.name})
    if created:
        messages.success(
            request, ngettext("%(n)d document came in.", "%(n)d documents came in.", created) % {"n": created}
        )
    return redirect("portal:documents")


def _accept(request: MemberRequest, file: UploadedFile[bytes], slug: str) -> intake.Upload:
    return intake.accept_upload(
        tenant_id=request.member.tenant_id,
        chunks=file.chunks(),
        name=file.name or "",
        schema_slug=slug,
        external_id="",
        lane=Lane.INTERACTIVE,
        password=request.POST.get("password") or None,
        clock=SYSTEM_CLOCK,
    )


def _answer(request: MemberRequest, file: UploadedFile[bytes], slug: str) -> JsonResponse:
    try:
        accepted = _accept(request, file, slug)
    except QuireError as error:
        return JsonResponse(
            {"error": sentence(error.message), "code": error.code}, status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    url = reverse("portal:document", args=[accepted.document_id])
    return JsonResponse(
        {"url": url, "created": accepted.created, "trouble": _trouble(request, accepted)}, status=HTTPStatus.OK
    )


def _trouble(request: MemberRequest, accepted: intake.Upload) -> str:
    """Return that a document which was there already couldn't be read, and why, to stand after its name; else ""."""
    if accepted.created:
        return ""
    found = documents.document(tenant_id=request.member.tenant_id, document_id=accepted.document_id)
    if found is None:
        return ""
    if found.status is DocumentStatus.FAILED:
        return _("is there already, but failed: %(reason)s") % {"reason": reason_in_words(found)}
    if found.status is DocumentStatus.QUARANTINED:
        return _("is there already, but quarantined: %(reason)s") % {"reason": reason_in_words(found)}
    if accepted.failed and in_progress(found.status):
        return _("is there already, but failed before: %(reason)s It is read again.") % {
            "reason": sentence(accepted.failed)
        }
    return ""
