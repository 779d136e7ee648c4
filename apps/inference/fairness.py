"""Whose turn it is: the lanes, the shares and the limits that the queue before a model server keeps.

The rules themselves are `fairness.lua`, since they run inside Redis or Valkey, where all processes meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Self
from uuid import UUID

# Without a tokenizer: more than any text of a page was seen to take, and an A4 page's picture at 1540 px.
CHARACTERS_A_TOKEN = 3
IMAGE_TOKENS = 2_200


class Lane(StrEnum):
    """Interactive goes before bulk, but for the share that bulk is sure of."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of the queue; the same in all processes that share it.

    quantum: tokens a tenant gets a turn (deficit round robin, Shreedhar and Varghese 1995).
    bulk_share: the share of tokens that bulk gets while interactive work never ends.
    line: how many callers one tenant may have waiting in a lane; what is beyond is put back at once.
    patience, long_patience: seconds that a caller waits in the line before its document is put back, and the same for
    one that was let in before for the same document: what it did would be lost.
    again_seconds: when a document that was put back comes again.
    lease_seconds: after so long without a sign of life an admitted call counts as dead.
    waiter_seconds: the same for a caller that waits.
    warm_seconds: how long after an answer the server is taken to hold the document's prefix still.
    fit_seconds: how often the server is asked what it can hold.
    failures: after so many calls one after the other that met nobody, or no answer in time, the breaker opens.
    pause, longest_pause: seconds till one call tries the server again; doubled each time that it fails.
    decrease, steps: the window is multiplied by `decrease` at a refusal, and needs as many rounds of answers as
    `steps` says to grow by what was in flight then.
    """

    quantum: int = 2_048
    bulk_share: float = 0.1
    line: int = 64
    patience: float = 30.0
    long_patience: float = 300.0
    again_seconds: float = 5.0
    lease_seconds: float = 15.0
    waiter_seconds: float = 5.0
    warm_seconds: float = 60.0
    fit_seconds: float = 300.0
    failures: int = 3
    pause: float = 5.0
    longest_pause: float = 60.0
    decrease: float = 0.7
    steps: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a caller asks to be let in for.

    `tokens` are the prompt's and the expected reply's together; `shared` those of them that lie in the prefix, which
    the server holds once for all calls in flight that have it. `since` (seconds since 1970) orders the callers of one
    tenant: who waits for longer goes first, also when it comes a second time. None is now.
    """

    tenant_id: UUID
    lane: Lane
    tokens: int
    prefix: str = ""
    shared: int = 0
    since: float | None = None

    @classmethod
    def of(
        cls,
        *,
        tenant_id: UUID,
        lane: Lane,
        messages: Sequence[Mapping[str, Any]],
        max_tokens: int,
        tokens: int | None = None,
        since: float | None = None,
    ) -> Self:
        """Return a ticket for a request; `tokens`, prompt and reply, are estimated where they aren't known.

        The prefix is all but the last part of the last message, the question: two requests share it exactly where the
        server's radix cache can share it. Tenants never share one: their prefixes are salted.
        """
        digest = blake2b(tenant_id.bytes, digest_size=16)
        parts = [part for message in messages for part in _parts(message)]
        for role, part in parts[:-1]:
            text = _text(part)
            digest.update(f"{role}:{len(text)}:".encode())
            digest.update(text.encode("utf-8", "surrogatepass"))
        before = sum(_estimate(part) for _, part in parts[:-1])
        question = _estimate(parts[-1][1]) if parts else 0
        whole = max(1, before + question + max_tokens if tokens is None else tokens)
        return cls(
            tenant_id=tenant_id,
            lane=lane,
            tokens=whole,
            prefix=digest.hexdigest() if len(parts) > 1 else "",
            shared=min(before, max(0, whole - question - max_tokens)),
            since=since,
        )


def _parts(message: Mapping[str, Any]) -> list[tuple[str, Any]]:
    content = message.get("content")
    role = str(message.get("role"))
    return [(role, part) for part in content] if isinstance(content, list | tuple) else [(role, content)]


def _text(part: object) -> str:
    if isinstance(part, Mapping):
        return str(part["text"]) if "text" in part else str(part.get("image_url", part))
    return str(part)


def _estimate(part: object) -> int:
    if isinstance(part, Mapping) and "text" not in part:
        return IMAGE_TOKENS
    return len(_text(part)) // CHARACTERS_A_TOKEN + 1
