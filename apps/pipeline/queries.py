"""Reading how far work has come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from apps.documents.models import TERMINAL_STATUSES
from apps.documents.queries import DocumentSummary
from apps.pipeline.models import Run, RunStatus, StageRun, StageStatus
from apps.pipeline.stages import OF_THE_BYTES, STAGES
from apps.tenants.scope import in_tenant_scope

_BY_PAGES = tuple(stage.name for stage in STAGES if stage.shard_pages)


@in_tenant_scope
def progress(*, tenant_id: UUID, found: Sequence[DocumentSummary]) -> Mapping[UUID, float]:
    """Return how much of the work on each document's pages is done, in [0, 1]; documents without any are left out.

    Counted are pages, once for each stage that goes by pages; a model's work isn't known before it is done.
    """
    counts = {item.id: item.page_count or 0 for item in found if item.status not in TERMINAL_STATUSES}
    if not counts:
        return {}
    runs = dict(
        Run.objects.filter(tenant_id=tenant_id, document_id__in=counts, status=RunStatus.ACTIVE).values_list(
            "id", "document_id"
        )
    )
    done: defaultdict[UUID, int] = defaultdict(int)
    pieces = StageRun.objects.filter(
        tenant_id=tenant_id, run_id__in=runs, stage__in=_BY_PAGES, status=StageStatus.DONE
    ).values_list("document_id", "first_page", "last_page")
    for document_id, first, last in pieces:
        # A stage that an earlier run has done is one piece without pages; the first piece may end behind the last page.
        done[document_id] += min(last, counts[document_id]) - first + 1 if last else counts[document_id]
    return {
        document_id: round(done[document_id] / (max(counts[document_id], 1) * len(_BY_PAGES)), 2)
        for document_id in runs.values()
    }


@in_tenant_scope
def stages_under_way(*, tenant_id: UUID, found: Sequence[DocumentSummary]) -> Mapping[UUID, tuple[str, bool]]:
    """Return for each document that is worked on the first stage that isn't done, and whether somebody is at it.

    What is done beside the way to the values counts only where nothing else is left.
    """
    live = [item.id for item in found if item.status not in TERMINAL_STATUSES]
    if not live:
        return {}
    rows = (
        StageRun.objects.filter(
            tenant_id=tenant_id, document_id__in=live, status__in=[StageStatus.PENDING, StageStatus.RUNNING]
        )
        .values_list("document_id", "stage", "status")
        .distinct()
    )
    beside = OF_THE_BYTES - {"parse"}
    order = {stage.name: (stage.name in beside, place) for place, stage in enumerate(STAGES)}
    first: dict[UUID, tuple[str, bool]] = {}
    for document_id, stage, status in rows:
        running = status == StageStatus.RUNNING
        known = first.get(document_id)
        if known is None or order[stage] < order[known[0]]:
            first[document_id] = (stage, running)
        elif known[0] == stage and running:
            first[document_id] = (stage, True)
    return first
