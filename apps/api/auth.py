"""Who calls: an API key finds its tenant."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest
from ninja.security import HttpBearer

from apps.tenants.queries import tenant_of_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A program that presented a living key."""

    tenant_id: UUID
    key_id: UUID


class ApiKeyBearer(HttpBearer):
    """`Authorization: Bearer KEY`."""

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:  # noqa: ARG002 - ninja's signature
        found = tenant_of_key(secret=token)
        return Caller(tenant_id=found.tenant_id, key_id=found.key_id) if found else None


class AuthenticatedRequest(HttpRequest):
    """What a view gets: ninja puts the caller into `auth`. For types only."""

    auth: Caller
