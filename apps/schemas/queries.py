"""Reading schemas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from apps.schemas.definitions import parse_schema
from apps.schemas.fields import Schema
from apps.schemas.models import SchemaVersion, StoredTuning
from apps.schemas.tuning import Term, Tuning
from apps.tenants.scope import in_tenant_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSchema:
    """One version as it was written: `document` is the JSON Schema."""

    slug: str
    version: int
    document: Any
    created_at: datetime


@in_tenant_scope
def newest_version(*, tenant_id: UUID, slug: str) -> Schema | None:
    """Return the version that new documents use, or None."""
    row = SchemaVersion.objects.filter(tenant_id=tenant_id, slug=slug).order_by("-version").first()
    return parse_schema(orjson.loads(row.document), slug=row.slug, version=row.version, stored=True) if row else None


@in_tenant_scope
def version(*, tenant_id: UUID, slug: str, version: int) -> Schema:
    """Return one version. Raises SchemaVersion.DoesNotExist."""
    row = SchemaVersion.objects.get(tenant_id=tenant_id, slug=slug, version=version)
    return parse_schema(orjson.loads(row.document), slug=row.slug, version=row.version, stored=True)


@in_tenant_scope
def newest_versions(*, tenant_id: UUID) -> tuple[Schema, ...]:
    """Return the newest version of each of the tenant's schemas, by slug."""
    return tuple(
        parse_schema(orjson.loads(row.document), slug=row.slug, version=row.version, stored=True)
        for row in _newest(tenant_id=tenant_id)
    )


@in_tenant_scope
def stored_schemas(*, tenant_id: UUID) -> tuple[StoredSchema, ...]:
    """Return the newest version of each of the tenant's schemas as it was written, by slug."""
    return tuple(
        StoredSchema(slug=row.slug, version=row.version, document=orjson.loads(row.document), created_at=row.created_at)
        for row in _newest(tenant_id=tenant_id)
    )


@in_tenant_scope
def stored_versions(*, tenant_id: UUID, slug: str) -> tuple[StoredSchema, ...]:
    """Return all versions of one schema, the newest first."""
    return tuple(
        StoredSchema(slug=row.slug, version=row.version, document=orjson.loads(row.document), created_at=row.created_at)
        for row in SchemaVersion.objects.filter(tenant_id=tenant_id, slug=slug).order_by("-version")
    )


@in_tenant_scope
def slugs(*, tenant_id: UUID) -> tuple[str, ...]:
    """Return the names of the tenant's schemas, in order."""
    return tuple(
        SchemaVersion.objects.filter(tenant_id=tenant_id).order_by("slug").values_list("slug", flat=True).distinct()
    )


@in_tenant_scope
def tuning(*, tenant_id: UUID, slug: str) -> Tuning:
    """Return what the tenant tells models for one schema, or with an empty slug for all; an empty one without any."""
    row = StoredTuning.objects.filter(tenant_id=tenant_id, schema_slug=slug).first()
    if row is None:
        return Tuning()
    return Tuning(
        instructions=row.instructions,
        glossary=tuple(Term(term=term, meaning=meaning) for term, meaning in row.glossary),
        examples=row.examples,
    )


def _newest(*, tenant_id: UUID) -> list[SchemaVersion]:
    return list(SchemaVersion.objects.filter(tenant_id=tenant_id).order_by("slug", "-version").distinct("slug"))
