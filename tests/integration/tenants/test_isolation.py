"""Row-level security, read from the catalogue and tried on every table."""

from __future__ import annotations

import os
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import ProgrammingError, connection

from apps.tenants.models import Tenant
from apps.tenants.scope import ForeignScopeError, tenant_scope

# Django's own, and people, who may belong to several tenants.
GLOBAL_TABLES = {
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
    "django_migrations",
    "django_session",
    "tenants_user",
}


def _tables() -> dict[str, tuple[bool, bool, bool]]:
    """Return every table: has a tenant's column, row security is on, and forced."""
    with psycopg.connect(os.environ["QUIRE_DATABASE_OWNER_URL"]) as owner:
        rows = owner.execute(
            """
            SELECT c.relname,
                   EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'),
                   c.relrowsecurity, c.relforcerowsecurity
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
            """
        ).fetchall()
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def test_every_table_is_a_tenants_or_known_to_be_global() -> None:
    tables = _tables()
    stray = {name for name, (owned, _, _) in tables.items() if not owned} - GLOBAL_TABLES - {"tenants_tenant"}
    assert stray == set()


def test_every_tenant_table_has_forced_row_level_security_with_both_checks() -> None:
    tables = {name for name, (owned, _, _) in _tables().items() if owned} | {"tenants_tenant"}
    assert len(tables) >= 15
    assert {name: _tables()[name][1:] for name in tables} == dict.fromkeys(tables, (True, True))
    with psycopg.connect(os.environ["QUIRE_DATABASE_OWNER_URL"]) as owner:
        policies = owner.execute(
            "SELECT tablename, qual, with_check FROM pg_policies WHERE policyname = 'tenant_isolation' AND cmd = 'ALL'"
        ).fetchall()
    assert {row[0] for row in policies} == tables
    for name, using, check in policies:
        column = "id" if name == "tenants_tenant" else "tenant_id"
        assert using == check
        assert using.replace(" AS app_tenant", "") == f"({column} = ( SELECT app_tenant()))"


def test_every_tenant_key_begins_with_the_tenant() -> None:
    """A unique or foreign key sees past row-level security, so the tenant has to be part of it."""
    with psycopg.connect(os.environ["QUIRE_DATABASE_OWNER_URL"]) as owner:
        rows = owner.execute(
            """
            SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, a.attname
            FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
            WHERE i.indisunique AND EXISTS (
              SELECT FROM pg_attribute t WHERE t.attrelid = i.indrelid AND t.attname = 'tenant_id')
            """
        ).fetchall()
    assert len(rows) >= 15
    assert {row for row in rows if row[2] != "tenant_id"} == set()


def test_the_application_is_neither_owner_nor_above_the_policies() -> None:
    with psycopg.connect(os.environ["QUIRE_DATABASE_URL"]) as application:
        row = application.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        owned = application.execute(
            "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole AND relkind IN ('r', 'p', 'v')"
        ).fetchone()
    assert row == (False, False, False, False)
    assert owned == (0,)


def test_an_unset_scope_is_an_error_on_every_table(tenant: UUID) -> None:
    tables = sorted(name for name, (owned, _, _) in _tables().items() if owned)
    answers = {}
    for table in tables:
        with psycopg.connect(os.environ["QUIRE_DATABASE_URL"]) as application:
            # A table may be empty in a test, so it is read by its key: the scope is evaluated before the first row.
            application.execute("SET enable_seqscan = off")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="no tenant scope is set"):
                application.execute(f"SELECT * FROM {table} WHERE tenant_id = %s", [tenant])
            answers[table] = True
    assert answers == dict.fromkeys(tables, True)


def test_an_emptied_scope_is_an_error_too(tenant: UUID) -> None:
    with psycopg.connect(os.environ["QUIRE_DATABASE_URL"]) as application:
        application.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant)])
        assert application.execute("SELECT count(*) FROM tenants_tenant").fetchone() == (1,)
        application.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="no tenant scope is set"):
            application.execute("SELECT count(*) FROM tenants_tenant")


def test_a_tenant_sees_itself_alone(tenant: UUID, other_tenant: UUID) -> None:
    with tenant_scope(tenant):
        assert list(Tenant.objects.values_list("id", flat=True)) == [tenant]
    with tenant_scope(other_tenant):
        assert list(Tenant.objects.values_list("id", flat=True)) == [other_tenant]


def test_a_row_for_another_tenant_is_refused(tenant: UUID) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), tenant_scope(tenant):
        Tenant.objects.create(id=uuid4(), slug=uuid4().hex, name="foreign")


def test_a_scope_inside_another_tenants_is_refused(tenant: UUID, other_tenant: UUID) -> None:
    with tenant_scope(tenant), pytest.raises(ForeignScopeError), tenant_scope(other_tenant):
        pass


def test_the_scope_ends_with_the_transaction(tenant: UUID) -> None:
    with tenant_scope(tenant):
        pass
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.tenant', true)")
        assert cursor.fetchone() == ("",)


def test_lookup_functions_run_as_a_role_that_reads_ids_only() -> None:
    with psycopg.connect(os.environ["QUIRE_DATABASE_OWNER_URL"]) as owner:
        functions = owner.execute(
            "SELECT proname, proowner::regrole::text, prosecdef FROM pg_proc WHERE proname LIKE 'lookup\\_%'"
        ).fetchall()
        columns = owner.execute(
            "SELECT table_name, column_name FROM information_schema.column_privileges WHERE grantee = 'quire_lookup'"
        ).fetchall()
    assert {row[1:] for row in functions} == {("quire_lookup", True)}
    assert len(functions) >= 5
    content = {"value", "quote", "text", "name", "words", "reason", "data", "document", "password", "embedding"}
    leaks = {(table, column) for table, column in columns if column in content} - {("tenants_tenant", "name")}
    assert leaks == set()
