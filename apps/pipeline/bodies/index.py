"""Pages become passages with embeddings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from django.conf import settings

from apps.common.clock import Clock
from apps.documents import queries as documents
from apps.inference.embeddings import embedder
from apps.parsing import queries as parsing
from apps.pipeline.operations import LeaseLostError
from apps.pipeline.stages import Claim, Outcome
from apps.search import operations as search
from apps.search.passages import Passage, passages_of

BATCH_PAGES = 50
BATCH_PASSAGES = 32


def index(*, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:  # noqa: ARG001 - the stages' shape
    """Cut the pages into passages and embed them."""
    tenant_id, document_id = claim.tenant_id, claim.document_id
    summary = documents.document(tenant_id=tenant_id, document_id=document_id)
    if summary is None or summary.blob_id is None:
        raise LeaseLostError
    passages: list[Passage] = []
    for first in range(1, (summary.page_count or 0) + 1, BATCH_PAGES):
        for page in parsing.pages(
            tenant_id=tenant_id, blob_id=summary.blob_id, first=first, last=first + BATCH_PAGES - 1
        ):
            passages.extend(passages_of(page))
    model = embedder(settings.QUIRE_EMBEDDINGS_URL)
    batches = [model.embed([])]
    for start in range(0, len(passages), BATCH_PASSAGES):
        if cancelled():
            raise LeaseLostError
        batches.append(model.embed([passage.text for passage in passages[start : start + BATCH_PASSAGES]]))
    vectors = np.concatenate(batches)

    def store() -> None:
        search.store_passages(
            tenant_id=tenant_id, document_id=document_id, passages=passages, vectors=vectors, model=model.name
        )

    return Outcome(store=store)
