"""Reading results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box
from apps.results.alternatives import from_json
from apps.results.models import Result, StoredEvidence, StoredValue
from apps.schemas.fields import Kind
from apps.tenants.scope import in_tenant_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentValue:
    """One stored value with its evidence; the fields are `ExtractedValue`'s. `id` is what a decision refers to."""

    id: UUID
    path: str
    value: str
    kind: Kind
    engine: str
    confidence: float
    status: ValueStatus
    evidence: tuple[Evidence, ...]
    formula: str | None

    def as_extracted(self) -> ExtractedValue:
        """Return what the engine answered, for an engine that goes on from there."""
        return ExtractedValue(
            path=self.path,
            value=self.value,
            kind=self.kind,
            engine=self.engine,
            confidence=self.confidence,
            status=self.status,
            evidence=self.evidence,
            formula=self.formula,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentResult:
    """A document's values under one version of a schema, in the order in which they were stored.

    `alternatives` are other values that were read for a field whose stored one needs review.
    """

    id: UUID
    document_id: UUID
    run_id: UUID
    schema_slug: str
    schema_version: int
    notes: tuple[str, ...]
    created_at: datetime
    values: tuple[DocumentValue, ...]
    alternatives: tuple[ExtractedValue, ...] = ()


@in_tenant_scope
def results_of(*, tenant_id: UUID, document_id: UUID) -> tuple[DocumentResult, ...]:
    """Return the newest result of each schema, by slug; nothing where the tenant has no such document."""
    return results_of_documents(tenant_id=tenant_id, document_ids=[document_id])[document_id]


@in_tenant_scope
def results_of_documents(*, tenant_id: UUID, document_ids: Sequence[UUID]) -> Mapping[UUID, tuple[DocumentResult, ...]]:
    """Return the newest result of each schema for many documents at once; every id asked for is a key."""
    results = list(
        Result.objects.filter(tenant_id=tenant_id, document_id__in=list(document_ids))
        .order_by("document_id", "schema_slug", "-created_at", "-id")
        .distinct("document_id", "schema_slug")
    )
    values = _values(tenant_id=tenant_id, result_ids=[result.id for result in results])
    found: dict[UUID, list[DocumentResult]] = {document_id: [] for document_id in document_ids}
    for result in results:
        found[result.document_id].append(_result(result, values=values.get(result.id, ())))
    return {document_id: tuple(of_document) for document_id, of_document in found.items()}


@in_tenant_scope
def result_of_run(*, tenant_id: UUID, run_id: UUID) -> DocumentResult | None:
    """Return what a run has stored so far, or None."""
    result = Result.objects.filter(tenant_id=tenant_id, run_id=run_id).first()
    if result is None:
        return None
    return _result(result, values=_values(tenant_id=tenant_id, result_ids=[result.id]).get(result.id, ()))


def _result(result: Result, *, values: Sequence[DocumentValue]) -> DocumentResult:
    return DocumentResult(
        id=result.id,
        document_id=result.document_id,
        run_id=result.run_id,
        schema_slug=result.schema_slug,
        schema_version=result.schema_version,
        notes=tuple(result.notes),
        created_at=result.created_at,
        values=tuple(values),
        alternatives=from_json(result.alternatives),
    )


def _values(*, tenant_id: UUID, result_ids: Sequence[UUID]) -> Mapping[UUID, list[DocumentValue]]:
    """Return the values of these results, each list in its stored order."""
    if not result_ids:
        return {}
    rows = StoredValue.objects.filter(tenant_id=tenant_id, result_id__in=result_ids)
    places: defaultdict[UUID, list[Evidence]] = defaultdict(list)
    for value_id, page, x0, y0, x1, y1, quote in (
        StoredEvidence.objects.filter(tenant_id=tenant_id, value_id__in=rows.values("id"))
        .order_by("value_id", "ordinal")
        .values_list("value_id", "page", "x0", "y0", "x1", "y1", "quote")
    ):
        places[value_id].append(Evidence(page=page, box=Box(x0, y0, x1, y1), quote=quote))
    values: defaultdict[UUID, list[DocumentValue]] = defaultdict(list)
    for row in rows.order_by("result_id", "ordinal"):
        values[row.result_id].append(
            DocumentValue(
                id=row.id,
                path=row.path,
                value=row.value,
                kind=Kind(row.kind),
                engine=row.engine,
                confidence=row.confidence,
                status=ValueStatus(row.status),
                evidence=tuple(places[row.id]),
                formula=row.formula or None,
            )
        )
    return values
