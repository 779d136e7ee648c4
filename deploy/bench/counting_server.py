"""A model server of fixed size that computes nothing and counts: slots, a pool of keys and values, a bounded queue.

It runs calls as SGLang does: a call takes a slot and its tokens for as long as its service lasts, what doesn't fit is
queued first come, first served, and what is beyond the queue gets 503. It works in one event loop on a thread of its
own; service times are sleeps, so that it takes next to no processor.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

MODEL = "counting"
_REASONS = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}


@dataclass(slots=True, kw_only=True)
class Load:
    """What was counted since the last `reset`: seconds of busy slots, the longest queue, calls by their end."""

    since: float = field(default_factory=perf_counter)
    busy: float = 0.0
    longest_queue: int = 0
    answered: int = 0
    refused: int = 0
    aborted: int = 0


@dataclass(slots=True)
class _Call:
    rid: str
    tokens: int
    seconds: float
    writer: asyncio.StreamWriter
    done: asyncio.Event = field(default_factory=asyncio.Event)
    aborted: bool = False


class CountingServer:
    """`slots` calls at once within a pool of `tokens`, `queue` more waiting. The request says how long it takes.

    A prompt's text is `SECONDS TOKENS`: its service time and what it holds. `thrashing` is by how much each queued
    call slows the ones that run, as a server does whose scheduler, tokenizer and memory are overrun.
    """

    def __init__(self, *, slots: int, tokens: int, queue: int, thrashing: float = 0.0) -> None:
        self.slots, self.tokens, self.queue, self.thrashing = slots, tokens, queue, thrashing
        self.url = ""
        self.load = Load()
        self._running: dict[str, _Call] = {}
        self._queued: deque[_Call] = deque()
        self._changed = perf_counter()

    def reset(self) -> None:
        """Begin to count anew."""
        now = perf_counter()
        self._changed = now
        self.load = Load(since=now)

    def busy_share(self) -> float:
        """Return the share of slot time since `reset` in which a call ran."""
        self._count()
        return self.load.busy / (self.slots * (perf_counter() - self.load.since))

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        """Answer until `stop`."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        async with server:
            await stop.wait()

    def _count(self) -> None:
        now = perf_counter()
        self.load.busy += len(self._running) * (now - self._changed)
        self._changed = now

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.split(b" ", 2)
                length = next(
                    (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l")),
                    0,
                )
                body = json.loads(await reader.readexactly(length)) if length else {}
                await self._answer(f"{method.decode()} {path.decode()}", body, writer)
        writer.close()

    async def _answer(self, what: str, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        match what:
            case "POST /v1/chat/completions":
                await self._complete(body, writer)
            case "POST /abort_request":
                self._abort(body["rid"])
                _send(writer, 200, {})
            case "GET /v1/models":
                _send(writer, 200, {"data": [{"id": MODEL, "owned_by": "sglang"}]})
            case "GET /server_info":
                said = {
                    "max_total_num_tokens": self.tokens,
                    "max_running_requests": self.slots,
                    "max_queued_requests": self.queue,
                }
                _send(writer, 200, said)
            case _:
                _send(writer, 404, {})

    async def _complete(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        content = body["messages"][-1]["content"]
        text = content if isinstance(content, str) else content[-1]["text"]
        seconds, tokens = text.split()
        call = _Call(rid=body["rid"], tokens=int(tokens), seconds=float(seconds), writer=writer)
        if len(self._queued) >= self.queue and not self._fits(call):
            self.load.refused += 1
            _send(writer, 503, {"message": "The request queue is full."})
            return
        self._queued.append(call)
        self._begin()
        self.load.longest_queue = max(self.load.longest_queue, len(self._queued))
        await call.done.wait()
        if call.aborted:
            _send(writer, 200, _reply(finish="abort"))
            return
        self.load.answered += 1
        _send(writer, 200, _reply(finish="stop"))

    def _fits(self, call: _Call) -> bool:
        held = sum(other.tokens for other in self._running.values())
        return len(self._running) < self.slots and held + call.tokens <= self.tokens

    def _begin(self) -> None:
        self._count()
        while self._queued and self._fits(self._queued[0]):
            call = self._queued.popleft()
            self._running[call.rid] = call
            slowed = call.seconds * (1 + self.thrashing * len(self._queued))
            asyncio.get_running_loop().call_later(slowed, self._end, call)

    def _end(self, call: _Call) -> None:
        self._count()
        if self._running.pop(call.rid, None) is None:
            return
        call.done.set()
        self._begin()

    def _abort(self, rid: str) -> None:
        call = self._running.get(rid) or next((one for one in self._queued if one.rid == rid), None)
        if call is None:
            return
        self._count()
        self.load.aborted += 1
        call.aborted = True
        if call in self._queued:
            self._queued.remove(call)
        self._running.pop(rid, None)
        call.done.set()
        self._begin()


def _reply(*, finish: str) -> dict[str, Any]:
    choice = {"message": {"content": "{}"}, "finish_reason": finish}
    return {"model": MODEL, "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}


def _send(writer: asyncio.StreamWriter, status: int, said: dict[str, Any]) -> None:
    body = json.dumps(said).encode()
    head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    if not writer.is_closing():
        writer.write(head.encode() + b"\r\n\r\n" + body)


@contextmanager
def counting_server(*, slots: int, tokens: int, queue: int, thrashing: float = 0.0) -> Iterator[CountingServer]:
    """Run a server on a free port for the length of the block."""
    server = CountingServer(slots=slots, tokens=tokens, queue=queue, thrashing=thrashing)
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve(ready, stop)), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
