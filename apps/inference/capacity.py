"""What a model server can hold: asked of SGLang, or of each SGLang behind its router; assumed of any other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ValidationError

from apps.inference.errors import ServerGoneError
from apps.inference.fleet import MOST_ASKED, Worker, read_bounded, read_workers
from apps.inference.profiles import Profile

# SGLang's policy `lpm` becomes first come, first served above it.
MOST_QUEUED = 128
# Of a server that doesn't tell: the first window is one context, and may grow to so many.
MOST_CONTEXTS = 16
MOST_REQUESTS = 256
SOME_QUEUED = 16
# For the server, and again for all that stand behind a router together.
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


def capacity_of(*, url: str, profile: Profile, api_key: str | None = None) -> Capacity:
    """Ask a server. Raises ServerGoneError where nobody takes the connection.

    SGLang's router answers nothing of its servers but where they are, so each of them is asked, all at once, and what
    they hold is added up. One that the router counts as unhealthy is left out: it is sent nothing. A server that
    doesn't tell, or not in time since it computes, counts as what the profile lets one assume; so does one behind the
    router that can't be reached from here, for it takes its share of the calls all the same.
    """
    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    return asyncio.run(_asked(url.rstrip("/").removesuffix("/v1"), profile=profile, headers=headers))


async def _asked(base: str, *, profile: Profile, headers: dict[str, str]) -> Capacity:
    async with httpx.AsyncClient(headers=headers, timeout=TIMEOUT_SECONDS) as http:
        try:
            own = _info(await _read(http, f"{base}/server_info"))
            workers = read_workers(await _read(http, f"{base}/workers") or b"")
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise ServerGoneError("the model server can't be reached") from None
        healthy = [worker for worker in workers if worker.is_healthy]
        infos = await _infos(http, healthy) if healthy else [None]
    # A router that hands the question on speaks for those that can't be asked.
    return _sum([_of_one(one or own, profile=profile) for one in infos])


async def _infos(http: httpx.AsyncClient, workers: Sequence[Worker]) -> list[_Info | None]:
    """Return what each worker says; None for one that says nothing in time, and for those beyond MOST_ASKED."""

    async def ask(worker: Worker) -> _Info | None:
        try:
            return _info(await _read(http, f"{worker.url}/server_info"))
        except httpx.HTTPError:
            return None

    told = await asyncio.gather(*(ask(worker) for worker in workers[:MOST_ASKED]))
    return [*told, *[None] * (len(workers) - len(told))]


async def _read(http: httpx.AsyncClient, url: str) -> bytes | None:
    """Return an answer's content, None where there is none of use. Raises the errors of connecting."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await read_bounded(http, url)
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
        return None


def _info(content: bytes | None) -> _Info | None:
    try:
        return _Info.model_validate_json(content) if content else None
    except ValidationError:
        return None


def _of_one(info: _Info | None, *, profile: Profile) -> Capacity:
    if info is None or not info.max_total_num_tokens:
        return Capacity(
            first=profile.context, most=profile.context * MOST_CONTEXTS, requests=MOST_REQUESTS, queue=SOME_QUEUED
        )
    tokens = info.max_total_num_tokens * max(1, info.dp_size)
    queued = info.max_queued_requests if info.max_queued_requests is not None else MOST_QUEUED
    return Capacity(first=tokens, most=tokens, requests=info.max_running_requests or MOST_REQUESTS, queue=queued)


def _sum(servers: Sequence[Capacity]) -> Capacity:
    return Capacity(
        first=sum(one.first for one in servers),
        most=sum(one.most for one in servers),
        requests=sum(one.requests for one in servers),
        queue=max(1, min(sum(one.queue for one in servers), MOST_QUEUED)),
    )
