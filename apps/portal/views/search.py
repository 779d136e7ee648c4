"""Passages by meaning and by words."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.common.errors import RetryableError
from apps.portal.access import MemberRequest, member_required
from apps.search import queries as passages

LIMIT = 20


@require_GET
@member_required()
def search(request: MemberRequest) -> HttpResponseBase:
    """Show the passages nearest to a question; each opens its page."""
    text = request.GET.get("q", "").strip()[:500]
    hits: tuple[passages.Hit, ...] = ()
    down = False
    if text:
        try:
            hits = passages.search(tenant_id=request.member.tenant_id, query=text, limit=LIMIT)
        except RetryableError:
            down = True
    return render(request, "portal/search.html", {"text": text, "hits": hits, "down": down})
