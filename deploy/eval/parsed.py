"""Parsed documents, kept between runs: OCR takes seconds a page."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

from apps.parsing.codec import VERSION, decode_page, encode_page
from apps.parsing.pages import Attachment, ParsedDocument
from apps.parsing.sandbox import Sandbox

_LENGTH = struct.Struct("<I")
_FORMAT = 1


class ParsedCorpus:
    """Reads documents in the sandbox, once for each content and version of the parser."""

    def __init__(self, *, folder: Path, refresh: bool = False) -> None:
        self._folder = folder / f"{_FORMAT}-{VERSION}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._refresh = refresh
        self._sandbox = Sandbox()

    def read(self, *, path: Path, sha256: str, media_type: str) -> ParsedDocument:
        """Return a document's pages and attachments. Raises what the sandbox raises."""
        kept = self._folder / sha256
        if kept.is_file() and not self._refresh:
            return _unpack(kept.read_bytes())
        document = self._sandbox.read_document(path=path, media_type=media_type)
        part = kept.with_suffix(".part")
        part.write_bytes(_pack(document))
        part.replace(kept)
        return document

    def close(self) -> None:
        """End the sandbox."""
        self._sandbox.close()


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
