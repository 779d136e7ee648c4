"""A limit on request bodies that holds while they arrive: Django itself spools a body of any size to the disk first."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from apps.common.text import size_in_words

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


# What comes with a file: the other fields of the form, and the boundaries between them.
ENVELOPE_BYTES = 1024 * 1024


class _TooLargeError(Exception):
    """The body grew over the limit while it came."""


class BodyLimit:
    """An ASGI application in front of another that answers 413 to a body that holds more than a file may have.

    `max_file_bytes` is what one file may have; a body may have `envelope_bytes` more.
    """

    def __init__(self, application: Application, *, max_file_bytes: int, envelope_bytes: int = ENVELOPE_BYTES) -> None:
        self._application = application
        self._max_file_bytes = max_file_bytes
        self._max_bytes = max_file_bytes + envelope_bytes

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if announced.isdigit() and int(announced) > self._max_bytes:
            await self._refuse(send)
            return
        received = 0
        begun = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise _TooLargeError
            return message

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._application(scope, counted, watched)
        except _TooLargeError:
            if not begun:
                await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        body = json.dumps(
            {
                "type": "about:blank",
                "title": "Request Entity Too Large",
                "status": 413,
                "detail": f"the file is larger than the limit of {size_in_words(self._max_file_bytes)}: "
                "split it, or ask your administrator to raise QUIRE_MAX_UPLOAD_BYTES",
                "code": "too_large",
            }
        ).encode()
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})
