"""Reading tenants, and how a key or a person finds theirs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import ProgrammingError, connection, connections, transaction

from apps.common.errors import TerminalError
from apps.tenants.models import ApiKey, Role
from apps.tenants.operations import digest_of
from apps.tenants.scope import in_tenant_scope


class NotTheOwnerError(TerminalError):
    """The database login isn't the one that owns the tables."""

    code = "not_the_owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOwner:
    """Whose key it is, and whether it may set budgets, policies and tuning."""

    tenant_id: UUID
    key_id: UUID
    may_administer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberOf:
    """A tenant that a person belongs to, and what they may do there."""

    tenant_id: UUID
    slug: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeySummary:
    """A key as lists show it; the secret is not to be had."""

    id: UUID
    name: str
    hint: str
    created_at: datetime
    revoked_at: datetime | None
    may_administer: bool


def tenant_of_key(*, secret: str) -> KeyOwner | None:
    """Return whose living key this is, or None. Outside any scope: it is what finds the scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, id, may_administer FROM lookup_api_key(%s)", [digest_of(secret)])
        row = cursor.fetchone()
    return KeyOwner(tenant_id=row[0], key_id=row[1], may_administer=row[2]) if row else None


def tenant_of_slug(*, slug: str) -> UUID | None:
    """Return the tenant of this name, or None. For commands on the machine itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT lookup_tenant(%s)", [slug])
        row = cursor.fetchone()
    found: UUID | None = row[0] if row else None
    return found


def all_tenants() -> dict[str, UUID]:
    """Return every tenant by its slug. For commands on the machine itself.

    It takes the login that owns the tables (QUIRE_DATABASE_OWNER_URL), which no server process has. Raises
    NotTheOwnerError.
    """
    try:
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            # Row-level security holds the owner too; this role may read the names across tenants, and nothing else.
            cursor.execute("SET LOCAL ROLE quire_lookup")
            cursor.execute("SELECT slug, id FROM tenants_tenant")
            return dict(cursor.fetchall())
    except ProgrammingError:
        raise NotTheOwnerError(
            "this login may not see all tenants: name that of the tables' owner in QUIRE_DATABASE_OWNER_URL"
        ) from None


def memberships_of(*, user_id: UUID) -> tuple[MemberOf, ...]:
    """Return the tenants that a person belongs to, by name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, slug, name, role FROM lookup_memberships(%s)", [user_id])
        rows = cursor.fetchall()
    return tuple(MemberOf(tenant_id=row[0], slug=row[1], name=row[2], role=Role(row[3])) for row in rows)


@in_tenant_scope
def api_keys(*, tenant_id: UUID) -> tuple[ApiKeySummary, ...]:
    """Return the tenant's keys, the newest first."""
    return tuple(
        ApiKeySummary(
            id=key.id,
            name=key.name,
            hint=key.hint,
            created_at=key.created_at,
            revoked_at=key.revoked_at,
            may_administer=key.may_administer,
        )
        for key in ApiKey.objects.filter(tenant_id=tenant_id).order_by("-created_at")
    )
