"""The curves that make a tenant's confidence the share right, from what its people have checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from uuid import UUID

from django.db import connection

from apps.extraction.calibration import Curve, fit
from apps.results.queries import checked
from apps.tenants.scope import in_tenant_scope

# The newest checked values of a schema that curves are fitted on: engines and documents change.
MOST_CHECKED = 5000
# A curve is two dozen points; a process keeps those of so many tenants' schemas.
_KEPT = 512
# In the order of an index, so that no row is read for it: thousands lie anywhere in the table.
_WHICH = """
SELECT md5(string_agg(id::text, '' ORDER BY id)) FROM (
  SELECT id FROM results_decision WHERE tenant_id = %s AND schema_slug = %s
  ORDER BY decided_at DESC, turn DESC, id DESC LIMIT %s
) AS d
"""


@in_tenant_scope
def curves(*, tenant_id: UUID, schema_slug: str) -> Mapping[str, Curve]:
    """Return the curve of each engine of which people have checked enough values under a schema (calibration.ENOUGH).

    They are fitted anew when it is other decisions that they would be fitted on, and a process keeps what it fitted.
    Which those are is looked up each time, by their ids: a new one needn't be the newest, since clocks differ, and
    there needn't be more of them, since those of a deleted document go.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WHICH, [tenant_id, schema_slug, MOST_CHECKED])
        (decisions,) = cursor.fetchone()
    return {} if decisions is None else _fitted(tenant_id, schema_slug, decisions)


@lru_cache(maxsize=_KEPT)
def _fitted(tenant_id: UUID, schema_slug: str, decisions: str) -> Mapping[str, Curve]:  # noqa: ARG001 - a key
    judged: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
    for value in checked(tenant_id=tenant_id, schema_slug=schema_slug, limit=MOST_CHECKED):
        judged[value.engine].append((value.score, value.right))
    found = {engine: fit(pairs) for engine, pairs in judged.items()}
    return {engine: curve for engine, curve in found.items() if curve.points}
