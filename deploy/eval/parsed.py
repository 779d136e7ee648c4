"""Parsed documents, kept between runs: OCR takes seconds a page."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import time
from dataclasses import replace
from pathlib import Path

from apps.parsing import codec
from apps.parsing.codec import VERSION, decode_page, encode_page
from apps.parsing.pages import Attachment, ParsedDocument
from apps.parsing.sandbox import Sandbox

_PARSING = Path(codec.__file__).parent
_LENGTH = struct.Struct("<I")
_FORMAT = 1
_KEEP_SECONDS = 86_400
# What decides which words a page has.
_READERS = (
    "attachments.py", "codec.py", "drawing.py", "images.py", "language.py", "layer.py", "ocr.py", "opening.py",
    "reading.py", "xmlview.py",
)  # fmt: skip


class ParsedCorpus:
    """Reads documents in the sandbox, once for each content and version of the parser."""

    def __init__(self, *, folder: Path, refresh: bool = False) -> None:
        self._folder = folder / f"{_FORMAT}-{VERSION}-{_readers()}"
        for old in folder.glob("*"):
            # Others may be measuring an earlier state right now.
            if old != self._folder and time.time() - old.stat().st_mtime > _KEEP_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._refresh = refresh
        self._sandbox = Sandbox()

    def read(self, *, path: Path, sha256: str, media_type: str) -> ParsedDocument:
        """Return a document's pages and attachments. Raises what the sandbox raises."""
        kept = self._folder / sha256
        if kept.is_file() and not self._refresh:
            return _unpack(kept.read_bytes())
        document = self._sandbox.read_document(path=path, media_type=media_type)
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_bytes(_pack(document))
        part.replace(kept)
        return document

    def close(self) -> None:
        """End the sandbox."""
        self._sandbox.close()


def _readers() -> str:
    """Return a digest of the code that reads pages: a change of it is another version of the parser."""
    digest = hashlib.sha256()
    for name in _READERS:
        path = _PARSING / name
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()[:12]


def stripped(document: ParsedDocument) -> ParsedDocument:
    """Return the document without what it carries: the pages alone."""
    return replace(document, attachments=())


def _pack(document: ParsedDocument) -> bytes:
    head = {
        "language": document.language,
        "attachments": [[item.name, item.media_type] for item in document.attachments],
        "pages": len(document.pages),
    }
    blobs = [json.dumps(head).encode()]
    blobs += [item.data for item in document.attachments]
    blobs += [encode_page(page) for page in document.pages]
    return b"".join(_LENGTH.pack(len(blob)) + blob for blob in blobs)


def _unpack(data: bytes) -> ParsedDocument:
    blobs = []
    at = 0
    while at < len(data):
        (size,) = _LENGTH.unpack_from(data, at)
        blobs.append(data[at + _LENGTH.size : at + _LENGTH.size + size])
        at += _LENGTH.size + size
    head = json.loads(blobs[0])
    carried = len(head["attachments"])
    return ParsedDocument(
        pages=tuple(decode_page(blob) for blob in blobs[1 + carried :]),
        attachments=tuple(
            Attachment(name=name, media_type=media_type, data=blob)
            for (name, media_type), blob in zip(head["attachments"], blobs[1 : 1 + carried], strict=True)
        ),
        language=head["language"],
    )
