"""E-invoices inside a PDF: the embedded XML files of Factur-X, ZUGFeRD and XRechnung."""

from __future__ import annotations

from collections.abc import Iterator

import pymupdf

from apps.parsing import sniff
from apps.parsing.pages import Attachment

_MAX_FILES = 64
_MAX_NAME = 200


def invoices(document: pymupdf.Document, *, max_bytes: int) -> Iterator[Attachment]:
    """Yield every embedded file that is an e-invoice, whatever its name says; at most `max_bytes` each.

    A file that can't be unpacked is passed over: the pages can still be read.
    """
    for position in range(min(document.embfile_count(), _MAX_FILES)):
        try:
            facts = document.embfile_info(position)
            if facts.get("size", 0) > max_bytes:
                continue
            data = document.embfile_get(position)
        except (RuntimeError, ValueError, KeyError, pymupdf.mupdf.FzErrorBase):
            continue
        if len(data) <= max_bytes and sniff.sniff(data[: sniff.HEAD_BYTES]) == sniff.XML:
            name = facts.get("ufilename") or facts.get("filename") or facts.get("name") or "invoice.xml"
            yield Attachment(name=_plain_name(name), media_type=sniff.XML, data=data)


def _plain_name(name: str) -> str:
    """Return a file name without path parts and control characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter for letter in last if letter.isprintable())[:_MAX_NAME] or "invoice.xml"
