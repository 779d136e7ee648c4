"""The house's model servers, as the settings name them: one for every profile that has its own, one for the rest.

An engine `sglang:medium` is asked of the server of `medium` alone, and of no other: what it costs, how its tokens are
counted and what it sees are that model's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings

URL, KEY, MODEL = "QUIRE_INFERENCE_URL", "QUIRE_INFERENCE_API_KEY", "QUIRE_INFERENCE_MODEL"
ENGINE = "sglang"
"""The engine of a policy that means the house's own profile, whichever that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServer:
    """A server, as it is asked for one profile. `model` is the name that it has to list, where the settings say one.

    `suffix` ends the names of its settings. A server that isn't the profile's `own` is the house's, which serves
    another one, and this one too if it lists it by name.
    """

    profile: str
    url: str
    api_key: str | None = field(default=None, repr=False)
    model: str | None = None
    suffix: str = ""
    own: bool = True

    @property
    def base(self) -> str:
        """The address without `/v1`."""
        return base_url(self.url)


def base_url(url: str) -> str:
    """Return a server's address without what OpenAI's clients want at its end."""
    return url.rstrip("/").removesuffix("/v1")


def server_of(profile: str) -> ModelServer | None:
    """Return the server that is asked for a profile: its own, or the house's. None where there is neither."""
    own: ModelServer | None = settings.QUIRE_INFERENCE_SERVERS.get(profile)
    return own or _house(profile)


def _house(profile: str) -> ModelServer | None:
    """Return the house's server, as it is asked for a profile; None where it has none."""
    if not settings.QUIRE_INFERENCE_URL:
        return None
    is_its_own = profile == settings.QUIRE_INFERENCE_PROFILE
    return ModelServer(
        profile=profile,
        url=settings.QUIRE_INFERENCE_URL,
        api_key=settings.QUIRE_INFERENCE_API_KEY,
        model=settings.QUIRE_INFERENCE_MODEL if is_its_own else None,
        own=is_its_own,
    )


def all_servers() -> tuple[ModelServer, ...]:
    """Return each server once, the house's first: two profiles may have the same one."""
    house = _house(settings.QUIRE_INFERENCE_PROFILE)
    found: list[ModelServer] = [house] if house else []
    found += settings.QUIRE_INFERENCE_SERVERS.values()
    return tuple({server.base: server for server in reversed(found)}.values())[::-1]


def has_any() -> bool:
    """Say whether the house has a model server at all."""
    return bool(settings.QUIRE_INFERENCE_URL or settings.QUIRE_INFERENCE_SERVERS)


def engines(names: Iterable[str]) -> tuple[str, ...]:
    """Return a policy's engines, each once, with the house's profile where `sglang` alone stands for it."""
    house = f"{ENGINE}:{settings.QUIRE_INFERENCE_PROFILE}"
    return tuple(dict.fromkeys(house if name == ENGINE else name for name in names))
