"""Passages by meaning and by words."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from apps.common.clock import SYSTEM_CLOCK
from apps.inference.embeddings import EmbeddingsDownError, EmbeddingsRefusedError
from apps.portal.access import MemberRequest, member_required
from apps.search import queries as passages

LIMIT = 20


@require_GET
@member_required()
def search(request: MemberRequest) -> HttpResponseBase:
    """Show the passages nearest to a question; each opens its page."""
    text = request.GET.get("q", "").strip()[:500]
    hits: list[dict[str, object]] = []
    fault = ""
    if text:
        try:
            found = passages.search(tenant_id=request.member.tenant_id, query=text, limit=LIMIT, clock=SYSTEM_CLOCK)
            hits = [{"url": _url(hit), "name": hit.document_name, "page": hit.page, "text": hit.text} for hit in found]
        except (EmbeddingsDownError, EmbeddingsRefusedError) as error:
            fault = error.code
    return render(request, "portal/search.html", {"text": text, "hits": hits, "fault": fault})


def _url(hit: passages.Hit) -> str:
    """Return the address that opens the page with the passage lit."""
    query = urlencode({"from": hit.page, "hit": f"{hit.page}:" + ",".join(f"{edge:.4f}" for edge in hit.box)})
    return f"{reverse('portal:document', args=[hit.document_id])}?{query}#page-{hit.page}"
