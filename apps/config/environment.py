"""Every setting that an operator can make: environment variables that begin with `QUIRE_`, checked at the start.

A wrong one stops the start with its name and what is wrong with it; its value is not printed, for it may be a secret.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from apps.inference import profiles


def _url(*schemes: str) -> AfterValidator:
    def check(value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in schemes:
            msg = f"must be a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
            raise ValueError(msg)
        _ = parts.port  # raises ValueError for a port that is no number
        if parts.scheme != "file" and not parts.hostname:
            msg = "names no host"
            raise ValueError(msg)
        return value

    return AfterValidator(check)


def _profiles(file: Path | None) -> Path | None:
    if file is not None:
        try:
            profiles.read(file)
        except profiles.ProfilesInvalidError as error:
            raise ValueError(error.message) from None
    return file


DatabaseUrl = Annotated[SecretStr, _url("postgresql", "postgres")]
RedisUrl = Annotated[SecretStr, _url("redis", "rediss")]
StorageUrl = Annotated[SecretStr, _url("file")]
HttpUrl = Annotated[SecretStr, _url("http", "https")]


class Environment(BaseSettings):
    """The settings. `database_url` is the application's login; `database_owner_url` the one that migrates.

    Where only `database_url` is given, migrations use it too, and the application drops to the role `quire_app` on
    every connection. `inference_url` is the house's model server, which serves `inference_profile`; servers of further
    profiles are named by `QUIRE_INFERENCE_URL_MEDIUM` and the like: apps.config.model_servers.
    """

    model_config = SettingsConfigDict(env_prefix="QUIRE_", extra="ignore", env_ignore_empty=True)

    database_url: DatabaseUrl
    database_owner_url: DatabaseUrl | None = None
    redis_url: RedisUrl = Field(default=SecretStr("redis://127.0.0.1:6379/0"))
    storage_url: StorageUrl = Field(default_factory=lambda: SecretStr((Path.cwd() / ".run" / "blobs").as_uri()))
    inference_url: HttpUrl | None = None
    inference_api_key: SecretStr | None = None
    inference_model: str | None = None
    model_profiles: Annotated[Path | None, AfterValidator(_profiles)] = None
    inference_profile: str = "small"
    embeddings_url: HttpUrl | None = None
    embeddings_api_key: SecretStr | None = None
    embeddings_model: str = "default"
    embeddings_profile: str | None = None
    metrics_token: SecretStr | None = None
    portal_url: HttpUrl = Field(default=SecretStr("http://127.0.0.1:8000"))
    secret_key: SecretStr
    allowed_hosts: str = "127.0.0.1,localhost,[::1]"
    max_upload_bytes: int = Field(default=200 * 1024 * 1024, ge=1024)
    max_pages: int = Field(default=5000, ge=1, le=100_000)
    parse_memory_mib: int = Field(default=1536, ge=256)
    parse_cpu_seconds: int = Field(default=20, ge=5)
    parse_wall_seconds: int = Field(default=300, ge=10)
    model_threads: int = Field(default=16, ge=1, le=512)
    worker_niceness: int = Field(default=0, ge=0, le=19)
    lease_seconds: int = Field(default=30, ge=2)
    sweep_seconds: float = Field(default=10.0, gt=0)
    log_level: str = "INFO"

    @field_validator("inference_profile", "embeddings_profile")
    @classmethod
    def _is_known(cls, name: str | None, found: ValidationInfo) -> str | None:
        # Where the file of profiles is wrong, that is said, and enough.
        if name is not None and "model_profiles" in found.data:
            known = profiles.read(found.data["model_profiles"])
            if name not in known:
                msg = f"there is no such model profile; there are: {', '.join(known)}"
                raise ValueError(msg)
        return name


@cache
def environment() -> Environment:
    """Read and check the settings once; end the process with a list of what is wrong."""
    try:
        return Environment()  # type: ignore[call-arg] # the fields come from the environment
    except ValidationError as error:
        lines = [
            f"  QUIRE_{str(item['loc'][0]).upper()}: "
            + ("is not set" if item["type"] == "missing" else item["msg"].removeprefix("Value error, "))
            for item in error.errors(include_input=False, include_url=False)
        ]
        sys.exit("Quire can't start, these environment variables are wrong:\n" + "\n".join(lines))
