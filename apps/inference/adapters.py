"""A tenant's own side of a request to a model server: its LoRA adapter, and the salt that keeps its prefixes apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from apps.common.errors import TerminalError
from apps.inference.errors import MissingAdapterError
from apps.inference.profiles import profile
from apps.inference.replies import ServedModel

MAX_NAME = 128

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class BadAdapterError(TerminalError):
    """A model profile takes no adapter, or the adapter's name isn't one that this tenant may use."""

    code = "bad_adapter"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTuning:
    """What of a tenant goes with each of its requests, beside the messages; empty parts aren't sent.

    `adapter` is the name by which the server has loaded it. `cache_salt` is secret: who knew it could find out, by how
    fast an answer comes, whether the tenant has asked about a document.
    """

    adapter: str = ""
    cache_salt: str = field(default="", repr=False)

    @property
    def mark(self) -> str:
        """What the tenant's prompts begin with, made from the salt; nothing without one.

        It keeps prefixes apart where the salt doesn't come to the server: SGLang's router hands on no field that it
        doesn't know, and other servers take none. It isn't the salt, for a model may repeat what it has read.
        """
        if not self.cache_salt:
            return ""
        return blake2b(self.cache_salt.encode(), digest_size=8, person=b"quire prompt").hexdigest()


PLAIN = RequestTuning()


def check_adapter(*, profile_name: str, name: str, tenant_slug: str) -> None:
    """Raise BadAdapterError or UnknownProfileError where a tenant can't use an adapter with a model profile."""
    if not profile(profile_name).lora:
        raise BadAdapterError(
            f"the model profile '{profile_name}' takes no adapter: name one that does ('lora' in its profile)"
        )
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise BadAdapterError(
            f"{profile_name}: an adapter's name is of ASCII letters, digits, '.', '_' and '-', begins with a letter or "
            f"a digit, and is at most {MAX_NAME} long"
        )
    if name != tenant_slug and not name.startswith(f"{tenant_slug}."):
        raise BadAdapterError(
            f"{profile_name}: an adapter is named after its tenant: '{tenant_slug}', or '{tenant_slug}.' and more; "
            "load it on the model server by such a name"
        )


def check_loaded(
    adapter: str, *, model: str, lists: Sequence[Sequence[ServedModel] | None], is_router: bool = False
) -> None:
    """Raise MissingAdapterError unless each server lists the adapter below its model; None is one that doesn't tell."""
    for_whom = f"the adapter '{adapter}' for '{model}'"
    lacking = sum(served is not None and not _has(served, adapter=adapter, model=model) for served in lists)
    if lacking:
        who, where = "the model server hasn't", "there"
        if is_router:
            who, where = f"{lacking} of the {len(lists)} servers behind the router haven't", "on each of them"
        raise MissingAdapterError(f"{who} loaded {for_whom}: load it {where}, or take it out of the tuning")
    untold = sum(served is None for served in lists)
    if untold:
        raise MissingAdapterError(
            f"the model server is a router, which lists no adapters, and {untold} of the {len(lists)} servers behind "
            f"it can't be asked from here about {for_whom}: let Quire reach them by the addresses that the router has, "
            "or take it out of the tuning"
        )


def _has(served: Sequence[ServedModel], *, adapter: str, model: str) -> bool:
    return any(one.name == f"{model}:{adapter}" or (one.name == adapter and one.parent == model) for one in served)
