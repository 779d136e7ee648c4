"""The servers behind SGLang's router: it lists them under `/workers` to who has the key."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ValidationError

# Of more than these the rest isn't asked: it counts as servers that don't tell.
MOST_ASKED = 64
MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A server behind the router. `is_healthy` is the router's word: it sends nothing to one that isn't."""

    url: str
    is_healthy: bool


class _Worker(BaseModel):
    url: str
    is_healthy: bool = True


class _Workers(BaseModel):
    workers: list[_Worker]


def read_workers(content: bytes) -> tuple[Worker, ...]:
    """Return the servers that an answer of `/workers` lists, each once; none where it isn't a router's answer."""
    try:
        listed = _Workers.model_validate_json(content).workers
    except ValidationError:
        return ()
    # The key is sent to them, so they have to be what a router calls servers.
    workers = {one.url.rstrip("/"): one.is_healthy for one in listed if one.url.startswith(("http://", "https://"))}
    return tuple(Worker(url=url, is_healthy=is_healthy) for url, is_healthy in workers.items())


async def read_bounded(http: httpx.AsyncClient, url: str) -> bytes | None:
    """Return what a server answers to GET, None where that isn't 200 or is too long. Raises httpx.HTTPError."""
    content = bytearray()
    async with http.stream("GET", url) as response:
        if response.status_code != httpx.codes.OK:
            return None
        async for part in response.aiter_bytes():
            content += part
            if len(content) > MOST_BYTES:
                return None
    return bytes(content)


async def bodies_of(http: httpx.AsyncClient, urls: Sequence[str], *, seconds: float) -> list[bytes | None]:
    """Return what is answered at each address, all asked at once; None where nothing of use comes in that time."""

    async def body(url: str) -> bytes | None:
        try:
            async with asyncio.timeout(seconds):
                return await read_bounded(http, url)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            return None

    return list(await asyncio.gather(*map(body, urls)))
