"""How far a document has come, while it is on its way."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid4

from django.test import override_settings

from apps.documents import queries as documents
from apps.pipeline.queries import progress
from tests.factories.documents import pdf
from tests.factories.stages import do
from tests.factories.uploads import upload


def _progress(tenant: UUID, *ids: UUID) -> Mapping[UUID, float]:
    found = [documents.document(tenant_id=tenant, document_id=document) for document in ids]
    return progress(tenant_id=tenant, found=[document for document in found if document])


def test_progress_goes_by_pages_and_ends_with_the_document(tenant: UUID, other_tenant: UUID) -> None:
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        document = upload(tenant, pdf(pages=60, mark="progress"), schema="invoice")
        seen = [_progress(tenant, document, uuid4())]
        for stage in ("parse", "extract", "index", "render"):
            do(tenant, document, stage)
            seen.append(_progress(tenant, document))
        assert seen == [{document: share} for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
        summary = documents.document(tenant_id=tenant, document_id=document)
        assert summary is not None
        assert progress(tenant_id=other_tenant, found=[summary]) == {}
        do(tenant, document, "merge", "ask", "look")
    assert _progress(tenant, document) == {}


def test_a_second_schema_begins_with_what_the_first_has_done(tenant: UUID) -> None:
    data = pdf(mark="again")
    upload(tenant, data, schema="invoice")
    with override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher"):
        document = upload(tenant, data, schema="receipt")
    assert _progress(tenant, document) == {document: 0.75}
