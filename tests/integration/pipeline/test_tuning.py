"""A tenant's tuning on its way into the model's requests, and into nobody else's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.documents import queries as documents
from apps.documents.models import DocumentStatus
from apps.extraction.prompt import SYSTEM
from apps.inference import operations as inference
from apps.inference import profiles
from apps.pipeline.models import StageRun
from apps.pipeline.tuning import document_tuning, set_tuning_everywhere
from apps.results.decisions import NewDecision, Verdict
from apps.results.operations import decide
from apps.schemas.operations import set_tuning
from apps.schemas.tuning import Term, Tuning
from apps.tenants.models import Tenant
from apps.tenants.scope import tenant_scope
from tests.faults.sglang_server import LoopbackServer, loopback_server
from tests.integration.pipeline.asking import CLAIM, make_schema, upload_letter


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with loopback_server() as server, override_settings(QUIRE_INFERENCE_URL=server.url):
        server.reply = json.dumps({"warranty_code": CLAIM})
        yield server


@pytest.fixture
def small_takes_adapters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    site = tmp_path / "profiles.toml"
    site.write_text("[small]\nlora = true\n")
    monkeypatch.setenv(profiles.SITE_FILE, str(site))
    profiles._known.cache_clear()
    yield
    profiles._known.cache_clear()


def _schema(*tenants: UUID) -> None:
    for tenant in tenants:
        make_schema(tenant)


def _question(request: dict[str, Any]) -> str:
    text: str = request["messages"][1]["content"][-1]["text"]
    return text


def _slug(tenant: UUID) -> str:
    with tenant_scope(tenant):
        return Tenant.objects.get().slug


def test_salts_differ_between_tenants_and_stay(tenant: UUID, other_tenant: UUID, server: LoopbackServer) -> None:
    _schema(tenant, other_tenant)
    upload_letter(tenant, mark="a")
    upload_letter(other_tenant, mark="b")
    upload_letter(tenant, mark="c")
    # The prompts' own beginnings too: not every server takes the salt.
    own, others, again = (request["messages"][0]["content"] for request in server.requests)
    assert own == again == f"{own[:18]}\n{SYSTEM}"
    assert others == f"{others[:18]}\n{SYSTEM}"
    assert own[:18] != others[:18]
    first, other, second = (request["cache_salt"] for request in server.requests)
    assert own[1:17] not in first
    assert first == second != other
    for salt, of in ((first, tenant), (other, other_tenant)):
        assert len(salt) == len("salt_") + 43
        assert of.hex not in salt
        assert str(of) not in salt
    assert [request["model"] for request in server.requests] == ["tiny"] * 3


def test_a_correction_is_shown_to_the_same_tenants_next_document_alone(
    tenant: UUID, other_tenant: UUID, server: LoopbackServer
) -> None:
    _schema(tenant, other_tenant)
    told = Tuning(instructions="Codes have a dash.", glossary=(Term(term="PUMP", meaning="a pump"),), examples=3)
    for of in (tenant, other_tenant):
        set_tuning(tenant_id=of, slug="promise", tuning=told, clock=SYSTEM_CLOCK)
    document = upload_letter(tenant, mark="first")
    right = NewDecision(path="/warranty_code", verdict=Verdict.CORRECT, value="ZX-81")
    decide(tenant_id=tenant, document_id=document, decisions=[right], decided_by="user 1", clock=SYSTEM_CLOCK)
    upload_letter(tenant, mark="second")
    upload_letter(other_tenant, mark="third")
    before, after, foreign = map(_question, server.requests)
    assert '"field": "warranty_code"' in after
    assert '"wrong": "ZX-81-PUMP", "right": "ZX-81"}' in after
    assert before == foreign
    assert "<examples" not in before
    assert "Codes have a dash.\nWhat words mean here:\n- PUMP: a pump" in before
    own = document_tuning(tenant_id=tenant, schema_slug="promise", document_id=document, clock=SYSTEM_CLOCK)
    assert own.guidance.examples == ()
    set_tuning(tenant_id=tenant, slug="promise", tuning=Tuning(), clock=SYSTEM_CLOCK)
    upload_letter(tenant, mark="fourth")
    assert "<examples" not in _question(server.requests[-1])


@pytest.mark.usefixtures("small_takes_adapters")
def test_a_document_waits_for_an_adapter_that_is_not_loaded_and_is_never_answered_without(
    tenant: UUID, other_tenant: UUID, server: LoopbackServer
) -> None:
    _schema(tenant, other_tenant)
    adapter = f"{_slug(tenant)}.letters"
    inference.set_adapters(tenant_id=tenant, adapters={"small": adapter}, clock=SYSTEM_CLOCK)
    document = upload_letter(tenant, mark="a")
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    assert (found.status, found.reason_code) == (DocumentStatus.EXTRACTED, "missing_adapter")
    assert found.reason == (
        f"the model server hasn't loaded the adapter '{adapter}' for 'tiny': load it there, or take it out of the "
        "tuning"
    )
    assert server.requests == []
    server.adapters = ("stranger", adapter)
    upload_letter(tenant, mark="b")
    upload_letter(other_tenant, mark="c")
    assert [request["model"] for request in server.requests] == [f"tiny:{adapter}", "tiny"]
    with tenant_scope(tenant):
        # Far from its own time to look again, however slow the machine is: only the change of the tuning wakes it.
        StageRun.objects.filter(document_id=document, stage="ask").update(due_at=SYSTEM_CLOCK.now() + timedelta(days=1))
    set_tuning_everywhere(tenant_id=tenant, tuning=Tuning(), adapters={"small": adapter}, clock=SYSTEM_CLOCK)
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    assert (found.status, found.reason_code) == (DocumentStatus.DONE, "")
