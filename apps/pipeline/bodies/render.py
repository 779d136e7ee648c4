"""Pages become pictures, and tables where they have ruled lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
    document was deleted meanwhile, its pictures go too, whatever this attempt ends with.
    """
    tenant_id = claim.tenant_id
    images: list[StoredImage] = []
    keys: list[str] = []

    def discard() -> None:
        if keys and documents.source_of(tenant_id=tenant_id, document_id=claim.document_id) is None:
            storage.delete(keys=keys)

    with _or(discard), opened(claim=claim) as document:
        for page in sandbox().render(
            path=document.path,
            media_type=document.media_type,
            password=document.password,
            first=claim.first_page,
            last=claim.last_page,
        ):
            if cancelled():
                raise LeaseLostError
            key = storage.page_image_key(tenant_id=tenant_id, blob_id=document.blob_id, number=page.number)
            keys.append(key)
            storage.put(key=key, data=page.jpeg)
            images.append(
                StoredImage(number=page.number, key=key, width=page.width, height=page.height, tables=page.tables)
            )

    def store() -> None:
        parsing.store_images(tenant_id=tenant_id, blob_id=document.blob_id, images=images)

    return Outcome(store=store, discard=discard)


@contextmanager
def _or(discard: Callable[[], None]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        discard()
        raise
