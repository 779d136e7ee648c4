"""What a tenant extracts, version by version, and what it tells models beside. A version never changes."""

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


class StoredTuning(TenantModel):
    """What a tenant tells models beside a schema, or with an empty slug beside each of them.

    `glossary` is a list of `[term, meaning]` in the tenant's order; `examples` is null where the tuning for all schemas
    says how many.
    """

    schema_slug = models.CharField(max_length=63, blank=True)
    instructions = models.TextField(blank=True)
    glossary = models.JSONField(default=list)
    examples = models.IntegerField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "schema_slug"], name="schemas_tuning_once"),
            models.CheckConstraint(
                condition=models.Q(examples__isnull=True) | models.Q(examples__gte=0),
                name="schemas_tuning_examples_counted",
            ),
        ]
