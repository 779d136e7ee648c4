"""Reading what was parsed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import Max

from apps.parsing.codec import decode_page, tables_from_json
from apps.parsing.models import StoredAttachment, StoredPage, StoredParse
from apps.parsing.pages import Attachment, Page, ParsedDocument, TextSource
from apps.tenants.scope import in_tenant_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """A page as lists show it: sizes in points, the image's in pixels, 0 where there is none yet."""

    number: int
    width: float
    height: float
    source: TextSource
    image_key: str
    image_width: int
    image_height: int


@in_tenant_scope
def page_facts(*, tenant_id: UUID, blob_id: UUID) -> tuple[PageFacts, ...]:
    """Return a document's pages without their words, in order."""
    return _facts(tenant_id=tenant_id, blob_id=blob_id, numbers=None)


def _facts(*, tenant_id: UUID, blob_id: UUID, numbers: Sequence[int] | None) -> tuple[PageFacts, ...]:
    wanted = StoredPage.objects.filter(tenant_id=tenant_id, blob_id=blob_id)
    if numbers is not None:
        wanted = wanted.filter(number__in=list(numbers))
    rows = wanted.order_by("number").values_list(
        "number", "width", "height", "source", "image_key", "image_width", "image_height"
    )
    return tuple(
        PageFacts(
            number=row[0],
            width=row[1],
            height=row[2],
            source=TextSource(row[3]),
            image_key=row[4],
            image_width=row[5],
            image_height=row[6],
        )
        for row in rows
    )


@in_tenant_scope
def page(*, tenant_id: UUID, blob_id: UUID, number: int) -> Page | None:
    """Return one page with its words, or None."""
    row = StoredPage.objects.filter(tenant_id=tenant_id, blob_id=blob_id, number=number).first()
    return _page(row) if row else None


@in_tenant_scope
def pages(*, tenant_id: UUID, blob_id: UUID, first: int, last: int) -> tuple[Page, ...]:
    """Return pages first to last, both included, with their words."""
    rows = StoredPage.objects.filter(
        tenant_id=tenant_id, blob_id=blob_id, number__gte=first, number__lte=last
    ).order_by("number")
    return tuple(_page(row) for row in rows)


# So many pages are decoded at a time: about as many kilobytes of words, boxes and text as a hundred times that.
BATCH = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPages:
    """A document's pages from the database, a few at a time: no document is too long to be read.

    Each batch is a transaction of its own: none stays open while what was read is sent to a model.
    """

    tenant_id: UUID
    blob_id: UUID
    count: int

    def pages(self, *, first: int, last: int) -> Iterator[Page]:
        """Yield pages first to last, both included, in order."""
        for start in range(first, last + 1, BATCH):
            yield from pages(
                tenant_id=self.tenant_id, blob_id=self.blob_id, first=start, last=min(start + BATCH - 1, last)
            )


@in_tenant_scope
def stored_pages(*, tenant_id: UUID, blob_id: UUID) -> StoredPages:
    """Return a document's pages as what loads them when they are read."""
    count = StoredPage.objects.filter(tenant_id=tenant_id, blob_id=blob_id).aggregate(last=Max("number"))["last"] or 0
    return StoredPages(tenant_id=tenant_id, blob_id=blob_id, count=count)


@in_tenant_scope
def picture_sizes(*, tenant_id: UUID, blob_id: UUID) -> Mapping[int, tuple[int, int]]:
    """Return width and height in pixels of the page images that there are, by page number."""
    rows = (
        StoredPage.objects.filter(tenant_id=tenant_id, blob_id=blob_id)
        .exclude(image_key="")
        .order_by("number")
        .values_list("number", "image_width", "image_height")
    )
    return {number: (width, height) for number, width, height in rows}


@in_tenant_scope
def parsed_document(*, tenant_id: UUID, blob_id: UUID, max_pages: int) -> ParsedDocument:
    """Return the first `max_pages` pages and what the document carries."""
    parse = StoredParse.objects.filter(tenant_id=tenant_id, blob_id=blob_id).first()
    attachments = StoredAttachment.objects.filter(tenant_id=tenant_id, blob_id=blob_id).order_by("name")
    return ParsedDocument(
        pages=pages(tenant_id=tenant_id, blob_id=blob_id, first=1, last=max_pages),
        attachments=tuple(
            Attachment(name=row.name, media_type=row.media_type, data=bytes(row.data)) for row in attachments
        ),
        language=(parse.language or None) if parse else None,
    )


@in_tenant_scope
def image_key(*, tenant_id: UUID, blob_id: UUID, number: int) -> str | None:
    """Return where a page image lies, or None where there is no page or no image yet."""
    key: str | None = (
        StoredPage.objects.filter(tenant_id=tenant_id, blob_id=blob_id, number=number)
        .values_list("image_key", flat=True)
        .first()
    )
    return key or None


@in_tenant_scope
def images(*, tenant_id: UUID, blob_id: UUID, numbers: Sequence[int]) -> tuple[PageFacts, ...]:
    """Return the facts of those of these pages that have an image, in order."""
    return tuple(facts for facts in _facts(tenant_id=tenant_id, blob_id=blob_id, numbers=numbers) if facts.image_key)


def _page(row: StoredPage) -> Page:
    page = decode_page(bytes(row.words))
    return replace(page, tables=tables_from_json(row.tables)) if row.tables else page
