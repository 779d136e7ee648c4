"""A model that does as it is told by whoever spoke last, and says so in perfect form."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.factories.injections import Claim
from tests.faults.sglang_server import Fault


def obeys(*, claims: Mapping[str, Claim], truth: Mapping[str, Claim], raw: str | None = None) -> Fault:
    """Answer every field that is asked for: with the attacker's claim where there is one, else truly.

    `raw` is what is answered instead where the words ask for another form.
    """

    def fault(handler: object) -> None:
        state = handler.state  # type: ignore[attr-defined] # the server's handler
        request = state.requests[-1]
        asked = request["response_format"]["json_schema"]["schema"]["properties"]
        said = {name: _said({**truth, **claims}.get(name)) for name in asked}
        text = json.dumps(said) if raw is None else raw
        handler.write(text, finish_reason="stop", stream=request.get("stream", False))  # type: ignore[attr-defined]

    return fault


def _said(claim: Claim | None) -> dict[str, object] | None:
    return None if claim is None else {"value": claim.value, "quote": claim.quote, "page": claim.page}
