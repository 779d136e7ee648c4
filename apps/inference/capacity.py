"""What a model server can hold: asked of SGLang, also behind its router; assumed of any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from apps.inference.errors import ServerGoneError
from apps.inference.profiles import Profile

# SGLang's policy `lpm` becomes first come, first served above it.
MOST_QUEUED = 128
# Of a server that doesn't tell: the first window is one context, and may grow to so many.
MOST_CONTEXTS = 16
MOST_REQUESTS = 256
SOME_QUEUED = 16
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Tokens to begin with and at most, calls that run at once, calls that may be queued (1 to 128)."""

    first: int
    most: int
    requests: int
    queue: int


class _Info(BaseModel):
    """What one SGLang server says of itself. It says its keys too: they are not read."""

    max_total_num_tokens: int | None = None
    max_running_requests: int | None = None
    max_queued_requests: int | None = None
    dp_size: int = 1


class _Worker(BaseModel):
    is_healthy: bool = True


class _Workers(BaseModel):
    workers: list[_Worker]


_Form = TypeVar("_Form", bound=BaseModel)


def capacity_of(*, url: str, profile: Profile, api_key: str | None = None) -> Capacity:
    """Ask a server. Raises ServerGoneError where nobody takes the connection.

    SGLang's router passes `/server_info` on to one of its servers, and lists them under `/workers`: they are taken to
    be alike. A server that doesn't tell, or not in time since it computes, gets what the profile lets one assume.
    """
    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    base = url.rstrip("/").removesuffix("/v1")
    with httpx.Client(base_url=base, headers=headers, timeout=TIMEOUT_SECONDS) as http:
        info = _read(http, "/server_info", _Info)
        listed = _read(http, "/workers", _Workers)
    servers = max(1, sum(worker.is_healthy for worker in listed.workers)) if listed else 1
    if info is None or not info.max_total_num_tokens:
        first, most = profile.context * servers, profile.context * MOST_CONTEXTS * servers
        return Capacity(first=first, most=most, requests=MOST_REQUESTS * servers, queue=SOME_QUEUED)
    tokens = info.max_total_num_tokens * max(1, info.dp_size) * servers
    queued = info.max_queued_requests if info.max_queued_requests is not None else MOST_QUEUED
    return Capacity(
        first=tokens,
        most=tokens,
        requests=(info.max_running_requests or MOST_REQUESTS) * servers,
        queue=max(1, min(queued * servers, MOST_QUEUED)),
    )


def _read(http: httpx.Client, path: str, form: type[_Form]) -> _Form | None:
    try:
        answer = http.get(path)
        return form.model_validate_json(answer.content) if answer.status_code == httpx.codes.OK else None
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise ServerGoneError("the model server can't be reached") from None
    except (httpx.HTTPError, ValidationError):
        return None
