"""What a tenant extracts, version by version. A version never changes."""

from __future__ import annotations

from django.db import models

from apps.tenants.models import TenantModel


class SchemaVersion(TenantModel):
    """One version of a schema. Versions count from 1; the newest is used for new documents.

    `document` is the JSON Schema as text: `jsonb` would lose the order of the fields.
    """

    slug = models.SlugField(max_length=63)
    version = models.IntegerField()
    document = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "slug", "version"], name="schemas_version_once"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="schemas_version_from_one"),
        ]
