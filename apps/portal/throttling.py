"""A brake on guessing passwords: attempts are counted for an address and an account together, in the broker's memory.

Counting by account alone would let anybody lock anybody out. Where the broker is gone nobody is held back: a sign-in
must not depend on it.
"""

from __future__ import annotations

import hashlib

import structlog
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

ALLOWED_ATTEMPTS = 8
WINDOW_SECONDS = 600
TIMEOUT_SECONDS = 1.0


def seconds_to_wait(*, email: str, address: str) -> int:
    """Count an attempt; return for how long none is looked at, 0 where this one is."""
    key = _key(email=email, address=address)
    try:
        with _redis() as redis:
            # Counted before the password is checked: attempts at the same moment can't all be the first.
            attempts, _, left = redis.pipeline().incr(key).expire(key, WINDOW_SECONDS, nx=True).ttl(key).execute()
    except RedisError as error:
        log.warning("sign_in_unthrottled", error=type(error).__name__)
        return 0
    return max(int(left), 1) if int(attempts) > ALLOWED_ATTEMPTS else 0


def forget(*, email: str, address: str) -> None:
    """Begin to count anew, after a success."""
    try:
        with _redis() as redis:
            redis.delete(_key(email=email, address=address))
    except RedisError as error:
        log.warning("sign_in_unthrottled", error=type(error).__name__)


def _key(*, email: str, address: str) -> str:
    who = f"{email.strip().lower()}\n{address}".encode()
    return f"quire:sign-in:{hashlib.sha256(who).hexdigest()}"


def _redis() -> Redis:
    return Redis.from_url(
        settings.QUIRE_REDIS_URL, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
    )
