"""Pages become pictures, and tables where they have ruled lines."""

from __future__ import annotations

from collections.abc import Callable

from apps.common.clock import Clock
from apps.documents import queries as documents
from apps.documents import storage
from apps.parsing import operations as parsing
from apps.parsing.operations import StoredImage
from apps.pipeline.bodies.opening import opened, sandbox
from apps.pipeline.operations import LeaseLostError
from apps.pipeline.stages import Claim, Outcome


def render(*, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:  # noqa: ARG001 - the stages' shape
    """Render a range of pages into storage; the database learns of them at the commit.

    A picture's place follows from the page alone, so a repeated attempt writes over what an earlier one left. Where the
    document was deleted meanwhile, its pictures go too.
    """
    tenant_id = claim.tenant_id
    images: list[StoredImage] = []

    def discard() -> None:
        if documents.source_of(tenant_id=tenant_id, document_id=claim.document_id) is None:
            storage.delete(keys=[image.key for image in images])

    with opened(claim=claim) as document:
        for page in sandbox().render(
            path=document.path,
            media_type=document.media_type,
            password=document.password,
            first=claim.first_page,
            last=claim.last_page,
        ):
            if cancelled():
                discard()
                raise LeaseLostError
            key = storage.page_image_key(tenant_id=tenant_id, blob_id=document.blob_id, number=page.number)
            storage.put(key=key, data=page.jpeg)
            images.append(
                StoredImage(number=page.number, key=key, width=page.width, height=page.height, tables=page.tables)
            )

    def store() -> None:
        parsing.store_images(tenant_id=tenant_id, blob_id=document.blob_id, images=images)

    return Outcome(store=store, discard=discard)
