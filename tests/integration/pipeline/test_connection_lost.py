"""Postgres goes while a stage works: what the stage made is written once it is back, and made once."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from django.test import override_settings

from apps.common.clock import Clock
from apps.documents.models import DocumentStatus
from apps.pipeline import worker
from apps.pipeline.bodies import parse as parsing
from apps.pipeline.models import StageRun
from apps.pipeline.stages import Claim, Outcome
from apps.pipeline.worker import work
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.uploads import upload
from tests.faults.sessions import end_own_session
from tests.integration.pipeline.asking import status


@pytest.mark.parametrize("data", [pdf(mark="survives"), b"%PDF-1.7 nothing of it is there"], ids=["read", "refused"])
def test_a_stage_whose_connection_broke_is_done_once(
    tenant: UUID, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "RECONNECT_SECONDS", (0.01,))
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        document = upload(tenant, data, schema="invoice")
    with tenant_scope(tenant):
        (piece,) = StageRun.objects.filter(document_id=document)
    begun = []
    real = parsing.parse

    def breaking(*, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:
        begun.append(claim.token)
        try:
            return real(claim=claim, clock=clock, cancelled=cancelled)
        finally:
            end_own_session()

    monkeypatch.setattr(parsing, "parse", breaking)
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        assert work(tenant_id=tenant, stage_run_id=piece.id)
        assert not work(tenant_id=tenant, stage_run_id=piece.id)
    assert begun == [1]
    assert status(tenant, document)[0] in {DocumentStatus.PARSED, DocumentStatus.FAILED}
