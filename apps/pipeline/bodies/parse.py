"""A document becomes pages of words."""

from __future__ import annotations

from collections.abc import Callable

from apps.common.clock import Clock
from apps.parsing import operations as parsing
from apps.parsing import remarks
from apps.parsing.codec import VERSION
from apps.parsing.errors import unparsable
from apps.pipeline.bodies.opening import opened, sandbox
from apps.pipeline.operations import LeaseLostError
from apps.pipeline.stages import Claim, Outcome


def parse(*, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:  # noqa: ARG001 - the stages' shape
    """Read a range of pages in the sandbox. Raises Quarantined or Unreadable."""
    tenant_id = claim.tenant_id
    with opened(claim=claim) as document:
        if document.path.stat().st_size == 0:
            raise unparsable(code="empty")
        with sandbox().read(
            path=document.path,
            media_type=document.media_type,
            password=document.password,
            first=claim.first_page,
            last=claim.last_page,
        ) as reading:
            pages = []
            for page in reading:
                if cancelled():
                    raise LeaseLostError
                pages.append(page)

    def store() -> None:
        parsing.store_pages(tenant_id=tenant_id, blob_id=document.blob_id, pages=pages)
        if claim.first_page == 1:
            parsing.store_parse(
                tenant_id=tenant_id,
                blob_id=document.blob_id,
                version=str(VERSION),
                page_count=reading.pages,
                language=reading.language,
                attachments=reading.attachments,
            )

    return Outcome(store=store, page_count=reading.pages, reason=remarks.reason(reading.remarks))
