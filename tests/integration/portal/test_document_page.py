"""The document's page while work on it is under way."""

from __future__ import annotations

import re
from urllib.parse import unquote
from uuid import UUID

from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from apps.documents.queries import document as document_of
from apps.tenants.models import Role
from tests.factories.documents import pdf
from tests.factories.members import signed_in
from tests.factories.stages import do
from tests.factories.uploads import upload


@override_settings(QUIRE_DISPATCHER="tests.faults.dispatchers.LosingDispatcher")
def test_the_page_is_sent_anew_when_its_progress_is_another_and_asks_for_it_once(tenant: UUID) -> None:
    document = upload(tenant, pdf(mark="live"), schema="invoice")
    do(tenant, document, "parse")
    found = document_of(tenant_id=tenant, document_id=document)
    assert found is not None
    client, _ = signed_in(tenant, Role.VIEWER)
    shown = client.get(f"/documents/{document}").content.decode()
    (state,) = re.findall(r"state=([^\"&]*)\"", shown)
    seen = {"version": found.updated_at.isoformat(), "share": "0.25", "state": unquote(state)}
    assert client.get(f"/documents/{document}", seen, headers={"HX-Request": "true"}).status_code == 204
    do(tenant, document, "index")
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(f"/documents/{document}", seen, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "share=0.5" in answer.content.decode()
    statements = [query["sql"] for query in asked if 'FROM "pipeline_stagerun"' in query["sql"]]
    assert len(statements) == len(set(statements)) == 2
