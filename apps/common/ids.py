"""Random identifiers: a foreign tenant can't guess one, and none tells how many there are."""

from __future__ import annotations

import secrets
import uuid


def new_id() -> uuid.UUID:
    """Return a random identifier (UUID version 4)."""
    return uuid.uuid4()


def new_secret(*, prefix: str, entropy_bytes: int = 32) -> str:
    """Return a printable secret that scanners can recognise by its prefix."""
    return f"{prefix}_{secrets.token_urlsafe(entropy_bytes)}"
