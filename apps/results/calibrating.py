"""The curves that make a tenant's confidence the share right, from what its people have checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from uuid import UUID

from apps.extraction.calibration import Curve, fit
from apps.results.models import Decision
from apps.results.queries import checked
from apps.tenants.scope import in_tenant_scope

# The newest checked values of a schema that curves are fitted on: engines and documents change.
MOST_CHECKED = 5000
# A curve is two dozen points; a process keeps those of so many tenants' schemas.
_KEPT = 512


@in_tenant_scope
def curves(*, tenant_id: UUID, schema_slug: str) -> Mapping[str, Curve]:
    """Return the curve of each engine of which people have checked enough values under a schema (calibration.ENOUGH).

    They are fitted anew when somebody has decided on something since: the newest decision is looked up each time, by
    its index, and a process keeps what it fitted.
    """
    newest = (
        Decision.objects.filter(tenant_id=tenant_id, schema_slug=schema_slug)
        .order_by("-decided_at", "-id")
        .values_list("id", flat=True)
        .first()
    )
    return {} if newest is None else _fitted(tenant_id, schema_slug, newest)


@lru_cache(maxsize=_KEPT)
def _fitted(tenant_id: UUID, schema_slug: str, newest: UUID) -> Mapping[str, Curve]:  # noqa: ARG001 - a key
    judged: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
    for value in checked(tenant_id=tenant_id, schema_slug=schema_slug, limit=MOST_CHECKED):
        judged[value.engine].append((value.score, value.right))
    found = {engine: fit(pairs) for engine, pairs in judged.items()}
    return {engine: curve for engine, curve in found.items() if curve.points}
