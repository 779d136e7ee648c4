"""Storing what was parsed. It replaces what an earlier attempt wrote, so a repeated stage changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import orjson
import psycopg
from django.db import connection

from apps.common.ids import new_id
from apps.parsing.codec import EncodedPage, tables_to_json
from apps.parsing.models import StoredAttachment, StoredParse
from apps.parsing.pages import Attachment, Table
from apps.tenants.scope import in_tenant_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """A page image that lies in storage already, and the ruled tables that were found on the way."""

    number: int
    key: str
    width: int
    height: int
    tables: tuple[Table, ...] = field(default=())


@in_tenant_scope
def store_pages(*, tenant_id: UUID, blob_id: UUID, pages: Sequence[EncodedPage]) -> None:
    """Write pages in one statement. The words stay as the parser's child encoded them."""
    if not pages:
        return
    # Bytes go as they are to a cursor that binds on the server; Django's would write each as two letters of SQL.
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(
            """
            INSERT INTO parsing_storedpage
              (tenant_id, id, blob_id, number, width, height, source, words,
               image_key, image_width, image_height, tables)
            SELECT %s, p.id, %s, p.number, p.width, p.height, p.source, p.words, '', 0, 0, '[]'::jsonb
            FROM unnest(%s::uuid[], %s::int[], %s::float8[], %s::float8[], %s::text[], %b::bytea[])
              AS p (id, number, width, height, source, words)
            ON CONFLICT (tenant_id, blob_id, number) DO UPDATE
              SET width = excluded.width, height = excluded.height, source = excluded.source, words = excluded.words
            """,
            [
                tenant_id,
                blob_id,
                [new_id() for _ in pages],
                [page.number for page in pages],
                [page.width for page in pages],
                [page.height for page in pages],
                [page.source.value for page in pages],
                [page.data for page in pages],
            ],
        )


@in_tenant_scope
def store_parse(
    *,
    tenant_id: UUID,
    blob_id: UUID,
    version: str,
    page_count: int,
    language: str | None,
    attachments: Sequence[Attachment],
) -> None:
    """Write what holds for the whole document."""
    StoredParse.objects.bulk_create(
        [
            StoredParse(
                tenant_id=tenant_id,
                blob_id=blob_id,
                version=version,
                page_count=page_count,
                language=language or "",
            )
        ],
        update_conflicts=True,
        unique_fields=["tenant_id", "blob_id"],
        update_fields=["version", "page_count", "language"],
    )
    StoredAttachment.objects.bulk_create(
        [
            StoredAttachment(
                tenant_id=tenant_id,
                blob_id=blob_id,
                name=attachment.name[:255],
                media_type=attachment.media_type,
                data=attachment.data,
            )
            for attachment in attachments
        ],
        ignore_conflicts=True,
    )


@in_tenant_scope
def store_images(*, tenant_id: UUID, blob_id: UUID, images: Sequence[StoredImage]) -> None:
    """Note where the page images lie, and the tables."""
    if not images:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE parsing_storedpage AS p
            SET image_key = i.key, image_width = i.width, image_height = i.height, tables = i.tables
            FROM unnest(%s::int[], %s::text[], %s::int[], %s::int[], %s::jsonb[])
              AS i (number, key, width, height, tables)
            WHERE p.tenant_id = %s AND p.blob_id = %s AND p.number = i.number
            """,
            [
                [image.number for image in images],
                [image.key for image in images],
                [image.width for image in images],
                [image.height for image in images],
                [orjson.dumps(tables_to_json(image.tables)).decode() for image in images],
                tenant_id,
                blob_id,
            ],
        )
