"""The REST API of a Quire that runs, for the commands that ask it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from apps.cli.failures import UNREACHABLE, USAGE, CommandError

BASE = "/api/v1"
TIMEOUT_SECONDS = 60.0
MAX_REPLY_BYTES = 64 * 1024 * 1024
MAX_FAULTS = 5


class Wire(BaseModel):
    """What REST gives or takes: printed as JSON, a field has the name that it has there."""

    model_config = ConfigDict(serialize_by_alias=True)


Reply = TypeVar("Reply", bound=BaseModel)


class _Credentials(BaseModel):
    api_url: str
    api_key: str


class _Fault(BaseModel):
    path: str
    message: str


class _Problem(BaseModel):
    title: str = ""
    detail: str = ""
    errors: list[_Fault] = []


class Remote:
    """Speaks to one Quire as one tenant. `url` is with or without `/api/v1`; close it in the end."""

    def __init__(self, *, url: str, key: str) -> None:
        self.url = url.rstrip("/").removesuffix(BASE) + BASE
        self._http = httpx.Client(
            headers={"authorization": f"Bearer {key}", "accept-encoding": "identity"}, timeout=TIMEOUT_SECONDS
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, *, reply: type[Reply], query: Mapping[str, str | int] | None = None) -> Reply:
        """Return the answer at `path`, such as `/usage`, read as a model. Raises CommandError."""
        return self._read(path, reply, self._send("GET", path, query or {}))

    def send(self, method: str, path: str, *, body: object, reply: type[Reply]) -> Reply:
        """Send a dataclass, a model or plain JSON by `POST` or `PUT`; return the answer. Raises CommandError."""
        return self._read(path, reply, self._send(method, path, {}, TypeAdapter(object).dump_json(body)))

    def _read(self, path: str, reply: type[Reply], answer: tuple[int, bytes]) -> Reply:
        status, content = answer
        if status >= httpx.codes.BAD_REQUEST:
            raise CommandError(_refusal(status, content))
        try:
            return reply.model_validate_json(content)
        except ValidationError:
            raise CommandError(
                f"the answer of {self.url}{path} can't be read: is it a Quire of this version?"
            ) from None

    def _send(
        self, method: str, path: str, query: Mapping[str, str | int], body: bytes | None = None
    ) -> tuple[int, bytes]:
        content = bytearray()
        headers = {} if body is None else {"content-type": "application/json"}
        try:
            with self._http.stream(
                method, self.url + path, params=dict(query), content=body, headers=headers
            ) as response:
                for part in response.iter_raw():
                    content += part
                    if len(content) > MAX_REPLY_BYTES:
                        raise CommandError(f"the answer of {self.url}{path} is too long: ask for less")
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise CommandError(
                "QUIRE_URL has to be a URL that begins with http:// or https://", exit_code=USAGE
            ) from None
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise CommandError(
                f"Quire can't be reached at {self.url} ({why}): is it up, and is QUIRE_URL right?",
                exit_code=UNREACHABLE,
            ) from None
        return response.status_code, bytes(content)


def remote() -> Remote:
    """Return the Quire that QUIRE_URL and QUIRE_API_KEY name, or else the stack of this folder.

    The stack's address and key are in `.run/credentials.json` (QUIRE_RUN_DIR: elsewhere). A key is never sent to an
    address that it isn't for: where only the address is named, the stack's key isn't taken. Raises CommandError.
    """
    url, key = os.environ.get("QUIRE_URL"), os.environ.get("QUIRE_API_KEY")
    if url and not key:
        raise CommandError("QUIRE_URL is set, but not QUIRE_API_KEY: set it to a key of that Quire", exit_code=USAGE)
    if url and key:
        return Remote(url=url, key=key)
    place = Path(os.environ.get("QUIRE_RUN_DIR") or ".run") / "credentials.json"
    try:
        found = _Credentials.model_validate_json(place.read_bytes())
    except (OSError, ValidationError):
        raise CommandError(
            f"which Quire? Set QUIRE_URL and QUIRE_API_KEY, or run this where a stack keeps its {place}",
            exit_code=USAGE,
        ) from None
    return Remote(url=found.api_url, key=key or found.api_key)


def _refusal(status: int, content: bytes) -> str:
    """Return what a problem (RFC 9457) says; a proxy may answer in its own way."""
    try:
        problem = _Problem.model_validate_json(content)
    except ValidationError:
        problem = _Problem()
    said = problem.detail or problem.title or "no reason given"
    faults = "; ".join(f"{fault.path}: {fault.message}" for fault in problem.errors[:MAX_FAULTS])
    return f"Quire refuses ({status}): {said}{f' ({faults})' if faults else ''}"
