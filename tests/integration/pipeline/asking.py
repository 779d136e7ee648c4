"""A letter that only a model can read, and a document's way through the stage that asks one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from apps.common.clock import SYSTEM_CLOCK
from apps.documents import queries as documents
from apps.documents.models import DocumentStatus
from apps.pipeline.models import StageRun
from apps.pipeline.worker import work
from apps.schemas.operations import create_schema
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.uploads import upload

LINES = (
    (60, 80, "Dear customer,", 11),
    (60, 110, "every pump of ours comes with the promise ZX-81-PUMP, which our grandchildren will honour.", 10),
    (60, 140, "With kind regards from the workshop", 10),
)
CLAIM = {"value": "ZX-81-PUMP", "quote": "the promise ZX-81-PUMP", "page": 1}
WARRANTY_CODE = {"type": "string", "title": "Warranty code", "maxLength": 40, "x-quire": {"kind": "identifier"}}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "Promise",
    "description": "A letter that promises something.",
    "required": ["warranty_code"],
    "properties": {"warranty_code": WARRANTY_CODE},
    "x-quire": {"engines": ["layout", "sglang:small"]},
}


def make_schema(tenant: UUID, document: Mapping[str, object] = SCHEMA) -> None:
    create_schema(tenant_id=tenant, slug="promise", document=document, clock=SYSTEM_CLOCK)


def upload_letter(tenant: UUID, *, mark: str = "") -> UUID:
    """Upload the letter; `mark` makes its bytes another's."""
    return upload(tenant, pdf(lines=LINES, mark=mark), schema="promise", name="letter.pdf")


def status(tenant: UUID, document: UUID) -> tuple[DocumentStatus, str]:
    """Return a document's status, and the code of what it waits for."""
    found = documents.document(tenant_id=tenant, document_id=document)
    assert found is not None
    return found.status, found.reason_code


def due(tenant: UUID, document: UUID) -> UUID:
    """Let the time come at which a document's question is looked at again; return that piece of work."""
    with tenant_scope(tenant):
        asked = StageRun.objects.get(document_id=document, stage="ask")
        StageRun.objects.filter(id=asked.id).update(due_at=asked.due_at - timedelta(days=1))
    return asked.id


def look_again(tenant: UUID, document: UUID) -> None:
    """Do as the sweeper and a worker do once that time has come."""
    assert work(tenant_id=tenant, stage_run_id=due(tenant, document))
