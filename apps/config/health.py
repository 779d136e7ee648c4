"""`/livez`: the process answers. `/readyz`: it can do its work. Without SGLang it is degraded, not unready."""

from __future__ import annotations

import httpx
import orjson
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from redis import Redis
from redis.exceptions import RedisError

from apps.common.errors import RetryableError
from apps.inference.admission import admission

TIMEOUT_SECONDS = 2.0


def livez(_request: HttpRequest) -> HttpResponse:
    """Answer 200."""
    return HttpResponse(b'{"status":"ok"}', content_type="application/json")


def readyz(_request: HttpRequest) -> HttpResponse:
    """Answer 200 with each part's state, 503 where Postgres or the broker is gone."""
    checks = {"database": _database(), "broker": _broker()}
    ready = all(state == "ok" for state in checks.values())
    if settings.QUIRE_INFERENCE_URL:
        checks["inference"] = _inference(settings.QUIRE_INFERENCE_URL)
    degraded = any(state != "ok" for state in checks.values())
    status = "degraded" if ready and degraded else "ok" if ready else "unready"
    return HttpResponse(
        orjson.dumps({"status": status, "checks": checks}),
        status=200 if ready else 503,
        content_type="application/json",
    )


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return "down"
    return "ok"


def _broker() -> str:
    try:
        with Redis.from_url(
            settings.QUIRE_REDIS_URL, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        ) as client:
            client.ping()
    except RedisError:
        return "down"
    return "ok"


def _inference(url: str) -> str:
    if _breaker_is_open(url):
        return "down: the breaker is open, documents wait"
    try:
        httpx.get(f"{url.rstrip('/')}/health", timeout=TIMEOUT_SECONDS).raise_for_status()
    except httpx.HTTPError:
        return "down"
    return "ok"


def _breaker_is_open(url: str) -> bool:
    try:
        return admission(url).state().open
    except RetryableError:
        return False  # the broker's own check says so
