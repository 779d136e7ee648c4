"""The look at the pages, as a stage."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.test import override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.extraction.values import ValueStatus
from apps.parsing import sandbox
from apps.pipeline import operations
from apps.pipeline.bodies.look import look
from apps.pipeline.models import StageRun
from apps.results.queries import results_of
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.stages import do
from tests.factories.uploads import upload


@override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher")
def test_a_document_that_is_cancelled_is_looked_at_no_further(tenant: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    document_id = upload(tenant, pdf(mark="looked at in parts"), schema="invoice")
    do(tenant, document_id, "parse", "extract")
    (result,) = results_of(tenant_id=tenant, document_id=document_id)
    accepted = [value for value in result.values if value.status is ValueStatus.ACCEPTED]
    places = sum(len(value.evidence) for value in accepted)
    assert places > 3
    do(tenant, document_id, "render")
    with tenant_scope(tenant):
        piece = StageRun.objects.get(document_id=document_id, stage="look")
    held = operations.claim(tenant_id=tenant, stage_run_id=piece.id, lease_seconds=30)
    assert held is not None
    monkeypatch.setattr(sandbox, "_PLACES_A_LOOK", 1)
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked == 3

    with pytest.raises(operations.LeaseLostError):
        look(claim=held, clock=SYSTEM_CLOCK, cancelled=cancelled)
    assert asked == 3
    look(claim=held, clock=SYSTEM_CLOCK, cancelled=cancelled)
    assert asked == 3 + places + 1
