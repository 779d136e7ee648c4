"""What a request may hold beside OpenAI's own fields: some servers refuse fields that they don't know."""

from __future__ import annotations

from apps.inference.profiles import ServerKind


def kind_of(owner: str) -> ServerKind:
    """Return the kind of server by whom it lists as its models' owner: SGLang and vLLM name themselves there."""
    if owner == "sglang":
        return "sglang"
    return "vllm" if owner == "vllm" else "openai"


def own_fields(kind: ServerKind, *, rid: str, cache_salt: str) -> dict[str, str]:
    """Return the fields that only such a server takes.

    By `rid` a request can be aborted from elsewhere. `cache_salt` keeps tenants' prefixes apart; a server that takes
    neither ends what it does when the connection closes, and has its own word on who shares its cache.
    """
    fields = {"rid": rid} if kind == "sglang" else {}
    return {**fields, "cache_salt": cache_salt} if cache_salt and kind != "openai" else fields
