"""What the sandboxed process says to the one that waits for it: a stream of typed, bounded frames.

A frame is one byte of kind, four bytes of length (little endian) and the payload. The reader trusts nothing in it.
"""

from __future__ import annotations

import struct
from enum import IntEnum

HEAD = struct.Struct("<BI")
MAX_FRAME_BYTES = 128 * 1024 * 1024
RENDERED = struct.Struct("<IIII")
STATUS = struct.Struct("<iddq")
"""A finished child: its wait status, CPU seconds in user and system mode, peak resident memory in KiB."""


class Kind(IntEnum):
    """What a frame holds."""

    OPENED = 1
    """JSON: {"pages": n}"""
    ATTACHMENT = 2
    """JSON {"name", "media_type"}, a zero byte, the data"""
    PAGE = 3
    """what codec.encode_columns wrote"""
    RENDERED = 4
    """page number, width, height, bytes of JPEG; the JPEG; the tables as JSON"""
    DONE = 5
    """JSON: {"language": code or null}"""
    STOPPED = 7
    """JSON: {"page": the next page, which needs OCR that this child hasn't got, "language": code or null}"""
    SEEN = 8
    """one byte a place: a visibility.Sight"""
    REMARKS = 9
    """JSON: [[code, page], ...], see remarks.Remark; before DONE or STOPPED, where there are any"""
    FAILED = 6
    """JSON: {"code", "facts": {name: integer}}"""


def frame(kind: Kind, payload: bytes) -> bytes:
    """Return a frame ready to send."""
    return HEAD.pack(kind, len(payload)) + payload
