"""Schemas over REST."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from ninja import Router, Schema
from ninja.responses import Status
from pydantic import AliasChoices, Field

from apps.api.auth import AuthenticatedRequest
from apps.api.bodies import Sent
from apps.api.problems import not_found
from apps.common.clock import SYSTEM_CLOCK
from apps.schemas import operations, queries

router = Router(tags=["schemas"])


class SchemaOut(Schema):
    """One version of a schema; `definition` is the JSON Schema."""

    slug: str
    version: int
    definition: dict[str, Any]
    created_at: datetime


# The JSON Schema may be sent as `definition` or as `schema`.
Definition = Annotated[dict[str, Any], Field(validation_alias=AliasChoices("definition", "schema"))]


class NewSchema(Sent):
    """A JSON Schema under a name."""

    slug: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=63)]
    definition: Definition


class NewVersion(Sent):
    """The next version of a schema."""

    definition: Definition


class VersionOut(Schema):
    """What was written."""

    slug: str
    version: int


@router.get("", response=list[SchemaOut], summary="List schemas")
def list_schemas(request: AuthenticatedRequest) -> list[SchemaOut]:
    """Return the newest version of each."""
    return [_out(item) for item in queries.stored_schemas(tenant_id=request.auth.tenant_id)]


@router.post("", response={201: VersionOut}, summary="Create a schema")
def create(request: AuthenticatedRequest, body: NewSchema) -> Status[VersionOut]:
    """Write version 1; a bad schema is answered with every error and its path."""
    version = operations.create_schema(
        tenant_id=request.auth.tenant_id, slug=body.slug, document=body.definition, clock=SYSTEM_CLOCK
    )
    return Status(HTTPStatus.CREATED, VersionOut(slug=body.slug, version=version))


@router.get("/{slug}", response=SchemaOut, summary="One schema")
def get_schema(request: AuthenticatedRequest, slug: str) -> SchemaOut:
    """Return the newest version."""
    return _out(_versions(request, slug)[0])


@router.get("/{slug}/versions", response=list[SchemaOut], summary="A schema's versions")
def list_versions(request: AuthenticatedRequest, slug: str) -> list[SchemaOut]:
    """Return all versions, the newest first."""
    return [_out(item) for item in _versions(request, slug)]


@router.post("/{slug}/versions", response={200: VersionOut, 201: VersionOut}, summary="Add a version to a schema")
def add_version(request: AuthenticatedRequest, slug: str, body: NewVersion) -> Status[VersionOut]:
    """Write the next version; documents that come from now on use it.

    200 with the newest version's number where that says the same already.
    """
    version, is_new = operations.add_version(
        tenant_id=request.auth.tenant_id, slug=slug, document=body.definition, clock=SYSTEM_CLOCK
    )
    return Status(HTTPStatus.CREATED if is_new else HTTPStatus.OK, VersionOut(slug=slug, version=version))


def _versions(request: AuthenticatedRequest, slug: str) -> tuple[queries.StoredSchema, ...]:
    found = queries.stored_versions(tenant_id=request.auth.tenant_id, slug=slug)
    if not found:
        raise not_found("schema")
    return found


def _out(item: queries.StoredSchema) -> SchemaOut:
    return SchemaOut(slug=item.slug, version=item.version, definition=item.document, created_at=item.created_at)
