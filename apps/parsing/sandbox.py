"""Reading documents in a process of their own, which is given nothing and can be ended at any time.

    with Sandbox() as sandbox:
        probe = sandbox.probe(path=path, media_type=sniff.PDF)          # Probe(pages=20)
        with sandbox.read(path=path, media_type=sniff.PDF) as reading:  # reading.pages, reading.attachments
            for page in reading:                                        # EncodedPage: store page.data as it is
                ...
        reading.language                                                # known after the last page
        for image in sandbox.render(path=path, media_type=sniff.PDF):   # RenderedPage: jpeg and tables
            ...
        seen = sandbox.look(path=path, media_type=sniff.PDF, places=[(1, box)])   # does a reader see anything there?
        document = sandbox.read_document(path=path, media_type=...)     # ParsedDocument, decoded, for small ones

`first` and `last` choose a range of pages, from 1, so that a long document can be read in parts. Every method raises
`errors.Quarantined` or `errors.Unreadable` (both TerminalError) where the document is the reason, and
`errors.SandboxLost` (RetryableError) where it isn't. Pages are passed on as they come: memory stays bounded.

A Sandbox may live as long as the process that uses it, be used by several threads at once, and be inherited through
fork: each process starts zygotes of its own at the first use, one for text (0.6 s; then some 10 ms a document), and one
that has OCR when the first page needs it. They are started with an empty environment; they, and with them every child,
end when the Sandbox is closed or its process dies. What else children go without is in `protections`; see
confinement.py. There is no temporary folder: a child can't open files at all.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from apps.parsing import remarks, sniff
from apps.parsing.codec import CodecError, EncodedPage, decode_page, peek, tables_from_json
from apps.parsing.errors import SandboxLost, unparsable
from apps.parsing.frames import RENDERED, Kind
from apps.parsing.job import Job, Operation
from apps.parsing.limits import Limits
from apps.parsing.pages import Attachment, Box, ParsedDocument, Table
from apps.parsing.processes import Child, Zygote
from apps.parsing.remarks import Remark

_PICTURES = frozenset({sniff.PNG, sniff.JPEG, sniff.TIFF})
_MAX_ATTACHMENTS = 64
_MAX_PASSWORD_CHARACTERS = 1000
_PLACES_A_LOOK = 1000
# As in visibility.Sight, which only a child can import.
_SEEN, _UNCLEAR = 1, 2


def _nothing() -> None:
    """Go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What can be said of a document without reading it."""

    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedPage:
    """A page as a picture, with its ruled tables. Pixels; both sides are multiples of 28, the longer at most 1540."""

    number: int
    width: int
    height: int
    jpeg: bytes = field(repr=False)
    tables: tuple[Table, ...] = ()


class Reading:
    """A document being read: iterate over it once for its pages; close it or leave its `with`, in any case.

    `pages` (of the whole document) and `attachments` (of a reading that begins at page 1) are there from the start,
    `language` (ISO 639-1, of the pages read) and `remarks` (of the same) after the last page.
    """

    def __init__(self, *, conversation: _Conversation, go_on: Callable[[int], _Conversation]) -> None:
        self._conversation = conversation
        self._go_on = go_on
        self.pages = conversation.pages
        self.language: str | None = None
        self.remarks: tuple[Remark, ...] = ()
        self._waiting: tuple[Kind, bytes] | None = None
        attachments: list[Attachment] = []
        for kind, payload in conversation.frames:
            if kind is not Kind.ATTACHMENT:
                self._waiting = (kind, payload)
                break
            if len(attachments) < _MAX_ATTACHMENTS:
                attachments.append(_attachment(payload))
        self.attachments = tuple(attachments)

    def __iter__(self) -> Iterator[EncodedPage]:
        while self._waiting is not None:
            kind, payload = self._waiting
            self._waiting = None
            if kind is Kind.PAGE:
                yield _page(payload)
            elif kind is Kind.REMARKS:
                self.remarks = tuple(dict.fromkeys([*self.remarks, *_remarks(payload)]))
            elif kind is Kind.STOPPED:
                self._continue(payload)
            elif kind is Kind.DONE:
                self._note_language(payload)
                self.close()
                return
            self._waiting = next(self._conversation.frames, None)

    def _continue(self, payload: bytes) -> None:
        """Go on in a process that has OCR."""
        self._note_language(payload)
        page = _json(payload).get("page")
        self.close()
        if not isinstance(page, int) or not 1 <= page <= self.pages:
            raise unparsable(code="crashed")
        self._conversation = self._go_on(page)

    def _note_language(self, payload: bytes) -> None:
        language = _json(payload).get("language")
        if isinstance(language, str) and len(language) == 2:
            self.language = language

    def close(self) -> None:
        """Stop reading, and end the process that does."""
        self._conversation.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Sandbox:
    """Reads documents in processes of their own. See the module's docstring."""

    def __init__(self, *, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._zygote: Zygote | None = None
        self._zygote_with_ocr: Zygote | None = None
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def start(self) -> None:
        """Start the zygote that reads text now rather than at the first use. Raises SandboxLost."""
        self._running()

    @property
    def protections(self) -> dict[str, bool]:
        """What children go without on this machine: no_network, no_privileges, no_system_calls."""
        return dict(self._running().protections)

    def probe(self, *, path: str | os.PathLike[str], media_type: str, password: str | None = None) -> Probe:
        """Open a document and count its pages."""
        conversation = self._begin(Operation.PROBE, path=path, media_type=media_type, password=password)
        conversation.close()
        return Probe(pages=conversation.pages)

    def read(
        self,
        *,
        path: str | os.PathLike[str],
        media_type: str,
        password: str | None = None,
        first: int = 1,
        last: int | None = None,
    ) -> Reading:
        """Read the words of a range of pages."""

        def begin(page: int, *, with_ocr: bool) -> _Conversation:
            return self._begin(
                Operation.READ,
                path=path,
                media_type=media_type,
                password=password,
                first=page,
                last=last,
                with_ocr=with_ocr,
            )

        conversation = begin(first, with_ocr=media_type in _PICTURES)
        try:
            return Reading(conversation=conversation, go_on=partial(begin, with_ocr=True))
        except BaseException:
            conversation.close()
            raise

    def render(
        self,
        *,
        path: str | os.PathLike[str],
        media_type: str,
        password: str | None = None,
        first: int = 1,
        last: int | None = None,
        tables: bool = True,
    ) -> Iterator[RenderedPage]:
        """Yield page images, and the ruled tables found on the pages, which take longer than the images."""
        conversation = self._begin(
            Operation.RENDER,
            path=path,
            media_type=media_type,
            password=password,
            first=first,
            last=last,
            tables=tables,
        )
        try:
            for kind, payload in conversation.frames:
                if kind is Kind.RENDERED:
                    yield _rendered(payload)
        finally:
            conversation.close()

    def look(
        self,
        *,
        path: str | os.PathLike[str],
        media_type: str,
        places: Sequence[tuple[int, Box]],
        password: str | None = None,
        between: Callable[[], None] = _nothing,
    ) -> tuple[bool, ...]:
        """Return for each place (page from 1, box) whether a reader of the page sees its text there.

        Where the page shows something that isn't the text layer's own letters, a process that has OCR says whether they
        are its words. Of many places a part is looked at by each of several children; `between` is called before each,
        and may raise.
        """
        sights = dict.fromkeys(range(len(places)), _UNCLEAR)
        for with_ocr in (False, True):
            order = sorted((number for number in sights if sights[number] == _UNCLEAR), key=lambda one: places[one][0])
            for start in range(0, len(order), _PLACES_A_LOOK):
                between()
                some = order[start : start + _PLACES_A_LOOK]
                conversation = self._begin(
                    Operation.LOOK,
                    path=path,
                    media_type=media_type,
                    password=password,
                    places=tuple((places[number][0], _rounded(places[number][1])) for number in some),
                    with_ocr=with_ocr,
                )
                try:
                    answer = next((payload for kind, payload in conversation.frames if kind is Kind.SEEN), b"")
                finally:
                    conversation.close()
                if len(answer) != len(some):
                    raise unparsable(code="crashed")
                sights.update(zip(some, answer, strict=True))
        return tuple(sights[number] == _SEEN for number in range(len(places)))

    def read_document(
        self, *, path: str | os.PathLike[str], media_type: str, password: str | None = None
    ) -> ParsedDocument:
        """Read a whole document into memory, decoded: for small ones, measurements and tests."""
        with self.read(path=path, media_type=media_type, password=password) as reading:
            pages = tuple(decode_page(page.data) for page in reading)
        return ParsedDocument(
            pages=pages, attachments=reading.attachments, language=reading.language, remarks=reading.remarks
        )

    def close(self) -> None:
        """End the zygote and what it still runs."""
        with self._lock:
            for zygote in (self._zygote, self._zygote_with_ocr):
                if zygote is not None:
                    zygote.close()
            self._zygote = self._zygote_with_ocr = None

    def _begin(
        self,
        operation: Operation,
        *,
        path: str | os.PathLike[str],
        media_type: str,
        password: str | None,
        first: int = 1,
        last: int | None = None,
        tables: bool = False,
        places: tuple[tuple[int, tuple[float, float, float, float]], ...] = (),
        with_ocr: bool = False,
    ) -> _Conversation:
        """Start a child and wait until it has opened the document.

        A zygote that was killed is started again, once: what has not begun can't have been the reason.
        """
        if first < 1 or (last is not None and last < first):
            raise ValueError(f"pages {first} to {last} are no range")
        if password is not None and len(password) > _MAX_PASSWORD_CHARACTERS:
            raise unparsable(code="wrong_password")
        job = Job(
            operation=operation,
            media_type=media_type,
            password=password,
            first=first,
            last=last,
            limits=self.limits,
            tables=tables,
            places=places,
        )
        try:
            return self._try(job, path, with_ocr=with_ocr)
        except SandboxLost:
            return self._try(job, path, with_ocr=with_ocr)

    def _try(self, job: Job, path: str | os.PathLike[str], *, with_ocr: bool) -> _Conversation:
        document = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            child = self._running(with_ocr=with_ocr).spawn(job, document=document)
        finally:
            os.close(document)
        return _Conversation(child=child, job=job)

    def _running(self, *, with_ocr: bool = False) -> Zygote:
        if self._owner != os.getpid():  # forked: the lock may be held by a thread that doesn't exist here
            self._lock = threading.Lock()
            self._owner = os.getpid()
        with self._lock:
            zygote = self._zygote_with_ocr if with_ocr else self._zygote
            if zygote is not None and zygote.is_running():
                return zygote
            if zygote is not None:
                zygote.close()
            zygote = Zygote(with_ocr=with_ocr)
            if with_ocr:
                self._zygote_with_ocr = zygote
            else:
                self._zygote = zygote
            return zygote

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Conversation:
    """A child that has opened its document: `pages` of it, and the frames that follow."""

    def __init__(self, *, child: Child, job: Job) -> None:
        self._child = child
        self.frames = child.frames()
        try:
            self.pages = self._opened()
        except BaseException:
            self.close()
            raise
        last = self.pages if job.last is None else min(job.last, self.pages)
        child.allow_pages(max(0, last - job.first + 1))

    def close(self) -> None:
        self.frames.close()
        self._child.close()

    def _opened(self) -> int:
        for kind, payload in self.frames:
            pages = _json(payload).get("pages")
            if kind is Kind.OPENED and isinstance(pages, int):
                return pages
            break
        raise unparsable(code="crashed")


def _rounded(box: Box) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (round(edge, 5) for edge in box)
    return x0, y0, x1, y1


def _json(payload: bytes) -> dict[str, object]:
    with suppress(ValueError):
        said = json.loads(payload)
        if isinstance(said, dict):
            return said
    raise unparsable(code="crashed")


def _page(payload: bytes) -> EncodedPage:
    try:
        return peek(payload)
    except CodecError as error:
        raise unparsable(code="crashed") from error


def _remarks(payload: bytes) -> tuple[Remark, ...]:
    try:
        said = tuple(Remark(code=str(code), page=int(page)) for code, page in json.loads(payload))
    except (ValueError, TypeError) as error:
        raise unparsable(code="crashed") from error
    if any(remark.code not in remarks.CODES for remark in said):
        raise unparsable(code="crashed")
    return said


def _attachment(payload: bytes) -> Attachment:
    head, _, data = payload.partition(b"\x00")
    facts = _json(head)
    return Attachment(name=str(facts.get("name")), media_type=str(facts.get("media_type")), data=data)


def _rendered(payload: bytes) -> RenderedPage:
    try:
        number, width, height, size = RENDERED.unpack_from(payload)
        jpeg = payload[RENDERED.size : RENDERED.size + size]
        tables = tables_from_json(json.loads(payload[RENDERED.size + size :]))
    except (ValueError, KeyError, TypeError) as error:
        raise unparsable(code="crashed") from error
    return RenderedPage(number=number, width=width, height=height, jpeg=jpeg, tables=tables)
