"""A client whose every call waits for its turn: what an engine is given for a document."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.inference.adapters import PLAIN, RequestTuning
from apps.inference.admission import Admission
from apps.inference.client import SglangClient
from apps.inference.fairness import Lane, Ticket
from apps.inference.profiles import Profile
from apps.inference.replies import Completion

# Of the longest reply that is allowed, what a reply is expected to take. Replies end long before their limit, and the
# server itself counts on less (SGLang's new_token_ratio falls from 0.7 to 0.1); where it is too little, the server's
# queue grows, and its 503 makes the window smaller.
REPLY_SHARE = 0.25


class AdmittedClient:
    """As `SglangClient`, for one document of one tenant. `waited` is the seconds that the last call stood in line.

    The first call is turned away soon where there is no room, and the document is put back; a later one waits for long,
    since the earlier answers would be lost. `since` is when the document first came: it keeps its place by it.
    """

    def __init__(
        self, *, client: SglangClient, admission: Admission, tenant_id: UUID, lane: Lane, since: datetime | None
    ) -> None:
        self._client = client
        self._admission = admission
        self._tenant_id = tenant_id
        self._lane = lane
        self._since = since.timestamp() if since else None
        self._begun = False
        self.waited = 0.0

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def expect_room(self) -> None:
        """Find out that it isn't worth preparing a call now. Raises NotYourTurnError, ServerRestsError, and so on."""
        self._admission.expect_room(tenant_id=self._tenant_id, lane=self._lane)

    def lists(self, profile: Profile, *, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """As `SglangClient.lists`; nobody waits for it, for a server lists its models whatever else it does."""
        return self._client.lists(profile, cancelled)

    def complete(
        self,
        *,
        messages: Sequence[Mapping[str, Any]],
        schema: Mapping[str, Any],
        max_tokens: int,
        temperature: float = 0.0,
        logprobs: bool = False,
        prompt_tokens: int | None = None,
        tuning: RequestTuning = PLAIN,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Completion:
        """Wait for the turn, then ask. `prompt_tokens` are estimated where they aren't given.

        Raises what `Admission.admitted` and `SglangClient.complete` raise.
        """
        reply = math.ceil(max_tokens * REPLY_SHARE)
        ticket = Ticket.of(
            tenant_id=self._tenant_id,
            lane=self._lane,
            messages=messages,
            max_tokens=reply,
            tokens=None if prompt_tokens is None else prompt_tokens + reply,
            since=self._since,
        )
        self.waited = 0.0
        with self._admission.admitted(ticket, cancelled=cancelled, begun=self._begun) as call:
            self._begun = True
            self.waited = call.waited
            return self._client.complete(
                messages=messages,
                schema=schema,
                max_tokens=max_tokens,
                temperature=temperature,
                logprobs=logprobs,
                tuning=tuning,
                cancelled=call.cancelled,
            )
