"""Writing passages."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
import numpy.typing as npt
import orjson
from django.db import connection

from apps.common.ids import new_id
from apps.common.text import storable
from apps.search.models import DIMENSIONS, StoredPassage
from apps.search.passages import Passage
from apps.tenants.scope import in_tenant_scope


@in_tenant_scope
def store_passages(
    *,
    tenant_id: UUID,
    document_id: UUID,
    first_page: int,
    last_page: int,
    passages: Sequence[Passage],
    vectors: Sequence[npt.NDArray[np.float32]] | npt.NDArray[np.float32],
    model: str,
) -> None:
    """Replace the passages of a range of a document's pages in one statement.

    `vectors` has shape (len(passages), DIMENSIONS), rows of unit length by `model`. Raises ValueError for any
    other shape.
    """
    table = np.asarray(vectors, dtype=np.float32)
    if passages and table.shape != (len(passages), DIMENSIONS):
        message = f"expected {len(passages)} vectors of {DIMENSIONS} dimensions, not an array of shape {table.shape}"
        raise ValueError(message)
    StoredPassage.objects.filter(
        tenant_id=tenant_id, document_id=document_id, page__range=(first_page, last_page)
    ).delete()
    if not passages:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO search_storedpassage
              (tenant_id, id, document_id, page, ordinal, x0, y0, x1, y1, text, model, embedding)
            SELECT %s, p.id, %s, p.page, p.ordinal, p.x0, p.y0, p.x1, p.y1, p.text, %s, p.embedding::halfvec
            FROM unnest(%s::uuid[], %s::int[], %s::int[], %s::float8[], %s::float8[], %s::float8[], %s::float8[],
                        %s::text[], %s::text[]) AS p (id, page, ordinal, x0, y0, x1, y1, text, embedding)
            """,
            [
                tenant_id,
                document_id,
                model,
                [new_id() for _ in passages],
                [passage.page for passage in passages],
                [passage.ordinal for passage in passages],
                [float(passage.box.x0) for passage in passages],
                [float(passage.box.y0) for passage in passages],
                [float(passage.box.x1) for passage in passages],
                [float(passage.box.y1) for passage in passages],
                [storable(passage.text) for passage in passages],
                [vector_literal(vector) for vector in table],
            ],
        )


@in_tenant_scope
def delete_passages(*, tenant_id: UUID, document_id: UUID) -> None:
    """Delete a document's passages."""
    StoredPassage.objects.filter(tenant_id=tenant_id, document_id=document_id).delete()


def vector_literal(vector: npt.NDArray[np.float32]) -> str:
    """Return a vector as Postgres reads one: a JSON array of numbers."""
    return orjson.dumps(np.ascontiguousarray(vector), option=orjson.OPT_SERIALIZE_NUMPY).decode()
