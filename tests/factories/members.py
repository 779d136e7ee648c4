"""People who are signed in to the portal."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.test import Client

from apps.tenants.models import Role, User
from apps.tenants.operations import add_member, create_user

PASSWORD = "correct horse battery"


def signed_in(tenant: UUID, role: Role, *, strict: bool = False) -> tuple[Client, str]:
    """Return a new member's client and e-mail; a `strict` client has to send the token against forged requests."""
    email = f"{uuid4().hex}@acme.example"
    user_id = create_user(email=email, password=PASSWORD)
    add_member(tenant_id=tenant, user_id=user_id, role=role)
    client = Client(SERVER_NAME="127.0.0.1", enforce_csrf_checks=strict)
    client.force_login(User.objects.get(id=user_id))
    return client, email
