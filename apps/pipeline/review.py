"""Why documents are in review: what the portal's list and REST say of it, from one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from apps.documents.models import DocumentStatus
from apps.documents.queries import DocumentSummary
from apps.pipeline.models import StageRun, StageStatus
from apps.pipeline.stages import OF_THE_BYTES
from apps.results.doubts import Doubt, Reason, summary
from apps.results.queries import open_results
from apps.schemas import queries as schemas
from apps.schemas.fields import Schema
from apps.tenants.scope import in_tenant_scope

_WITHOUT = {"ask": "The model could not be asked"}
_NOTHING_TOLD = Reason(doubt=Doubt.UNSURE, message="Quire isn't sure of this document: look it over")


@in_tenant_scope
def reasons_for_review(*, tenant_id: UUID, found: Sequence[DocumentSummary]) -> Mapping[UUID, tuple[Reason, ...]]:
    """Return for each of these documents that is in review why it is, the worst first; others are left out.

    Told are what its file has lost, values that nobody has decided on, required fields without one, rows and pages that
    nobody answered for, and stages that the document had to go on without.
    """
    in_review = {item.id: item.reason for item in found if item.status is DocumentStatus.NEEDS_REVIEW}
    if not in_review:
        return {}
    of_documents = open_results(tenant_id=tenant_id, document_ids=list(in_review))
    without = _failed_stages(
        tenant_id=tenant_id, run_ids=[result.run_id for results in of_documents.values() for result in results]
    )
    read: dict[tuple[str, int], Schema] = {}
    told: dict[UUID, tuple[Reason, ...]] = {}
    for document_id, results in of_documents.items():
        reasons: list[Reason] = []
        for result in results:
            key = (result.schema_slug, result.schema_version)
            if key not in read:
                read[key] = schemas.version(tenant_id=tenant_id, slug=key[0], version=key[1])
            reasons += [*summary(result=result, schema=read[key]), *without.get(result.run_id, ())]
        told[document_id] = tuple(dict.fromkeys(reasons))
    for document_id, said in in_review.items():
        of_the_file = (Reason(doubt=Doubt.FILE_DAMAGED, message=said[:1].upper() + said[1:]),) if said else ()
        told[document_id] = (*of_the_file, *told.get(document_id, ())) or (_NOTHING_TOLD,)
    return told


def _failed_stages(*, tenant_id: UUID, run_ids: Sequence[UUID]) -> Mapping[UUID, list[Reason]]:
    """Return the stages that runs went on without, in words, by run."""
    rows = (
        StageRun.objects.filter(tenant_id=tenant_id, run_id__in=run_ids, status=StageStatus.DONE)
        .exclude(reason_code="")
        .exclude(stage__in=OF_THE_BYTES)
        .order_by("run_id", "stage", "shard")
        .values_list("run_id", "stage", "reason")
    )
    found: defaultdict[UUID, list[Reason]] = defaultdict(list)
    for run_id, stage, reason in rows:
        words = _WITHOUT.get(stage, f"The stage '{stage}' could not be done")
        found[run_id].append(Reason(doubt=Doubt.STAGE_FAILED, message=f"{words}: {reason}"))
    return found
