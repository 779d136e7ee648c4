"""The limit on bodies holds while they arrive."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from apps.config.body_limit import ENVELOPE_BYTES, BodyLimit, Message, Receive, Send

MIB = 1024 * 1024


async def _echo_length(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    total = 0
    while True:
        message = await receive()
        total += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(total).encode()})


def _post(
    chunks: list[bytes], *, announced: int | None, max_file_bytes: int = 900, envelope_bytes: int = 100
) -> tuple[int, bytes, int]:
    """Return status, body and how many chunks were read."""
    sent: list[Message] = []
    read = 0

    async def receive() -> Message:
        nonlocal read
        chunk = chunks[read]
        read += 1
        return {"type": "http.request", "body": chunk, "more_body": read < len(chunks)}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [] if announced is None else [(b"content-length", str(announced).encode())]
    application = BodyLimit(_echo_length, max_file_bytes=max_file_bytes, envelope_bytes=envelope_bytes)
    asyncio.run(application({"type": "http", "headers": headers}, receive, send))
    return sent[0]["status"], sent[1]["body"], read


def test_a_body_at_the_limit_passes() -> None:
    assert _post([b"x" * 400, b"x" * 600], announced=1000) == (200, b"1000", 2)


def test_an_announced_body_over_the_limit_is_refused_unread() -> None:
    status, body, read = _post([b"x" * 600] * 5, announced=3000)
    assert (status, read) == (413, 0)
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (413, "too_large")


def test_a_body_that_grows_over_the_limit_is_cut_off() -> None:
    status, _, read = _post([b"x" * 600] * 5, announced=None)
    assert (status, read) == (413, 2)


def test_a_false_announcement_does_not_help() -> None:
    assert _post([b"x" * 600] * 5, announced=10)[0] == 413


def test_the_limit_that_is_named_is_the_files_without_its_envelope() -> None:
    _, body, _ = _post([b"x" * 600] * 5, announced=3000)
    assert json.loads(body)["detail"] == (
        "the file is larger than the limit of 900 bytes: split it, or ask your administrator to raise "
        "QUIRE_MAX_UPLOAD_BYTES"
    )


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 413)])
def test_a_file_at_the_limit_passes_with_its_envelope(over: int, status: int) -> None:
    announced = 200 * MIB + ENVELOPE_BYTES + over
    answered, body, _ = _post([b"x"], announced=announced, max_file_bytes=200 * MIB, envelope_bytes=ENVELOPE_BYTES)
    assert answered == status
    assert over == 0 or "the limit of 200 MiB:" in json.loads(body)["detail"]
