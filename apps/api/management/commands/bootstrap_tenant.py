"""Make a tenant with its schemas, an administrator and an API key."""

from __future__ import annotations

import json
import os
import secrets
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.common.clock import SYSTEM_CLOCK
from apps.common.errors import TerminalError
from apps.schemas.operations import install_shipped
from apps.tenants import operations, queries
from apps.tenants.models import Role, User


class Command(BaseCommand):
    """Prints the sign-in once. A tenant that is there already keeps the key and the password that are passed in."""

    help = "Make a tenant with the shipped schemas, an administrator and an API key; prints the sign-in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--slug", required=True, help="the tenant's short name")
        parser.add_argument("--name", default="", help="the tenant's full name")
        parser.add_argument("--email", required=True, help="the administrator's e-mail address")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        # A password comes by the environment, never by an argument that other users of the machine could read.
        password = os.environ.get("QUIRE_BOOTSTRAP_PASSWORD") or secrets.token_urlsafe(15)
        email = str(options["email"]).strip().lower()
        try:
            tenant_id = queries.tenant_of_slug(slug=options["slug"])
            if tenant_id is None:
                tenant_id = operations.create_tenant(slug=options["slug"], name=options["name"] or options["slug"])
            user = User.objects.filter(email=email).first()
            if user is None:
                user_id = operations.create_user(email=email, password=password)
            else:
                user.set_password(password)
                user.save(update_fields=["password"])
                user_id = user.id
            operations.add_member(tenant_id=tenant_id, user_id=user_id, role=Role.ADMIN)
            install_shipped(tenant_id=tenant_id, clock=SYSTEM_CLOCK)
            secret = (
                _living_key(tenant_id)
                or operations.create_api_key(tenant_id=tenant_id, name="bootstrap", clock=SYSTEM_CLOCK).secret
            )
        except TerminalError as error:
            raise CommandError(error.message) from None
        signed = {"tenant": options["slug"], "email": email, "password": password, "api_key": secret}
        if options["json"]:
            self.stdout.write(json.dumps(signed))
        else:
            for name, value in signed.items():
                self.stdout.write(f"{name}: {value}")


def _living_key(tenant_id: UUID) -> str | None:
    """Return the key that the environment passes in, if it is one of the tenant's."""
    secret = os.environ.get("QUIRE_BOOTSTRAP_API_KEY", "")
    owner = queries.tenant_of_key(secret=secret) if secret else None
    return secret if owner is not None and owner.tenant_id == tenant_id else None
