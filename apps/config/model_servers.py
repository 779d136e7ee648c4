"""The settings of model servers by profile: `QUIRE_INFERENCE_URL_MEDIUM`, and its `_API_KEY_` and `_MODEL_`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from apps.config.environment import Environment, HttpUrl
from apps.inference import profiles
from apps.inference.profiles import suffix_of
from apps.inference.servers import KEY, MODEL, URL, ModelServer

_URL: TypeAdapter[object] = TypeAdapter(HttpUrl)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """`profile` is what the house's own server serves, and what the engine `sglang` means; `servers` are by profile."""

    profile: str
    servers: Mapping[str, ModelServer]


class ModelServersInvalidError(Exception):
    """Some of the settings are wrong; `lines` say which, without their values."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def read(variables: Mapping[str, str], settings: Environment) -> House:
    """Return the servers that the environment's variables name. Raises ModelServersInvalidError."""
    known = profiles.read(settings.model_profiles)
    by_suffix = {suffix_of(name): name for name in known}
    named = {
        (kind, name.removeprefix(kind)): value
        for name, value in variables.items()
        for kind in (URL, KEY, MODEL)
        if name.startswith(f"{kind}_") and value
    }
    wrong: list[str] = []
    for (kind, suffix), value in named.items():
        if suffix not in by_suffix:
            wrong.append(f"{kind}{suffix}: there is no such model profile; there are: {', '.join(known)}")
        elif kind == URL:
            wrong += [f"{kind}{suffix}: {why}" for why in _faults(value)]
        elif (URL, suffix) not in named:
            wrong.append(f"{kind}{suffix}: is of no use without {URL}{suffix}")
    servers = {
        by_suffix[suffix]: ModelServer(
            profile=by_suffix[suffix],
            url=value,
            api_key=named.get((KEY, suffix)),
            model=named.get((MODEL, suffix)),
            suffix=suffix,
        )
        for (kind, suffix), value in named.items()
        if kind == URL and suffix in by_suffix
    }
    profile = settings.inference_profile
    if "inference_profile" not in settings.model_fields_set:
        if settings.inference_url is None and servers and profile not in servers:
            # The house has no server for what the setting is by itself.
            profile = next(iter(servers))
            if len(servers) > 1:
                wrong.append(f"QUIRE_INFERENCE_PROFILE: is not set: name the house's own, of {', '.join(servers)}")
        elif settings.inference_model in known and settings.inference_model != profile:
            wrong.append(
                f"QUIRE_INFERENCE_PROFILE: is not set, and {MODEL} is the name of another profile than '{profile}'"
            )
    if wrong:
        raise ModelServersInvalidError(wrong)
    return House(profile=profile, servers=servers)


def house(variables: Mapping[str, str], settings: Environment) -> House:
    """As `read`; end the process with a list of what is wrong."""
    try:
        return read(variables, settings)
    except ModelServersInvalidError as error:
        lines = "\n".join(f"  {line}" for line in error.lines)
        sys.exit(f"Quire can't start, these environment variables are wrong:\n{lines}")


def _faults(url: str) -> list[str]:
    try:
        _URL.validate_python(url)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        return [item["msg"].removeprefix("Value error, ") for item in found]
    return []
