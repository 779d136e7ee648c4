"""Servers that somebody else runs: the environment names them, and then none of ours is started for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from pydantic import TypeAdapter, ValidationError
from redis import Redis
from redis.exceptions import RedisError

from apps.config.environment import DatabaseUrl, HttpUrl, RedisUrl, StorageUrl
from deploy.embedded.failures import StackError

_KINDS: dict[str, Any] = {
    "QUIRE_DATABASE_URL": DatabaseUrl,
    "QUIRE_DATABASE_OWNER_URL": DatabaseUrl,
    "QUIRE_REDIS_URL": RedisUrl,
    "QUIRE_STORAGE_URL": StorageUrl,
    "QUIRE_INFERENCE_URL": HttpUrl,
    "QUIRE_EMBEDDINGS_URL": HttpUrl,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """The addresses that the environment names; None where the stack's own server is used."""

    database: str | None = field(default=None, repr=False)
    database_owner: str | None = field(default=None, repr=False)
    redis: str | None = field(default=None, repr=False)
    storage: str | None = field(default=None, repr=False)


def read(environment: Mapping[str, str]) -> External:
    """Return what the environment names. Raises StackError with the variable's name for one that can't be right."""
    wrong = []
    of_profiles = {name: HttpUrl for name in environment if name.startswith("QUIRE_INFERENCE_URL_")}
    for name, kind in (_KINDS | of_profiles).items():
        if not environment.get(name):
            continue
        try:
            TypeAdapter(kind).validate_python(environment[name])
        except ValidationError as error:
            why = error.errors(include_input=False, include_url=False)[0]["msg"].removeprefix("Value error, ")
            wrong.append(f"{name}: {why}")
    if environment.get("QUIRE_DATABASE_OWNER_URL") and not environment.get("QUIRE_DATABASE_URL"):
        wrong.append("QUIRE_DATABASE_OWNER_URL is set without QUIRE_DATABASE_URL, the login that the application uses")
    if wrong:
        raise StackError("\n".join(wrong))
    return External(
        database=environment.get("QUIRE_DATABASE_URL") or None,
        database_owner=environment.get("QUIRE_DATABASE_OWNER_URL") or None,
        redis=environment.get("QUIRE_REDIS_URL") or None,
        storage=environment.get("QUIRE_STORAGE_URL") or None,
    )


def check_reachable(external: External) -> None:
    """Sign in once to each. Raises StackError with the variable's name and what the server said."""
    for name, url in (
        ("QUIRE_DATABASE_URL", external.database),
        ("QUIRE_DATABASE_OWNER_URL", external.database_owner),
    ):
        if url is None:
            continue
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.Error as error:
            raise StackError(f"{name}: can't sign in there: {str(error).strip().splitlines()[-1]}") from None
    if external.redis is None:
        return
    try:
        with Redis.from_url(external.redis, socket_timeout=5, socket_connect_timeout=5) as client:
            client.ping()
    except (RedisError, ValueError) as error:
        raise StackError(f"QUIRE_REDIS_URL: can't sign in there: {error}") from None
