"""A document that waits for the model server says so, and one that is cancelled is taken off the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from threading import Event, Thread
from time import monotonic, sleep, time
from uuid import UUID, uuid4

import pytest
from django.db import connections
from django.test import Client, override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.documents.models import Document
from apps.inference.admission import LOOK_SECONDS, Admission, Ending, admission
from apps.inference.client import POLL_SECONDS
from apps.inference.fairness import Lane, Ticket
from apps.inference.models import ModelCall, StoredReservation
from apps.inference.profiles import profile
from apps.pipeline.intake import cancel_document
from apps.pipeline.models import StageRun
from apps.pipeline.worker import CANCEL_SECONDS
from apps.tenants.scope import tenant_scope
from tests.faults.sglang_server import ROUTER_REACHES_NOBODY, LoopbackServer, answers, hangs_for_good, loopback_server
from tests.integration.pipeline.asking import CLAIM, look_again, make_schema, status, upload_letter


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with loopback_server() as server, override_settings(QUIRE_INFERENCE_URL=server.url):
        yield server


def _pause(queue: Admission, *, seconds: float) -> None:
    """Let an open breaker's pause end then, however slow the machine is."""
    queue._redis.hset(f"{queue._keys}breaker", "until", str(time() + seconds))


def test_a_document_that_is_cancelled_is_aborted_on_the_server(tenant: UUID, server: LoopbackServer) -> None:
    """Within five seconds, by what each part of the way takes at most."""
    assert CANCEL_SECONDS + max(POLL_SECONDS, LOOK_SECONDS) < 5
    asked = Event()
    server.faults = [hangs_for_good(asked.set)]

    def upload() -> None:
        make_schema(tenant)
        upload_letter(tenant)
        connections.close_all()

    working = Thread(target=upload)
    working.start()
    assert asked.wait(60)
    with tenant_scope(tenant):
        document = Document.objects.get().id
    assert cancel_document(tenant_id=tenant, document_id=document, clock=SYSTEM_CLOCK)
    working.join(60)
    assert not working.is_alive()
    assert server.aborted == [server.requests[0]["rid"]]
    assert status(tenant, document)[0] == "cancelled"
    assert admission(server.url).state().tokens == 0


def test_a_document_that_is_cancelled_in_the_line_costs_nothing(tenant: UUID, server: LoopbackServer) -> None:
    queue = admission(server.url)
    elsewhere = Ticket(tenant_id=uuid4(), lane=Lane.INTERACTIVE, tokens=profile("small").context)

    def upload() -> None:
        make_schema(tenant)
        upload_letter(tenant)
        connections.close_all()

    working = Thread(target=upload)
    with ExitStack() as calls:
        # One that runs, and two in the server's queue: there is no room.
        for _ in range(3):
            calls.enter_context(queue.admitted(elsewhere))
        working.start()
        deadline = monotonic() + 60
        while queue.state().waiting == 0 and monotonic() < deadline:
            sleep(0.1)
        with tenant_scope(tenant):
            document = Document.objects.get().id
            assert StoredReservation.objects.count() == 1
        assert cancel_document(tenant_id=tenant, document_id=document, clock=SYSTEM_CLOCK)
        working.join(60)
        assert not working.is_alive()
    assert status(tenant, document)[0] == "cancelled"
    assert server.requests == []
    with tenant_scope(tenant):
        assert not ModelCall.objects.exists()
        assert not StoredReservation.objects.exists()


def test_servers_that_are_gone_behind_a_router_open_the_breaker_and_cost_no_attempt(
    tenant: UUID, server: LoopbackServer
) -> None:
    server.reply = json.dumps({"warranty_code": CLAIM})
    queue = admission(server.url)
    failures = queue.terms.failures
    server.faults = [answers(500, ROUTER_REACHES_NOBODY)] * failures
    make_schema(tenant)
    documents = [upload_letter(tenant, mark=str(number)) for number in range(failures)]
    assert queue.state().open
    _pause(queue, seconds=600)
    documents += [upload_letter(tenant, mark=str(failures + number)) for number in range(2)]
    assert [status(tenant, document) for document in documents] == [
        *[("extracted", "model_unreachable")] * failures,
        *[("extracted", "model_rests")] * 2,
    ]
    assert len(server.requests) == failures
    with tenant_scope(tenant):
        asked = StageRun.objects.filter(document_id__in=documents, stage="ask")
        assert list(asked.values_list("status", "attempts")) == [("pending", 0)] * len(documents)
        calls = ModelCall.objects.values_list("outcome", "cost", "gpu_seconds")
        assert list(calls) == [("model_unreachable", Decimal(0), 0.0)] * failures
        assert not StoredReservation.objects.exists()
    _pause(queue, seconds=0)
    for document in documents:
        look_again(tenant, document)
    assert [status(tenant, document) for document in documents] == [("done", "")] * len(documents)
    assert not queue.state().open


def test_an_open_breaker_makes_documents_wait_and_is_shown(tenant: UUID, server: LoopbackServer) -> None:
    server.reply = json.dumps({"warranty_code": CLAIM})
    queue = admission(server.url)
    for number in range(queue.terms.failures):
        queue._run("finish", str(number), Ending.GONE)
    _pause(queue, seconds=600)
    make_schema(tenant)
    document = upload_letter(tenant)
    assert status(tenant, document) == ("extracted", "model_rests")
    assert server.requests == []
    with tenant_scope(tenant):
        assert StageRun.objects.get(document_id=document, stage="ask").attempts == 0
    browser = Client(SERVER_NAME="127.0.0.1")
    ready = browser.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "degraded"
    assert ready.json()["checks"]["inference"] == "down: the breaker is open, documents wait"
    assert b"quire_admission_breaker_open 1.0\n" in browser.get("/metrics").content
    _pause(queue, seconds=0)
    look_again(tenant, document)
    assert status(tenant, document) == ("done", "")
    assert browser.get("/readyz").json()["checks"]["inference"] == "ok"
    metrics = browser.get("/metrics").content
    assert b"quire_admission_breaker_open 0.0\n" in metrics
    assert b"quire_admission_tokens_in_flight 0.0\n" in metrics
