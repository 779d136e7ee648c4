"""Search with the real model and the real database."""

from __future__ import annotations

from uuid import UUID, uuid4

import numpy as np
import pytest
from django.db import IntegrityError

from apps.common.clock import SYSTEM_CLOCK
from apps.documents.models import Document, DocumentStatus
from apps.inference.embeddings import local_embedder
from apps.parsing.pages import Box
from apps.search.models import StoredPassage
from apps.search.operations import delete_passages, store_passages
from apps.search.passages import Passage
from apps.search.queries import Hit, search
from apps.tenants.scope import tenant_scope
from tests.factories.rows import document

ENDS = "The contract ends on 31 December 2026 unless it is renewed in writing."
TOTAL = "Invoice NW-2025-0417, total due GBP 781.20"
GARDEN = "Prune the roses in late winter, before the first leaves."
BOX = Box(0.125, 0.25, 0.5, 0.75)


def _index(tenant_id: UUID, document_id: UUID, *texts: str, model: str | None = None) -> None:
    local = local_embedder()
    store_passages(
        tenant_id=tenant_id,
        document_id=document_id,
        first_page=1,
        last_page=100,
        passages=[
            Passage(page=1 + number // 2, ordinal=number % 2, box=BOX, text=text) for number, text in enumerate(texts)
        ],
        vectors=local.embed(texts),
        model=model or local.name,
    )


def _texts(hits: tuple[Hit, ...]) -> list[str]:
    return [hit.text for hit in hits]


def test_a_question_finds_a_passage_without_its_words(tenant: UUID) -> None:
    document_id = document(tenant, name="lease.pdf")
    _index(tenant, document_id, GARDEN, TOTAL, ENDS)
    hits = search(clock=SYSTEM_CLOCK, tenant_id=tenant, query="When does the agreement expire?", limit=2)
    assert len(hits) == 2
    assert hits[0] == Hit(
        document_id=document_id, document_name="lease.pdf", page=2, box=BOX, text=ENDS, score=hits[0].score
    )
    assert 1 > hits[0].score > hits[1].score > 0


def test_a_number_is_found_by_word(tenant: UUID) -> None:
    # Numbers that differ in one digit are all alike to an embedding.
    numbers = [f"Invoice NW-2025-{number:04}, total due" for number in range(300, 420)]
    _index(tenant, document(tenant), *numbers)
    (hit,) = search(clock=SYSTEM_CLOCK, tenant_id=tenant, query="NW-2025-0388", limit=1)
    assert hit.text == "Invoice NW-2025-0388, total due"


def test_first_by_meaning_and_by_word_scores_one(tenant: UUID) -> None:
    _index(tenant, document(tenant), GARDEN, TOTAL)
    (hit,) = search(clock=SYSTEM_CLOCK, tenant_id=tenant, query=TOTAL, limit=1)
    assert hit.text == TOTAL
    assert hit.score == pytest.approx(1.0)


def test_stop_words_find_nothing_by_themselves(tenant: UUID) -> None:
    document_id = document(tenant)
    filler = "what is the of and to in der die das und ist nicht le la les et est de que"
    _index(tenant, document_id, filler, TOTAL)
    hits = search(clock=SYSTEM_CLOCK, tenant_id=tenant, query="what is the total of the invoice", limit=1)
    assert _texts(hits) == [TOTAL]
    # Where nothing else is asked, they count.
    assert _texts(search(clock=SYSTEM_CLOCK, tenant_id=tenant, query="der die das", limit=1)) == [filler]


@pytest.mark.parametrize(
    "query", ["'", "\\", "a' | 'b", "!!!", "& | ! ( ) : *", "\0", "%s %(x)s {}", "x" * 5000, "日本語", "\ud800"]
)
def test_any_text_can_be_asked(tenant: UUID, query: str) -> None:
    _index(tenant, document(tenant), "O'Brien \\ says: & | ! ( ) : * %s {} 日本語", TOTAL)
    assert len(search(clock=SYSTEM_CLOCK, tenant_id=tenant, query=query, limit=5)) == 2


@pytest.mark.parametrize(("query", "limit"), [("", 5), ("  \n", 5), ("invoice", 0)])
def test_nothing_asked_is_nothing_found(tenant: UUID, query: str, limit: int) -> None:
    _index(tenant, document(tenant), TOTAL)
    assert search(clock=SYSTEM_CLOCK, tenant_id=tenant, query=query, limit=limit) == ()


def test_one_document_only(tenant: UUID) -> None:
    first, second = document(tenant), document(tenant)
    _index(tenant, first, TOTAL)
    _index(tenant, second, GARDEN)
    assert _texts(search(clock=SYSTEM_CLOCK, tenant_id=tenant, query="total due", limit=5, document_id=second)) == [
        GARDEN
    ]
    assert search(clock=SYSTEM_CLOCK, tenant_id=tenant, query="total due", limit=5, document_id=uuid4()) == ()


def test_deleted_documents_are_left_out(tenant: UUID) -> None:
    document_id = document(tenant)
    _index(tenant, document_id, TOTAL)
    with tenant_scope(tenant):
        Document.objects.filter(id=document_id).update(status=DocumentStatus.DELETED)
    assert search(clock=SYSTEM_CLOCK, tenant_id=tenant, query="total due", limit=5) == ()


def test_passages_of_another_model_are_found_by_word_only(tenant: UUID) -> None:
    _index(tenant, document(tenant), TOTAL, model="another")
    assert _texts(search(clock=SYSTEM_CLOCK, tenant_id=tenant, query="total due", limit=5)) == [TOTAL]
    assert search(clock=SYSTEM_CLOCK, tenant_id=tenant, query="sum payable", limit=5) == ()


def test_storing_again_replaces(tenant: UUID) -> None:
    document_id, other = document(tenant), document(tenant)
    _index(tenant, other, GARDEN)
    _index(tenant, document_id, TOTAL, ENDS, GARDEN)
    _index(tenant, document_id, ENDS)
    with tenant_scope(tenant):
        rows = StoredPassage.objects.filter(document_id=document_id)
        assert list(rows.values_list("text", "page", "ordinal")) == [(ENDS, 1, 0)]
        assert StoredPassage.objects.filter(document_id=other).count() == 1
    store_passages(
        tenant_id=tenant, document_id=document_id, first_page=2, last_page=9, passages=[], vectors=[], model="any"
    )
    with tenant_scope(tenant):
        assert StoredPassage.objects.filter(document_id=document_id).count() == 1
    store_passages(
        tenant_id=tenant, document_id=document_id, first_page=1, last_page=1, passages=[], vectors=[], model="any"
    )
    with tenant_scope(tenant):
        assert not StoredPassage.objects.filter(document_id=document_id).exists()


def test_a_vector_is_stored_to_half_precision(tenant: UUID) -> None:
    document_id = document(tenant)
    vector = local_embedder().embed([TOTAL])
    _index(tenant, document_id, TOTAL)
    with tenant_scope(tenant):
        stored = StoredPassage.objects.get(document_id=document_id).embedding
    np.testing.assert_array_equal(np.asarray(stored, dtype=np.float16), vector[0].astype(np.float16))


def test_vectors_of_another_size_are_refused(tenant: UUID) -> None:
    passage = Passage(page=1, ordinal=0, box=BOX, text="a")
    with pytest.raises(ValueError, match=r"1 vectors of 384 dimensions, not an array of shape \(1, 3\)"):
        store_passages(
            tenant_id=tenant,
            document_id=document(tenant),
            first_page=1,
            last_page=1,
            passages=[passage],
            vectors=np.zeros((1, 3), dtype=np.float32),
            model="any",
        )


def test_another_tenant_finds_and_deletes_nothing(tenant: UUID, other_tenant: UUID) -> None:
    document_id = document(tenant)
    _index(tenant, document_id, TOTAL)
    assert search(clock=SYSTEM_CLOCK, tenant_id=other_tenant, query=TOTAL, limit=5) == ()
    assert search(clock=SYSTEM_CLOCK, tenant_id=other_tenant, query=TOTAL, limit=5, document_id=document_id) == ()
    delete_passages(tenant_id=other_tenant, document_id=document_id)
    with pytest.raises(IntegrityError, match="search_storedpassage_document_id_fk"):
        _index(other_tenant, document_id, GARDEN)
    assert _texts(search(clock=SYSTEM_CLOCK, tenant_id=tenant, query=TOTAL, limit=5)) == [TOTAL]
