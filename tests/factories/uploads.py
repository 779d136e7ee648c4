"""Documents sent in as a person sends them."""

from __future__ import annotations

from uuid import UUID

from apps.common.clock import SYSTEM_CLOCK
from apps.documents.models import Lane
from apps.pipeline.intake import accept_upload


def upload(tenant: UUID, data: bytes, *, schema: str, name: str = "a.pdf", lane: Lane = Lane.INTERACTIVE) -> UUID:
    """Upload a file and return the document's id."""
    return accept_upload(
        tenant_id=tenant,
        chunks=[data],
        name=name,
        schema_slug=schema,
        external_id="",
        lane=lane,
        password=None,
        clock=SYSTEM_CLOCK,
    ).document_id
