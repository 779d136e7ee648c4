"""Writing schemas, and what models are told beside them. A version is never changed: a change is a new version."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from django.db import IntegrityError, transaction

from apps.common.clock import Clock
from apps.common.errors import RetryableError, TerminalError
from apps.schemas.definitions import parse_schema, shipped_documents
from apps.schemas.models import SchemaVersion, StoredTuning
from apps.schemas.tuning import Tuning, checked
from apps.tenants.scope import in_tenant_scope

RESERVED = frozenset({"documents", "values", "corrections", "usage"})
"""Names that exports go by; a schema of such a name could never be exported."""


class SchemaExistsError(TerminalError):
    """The slug is taken: a change is a new version of it."""

    code = "schema_exists"


class ReservedSlugError(TerminalError):
    """The slug is the name of something else."""

    code = "reserved_slug"


class NoSuchSchemaError(TerminalError):
    """The tenant has no schema of this name."""

    code = "no_such_schema"


class VersionRaceError(RetryableError):
    """Somebody else added a version at the same moment."""

    code = "version_race"


@in_tenant_scope
def create_schema(*, tenant_id: UUID, slug: str, document: Any, clock: Clock) -> int:
    """Write version 1. Raises SchemaInvalid with every error, ReservedSlugError or SchemaExistsError."""
    if slug in RESERVED:
        raise ReservedSlugError(f"'{slug}' is the name of an export: choose another one for the schema")
    parse_schema(document, slug=slug, version=1)
    if SchemaVersion.objects.filter(tenant_id=tenant_id, slug=slug).exists():
        raise SchemaExistsError(f"there is a schema '{slug}' already: add a version to it instead")
    return _write(tenant_id=tenant_id, slug=slug, version=1, document=document, clock=clock)


@in_tenant_scope
def add_version(*, tenant_id: UUID, slug: str, document: Any, clock: Clock) -> tuple[int, bool]:
    """Write the next version; return its number and whether it is new.

    What the newest version says already makes none: who asks again, since an answer was lost, gets the same one.
    Raises SchemaInvalid with every error, NoSuchSchemaError or VersionRaceError.
    """
    newest = SchemaVersion.objects.filter(tenant_id=tenant_id, slug=slug).order_by("-version").first()
    if newest is None:
        raise NoSuchSchemaError(f"there is no schema '{slug}': create it first")
    parse_schema(document, slug=slug, version=newest.version + 1)
    if newest.document == orjson.dumps(document).decode():
        return newest.version, False
    return _write(tenant_id=tenant_id, slug=slug, version=newest.version + 1, document=document, clock=clock), True


@in_tenant_scope
def install_shipped(*, tenant_id: UUID, clock: Clock) -> None:
    """Give a tenant the shipped schemas that it doesn't have."""
    there = set(SchemaVersion.objects.filter(tenant_id=tenant_id).values_list("slug", flat=True))
    for slug, document in shipped_documents().items():
        if slug not in there:
            _write(tenant_id=tenant_id, slug=slug, version=1, document=document, clock=clock)


@in_tenant_scope
def set_tuning(*, tenant_id: UUID, slug: str, tuning: Tuning, clock: Clock) -> None:
    """Set what models are told for a schema, or with an empty slug for all. Raises BadTuningError, NoSuchSchemaError.

    A tuning that says nothing is none.
    """
    if slug and not SchemaVersion.objects.filter(tenant_id=tenant_id, slug=slug).exists():
        raise NoSuchSchemaError(f"there is no schema '{slug[:63]}': create it first")
    kept = checked(tuning)
    if kept == Tuning():
        StoredTuning.objects.filter(tenant_id=tenant_id, schema_slug=slug).delete()
        return
    row = StoredTuning(
        tenant_id=tenant_id,
        schema_slug=slug,
        instructions=kept.instructions,
        glossary=[[one.term, one.meaning] for one in kept.glossary],
        examples=kept.examples,
        updated_at=clock.now(),
    )
    StoredTuning.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["tenant_id", "schema_slug"],
        update_fields=["instructions", "glossary", "examples", "updated_at"],
    )


def _write(*, tenant_id: UUID, slug: str, version: int, document: Any, clock: Clock) -> int:
    try:
        with transaction.atomic():
            SchemaVersion.objects.create(
                tenant_id=tenant_id,
                slug=slug,
                version=version,
                document=orjson.dumps(document).decode(),
                created_at=clock.now(),
            )
    except IntegrityError:
        raise VersionRaceError("somebody else changed this schema at the same moment: read it and try again") from None
    return version
