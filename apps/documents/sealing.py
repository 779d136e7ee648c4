"""Secrets at rest: a document's password is sealed with a key derived from the deployment's."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from apps.common.errors import TerminalError


class SealBrokenError(TerminalError):
    """The deployment's key changed since the secret was sealed."""

    code = "seal_broken"


def seal(*, secret: str) -> bytes:
    """Return the secret, encrypted and authenticated."""
    return _fernet().encrypt(secret.encode())


def unseal(*, sealed: bytes) -> str:
    """Return the secret. Raises SealBrokenError."""
    try:
        return _fernet().decrypt(sealed).decode()
    except InvalidToken:
        raise SealBrokenError(
            "the password can't be read any more, since QUIRE_SECRET_KEY changed: upload again"
        ) from None


def _fernet() -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"quire document password").derive(
        settings.SECRET_KEY.encode()
    )
    return Fernet(base64.urlsafe_b64encode(derived))
