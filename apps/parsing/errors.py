"""Why a document could not be read. Each has a stable `code` and a message that says what is wrong and what to do."""

from __future__ import annotations

from apps.common.errors import RetryableError, TerminalError


class UnparsableError(TerminalError):
    """Base of both: the document itself is the reason, no other attempt at the same bytes can succeed."""

    code = "unparsable"


class Quarantined(UnparsableError):  # noqa: N818 - named after the state that the document is put into
    """The document is set aside: it is locked, or it asked for more than a document may.

    Codes: encrypted, wrong_password, too_many_pages, page_too_large, too_slow, too_much_memory, too_much_output,
    crashed.
    """

    code = "quarantined"


class Unreadable(UnparsableError):  # noqa: N818 - named after the state of the file
    """The file isn't what it should be. Codes: empty, broken, cut_off, damaged, no_invoice, zero_pages."""

    code = "unreadable"


class SandboxLost(RetryableError):  # noqa: N818 - what happened, as the two above
    """The process that was reading died for a reason that lies outside the document. Code: sandbox_lost."""

    code = "sandbox_lost"


_QUARANTINED = {
    "encrypted": "the document is protected by a password: upload it again together with its password, "
    "or save a copy without one",
    "wrong_password": "the password doesn't open this document: check it and upload the document again",
    "too_many_pages": "the document has {pages} pages and the limit is {max_pages}: split it into smaller files, "
    "or ask your administrator to raise the limit",
    "page_too_large": "page {page} holds a picture of {width} x {height} pixels, more than can be read: "
    "save it at a lower resolution and upload it again",
    "too_slow": "reading the document took longer than is allowed: it may be damaged or unusually complex; "
    "try to print it to a new PDF and upload that",
    "too_much_memory": "reading the document needed more memory than is allowed: it may be damaged or unusually "
    "complex; try to print it to a new PDF and upload that",
    "too_much_output": "the document unpacks to more data than is allowed: split it into smaller files",
    "crashed": "the document broke the program that reads it: it is damaged or was made to do harm; "
    "try to print it to a new PDF and upload that",
}
_UNREADABLE = {
    "empty": "the file is empty: upload it again",
    "broken": "the file is damaged and can't be opened: open it in the program that made it, save it again and "
    "upload the new file",
    "cut_off": "the file is cut off or damaged: its end is missing, and with it what its pages need; upload it again, "
    "and check that the copy you upload opens and shows every page",
    "damaged": "the file is damaged: page {page}, or what it shows, is not in it any more; open it in the program that "
    "made it, save it again and upload the new file",
    "no_invoice": "the file is XML but no e-invoice that can be read (UN/CEFACT CII or UBL): upload the invoice as PDF",
    "zero_pages": "the file has no pages: open it in the program that made it, check that it shows something and "
    "save it again",
}
CODES = frozenset(_QUARANTINED) | frozenset(_UNREADABLE)


def unparsable(*, code: str, **facts: int) -> UnparsableError:
    """Return the error of a code, its message filled with the facts that it names. Raises KeyError."""
    if code in _QUARANTINED:
        return Quarantined(_QUARANTINED[code].format(**facts), code=code)
    return Unreadable(_UNREADABLE[code].format(**facts), code=code)


class Failure(Exception):  # noqa: N818 - never leaves the sandboxed process: it becomes one of the above outside
    """Reading ends with this code; `facts` fill the message."""

    def __init__(self, code: str, **facts: int) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts
