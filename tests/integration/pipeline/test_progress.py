"""How far a document has come, while it is on its way."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.test import override_settings

from apps.pipeline.models import StageRun
from apps.pipeline.queries import progress
from apps.pipeline.worker import work
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.uploads import upload


def _work(tenant: UUID, document: UUID, *stages: str) -> None:
    for stage in stages:
        with tenant_scope(tenant):
            pieces = list(StageRun.objects.filter(document_id=document, stage=stage, status="pending"))
        for piece in pieces:
            work(tenant_id=tenant, stage_run_id=piece.id)


def test_progress_goes_by_pages_and_ends_with_the_document(tenant: UUID, other_tenant: UUID) -> None:
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        document = upload(tenant, pdf(pages=60, mark="progress"), schema="invoice")
        seen = [progress(tenant_id=tenant, document_ids=[document, uuid4()])]
        for stage in ("parse", "extract", "index", "render"):
            _work(tenant, document, stage)
            seen.append(progress(tenant_id=tenant, document_ids=[document]))
        assert seen == [{document: share} for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
        assert progress(tenant_id=other_tenant, document_ids=[document]) == {}
        _work(tenant, document, "merge", "ask", "look")
    assert progress(tenant_id=tenant, document_ids=[document]) == {}


def test_a_second_schema_begins_with_what_the_first_has_done(tenant: UUID) -> None:
    data = pdf(mark="again")
    upload(tenant, data, schema="invoice")
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        document = upload(tenant, data, schema="receipt")
    assert progress(tenant_id=tenant, document_ids=[document]) == {document: 0.75}
