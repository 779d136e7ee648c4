"""One document in one process that ends with it: what happens between the fork and the exit."""

from __future__ import annotations

import gc
import json
import math
import mmap
import os
import time
from collections.abc import Iterable, Iterator

import pymupdf
from pymupdf import mupdf

from apps.parsing import confinement, damage, images, ocr, opening, reading, visibility
from apps.parsing.errors import Failure
from apps.parsing.frames import RENDERED, Kind, frame
from apps.parsing.job import Job, Operation
from apps.parsing.limits import Limits
from apps.parsing.pages import Box

_FLUSH_BYTES = 128 * 1024


def load(*, with_ocr: bool) -> None:
    """Import, initialise and use once what children use: done before the fork, while files can still be opened."""
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    opened = opening.rehearsal()
    if with_ocr:
        ocr.load()
        ocr.rehearse(opened.document.load_page(0))
    list(opened.attachments())
    reader = reading.Reader(opened=opened, limits=Limits())
    reader.read(1)
    reader.language()
    list(visibility.look(opened, places=[(1, Box(0.1, 0.1, 0.2, 0.2))], limits=Limits()))
    list(images.render(opened, numbers=range(1, 2), limits=Limits(), with_tables=True))


def run(job: Job, *, document: int, output: int) -> None:
    """Do the job on an open file, write frames to an open socket. Raises nothing that the frames could tell."""
    gc.disable()  # it ends before there is garbage worth collecting
    sender = _Sender(output, at_most=job.limits.max_output_bytes)
    size = os.fstat(document).st_size
    limits = job.limits
    confinement.set_limits(
        memory_bytes=limits.memory_bytes + size,
        cpu_seconds=math.ceil(limits.cpu_seconds),
        cpu_seconds_at_most=job.cpu_seconds_at_most,
    )
    try:
        if size == 0:
            raise Failure("empty")  # noqa: TRY301 - one place turns every failure into a frame
        data = memoryview(mmap.mmap(document, size, access=mmap.ACCESS_READ))
        confinement.forbid_system_calls()
        _work(job, data, sender)
    except Failure as failure:
        sender.fail(failure.code, failure.facts)
    except MemoryError:
        sender.fail("too_much_memory", {})
    except BrokenPipeError:
        return
    except Exception as error:  # noqa: BLE001 - whatever a hostile document provokes, its reader gets an answer
        sender.fail("too_much_memory" if _is_out_of_memory(error) else "broken", {})
    sender.flush()


def _work(job: Job, data: memoryview, sender: _Sender) -> None:
    opened = opening.open_document(data, media_type=job.media_type, password=job.password, limits=job.limits)
    pages = opened.document.page_count
    sender.send(Kind.OPENED, json.dumps({"pages": pages}).encode())
    if job.operation is Operation.PROBE:
        sender.send(Kind.DONE, b"{}")
        return
    last = pages if job.last is None else min(job.last, pages)
    numbers = range(job.first, last + 1)
    limits = job.limits
    if job.operation is Operation.LOOK:
        places = [(page, Box(*box)) for page, box in job.places if 1 <= page <= pages]
        allowance = _Allowance(limits, pages=len({page for page, _ in places}))
        sender.send(Kind.SEEN, bytes(visibility.look(opened, places=allowance.places(places), limits=limits)))
        sender.send(Kind.DONE, b"{}")
        return
    allowance = _Allowance(limits, pages=len(numbers))
    if job.operation is Operation.RENDER:
        for rendered in images.render(opened, numbers=allowance.pages(numbers), limits=limits, with_tables=job.tables):
            head = RENDERED.pack(rendered.number, rendered.width, rendered.height, len(rendered.jpeg))
            sender.send(Kind.RENDERED, head + rendered.jpeg + rendered.tables)
        sender.send(Kind.DONE, b"{}")
        return
    if job.first == 1:
        for attachment in opened.attachments():
            head = json.dumps({"name": attachment.name, "media_type": attachment.media_type}).encode()
            sender.send(Kind.ATTACHMENT, head + b"\x00" + attachment.data)
    reader = reading.Reader(opened=opened, limits=limits)
    watch = damage.Damage(opened)
    watch.look_over(numbers)
    for number in allowance.pages(numbers):
        try:
            page = reader.read(number)
        except ocr.NotLoaded:
            _send_remarks(sender, watch, reader)
            sender.send(Kind.STOPPED, json.dumps({"page": number, "language": reader.language()}).encode())
            return
        watch.note(number)
        sender.send(Kind.PAGE, page)
        if reader.was_slow:
            sender.flush()
    watch.look_over(numbers)
    _send_remarks(sender, watch, reader)
    sender.send(Kind.DONE, json.dumps({"language": reader.language()}).encode())


def _send_remarks(sender: _Sender, watch: damage.Damage, reader: reading.Reader) -> None:
    remarks = [*watch.remarks(), *reader.remarks]
    if remarks:
        sender.send(Kind.REMARKS, json.dumps([[remark.code, remark.page] for remark in remarks]).encode())


def _is_out_of_memory(error: BaseException | None) -> bool:
    while error is not None:
        text = str(error)
        if isinstance(error, MemoryError | mupdf.FzErrorLimit) or "alloc" in text or "ENOMEM" in text:
            return True
        error = error.__cause__ or error.__context__
    return False


class _Allowance:
    """Processor time, given page by page: one that goes on for ever ends soon, in however long a document it stands."""

    def __init__(self, limits: Limits, *, pages: int) -> None:
        self._limits = limits
        self._at_most = limits.cpu_seconds_for(pages)

    def pages(self, numbers: Iterable[int]) -> Iterator[int]:
        """Pass page numbers on, each with its time."""
        for number in numbers:
            self._next_page()
            yield number

    def places(self, places: Iterable[tuple[int, Box]]) -> Iterator[tuple[int, Box]]:
        """Pass places on; those of one page that stand together share its time."""
        before = 0
        for number, box in places:
            if number != before:
                self._next_page()
                before = number
            yield number, box

    def _next_page(self) -> None:
        seconds = min(time.process_time() + self._limits.cpu_seconds_for(1), self._at_most)
        confinement.allow_cpu(cpu_seconds=math.ceil(seconds))


class _Sender:
    """Writes frames in batches, and no more than is allowed in all."""

    def __init__(self, fd: int, *, at_most: int) -> None:
        self._fd = fd
        self._left = at_most
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def send(self, kind: Kind, payload: bytes) -> None:
        self._left -= len(payload)
        if self._left < 0:
            raise Failure("too_much_output")
        data = frame(kind, payload)
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= _FLUSH_BYTES:
            self.flush()

    def fail(self, code: str, facts: dict[str, int]) -> None:
        self._waiting.append(frame(Kind.FAILED, json.dumps({"code": code, "facts": facts}).encode()))
        self.flush()

    def flush(self) -> None:
        data = memoryview(b"".join(self._waiting))
        self._waiting.clear()
        self._waiting_bytes = 0
        while data:
            data = data[os.write(self._fd, data) :]
