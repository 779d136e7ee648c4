"""A worker whose broker is killed lets go of its connection, and lives to find the broker again."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from kombu.common import ignore_errors
from kombu.connection import Connection
from kombu.entity import Queue

from deploy.embedded import valkey
from deploy.embedded.ports import free_port
from workers.celery import app

Server = tuple[subprocess.Popen[bytes], str]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A Valkey of this test alone, and its URL."""
    port, password = free_port(), secrets.token_urlsafe(16)
    command = valkey.prepare_valkey(folder=tmp_path / "valkey", port=port, password=password, durable=False)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = monotonic() + 60
            while not valkey.answers(port=port, password=password):
                assert monotonic() < deadline
                sleep(0.05)
            yield process, valkey.valkey_url(port=port, password=password)
        finally:
            process.kill()


def test_a_killed_broker_does_not_end_the_worker(server: Server) -> None:
    """Celery closes a connection twice; the first time failed half-way, and the transport has let go of it since."""
    process, url = server
    connection: Any = Connection(url, transport_options=app.conf.broker_transport_options)  # type: ignore[no-untyped-call]
    queue: Any = Queue("parsing")(connection.default_channel)  # type: ignore[no-untyped-call]
    queue.declare()
    connection.Producer().publish({"a": 1}, routing_key="parsing", serializer="json")
    message = queue.get(no_ack=False)
    assert message.payload == {"a": 1}
    process.kill()
    process.wait()
    connection.default_channel._disconnect_pools()
    connection.transport.client = None
    ignore_errors(connection, connection.close)  # type: ignore[no-untyped-call]
    assert not connection.connected
