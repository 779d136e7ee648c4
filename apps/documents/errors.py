"""Why an upload is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from apps.common.errors import TerminalError


class UploadRefusedError(TerminalError):
    """Base of what is wrong with an upload; nothing was stored."""

    code = "upload_refused"


class UnsupportedTypeError(UploadRefusedError):
    """The bytes are of a type that Quire doesn't read."""

    code = "unsupported_type"


class TooLargeError(UploadRefusedError):
    """The file is over the limit."""

    code = "too_large"


class UnknownSchemaError(UploadRefusedError):
    """The tenant has no such schema."""

    code = "unknown_schema"

    @classmethod
    def among(cls, known: Sequence[str], *, slug: str) -> Self:
        """Return the error that names what there is instead."""
        return cls(f"there is no schema '{slug[:63]}'; there are: {', '.join(known)}")


class DocumentBusyError(UploadRefusedError):
    """The same bytes are being worked on under another schema."""

    code = "document_busy"
