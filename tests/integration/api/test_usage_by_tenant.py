"""The operator's command: what each tenant used, over all tenants."""

from __future__ import annotations

import json
import os
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from apps.tenants.models import Tenant
from apps.tenants.queries import NotTheOwnerError, all_tenants
from apps.tenants.scope import tenant_scope
from tests.integration.api.conftest import Api
from tests.integration.api.test_usage import NOON, PERIOD, book, call

DAYS = ("--from", PERIOD["from"], "--to", PERIOD["to"])


def _slug(api: Api) -> str:
    with tenant_scope(api.tenant_id):
        return Tenant.objects.get().slug


def _printed(*arguments: str) -> str:
    printed = StringIO()
    call_command("usage_by_tenant", *arguments, stdout=printed)
    return printed.getvalue()


def test_each_tenant_is_a_line_and_the_whole_is_their_sum(api: Api, other_api: Api) -> None:
    book(api, call(), call(outcome="model_broken"), at=NOON)
    book(api, call(), at=NOON, schema="nda")
    book(other_api, call(prompt=7), at=NOON)
    found: dict[str, Any] = json.loads(_printed("--json", *DAYS))
    assert (found["from"], found["to"], found["by"]) == ("2025-09-10", "2025-09-11", "tenant")
    groups = {one.pop("key"): one for one in found["groups"]}
    for one in (api, other_api):
        # Just what the tenant is told of itself.
        own = one.get("usage", **PERIOD).json()["total"]
        own.pop("key")
        assert groups[_slug(one)] == own
    assert groups[_slug(api)]["calls"] == 3
    # Other tests' tenants are there too.
    assert groups.keys() == all_tenants().keys()
    assert list(groups) == sorted(groups)
    for name in ("calls", "failed_calls", "prompt_tokens", "documents", "pages", "images"):
        assert found["total"][name] == sum(one[name] for one in groups.values())
    lines = [" ".join(line.replace("│", " ").split()) for line in _printed(*DAYS).splitlines()]
    assert f"{_slug(api)} 2 8 3 1 3,000 150 24 0.0015" in lines
    assert [line.split()[0] for line in lines if line.startswith("all ")] == ["all"]


def test_days_are_days_in_their_order(database: None) -> None:
    with pytest.raises(CommandError, match="'--from' has to be a day not after '--to'"):
        _printed("--from", "2025-09-11", "--to", "2025-09-10")
    with pytest.raises(CommandError, match="invalid day value: 'yesterday'"):
        _printed("--from", "yesterday")


def test_the_applications_own_login_does_not_see_them(tenant: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """What serves requests has this login alone: no defect there reaches a list of tenants."""
    application = connections["default"]
    monkeypatch.setattr(connections["owner"], "settings_dict", application.settings_dict)
    connections["owner"].close()
    assert "quire_app" in os.environ["QUIRE_DATABASE_URL"]
    try:
        with pytest.raises(NotTheOwnerError, match="QUIRE_DATABASE_OWNER_URL"):
            all_tenants()
        with pytest.raises(CommandError, match="this login may not see all tenants: name that of the tables' owner"):
            _printed()
    finally:
        connections["owner"].close()
