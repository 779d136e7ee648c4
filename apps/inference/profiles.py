"""Model profiles: what a model takes, how its server is started, and what a million of its tokens cost from which day.

They are data: `profiles.toml` beside this file, and a site's own file that QUIRE_MODEL_PROFILES names.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from apps.common.errors import TerminalError

SITE_FILE = "QUIRE_MODEL_PROFILES"
SHIPPED = Path(__file__).with_suffix(".toml")
MAX_FAULTS = 5

_CHECKED = ConfigDict(extra="forbid", allow_inf_nan=False)
_Words = Annotated[str, Field(min_length=1, strict=True)]
_Number = Annotated[int, Field(ge=1, strict=True)]
_Dollars = Annotated[Decimal, Field(ge=0)]

Tokenizer = Literal["tekken-v7", "sentencepiece-v3"]
# What a request may hold beside OpenAI's own fields: see apps.inference.dialects.
ServerKind = Literal["sglang", "vllm", "openai"]
# True is a flag without a value, a list several values, a table becomes JSON.
FlagValue = bool | int | Decimal | str | list[str] | dict[str, int]


class UnknownProfileError(TerminalError):
    """No profile of this name."""

    code = "unknown_profile"


class ProfilesInvalidError(TerminalError):
    """A file of profiles can't be read; the message names the file, the place in it and what is wrong there."""

    code = "profiles_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars a million tokens, from a day on, and where that was read."""

    __pydantic_config__ = _CHECKED

    since: Annotated[date, Field(strict=True)]
    prompt: _Dollars
    completion: _Dollars
    source: _Words


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRule:
    """How pictures become tokens: `rows x (columns + 1)` of `unit` pixels, the longer side within `max_side`.

    `per_request` is how many pictures the server lets one request hold; None for as many as fit the context.
    Source: mistral-common, `image.py`; patch 14 merged 2 by 2 for Mistral Small and Medium 3.1.
    """

    __pydantic_config__ = _CHECKED

    unit: _Number
    max_side: _Number
    per_request: _Number | None = None

    def tokens(self, *, width: int, height: int) -> int:
        """Return the tokens of a picture that is within the limit already, as page images are."""
        columns = (width - 1) // self.unit + 1
        rows = (height - 1) // self.unit + 1
        return rows * (columns + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How SGLang is started: its flags by name, without `--`; `replicas` servers stand behind its router if several."""

    __pydantic_config__ = _CHECKED

    replicas: _Number = 1
    flags: Mapping[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")], FlagValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A model. `context` is tokens; `images` is None for a model that takes text only.

    `tokenizer` says how its tokens are counted, None: they are estimated. `gpus` is how many a server of it takes, for
    the GPU seconds of a call; 0 where nobody knows. `repository` is the model's name as SGLang is given it, None where
    there is no public one; `launch` is None for servers that somebody else starts. `server` is the kind of server that
    answers, None where it is told by what the server lists.
    """

    __pydantic_config__ = _CHECKED

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    title: _Words
    context: Annotated[int, Field(ge=1024, strict=True)]
    images: ImageRule | None = None
    licence: _Words
    hardware: _Words
    repository: _Words | None = None
    tokenizer: Tokenizer | None = None
    gpus: Annotated[int, Field(ge=0, strict=True)] = 0
    lora: Annotated[bool, Field(strict=True)] = False
    launch: Launch | None = None
    server: ServerKind | None = None
    prices: tuple[Price, ...] = field(default=())

    def price(self, *, on: date) -> Price | None:
        """Return the price that holds on a day, None where there is none yet."""
        return max((price for price in self.prices if price.since <= on), key=lambda one: one.since, default=None)

    def cost(self, *, prompt_tokens: int, completion_tokens: int, on: date) -> Decimal:
        """Return US dollars by the price of that day; 0 where the model has no price, and nobody knows it."""
        price = self.price(on=on)
        if price is None:
            return Decimal(0)
        return (price.prompt * prompt_tokens + price.completion * completion_tokens) / 1_000_000


_PROFILES = TypeAdapter(dict[str, Profile])


def read(site: Path | None = None) -> dict[str, Profile]:
    """Return the shipped profiles with a site's own over them. Raises ProfilesInvalidError."""
    tables = _tables(SHIPPED)
    if site is not None:
        own = _tables(site)
        tables |= {name: _over(tables.get(name, {}), own[name]) for name in own}
    try:
        profiles = _PROFILES.validate_python({name: {**table, "name": name} for name, table in tables.items()})
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise ProfilesInvalidError(f"{site or SHIPPED}: {'; '.join(lines[:MAX_FAULTS])}") from None
    for name, one in profiles.items():
        if len({price.since for price in one.prices}) != len(one.prices):
            raise ProfilesInvalidError(f"{site or SHIPPED}: {name}.prices: two rows of the same day")
    return profiles


def _tables(file: Path) -> dict[str, dict[str, Any]]:
    try:
        # Dollars are decimals from the first.
        tables = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfilesInvalidError(f"{file} can't be read: {error}") from None
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ProfilesInvalidError(f"{file}: {name}: has to be a table, [{name}]")
    return tables


def _over(shipped: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with another's keys over it, table by table; price rows are added, or replace their day's."""
    merged = dict(shipped)
    for key, value in own.items():
        before = merged.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            merged[key] = _over(before, value)
        elif key == "prices" and isinstance(value, list) and isinstance(before, list):
            days = [row.get("since") for row in value if isinstance(row, dict)]
            merged[key] = [row for row in before if row["since"] not in days] + value
        else:
            merged[key] = value
    return merged


@cache
def _known() -> dict[str, Profile]:
    name = os.environ.get(SITE_FILE)
    return read(Path(name) if name else None)


class _Known(Mapping[str, Profile]):
    """Reads the files at the first use, so that importing this module can't fail on a site's file."""

    def __getitem__(self, name: str) -> Profile:
        return _known()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_known())

    def __len__(self) -> int:
        return len(_known())


PROFILES: Mapping[str, Profile] = _Known()


def suffix_of(name: str) -> str:
    """Return what ends the names of the settings of a profile's own server: `_MEDIUM`."""
    return "_" + name.upper().replace("-", "_")


def profile(name: str) -> Profile:
    """Return a profile. Raises UnknownProfileError, and ProfilesInvalidError for a site's file that is wrong."""
    try:
        return PROFILES[name]
    except KeyError:
        raise UnknownProfileError(f"there is no model profile '{name}'; there are: {', '.join(PROFILES)}") from None
