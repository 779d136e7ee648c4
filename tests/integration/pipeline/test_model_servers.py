"""Each model is asked of the server that serves it, under its own name, with its own key, at its own price."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import pytest
from django.test import Client, override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.documents import queries as documents
from apps.documents.models import DocumentStatus
from apps.extraction.notes import Note
from apps.inference.admission import admission_to
from apps.inference.budgets import Budget, BudgetPeriod
from apps.inference.models import ModelCall
from apps.inference.servers import ModelServer, server_of
from apps.pipeline import spending
from apps.results import queries as results
from apps.tenants.scope import tenant_scope
from tests.faults.sglang_server import LoopbackServer, answers, loopback_server, says
from tests.integration.pipeline.asking import CLAIM, SCHEMA, look_again, make_schema, status, upload_letter

NOTHING = json.dumps({"warranty_code": None})
FOUND = json.dumps({"warranty_code": CLAIM})
BOTH = ["layout", "sglang:small", "sglang:medium"]


@pytest.fixture
def small() -> Iterator[LoopbackServer]:
    with loopback_server() as server:
        server.models = ("small",)
        server.reply = NOTHING
        yield server


@pytest.fixture
def medium() -> Iterator[LoopbackServer]:
    with loopback_server() as server:
        server.models = ("medium",)
        server.reply = FOUND
        yield server


def _schema(tenant: UUID, engines: list[str]) -> None:
    make_schema(tenant, {**SCHEMA, "x-quire": {"engines": engines}})


def _calls(tenant: UUID) -> list[tuple[str, Decimal, str]]:
    with tenant_scope(tenant):
        return list(ModelCall.objects.order_by("created_at", "id").values_list("engine", "cost", "outcome"))


def _stored(tenant: UUID, document: UUID) -> tuple[list[tuple[str, str]], tuple[Note, ...]]:
    (result,) = results.results_of(tenant_id=tenant, document_id=document)
    return [(value.value, value.engine) for value in result.values], tuple(result.notes)


def _not_served(setting: str, *, by: str) -> Note:
    return Note(text=f"no server here serves this model: name one by {setting}, or take it out of the policy", by=by)


def test_the_dearer_model_is_asked_of_its_own_server(
    tenant: UUID, small: LoopbackServer, medium: LoopbackServer
) -> None:
    own = ModelServer(profile="medium", url=f"{medium.url}/v1", api_key="other", suffix="_MEDIUM")
    _schema(tenant, BOTH)
    with override_settings(
        QUIRE_INFERENCE_URL=small.url, QUIRE_INFERENCE_API_KEY="sesame", QUIRE_INFERENCE_SERVERS={"medium": own}
    ):
        document = upload_letter(tenant)
        queues = [admission_to(server) for server in (server_of("small"), server_of("medium")) if server]
        assert len({queue._keys for queue in queues}) == 2
    assert status(tenant, document) == (DocumentStatus.DONE, "")
    assert _stored(tenant, document) == ([("ZX-81-PUMP", "sglang:medium")], ())
    assert [request["model"] for request in small.requests] == ["small"]
    assert [request["model"] for request in medium.requests] == ["medium"]
    assert {key for _, key in small.got} | set(small.keys) == {"Bearer sesame"}
    assert {key for _, key in medium.got} | set(medium.keys) == {"Bearer other"}
    assert _calls(tenant) == [("sglang:small", Decimal(0), "ok"), ("sglang:medium", Decimal("0.0005"), "ok")]


def test_a_server_that_is_gone_stops_its_own_model_alone(
    tenant: UUID, small: LoopbackServer, medium: LoopbackServer
) -> None:
    gone = ModelServer(profile="medium", url="http://127.0.0.1:9", suffix="_MEDIUM")
    _schema(tenant, BOTH)
    with override_settings(QUIRE_INFERENCE_URL=small.url, QUIRE_INFERENCE_SERVERS={"medium": gone}):
        document = upload_letter(tenant)
        assert status(tenant, document) == (DocumentStatus.EXTRACTED, "model_unreachable")
        look_again(tenant, document)
        assert len(small.requests) == 1
    there = ModelServer(profile="medium", url=medium.url, suffix="_MEDIUM")
    with override_settings(QUIRE_INFERENCE_URL=small.url, QUIRE_INFERENCE_SERVERS={"medium": there}):
        look_again(tenant, document)
    assert status(tenant, document) == (DocumentStatus.DONE, "")
    assert (len(small.requests), len(medium.requests)) == (1, 1)


def test_a_house_of_medium_alone_serves_a_policy_that_names_no_profile(tenant: UUID, medium: LoopbackServer) -> None:
    """As the shipped schemas' do. It is booked, held and priced as medium."""
    _schema(tenant, ["layout", "sglang"])
    nothing = Budget(period=BudgetPeriod.MONTH, usd=Decimal(0))
    with override_settings(QUIRE_INFERENCE_URL=medium.url, QUIRE_INFERENCE_PROFILE="medium"):
        spending.set_budgets(tenant_id=tenant, budgets=[nothing], clock=SYSTEM_CLOCK)
        document = upload_letter(tenant)
        assert status(tenant, document) == (DocumentStatus.EXTRACTED, "budget_spent")
        assert medium.requests == []
        spending.set_budgets(tenant_id=tenant, budgets=[], clock=SYSTEM_CLOCK)
    assert status(tenant, document) == (DocumentStatus.DONE, "")
    assert _stored(tenant, document) == ([("ZX-81-PUMP", "sglang:medium")], ())
    assert _calls(tenant) == [("sglang:medium", Decimal("0.0005"), "ok")]


