"""The passwords of one embedded stack: random, made at its first start, in a file that only its user can read."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from deploy.embedded.failures import StackError


def _random() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """One for each login, all safe to stand in a URL. None of them is ever an argument of a command."""

    superuser: str = field(default_factory=_random, repr=False)
    owner: str = field(default_factory=_random, repr=False)
    app: str = field(default_factory=_random, repr=False)
    valkey: str = field(default_factory=_random, repr=False)
    secret_key: str = field(default_factory=_random, repr=False)


def write_private(file: Path, text: str) -> None:
    """Replace a file in one step by one that only its user can read and write."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)


def load_passwords(file: Path) -> Passwords:
    """Return the stack's passwords, made up at the first call."""
    if not file.exists():
        passwords = Passwords()
        write_private(file, json.dumps(asdict(passwords), indent=1) + "\n")
        return passwords
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return Passwords(**{item.name: str(kept[item.name]) for item in fields(Passwords)})
    except (ValueError, TypeError, KeyError) as error:
        raise StackError(f"{file} is damaged: put it back as it was, or start anew with `make clean`") from error
