"""`/metrics`: counters for Prometheus. They tell about traffic and the machine, so not everybody may read them.

Beside django-prometheus's own stands the queue before each model server, as it is at the moment.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from apps.common.errors import RetryableError
from apps.inference.admission import admission_to
from apps.inference.servers import all_servers

_LOOPBACK = frozenset({"127.0.0.1", "::1"})


class _AdmissionCollector:
    """Asks Redis or Valkey when it is asked itself; says nothing where there is no model server or no broker."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            states = [(server, admission_to(server).state()) for server in all_servers()]
        except RetryableError:
            return
        for field, name, words in (
            ("open", "breaker_open", "1 while the model server counts as gone"),
            ("window", "window_tokens", "Tokens that may be in flight at the model server"),
            ("ceiling", "ceiling_tokens", "Tokens that the model server holds at most"),
            ("tokens", "tokens_in_flight", "Tokens of the calls in flight"),
            ("running", "calls_running", "Calls that the model server is taken to run"),
            ("queued", "calls_queued", "Calls that the model server is taken to queue"),
            ("waiting", "calls_waiting", "Calls that wait here for their turn"),
        ):
            family = GaugeMetricFamily(f"quire_admission_{name}", words)
            for server, state in states:
                # The house's own server goes without a label, servers of further profiles have one.
                labels = {"profile": server.profile} if server.suffix else {}
                family.add_sample(family.name, labels, float(getattr(state, field)))
            if states:
                yield family


_REGISTRY = CollectorRegistry()
_REGISTRY.register(_AdmissionCollector())


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
    answer.write(generate_latest(_REGISTRY))
    return answer


def _may_read(request: HttpRequest) -> bool:
    token = settings.QUIRE_METRICS_TOKEN
    if token:
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode())
    # What a proxy on this machine passes on comes from elsewhere.
    forwarded = any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"))
    return request.META.get("REMOTE_ADDR") in _LOOPBACK and not forwarded