def test_a_model_that_nobody_serves_is_passed_over_with_a_note_and_never_asked_of_another(
    tenant: UUID, small: LoopbackServer
) -> None:
    _schema(tenant, BOTH)
    small.reply = FOUND
    small.faults = [says(NOTHING)]
    with override_settings(QUIRE_INFERENCE_URL=small.url):
        document = upload_letter(tenant)
    # The field is required.
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
    assert _stored(tenant, document) == ([], (_not_served("QUIRE_INFERENCE_URL_MEDIUM", by="sglang:medium"),))
    assert _calls(tenant) == [("sglang:small", Decimal(0), "ok")]


def test_without_a_house_server_a_profile_without_its_own_is_passed_over(tenant: UUID, medium: LoopbackServer) -> None:
    own = ModelServer(profile="medium", url=medium.url, suffix="_MEDIUM")
    _schema(tenant, ["layout", "sglang:small"])
    with override_settings(QUIRE_INFERENCE_SERVERS={"medium": own}):
        document = upload_letter(tenant)
    assert status(tenant, document) == (DocumentStatus.NEEDS_REVIEW, "")
    assert _stored(tenant, document) == ([], (_not_served("QUIRE_INFERENCE_URL_SMALL", by="sglang:small"),))
    assert (medium.requests, medium.got) == ([], [])


def test_a_server_that_lists_both_models_is_asked_for_each_by_its_name(tenant: UUID, small: LoopbackServer) -> None:
    _schema(tenant, BOTH)
    small.models = ("medium", "small")
    small.faults = [says(NOTHING), says(FOUND)]
    with override_settings(QUIRE_INFERENCE_URL=small.url):
        document = upload_letter(tenant)
    assert status(tenant, document) == (DocumentStatus.DONE, "")
    assert [request["model"] for request in small.requests] == ["small", "medium"]
    assert [engine for engine, _, _ in _calls(tenant)] == ["sglang:small", "sglang:medium"]


def test_a_server_of_another_profiles_model_is_never_asked_for_ones_own(tenant: UUID, medium: LoopbackServer) -> None:
    """compose.medium.yaml, and nobody said QUIRE_INFERENCE_PROFILE: its answers would be booked as free."""
    _schema(tenant, ["layout", "sglang"])
    with override_settings(QUIRE_INFERENCE_URL=medium.url):
        document = upload_letter(tenant)
        found = documents.document(tenant_id=tenant, document_id=document)
        assert found is not None
        assert (found.status, found.reason_code) == (DocumentStatus.EXTRACTED, "wrong_model")
        assert found.reason == (
            "the model server serves 'medium', the model of the profile 'medium', and is asked for 'small': let "
            "QUIRE_INFERENCE_PROFILE, or the setting that names the server, say what it serves"
        )
    assert medium.requests == []
    with override_settings(QUIRE_INFERENCE_URL=medium.url, QUIRE_INFERENCE_PROFILE="medium"):
        look_again(tenant, document)
    assert status(tenant, document) == (DocumentStatus.DONE, "")


def test_a_server_that_lists_no_models_is_waited_for_and_costs_nothing(tenant: UUID, medium: LoopbackServer) -> None:
    _schema(tenant, ["layout", "sglang"])
    page = answers(200, b"<html>Welcome</html>", kind="text/html")
    # More often than a document is tried.
    medium.list_faults = [page, answers(404), answers(500), answers(405), page, page]
    with override_settings(QUIRE_INFERENCE_URL=medium.url, QUIRE_INFERENCE_PROFILE="medium"):
        document = upload_letter(tenant)
        for _ in range(6):
            assert status(tenant, document) == (DocumentStatus.EXTRACTED, "models_unlisted")
            look_again(tenant, document)
    assert status(tenant, document) == (DocumentStatus.DONE, "")
    assert len(medium.requests) == 1
    assert _calls(tenant) == [("sglang:medium", Decimal("0.0005"), "ok")]


def test_each_server_is_shown(small: LoopbackServer, medium: LoopbackServer) -> None:
    own = ModelServer(profile="medium", url=f"{medium.url}/v1/", api_key="other", suffix="_MEDIUM")
    same = ModelServer(profile="large", url=f"{small.url}/", suffix="_LARGE")
    browser = Client(SERVER_NAME="127.0.0.1")
    with override_settings(
        QUIRE_INFERENCE_URL=f"{small.url}/v1",
        QUIRE_INFERENCE_API_KEY="sesame",
        QUIRE_INFERENCE_SERVERS={"medium": own, "large": same},
    ):
        # What doesn't know the address answers all the same.
        small.health, medium.health = 404, 500
        checks = browser.get("/readyz").json()["checks"]
        metrics = browser.get("/metrics").content
    assert checks == {"database": "ok", "broker": "ok", "inference": "ok", "inference:medium": "down"}
    assert (small.got, medium.got) == ([("/health", "Bearer sesame")], [("/health", "Bearer other")])
    assert b"\nquire_admission_breaker_open 0.0\n" in metrics
    assert b'\nquire_admission_breaker_open{profile="medium"} 0.0\n' in metrics
