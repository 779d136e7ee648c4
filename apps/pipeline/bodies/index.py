"""Pages become passages with embeddings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from apps.common.clock import Clock
from apps.documents import queries as documents
from apps.inference.embedding_ledger import held_embeddings
from apps.inference.embeddings import embedder
from apps.parsing import queries as parsing
from apps.pipeline.operations import LeaseLostError
from apps.pipeline.stages import Claim, Outcome
from apps.search import operations as search
from apps.search.passages import passages_of

BATCH_PASSAGES = 32


def index(*, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:
    """Cut a range of pages into passages and embed them.

    What an embedding server takes is held to the month's budgets before it is asked, and goes into the ledger. Raises
    BudgetSpentError, and what the embedder raises.
    """
    tenant_id, document_id = claim.tenant_id, claim.document_id
    summary = documents.document(tenant_id=tenant_id, document_id=document_id)
    if summary is None or summary.blob_id is None:
        raise LeaseLostError
    passages = [
        passage
        for page in parsing.pages(
            tenant_id=tenant_id, blob_id=summary.blob_id, first=claim.first_page, last=claim.last_page
        )
        for passage in passages_of(page)
    ]
    model = embedder()
    batches = [model.embed([])]
    with held_embeddings(
        tenant_id=tenant_id,
        # Empty where nobody has named one, and it isn't found out yet.
        schema_slug=summary.schema_slug,
        model=model.name,
        texts=[passage.text for passage in passages],
        lane=claim.lane,
        clock=clock,
        what="embedding these pages",
    ) as usage:
        for start in range(0, len(passages), BATCH_PASSAGES):
            if cancelled():
                raise LeaseLostError
            texts = [passage.text for passage in passages[start : start + BATCH_PASSAGES]]
            batches.append(model.embed(texts, usage=usage))
    vectors = np.concatenate(batches)

    def store() -> None:
        search.store_passages(
            tenant_id=tenant_id,
            document_id=document_id,
            first_page=claim.first_page,
            last_page=claim.last_page,
            passages=passages,
            vectors=vectors,
            model=model.name,
        )

    return Outcome(store=store)
