"""Make a tenant with its schemas, an administrator and an API key."""

from __future__ import annotations

import json
import os
import secrets
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from apps.common.clock import SYSTEM_CLOCK
from apps.common.errors import TerminalError
from apps.schemas.operations import install_shipped
from apps.tenants import operations, queries
from apps.tenants.models import Role, User


class Command(BaseCommand):
    """Prints the sign-in once. Who is there already keeps the password, and a tenant its keys, without `--renew`."""

    help = "Make a tenant with the shipped schemas, an administrator and an API key; prints the sign-in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--slug", required=True, help="the tenant's short name")
        parser.add_argument("--name", default="", help="the tenant's full name")
        parser.add_argument("--email", required=True, help="the administrator's e-mail address")
        parser.add_argument(
            "--renew",
            action="store_true",
            help="give an administrator who is there a new password, and the tenant a new key, unless "
            "QUIRE_BOOTSTRAP_PASSWORD and QUIRE_BOOTSTRAP_API_KEY hold the living ones",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        # A password comes by the environment, never by an argument that other users of the machine could read.
        password: str | None = os.environ.get("QUIRE_BOOTSTRAP_PASSWORD") or secrets.token_urlsafe(15)
        secret: str | None = None
        email = str(options["email"]).strip().lower()
        slug = str(options["slug"])
        try:
            validate_email(email)
            tenant_id = queries.tenant_of_slug(slug=slug)
            is_new = tenant_id is None
            if tenant_id is None:
                tenant_id = operations.create_tenant(slug=slug, name=options["name"] or slug)
            user = User.objects.filter(email=email).first()
            if user is None:
                user_id = operations.create_user(email=email, password=str(password))
            else:
                user_id = user.id
                if options["renew"]:
                    user.set_password(password)
                    user.save(update_fields=["password"])
                else:
                    password = None
            operations.add_member(tenant_id=tenant_id, user_id=user_id, role=Role.ADMIN)
            install_shipped(tenant_id=tenant_id, clock=SYSTEM_CLOCK)
            if is_new or options["renew"]:
                secret = _living_key(tenant_id) or _new_key(tenant_id)
        except TerminalError as error:
            raise CommandError(error.message) from None
        except ValidationError:
            raise CommandError(f"{email!r} is no e-mail address") from None
        signed = {"tenant": slug, "email": email, "password": password, "api_key": secret}
        if options["json"]:
            self.stdout.write(json.dumps(signed))
        else:
            for name, value in signed.items():
                self.stdout.write(f"{name}: {value if value is not None else 'as it was; --renew makes a new one'}")


def _new_key(tenant_id: UUID) -> str:
    """Make the administrator's own key: it may do what they may."""
    made = operations.create_api_key(tenant_id=tenant_id, name="bootstrap", clock=SYSTEM_CLOCK, may_administer=True)
    return made.secret


def _living_key(tenant_id: UUID) -> str | None:
    """Return the key that the environment passes in, if it is one of the tenant's."""
    secret = os.environ.get("QUIRE_BOOTSTRAP_API_KEY", "")
    owner = queries.tenant_of_key(secret=secret) if secret else None
    return secret if owner is not None and owner.tenant_id == tenant_id else None
