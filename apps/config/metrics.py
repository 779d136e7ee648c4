"""`/metrics`: counters for Prometheus. They tell about traffic and the machine, so not everybody may read them."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django_prometheus.exports import ExportToDjangoView

_LOOPBACK = frozenset({"127.0.0.1", "::1"})


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer who sends `QUIRE_METRICS_TOKEN` as a bearer token; where none is set, who asks from this machine."""
    if not _may_read(request):
        return HttpResponse(
            "Send the token in QUIRE_METRICS_TOKEN as 'Authorization: Bearer TOKEN'.\n",
            status=401,
            content_type="text/plain; charset=utf-8",
            headers={"WWW-Authenticate": 'Bearer realm="quire metrics"'},
        )
    answer: HttpResponse = ExportToDjangoView(request)
    return answer


def _may_read(request: HttpRequest) -> bool:
    token = settings.QUIRE_METRICS_TOKEN
    if token:
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode())
    # What a proxy on this machine passes on comes from elsewhere.
    forwarded = any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"))
    return request.META.get("REMOTE_ADDR") in _LOOPBACK and not forwarded
