"""Where bytes lie: content-addressed, a folder a tenant."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from uuid import UUID

from django.core.files import File
from django.core.files.storage import default_storage

from apps.common.errors import RetryableError
from apps.common.text import size_in_words
from apps.documents.errors import TooLargeError


class BytesLostError(RetryableError):
    """Bytes were deleted between two looks at storage."""

    code = "bytes_lost"


def blob_key(*, tenant_id: UUID, sha256: str) -> str:
    """Return the place of a blob: `tenants/<id>/blobs/<2 hex>/<64 hex>`."""
    return f"tenants/{tenant_id}/blobs/{sha256[:2]}/{sha256}"


def page_image_key(*, tenant_id: UUID, blob_id: UUID, number: int) -> str:
    """Return the place of a page image."""
    return f"{_pages_folder(tenant_id=tenant_id, blob_id=blob_id)}/{number}.jpg"


def _pages_folder(*, tenant_id: UUID, blob_id: UUID) -> str:
    return f"tenants/{tenant_id}/pages/{blob_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """Received bytes on the local disk, not yet stored. `head` is their beginning, for sniffing the type."""

    path: Path
    sha256: str
    size: int
    head: bytes


@contextmanager
def spool(*, chunks: Iterable[bytes], max_bytes: int, head_bytes: int) -> Iterator[Spooled]:
    """Write bytes to the disk while they are hashed, and keep the first `head_bytes` at hand.

    Raises TooLargeError at the first byte over the limit.
    """
    digest = hashlib.sha256()
    size = 0
    head = b""
    folder = _spool_folder()
    handle, name = tempfile.mkstemp(prefix="upload-", dir=folder)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > max_bytes:
                    raise TooLargeError(
                        f"the file is larger than the limit of {size_in_words(max_bytes)}: "
                        "split it, or ask your administrator to raise QUIRE_MAX_UPLOAD_BYTES"
                    )
                digest.update(chunk)
                if len(head) < head_bytes:
                    head += chunk[: head_bytes - len(head)]
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        yield Spooled(path=path, sha256=digest.hexdigest(), size=size, head=head)
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


class _MovableFile(File):  # type: ignore[type-arg] # the stub is generic, the class isn't
    """A file that Django's file storage moves instead of copying."""

    def temporary_file_path(self) -> str:
        return str(self.name)


def keep(*, spooled: Spooled, key: str) -> None:
    """Put spooled bytes into storage, unless they are there.

    Raises BytesLostError where they were there, and were deleted since.
    """
    if default_storage.exists(key):
        return
    try:
        with spooled.path.open("rb") as file:
            default_storage.save(key, _MovableFile(file, name=str(spooled.path)))
    except FileNotFoundError:
        raise BytesLostError("the same file was deleted at this very moment: upload it again") from None


def put(*, key: str, data: bytes) -> None:
    """Store bytes, over what is there."""
    try:
        path = Path(default_storage.path(key))
    except NotImplementedError:  # not a folder: object stores replace in one step
        from django.core.files.base import ContentFile  # noqa: PLC0415 - only for stores that aren't folders

        default_storage.delete(key)
        default_storage.save(key, ContentFile(data))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(name).replace(path)


def fetch(*, key: str) -> bytes:
    """Return stored bytes. Raises FileNotFoundError."""
    with default_storage.open(key, "rb") as file:
        data: bytes = file.read()
    return data


def delete(*, keys: Iterable[str]) -> None:
    """Delete what is there of these."""
    for key in keys:
        default_storage.delete(key)


def delete_page_images(*, tenant_id: UUID, blob_id: UUID) -> None:
    """Delete all page images of a blob that are there, also those that no row of the database knows."""
    folder = _pages_folder(tenant_id=tenant_id, blob_id=blob_id)
    with suppress(FileNotFoundError):
        _, names = default_storage.listdir(folder)
        delete(keys=[f"{folder}/{name}" for name in names])


class LocalCopy:
    """A stored blob as a file on the local disk, for the parser; removed at the end if it is a copy."""

    def __init__(self, *, key: str) -> None:
        self._key = key
        self._copy: Path | None = None

    def __enter__(self) -> Path:
        try:
            return Path(default_storage.path(self._key))
        except NotImplementedError:
            handle, name = tempfile.mkstemp(prefix="blob-")
            self._copy = Path(name)
            with os.fdopen(handle, "wb") as target, default_storage.open(self._key, "rb") as source:
                while chunk := source.read(1024 * 1024):
                    target.write(chunk)
            return self._copy

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._copy is not None:
            self._copy.unlink(missing_ok=True)


def _spool_folder() -> Path:
    """Return a folder on storage's own disk where that is local, so that storing is a rename."""
    try:
        folder = Path(default_storage.path("spool"))
    except NotImplementedError:
        folder = Path(tempfile.gettempdir()) / "quire-spool"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
