"""Who calls: an API key finds its tenant."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from django.http import HttpRequest
from ninja.security import HttpBearer

from apps.api.problems import Problem
from apps.tenants.queries import tenant_of_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A program that presented a living key."""

    tenant_id: UUID
    key_id: UUID
    may_administer: bool

    @property
    def name(self) -> str:
        """How the log of changes names it."""
        return f"key {self.key_id}"


class ApiKeyBearer(HttpBearer):
    """`Authorization: Bearer KEY`."""

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:  # noqa: ARG002 - ninja's signature
        found = tenant_of_key(secret=token)
        if found is None:
            return None
        return Caller(tenant_id=found.tenant_id, key_id=found.key_id, may_administer=found.may_administer)


class AdministratorBearer(ApiKeyBearer):
    """The same, with a key that may set what models cost and are told. Any other gets 403, before its body is read."""

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        caller = super().authenticate(request, token)
        if caller is not None and not caller.may_administer:
            raise Problem(
                status=HTTPStatus.FORBIDDEN,
                title="Forbidden",
                detail="This key may not change budgets, policies or tuning. Send one that may: an administrator makes "
                "it in the portal, under API keys, as one that may administer.",
                code="may_not_administer",
            )
        return caller


ADMINISTRATOR = AdministratorBearer()


class AuthenticatedRequest(HttpRequest):
    """What a view gets: ninja puts the caller into `auth`. For types only."""

    auth: Caller
