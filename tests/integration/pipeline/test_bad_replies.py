"""However a model server answers wrongly: how often it is asked, how the document ends, and what a person is told.

The letter shows the value that every bad reply holds, so that a reply which is believed all the same is found out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from uuid import UUID

import pytest
from django.conf import settings
from django.test import override_settings
from redis import Redis

from apps.documents.models import DocumentStatus
from apps.inference.client import SglangClient, Timeouts
from apps.inference.models import ModelCall
from apps.pipeline.bodies import ask
from apps.pipeline.models import StageRun
from apps.results import queries as results
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.uploads import upload
from tests.faults.sglang_server import (
    ROUTER_HAS_NOBODY,
    ROUTER_REACHES_NOBODY,
    Fault,
    LoopbackServer,
    answers,
    completion,
    events,
    hangs,
    loopback_server,
    resets,
    says,
    streams,
    trickles,
    trickles_headers,
)
from tests.integration.pipeline.asking import CLAIM, WARRANTY_CODE, look_again, make_schema, status

LINES = ((60, 110, "every pump of ours comes with the promise ZX-81-PUMP, which we honour.", 10),)
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "Promise",
    "properties": {"warranty_code": WARRANTY_CODE},
    "x-quire": {"engines": ["sglang:small"]},
}
GOOD = json.dumps({"warranty_code": CLAIM})
REPLIES = 3
"""A reply that is no answer is asked for so often in all, within one attempt."""
ATTEMPTS = 5
"""A server that breaks is tried so often, with a pause between."""


# What happens, how each call is told in the ledger, and the note that the result ends with.
BAD_REPLIES = (
    ("truncated JSON", says(GOOD[:-1]), "reply_truncated", "the model's reply is no complete JSON"),
    ("at the token limit", says(GOOD, finish_reason="length"), "reply_truncated",
     "the model's reply ran to the token limit"),
    ("cut events", streams(events(GOOD)[:400]), "reply_truncated", "the model server's answer is cut off"),
    ("cut body", answers(200, completion(GOOD)[:120]), "reply_truncated", "the model server's answer is cut off"),
    ("another field", says(json.dumps({"warranty_code": CLAIM, "paid": CLAIM})), "reply_off_schema",
     "the model's reply is not of the form that was asked for"),
    ("a bare value", says(json.dumps({"warranty_code": "ZX-81-PUMP"})), "reply_off_schema",
     "the model's reply is not of the form that was asked for"),
    ("a page of no number", says(json.dumps({"warranty_code": {**CLAIM, "page": "1"}})), "reply_off_schema",
     "the model's reply is not of the form that was asked for"),
    ("a list", says(f"[{GOOD}]"), "reply_off_schema",
     "the model's reply is not of the form that was asked for"),
    ("prose", says("The code is ZX-81-PUMP."), "reply_off_schema", "the model's reply is no JSON"),
    ("an empty reply", says(""), "reply_off_schema", "the model's reply is no JSON"),
)  # fmt: skip
BROKEN = (
    ("500", answers(500), "model_broken", "the model server answered 500"),
    ("an HTML page", answers(200, b"<html>ZX-81-PUMP</html>", kind="text/html"), "model_broken",
     "the model server answered with something that is no completion"),
    ("an empty body", answers(200, b""), "model_broken",
     "the model server answered with something that is no completion"),
    ("a router's 408", answers(408), "model_timeout", "the model server didn't answer its router in time"),
    ("a gateway's 504", answers(504), "model_timeout", "the model server didn't answer its router in time"),
    ("a hang", hangs(2.0), "model_timeout", "the model server didn't answer in time"),
    ("one byte now and then", trickles(every=0.1), "model_timeout",
     "the model server answers too slowly"),
    ("one byte of the headers", trickles_headers(every=0.1), "model_timeout",
     "the model server answers too slowly"),
    ("a reset in mid-stream", resets(), "model_hung_up", "the model server hung up"),
)  # fmt: skip
WAITING = (
    ("503", answers(503), "model_busy"),
    ("503 that says when", answers(503, Retry_After="30"), "model_busy"),
    ("429", answers(429), "model_busy"),
    ("a gateway's page", answers(502, b"<html>Bad Gateway</html>", kind="text/html"), "model_unreachable"),
    ("a router before a dead server", answers(500, ROUTER_REACHES_NOBODY), "model_unreachable"),
    ("a router before no server", answers(503, ROUTER_HAS_NOBODY), "model_unreachable"),
    ("an unknown model", answers(404, b'{"message": "The model `x` does not exist"}'), "wrong_model"),
    ("a wrong key", answers(401), "model_unauthorised"),
)
REFUSED = (
    ("a prompt too long", answers(400, b'{"message": "longer than the model\'s context length"}'), "prompt_too_long",
     "the document and the question are longer than the model's context"),
    ("a picture refused", answers(400, b'{"message": "Failed to load image"}'), "image_refused",
     "the model server can't read a page's picture, or the model takes none"),
    ("a request refused", answers(400, b'{"message": "bad schema"}'), "model_refused",
     "the model server refuses the request (400)"),
)  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    """A server, and a pipeline that loses its patience sooner."""
    impatient = partial(SglangClient, timeouts=Timeouts(connect=2, read=0.4, total=1.2))
    monkeypatch.setattr(ask, "SglangClient", impatient)
    with loopback_server() as server, override_settings(QUIRE_INFERENCE_URL=server.url):
        server.reply = GOOD
        yield server


def _upload(tenant: UUID) -> UUID:
    make_schema(tenant, SCHEMA)
    return upload(tenant, pdf(lines=LINES), schema="promise", name="letter.pdf")


def _look_again(tenant: UUID, document: UUID) -> None:
    """As the sweeper does once the time has come; by then a breaker lets the next call through, too."""
    with Redis.from_url(settings.QUIRE_REDIS_URL) as broker:
        broker.flushdb()
    look_again(tenant, document)


def _retried(tenant: UUID, document: UUID) -> tuple[str, str, int]:
    with tenant_scope(tenant):
        asked = StageRun.objects.get(document_id=document, stage="ask")
    return asked.status, asked.reason_code, asked.attempts


def _stored(tenant: UUID, document: UUID) -> tuple[tuple[str, ...], list[str]]:
    (result,) = results.results_of(tenant_id=tenant, document_id=document)
    return tuple(map(str, result.notes)), [value.value for value in result.values]


def _outcomes(tenant: UUID) -> list[str]:
    with tenant_scope(tenant):
        return list(ModelCall.objects.values_list("outcome", flat=True))


@pytest.mark.parametrize(
    ("fault", "outcome", "note"), [row[1:] for row in BAD_REPLIES], ids=[row[0] for row in BAD_REPLIES]
)
def test_a_reply_that_is_no_answer_is_asked_for_again_then_left_to_a_person(
    tenant: UUID, server: LoopbackServer, fault: Fault, outcome: str, note: str
) -> None:
    server.faults = [fault] * 10
    document = _upload(tenant)
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
    assert _stored(tenant, document) == ((f"sglang:small: {note}, {REPLIES} times",), [])
    assert len(server.requests) == REPLIES
    assert _outcomes(tenant) == [outcome] * REPLIES


@pytest.mark.parametrize(("fault", "code", "note"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_server_that_breaks_is_tried_later_then_the_document_goes_to_review(
    tenant: UUID, server: LoopbackServer, fault: Fault, code: str, note: str
) -> None:
    server.faults = [fault] * 10
    document = _upload(tenant)
    for attempt in range(1, ATTEMPTS):
        assert status(tenant, document) == (DocumentStatus.EXTRACTED, "")
        assert _retried(tenant, document) == ("pending", code, attempt)
        assert len(server.requests) == attempt
        _look_again(tenant, document)
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
    assert _stored(tenant, document) == ((note,), [])
    assert len(server.requests) == ATTEMPTS
    assert _outcomes(tenant) == [code] * ATTEMPTS


@pytest.mark.parametrize(("fault", "code"), [row[1:] for row in WAITING], ids=[row[0] for row in WAITING])
def test_what_isn_t_there_now_is_waited_for_and_then_the_document_ends(
    tenant: UUID, server: LoopbackServer, fault: Fault, code: str
) -> None:
    server.faults = [fault] * (ATTEMPTS + 1)
    document = _upload(tenant)
    for look in range(1, ATTEMPTS + 2):
        assert status(tenant, document) == (DocumentStatus.EXTRACTED, code)
        assert len(server.requests) == look
        _look_again(tenant, document)
    assert status(tenant, document) == (DocumentStatus.DONE, "")
    assert _stored(tenant, document) == ((), ["ZX-81-PUMP"])


def test_a_model_that_is_not_served_is_waited_for_and_nothing_is_sent(tenant: UUID, server: LoopbackServer) -> None:
    with override_settings(QUIRE_INFERENCE_MODEL="mistral-small"):
        document = _upload(tenant)
        assert status(tenant, document) == (DocumentStatus.EXTRACTED, "wrong_model")
        assert server.requests == []
        server.models = ("mistral-small",)
        _look_again(tenant, document)
    assert status(tenant, document) == (DocumentStatus.DONE, "")


@pytest.mark.parametrize(("fault", "outcome", "note"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_the_server_refuses_is_asked_once_and_left_to_a_person(
    tenant: UUID, server: LoopbackServer, fault: Fault, outcome: str, note: str
) -> None:
    server.faults = [fault] * 10
    document = _upload(tenant)
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
    assert _stored(tenant, document) == ((f"sglang:small: {note}",), [])
    assert len(server.requests) == 1
    assert _outcomes(tenant) == [outcome]


def test_one_bad_reply_costs_one_more_request(tenant: UUID, server: LoopbackServer) -> None:
    server.faults = [says("Sure!")]
    document = _upload(tenant)
    assert status(tenant, document) == (DocumentStatus.DONE, "")
    assert _stored(tenant, document) == ((), ["ZX-81-PUMP"])
    assert len(server.requests) == REPLIES - 1
