"""Which keys may set what models cost and are told, and the record of who did."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client, override_settings

from apps.common.clock import SYSTEM_CLOCK
from apps.tenants.models import ApiKey, Role
from apps.tenants.operations import create_api_key
from apps.tenants.queries import api_keys, tenant_of_key
from apps.tenants.scope import tenant_scope
from tests.factories.documents import pdf
from tests.factories.members import signed_in
from tests.faults.sglang_server import loopback_server
from tests.integration.api.conftest import Api

DETAIL = (
    "This key may not change budgets, policies or tuning. Send one that may: an administrator makes it in the portal, "
    "under API keys, as one that may administer."
)


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="apps.audit.changes")


def changes(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return what the log says was changed, and take it out of there."""
    found = [
        {name: record.msg[name] for name in ("tenant_id", "by", "what", "before", "after")}
        for record in caplog.records
        if record.name == "apps.audit.changes" and isinstance(record.msg, dict)
    ]
    caplog.clear()
    return found


def _name(api: Api) -> str:
    owner = tenant_of_key(secret=api.key)
    assert owner is not None
    return f"key {owner.key_id}"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "budgets", {"budgets": []}),
        ("PUT", "budgets", {"nonsense": 1}),
        ("PUT", "policies", {"engines": ["layout"]}),
        ("DELETE", "policies", None),
        ("PUT", "policies/invoice", {"engines": ["layout"]}),
        ("DELETE", "policies/invoice", None),
        ("PUT", "tuning", {"instructions": "Say yes."}),
        ("PUT", "tuning/invoice", {"instructions": "Say yes."}),
        ("DELETE", "tuning/invoice", None),
    ],
)
def test_a_key_that_may_not_administer_changes_nothing(
    api: Api, scanner: Api, caplog: pytest.LogCaptureFixture, method: str, path: str, body: Any
) -> None:
    api.put("budgets", {"budgets": [{"period": "month", "usd": 5}]})
    api.put("policies", {"engines": ["sglang:medium"]})
    api.put("policies/invoice", {"engines": ["sglang:large"]})
    api.put("tuning", {"instructions": "Totals are gross."})
    api.put("tuning/invoice", {"instructions": "Dates are German."})
    read = ("budgets", "policies", "policies/invoice", "tuning", "tuning/invoice")
    before = {one: api.get(one).json() for one in read}
    caplog.clear()
    refused = scanner.put(path, body) if method == "PUT" else scanner.delete(path)
    assert (refused.status_code, refused.headers["Content-Type"]) == (403, "application/problem+json")
    assert refused.json() == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": DETAIL,
        "code": "may_not_administer",
    }
    assert changes(caplog) == []
    assert {one: api.get(one).json() for one in read} == before
    # It reads them: a program that waits for money may say why.
    assert {one: scanner.get(one).json() for one in read} == before


def test_what_is_parked_stays_parked_until_an_administrator_says_so(api: Api, scanner: Api) -> None:
    api.put("policies/receipt", {"engines": ["sglang:medium"]})
    api.put("budgets", {"budgets": [{"period": "month", "usd": 0}]})
    with (
        loopback_server() as server,
        override_settings(QUIRE_INFERENCE_URL=server.url, QUIRE_INFERENCE_PROFILE="medium"),
    ):
        server.reply = (
            '{"merchant_name": null, "merchant_address": null, "date": null, "total": null, "currency": null}'
        )
        sent = scanner.upload(pdf(), schema="receipt")
        assert sent.status_code == 201
        path = f"documents/{sent.json()['id']}"
        assert scanner.put("budgets", {"budgets": []}).status_code == 403
        assert (scanner.get(path).json()["reason_code"], server.requests) == ("budget_spent", [])
        assert api.put("budgets", {"budgets": []}).status_code == 200
        assert scanner.get(path).json()["reason_code"] == ""
        assert len(server.requests) == 1


def test_a_key_that_is_none_gets_401_as_ever(scanner: Api) -> None:
    stranger = Api(client=scanner.client, key="quire_nothing", tenant_id=scanner.tenant_id)
    refused = stranger.put("budgets", {"budgets": []})
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")


