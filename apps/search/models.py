"""Passages of documents, and their embeddings."""

from __future__ import annotations

from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from pgvector.django import HalfVectorField

from apps.tenants.models import TenantModel

DIMENSIONS = 384


class StoredPassage(TenantModel):
    """A passage of a page with its box, and its embedding by `model` (unit length, so inner product is the cosine).

    `words` are the text's words in lower case, as they stand: a tenant's documents have many languages.
    """

    document_id = models.UUIDField()
    page = models.IntegerField()
    ordinal = models.IntegerField()
    x0 = models.FloatField()
    y0 = models.FloatField()
    x1 = models.FloatField()
    y1 = models.FloatField()
    text = models.TextField()
    model = models.CharField(max_length=100)
    embedding = HalfVectorField(dimensions=DIMENSIONS)
    words = models.GeneratedField(
        expression=SearchVector("text", config="simple"), output_field=SearchVectorField(), db_persist=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "document_id", "page", "ordinal"], name="search_passage_once"),
        ]
