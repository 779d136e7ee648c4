"""Making tenants, members and keys."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection

from apps.common.clock import Clock
from apps.common.errors import TerminalError
from apps.common.ids import new_id, new_secret
from apps.tenants.models import ApiKey, Membership, Role, Tenant, User
from apps.tenants.scope import in_tenant_scope, tenant_scope

KEY_PREFIX = "quire"
HINT_LENGTH = 10


_SLUG = re.compile(r"(?=.{1,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*")


class BadSlugError(TerminalError):
    """The name can't stand in an address."""

    code = "bad_slug"


class TenantExistsError(TerminalError):
    """The slug is taken."""

    code = "tenant_exists"


class WeakPasswordError(TerminalError):
    """The password doesn't meet the rules; the message says which."""

    code = "weak_password"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """A key that was just made. `secret` can't be read again: only its digest is stored."""

    id: UUID
    name: str
    hint: str
    secret: str


def digest_of(secret: str) -> bytes:
    """Return what is stored of a key. The secret has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


def create_tenant(*, slug: str, name: str) -> UUID:
    """Make a tenant. Raises BadSlugError, TenantExistsError."""
    if not _SLUG.fullmatch(slug):
        raise BadSlugError("a tenant's short name is made of lower-case letters, digits and single hyphens, 63 at most")
    with connection.cursor() as cursor:
        cursor.execute("SELECT lookup_tenant(%s)", [slug])
        row = cursor.fetchone()
    if row and row[0] is not None:
        raise TenantExistsError(f"there is a tenant '{slug}' already")
    tenant_id = new_id()
    with tenant_scope(tenant_id):
        Tenant.objects.create(id=tenant_id, slug=slug, name=name)
    return tenant_id


def create_user(*, email: str, password: str, name: str = "") -> UUID:
    """Make a person who can sign in. Raises WeakPasswordError."""
    try:
        validate_password(password)
    except ValidationError as error:
        raise WeakPasswordError(" ".join(error.messages)) from None
    return User.objects.create_user(email=email, password=password, name=name).id


@in_tenant_scope
def add_member(*, tenant_id: UUID, user_id: UUID, role: Role) -> None:
    """Give a person a place in the tenant, or another role there."""
    updated = Membership.objects.filter(user_id=user_id).update(role=role)
    if not updated:
        Membership.objects.create(tenant_id=tenant_id, user_id=user_id, role=role)


@in_tenant_scope
def create_api_key(*, tenant_id: UUID, name: str, clock: Clock, may_administer: bool = False) -> NewApiKey:
    """Make a key and return its secret, this once. With `may_administer` it may set budgets, policies and tuning."""
    secret = new_secret(prefix=KEY_PREFIX)
    key = ApiKey.objects.create(
        tenant_id=tenant_id,
        name=name,
        hint=secret[:HINT_LENGTH],
        digest=digest_of(secret),
        created_at=clock.now(),
        may_administer=may_administer,
    )
    return NewApiKey(id=key.id, name=key.name, hint=key.hint, secret=secret)


@in_tenant_scope
def revoke_api_key(*, tenant_id: UUID, key_id: UUID, clock: Clock) -> bool:
    """End a key. Returns whether there was a living one."""
    return bool(ApiKey.objects.filter(tenant_id=tenant_id, id=key_id, revoked_at=None).update(revoked_at=clock.now()))
