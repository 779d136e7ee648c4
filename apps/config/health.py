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
from apps.inference.admission import admission_to
from apps.inference.servers import ModelServer, all_servers

TIMEOUT_SECONDS = 2.0


def livez(_request: HttpRequest) -> HttpResponse:
    """Answer 200."""
    return HttpResponse(b'{"status":"ok"}', content_type="application/json")


def readyz(_request: HttpRequest) -> HttpResponse:
    """Answer 200 with each part's state, 503 where Postgres or the broker is gone."""
    checks = {"database": _database(), "broker": _broker()}
    ready = all(state == "ok" for state in checks.values())
    for server in all_servers():
        checks[f"inference:{server.profile}" if server.suffix else "inference"] = _inference(server)
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


def _inference(server: ModelServer) -> str:
    if _breaker_is_open(server):
        return "down: the breaker is open, documents wait"
    headers = {"authorization": f"Bearer {server.api_key}"} if server.api_key else {}
    try:
        answer = httpx.get(f"{server.base}/health", headers=headers, timeout=TIMEOUT_SECONDS)
    except httpx.HTTPError:
        return "down"
    # Not every server that speaks OpenAI's chat completions has this address: one that says so is there.
    return "down" if answer.is_server_error else "ok"


def _breaker_is_open(server: ModelServer) -> bool:
    try:
        return admission_to(server).state().open
    except RetryableError:
        return False  # the broker's own check says so
