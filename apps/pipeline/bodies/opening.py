"""What parsing and rendering share: the sandbox of this process, and a document's bytes as a local file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import UUID

from django.conf import settings

from apps.common.errors import RetryableError
from apps.documents import queries as documents
from apps.documents.sealing import unseal
from apps.documents.storage import LocalCopy
from apps.parsing.limits import Limits
from apps.parsing.sandbox import Sandbox
from apps.pipeline.operations import LeaseLostError
from apps.pipeline.stages import Claim


class BlobMissingError(RetryableError):
    """Storage doesn't have the bytes, or can't be reached."""

    code = "blob_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A document ready to be parsed."""

    blob_id: UUID
    path: Path
    media_type: str
    password: str | None


@cache
def sandbox() -> Sandbox:
    """Return this process's sandbox; a process that is forked later starts its own zygote."""
    return Sandbox(
        limits=Limits(
            max_pages=settings.QUIRE_MAX_PAGES,
            memory_bytes=settings.QUIRE_PARSE_MEMORY_MIB * 1024 * 1024,
            cpu_seconds=float(settings.QUIRE_PARSE_CPU_SECONDS),
            wall_seconds=float(settings.QUIRE_PARSE_WALL_SECONDS),
        )
    )


def warm() -> None:
    """Start this process's zygote, so that no first document has to wait for it; the first document tries again."""
    with suppress(RetryableError):
        sandbox().start()


@contextmanager
def opened(*, claim: Claim) -> Iterator[Opened]:
    """Fetch the document that is claimed. Raises LeaseLostError where it was deleted meanwhile."""
    source = documents.source_of(tenant_id=claim.tenant_id, document_id=claim.document_id)
    if source is None:
        raise LeaseLostError
    password = unseal(sealed=source.sealed_password) if source.sealed_password else None
    try:
        with LocalCopy(key=source.key) as path:
            yield Opened(blob_id=source.blob_id, path=path, media_type=source.media_type, password=password)
    except FileNotFoundError as error:
        raise BlobMissingError("the document's bytes can't be read from storage at the moment") from error
