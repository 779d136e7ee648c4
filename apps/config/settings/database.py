"""Postgres: two logins, one that owns the tables and migrates, one that row-level security holds."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from apps.config.environment import environment

APPLICATION_ROLE = "quire_app"
LOOKUP_ROLE = "quire_lookup"


def connection(url: str, *, assume_role: str | None) -> dict[str, Any]:
    """Return Django's settings for a `postgresql://` URL."""
    parts = urlsplit(url)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    options["application_name"] = options.get("application_name", "quire")
    if assume_role:
        options["assume_role"] = assume_role
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or 5432),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


def databases() -> dict[str, dict[str, Any]]:
    """`default` is the application's connection, `owner` the one that migrates (`migrate --database owner`)."""
    env = environment()
    application = env.database_url.get_secret_value()
    owner = (env.database_owner_url or env.database_url).get_secret_value()
    return {
        "default": connection(application, assume_role=None if env.database_owner_url else APPLICATION_ROLE),
        "owner": connection(owner, assume_role=None),
    }