def test_a_change_of_budgets_and_policies_is_on_record(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    who = {"tenant_id": str(api.tenant_id), "by": _name(api)}
    api.put("budgets", {"budgets": [{"period": "month", "usd": 50}]})
    api.put("budgets", {"budgets": [{"period": "document", "schema": "invoice", "usd": "0.05", "tokens": 9000}]})
    assert changes(caplog) == [
        {**who, "what": "budgets", "before": [], "after": ["month: $50.00"]},
        {
            **who,
            "what": "budgets",
            "before": ["month: $50.00"],
            "after": ["document, invoice: $0.05, 9,000 tokens"],
        },
    ]
    api.put("policies", {"engines": ["layout"]})
    api.put("policies/nda", {"engines": ["layout", "sglang:medium"]})
    api.delete("policies/nda")
    api.delete("policies")
    assert changes(caplog) == [
        {**who, "what": "policy", "before": None, "after": ["layout"]},
        {**who, "what": "policy nda", "before": None, "after": ["layout", "sglang:medium"]},
        {**who, "what": "policy nda", "before": ("layout", "sglang:medium"), "after": None},
        {**who, "what": "policy", "before": ("layout",), "after": None},
    ]
    # What is refused, or wasn't there, is no change.
    assert api.put("budgets", {"budgets": [{"period": "month"}]}).status_code == 422
    assert api.put("policies", {"engines": ["oracle"]}).status_code == 422
    assert api.delete("policies").status_code == 404
    assert changes(caplog) == []


def test_a_change_of_tuning_is_on_record_without_its_words(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    who = {"tenant_id": str(api.tenant_id), "by": _name(api)}
    nothing = {"instruction_characters": 0, "terms": 0, "examples": None}
    term = {"term": "Grünspan", "meaning": "a supplier of ours"}
    api.put("tuning/invoice", {"instructions": "Ask Marigold.", "glossary": [term], "examples": 4})
    api.put("tuning", {"instructions": "Marigold"})
    assert "Marigold" not in caplog.text
    assert "Grünspan" not in caplog.text
    told = {"instruction_characters": 13, "terms": 1, "examples": 4}
    assert changes(caplog) == [
        {**who, "what": "tuning invoice", "before": nothing, "after": told},
        {**who, "what": "tuning", "before": nothing, "after": {**nothing, "instruction_characters": 8}},
    ]
    api.delete("tuning/invoice")
    assert changes(caplog) == [{**who, "what": "tuning invoice", "before": told, "after": nothing}]


def _form(client: Client) -> str:
    return client.get("/keys").content.decode().partition('name="form" value="')[2].partition('"')[0]


def test_an_administrator_makes_keys_of_either_kind(tenant: UUID, caplog: pytest.LogCaptureFixture) -> None:
    client, email = signed_in(tenant, Role.ADMIN)
    for name, may_administer in (("scanner", ""), ("controller", "yes")):
        form = {"name": name, "may_administer": may_administer, "form": _form(client)}
        assert client.post("/keys", form).status_code == 200
    # A browser that loads the answer again sends the form again.
    again = client.post("/keys", form, follow=True)
    assert "This form was sent before" in again.content.decode()
    controller, scanner = api_keys(tenant_id=tenant)
    assert [(key.name, key.may_administer) for key in (scanner, controller)] == [
        ("scanner", False),
        ("controller", True),
    ]
    page = client.get("/keys").content.decode()
    assert (page.count("<td>may administer</td>"), page.count("<td>documents</td>")) == (1, 1)
    client.post(f"/keys/{controller.id}/revoke")
    user = f"user {client.session['_auth_user_id']}"
    assert [(one["by"], one["what"], one["after"]) for one in changes(caplog)] == [
        (user, f"key {scanner.id}", {"may_administer": False}),
        (user, f"key {controller.id}", {"may_administer": True}),
        (user, f"key {controller.id}", {"revoked": True}),
    ]
    assert email not in caplog.text


def test_a_key_made_without_a_word_may_not_administer(tenant: UUID) -> None:
    secret = create_api_key(tenant_id=tenant, name="new", clock=SYSTEM_CLOCK).secret
    owner = tenant_of_key(secret=secret)
    assert owner is not None
    assert not owner.may_administer
    # The version before knows no such column, and may still run while this one is rolled out.
    with tenant_scope(tenant), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tenants_apikey (tenant_id, id, name, hint, digest, created_at) "
            "VALUES (%s, gen_random_uuid(), 'old', 'quire_', %s, now())",
            [tenant, b"x" * 32],
        )
    with tenant_scope(tenant):
        assert not ApiKey.objects.get(name="old").may_administer


def test_the_keys_that_were_there_at_the_upgrade_may_go_on(tenant: UUID) -> None:
    owner = connections["owner"]
    loader = MigrationExecutor(owner).loader
    upgrade = loader.get_migration("tenants", "0004_keys_that_may_administer")
    before = loader.project_state(("tenants", "0003_isolation"))
    found: list[tuple[str, bool]] = []
    with transaction.atomic(using="owner"):
        # Nobody else works on this worker's database; all of it is undone at the end.
        with owner.schema_editor(atomic=False) as editor:
            upgrade.unapply(before.clone(), editor)
            with owner.cursor() as cursor:
                cursor.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant)])
                statement = (
                    "INSERT INTO tenants_apikey (tenant_id, id, name, hint, digest, created_at) "
                    "VALUES (%s, gen_random_uuid(), %s, 'quire_', %s, now())"
                )
                cursor.execute(statement, [tenant, "there", b"a" * 32])
                upgrade.apply(before.clone(), editor)
                cursor.execute(statement, [tenant, "later", b"b" * 32])
                cursor.execute(
                    "SELECT name, may_administer FROM tenants_apikey WHERE tenant_id = %s ORDER BY name", [tenant]
                )
                found = cursor.fetchall()
        transaction.set_rollback(True, using="owner")
    assert found == [("later", False), ("there", True)]
