"""Finding passages: by meaning and by word, the two rankings fused."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from apps.common.clock import Clock
from apps.common.errors import QuireError
from apps.common.text import storable
from apps.documents.models import DocumentStatus, Lane
from apps.inference.embedding_ledger import record_embeddings
from apps.inference.embeddings import embedder
from apps.inference.ledger import EmbeddingUsage
from apps.parsing.pages import Box
from apps.search.operations import vector_literal
from apps.tenants.scope import in_tenant_scope

# Reciprocal rank fusion with the constant of Cormack, Clarke and Buettcher (SIGIR 2009).
FUSION = 60
# So many of the nearest passages take part, at least.
DEPTH = 50
# A passage takes part by its words where they weigh at least this share of the best passage's.
WORD_SHARE = 0.5

# Every row of the tenant is compared: exact, and at a small tenant's size as fast as an index, which under row-level
# security would lose rows. `@@` isn't leakproof, so it too sees the tenant's rows only, one by one.
#
# A word weighs what it does in BM25 (Robertson and Zaragoza 2009): the fewer passages have it, the more. Passages are
# of like length, so nothing else of BM25 is needed; those whose words weigh the same share their place, and their
# meaning decides. There is no stemmer, for documents have many languages, and so no stop words either: those of five
# languages are left out of the question, unless it has no other words.
_SEARCH = r"""
WITH living AS NOT MATERIALIZED (
  SELECT p.id, p.model, p.embedding, p.words
  FROM search_storedpassage p JOIN documents_document d ON d.tenant_id = p.tenant_id AND d.id = p.document_id
  WHERE p.tenant_id = %(tenant)s AND d.status <> %(deleted)s {one_document}
), asked AS MATERIALIZED (
  SELECT lexeme, EXISTS (
    SELECT FROM unnest(%(stemmers)s::regdictionary[]) AS stemmer WHERE ts_lexize(stemmer, lexeme) = '{{}}'
  ) AS is_stop_word
  FROM unnest(to_tsvector('simple', %(query)s))
), wanted AS MATERIALIZED (
  SELECT lexeme, ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery AS word
  FROM asked WHERE NOT is_stop_word OR NOT EXISTS (SELECT FROM asked WHERE NOT is_stop_word)
), matched AS MATERIALIZED (
  SELECT living.id, wanted.lexeme FROM living JOIN wanted ON living.words @@ wanted.word
), weights AS MATERIALIZED (
  SELECT lexeme, ln(1 + ((SELECT count(*) FROM living) - count(*) + 0.5) / (count(*) + 0.5)) AS weight
  FROM matched GROUP BY lexeme
), weighed AS MATERIALIZED (
  SELECT id, sum(weight) AS weight FROM matched JOIN weights USING (lexeme) GROUP BY id
), matching AS (
  SELECT id, rank() OVER (ORDER BY weight DESC) AS place
  FROM weighed WHERE weight >= %(share)s * (SELECT max(weight) FROM weighed)
), nearest AS (
  SELECT id, row_number() OVER (ORDER BY distance, id) AS place FROM (
    SELECT id, embedding <#> %(vector)s::halfvec AS distance
    FROM living WHERE model = %(model)s ORDER BY distance, id LIMIT %(depth)s
  ) AS closest
), fused AS (
  SELECT id, sum(1.0 / (%(fusion)s + place)) AS score
  FROM (SELECT id, place FROM nearest UNION ALL SELECT id, place FROM matching) AS places
  GROUP BY id ORDER BY score DESC, id LIMIT %(limit)s
)
SELECT p.document_id, d.name, p.page, p.x0, p.y0, p.x1, p.y1, p.text, fused.score::float8
FROM fused
JOIN search_storedpassage p ON p.tenant_id = %(tenant)s AND p.id = fused.id
JOIN documents_document d ON d.tenant_id = p.tenant_id AND d.id = p.document_id
ORDER BY fused.score DESC, p.id
"""

_STEMMERS = ["english_stem", "german_stem", "french_stem", "spanish_stem", "italian_stem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage that answers a query. `score` is in (0, 1]: 1 is first by meaning and by word."""

    document_id: UUID
    document_name: str
    page: int
    box: Box
    text: str
    score: float


def search(
    *, tenant_id: UUID, query: str, limit: int, clock: Clock, document_id: UUID | None = None
) -> tuple[Hit, ...]:
    """Return the best passages for a question or some words, the best first, of one document or of all.

    Deleted documents are left out. What an embedding server took goes into the ledger. Raises EmbeddingsDownError, and
    EmbeddingsRefusedError where it takes no request of ours.
    """
    asked = storable(query).strip()
    if not asked or limit < 1:
        return ()
    # The model is asked before the transaction begins.
    model = embedder()
    usage, outcome = EmbeddingUsage(), "ok"
    try:
        vector = vector_literal(model.embed([asked], kind="query", usage=usage)[0])
    except QuireError as error:
        outcome = error.code
        raise
    finally:
        record_embeddings(
            tenant_id=tenant_id, model=model.name, usage=usage, outcome=outcome, lane=Lane.INTERACTIVE, clock=clock
        )
    return _ranked(
        tenant_id=tenant_id, query=asked, vector=vector, model=model.name, limit=limit, document_id=document_id
    )


@in_tenant_scope
def _ranked(
    *, tenant_id: UUID, query: str, vector: str, model: str, limit: int, document_id: UUID | None
) -> tuple[Hit, ...]:
    statement = _SEARCH.format(one_document="AND p.document_id = %(document)s" if document_id else "")
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "tenant": tenant_id,
                "deleted": DocumentStatus.DELETED.value,
                "document": document_id,
                "stemmers": _STEMMERS,
                "query": query,
                "vector": vector,
                "model": model,
                "depth": max(DEPTH, 2 * limit),
                "fusion": FUSION,
                "share": WORD_SHARE,
                "limit": limit,
            },
        )
        rows = cursor.fetchall()
    best = 2 / (FUSION + 1)
    return tuple(
        Hit(
            document_id=row[0],
            document_name=row[1],
            page=row[2],
            box=Box(row[3], row[4], row[5], row[6]),
            text=row[7],
            score=row[8] / best,
        )
        for row in rows
    )
