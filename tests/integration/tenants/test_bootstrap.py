"""The command that makes a tenant."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.tenants.models import User
from apps.tenants.queries import tenant_of_key


def _bootstrap(slug: str, email: str, *flags: str) -> dict[str, Any]:
    printed = StringIO()
    call_command("bootstrap_tenant", "--slug", slug, "--email", email, "--json", *flags, stdout=printed)
    signed: dict[str, Any] = json.loads(printed.getvalue())
    return signed


def test_who_is_there_keeps_password_and_key(database: None) -> None:
    first = _bootstrap("acme-inc", "ann@acme.example")
    again = _bootstrap("acme-inc", "ann@acme.example")
    assert (again["password"], again["api_key"]) == (None, None)
    assert User.objects.get(email="ann@acme.example").check_password(first["password"])
    owner = tenant_of_key(secret=first["api_key"])
    assert owner is not None
    assert owner.may_administer


def test_renewing_makes_another_password_and_key(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _bootstrap("renewed-inc", "rob@renewed.example")
    renewed = _bootstrap("renewed-inc", "rob@renewed.example", "--renew")
    assert renewed["password"] != first["password"]
    assert renewed["api_key"] != first["api_key"]
    assert User.objects.get(email="rob@renewed.example").check_password(renewed["password"])
    monkeypatch.setenv("QUIRE_BOOTSTRAP_PASSWORD", renewed["password"])
    monkeypatch.setenv("QUIRE_BOOTSTRAP_API_KEY", renewed["api_key"])
    assert _bootstrap("renewed-inc", "rob@renewed.example", "--renew") == renewed


@pytest.mark.parametrize(
    ("slug", "email", "fault"),
    [
        ("Bad Slug", "ann@acme.example", "lower-case"),
        ("<b>", "ann@acme.example", "lower-case"),
        ("fine", "nobody", "nobody"),
    ],
)
def test_a_bad_name_or_address_is_refused(database: None, slug: str, email: str, fault: str) -> None:
    with pytest.raises(CommandError, match=fault):
        _bootstrap(slug, email)
