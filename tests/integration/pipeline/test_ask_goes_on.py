"""A document longer than the model's context, whose asking is stopped between two windows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from django.test import override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.documents.models import DocumentStatus
from apps.extraction.notes import Note
from apps.inference.profiles import Profile, profile
from apps.inference.servers import ModelServer
from apps.pipeline import intake, spending
from apps.pipeline.bodies import ask
from apps.results import queries as results
from apps.results.models import StoredAsking
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.uploads import upload
from tests.faults.sglang_server import Fault, LoopbackServer, answers, loopback_server, says
from tests.integration.pipeline.asking import WARRANTY_CODE, look_again, make_schema, status

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "Promise",
    "properties": {
        "promises": {"type": "array", "title": "Promises", "maxItems": 40, "items": WARRANTY_CODE},
    },
    "x-quire": {"engines": ["sglang:small"]},
}
FILLER = "Remarks about the delivery, its packing, its weight and whoever received it on the day, in many words."
LINES = (
    (60, 60, "every pump of ours comes with the promise ZX-81-PUMP, which we honour.", 8),
    *((60, 80 + 12 * line, FILLER, 8) for line in range(12)),
)


def _says(page: int) -> Fault:
    claim = {"value": "ZX-81-PUMP", "quote": "the promise ZX-81-PUMP", "page": page}
    return says(json.dumps({"promises": [claim]}))


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with loopback_server() as server, override_settings(QUIRE_INFERENCE_URL=server.url):
        yield server


@pytest.fixture
def tenant(tenant: UUID, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """A model whose context holds one of these pages."""

    def short(name: str) -> Profile:
        return replace(profile(name), context=8_700)

    monkeypatch.setattr(ask, "profile", short)
    make_schema(tenant, SCHEMA)
    return tenant


def _upload(tenant: UUID) -> UUID:
    return upload(tenant, pdf(pages=3, lines=LINES), schema="promise", name="letter.pdf")


def _pages(tenant: UUID, document: UUID) -> list[int]:
    (result,) = results.results_of(tenant_id=tenant, document_id=document)
    return [place.page for value in result.values for place in value.evidence]


def _kept(tenant: UUID) -> int:
    with tenant_scope(tenant):
        return StoredAsking.objects.count()


def test_what_is_answered_is_kept_and_only_the_rest_is_asked(tenant: UUID, server: LoopbackServer) -> None:
    server.faults = [_says(1), _says(2), answers(503), answers(503), _says(3)]
    document = _upload(tenant)
    assert status(tenant, document) == (DocumentStatus.EXTRACTED, "model_busy")
    assert (_pages(tenant, document), _kept(tenant), len(server.requests)) == ([1, 2], 1, 3)
    look_again(tenant, document)
    assert (_pages(tenant, document), _kept(tenant), len(server.requests)) == ([1, 2], 1, 4)
    look_again(tenant, document)
    assert status(tenant, document) == (DocumentStatus.DONE, "")
    assert (_pages(tenant, document), _kept(tenant), len(server.requests)) == ([1, 2, 3], 0, 5)


def test_a_window_that_a_server_breaks_on_costs_the_others_nothing(tenant: UUID, server: LoopbackServer) -> None:
    server.faults = [_says(1), _says(2), *[answers(500)] * 5]
    document = _upload(tenant)
    for _ in range(4):
        look_again(tenant, document)
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
    assert (_pages(tenant, document), _kept(tenant), len(server.requests)) == ([1, 2], 0, 7)
    (result,) = results.results_of(tenant_id=tenant, document_id=document)
    assert Note(text="the model server answered 500") in result.notes


def test_a_window_that_is_lost_sends_a_list_to_review(tenant: UUID, server: LoopbackServer) -> None:
    server.faults = [_says(1), *[says("Sure!")] * 3, _says(3)]
    document = _upload(tenant)
    assert _pages(tenant, document) == [1, 3]
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")


def test_a_part_that_nobody_is_left_to_ask_about_sends_a_list_to_review(tenant: UUID, server: LoopbackServer) -> None:
    """The only model is taken out of the policy while the document waits for it."""
    server.faults = [_says(1), answers(503)]
    document = _upload(tenant)
    assert status(tenant, document) == (DocumentStatus.EXTRACTED, "model_busy")
    spending.set_policy(tenant_id=tenant, schema_slug="promise", engines=["layout"], clock=SYSTEM_CLOCK)
    look_again(tenant, document)
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
    assert _pages(tenant, document) == [1]


def test_a_window_that_was_lost_stays_so_where_the_next_model_goes_from_the_policy(
    tenant: UUID, server: LoopbackServer
) -> None:
    engines = ["sglang:small", "sglang:medium"]
    spending.set_policy(tenant_id=tenant, schema_slug="promise", engines=engines, clock=SYSTEM_CLOCK)
    server.faults = [_says(1), *[says("Sure!")] * 3, _says(3)]
    with loopback_server() as medium:
        medium.models = ("medium",)
        medium.faults = [answers(503)]
        own = ModelServer(profile="medium", url=medium.url, suffix="_MEDIUM")
        with override_settings(QUIRE_INFERENCE_SERVERS={"medium": own}):
            document = _upload(tenant)
            assert status(tenant, document) == (DocumentStatus.EXTRACTED, "model_busy")
            spending.set_policy(tenant_id=tenant, schema_slug="promise", engines=engines[:1], clock=SYSTEM_CLOCK)
            look_again(tenant, document)
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
    assert _pages(tenant, document) == [1, 3]
    assert len(medium.requests) == 1


def test_a_deleted_document_leaves_nothing_of_it(tenant: UUID, server: LoopbackServer) -> None:
    server.faults = [_says(1), answers(503)]
    document = _upload(tenant)
    assert _kept(tenant) == 1
    assert intake.delete_document(tenant_id=tenant, document_id=document, clock=SYSTEM_CLOCK)
    assert _kept(tenant) == 0
