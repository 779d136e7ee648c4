"""Migration operations that put a table under row-level security. They import no model, so that they never change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.migrations.operations.base import Operation

APPLICATION_ROLE = "quire_app"
LOOKUP_ROLE = "quire_lookup"


class TenantTable(Operation):
    """Give a tenant's table its policy, its grants and its composite foreign keys.

    `references` maps a column to the tenant table that it points into; `on_delete` is CASCADE, since deleting a
    document deletes what was made of it. `key` is the tenant's column. `lookup` lists the columns that functions owned
    by `quire_lookup` may read across tenants: ids and states to find work by, never content. `append_only` grants
    neither UPDATE nor DELETE.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(
        self,
        table: str,
        *,
        key: str = "tenant_id",
        references: Mapping[str, str] | None = None,
        lookup: tuple[str, ...] = (),
        append_only: bool = False,
    ) -> None:
        self.table = table
        self.key = key
        self.references = dict(references or {})
        self.lookup = lookup
        self.append_only = append_only

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (
            type(self).__name__,
            [self.table],
            {
                "key": self.key,
                "references": self.references,
                "lookup": self.lookup,
                "append_only": self.append_only,
            },
        )

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave Django's picture of the models as it is."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:  # noqa: ARG002
        for statement in self.statements():
            schema_editor.execute(statement)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:  # noqa: ARG002
        schema_editor.execute(f"ALTER TABLE {self.table} NO FORCE ROW LEVEL SECURITY")
        schema_editor.execute(f"ALTER TABLE {self.table} DISABLE ROW LEVEL SECURITY")
        schema_editor.execute(f"DROP POLICY tenant_isolation ON {self.table}")
        if self.lookup:
            schema_editor.execute(f"DROP POLICY lookup_reads ON {self.table}")
        for column in self.references:
            schema_editor.execute(f"ALTER TABLE {self.table} DROP CONSTRAINT {self.table}_{column}_fk")

    def statements(self) -> list[str]:
        """Return the SQL, in order.

        The sub-select makes the scope one value for the whole statement: an index condition, and not a call a row.
        """
        condition = f"{self.key} = (SELECT app_tenant())"
        rights = "SELECT, INSERT" if self.append_only else "SELECT, INSERT, UPDATE, DELETE"
        statements = []
        for column, target in self.references.items():
            # To check the rows that are there, Postgres reads the target as its owner, whom FORCE would hold too.
            statements += [
                f"ALTER TABLE {target} NO FORCE ROW LEVEL SECURITY",
                f"ALTER TABLE {self.table} ADD CONSTRAINT {self.table}_{column}_fk FOREIGN KEY ({self.key}, {column}) "
                f"REFERENCES {target} (tenant_id, id) ON DELETE CASCADE",
                f"ALTER TABLE {target} FORCE ROW LEVEL SECURITY",
            ]
        statements += [
            f"ALTER TABLE {self.table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {self.table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY tenant_isolation ON {self.table} TO PUBLIC USING ({condition}) WITH CHECK ({condition})",
            f"GRANT {rights} ON {self.table} TO {APPLICATION_ROLE}",
        ]
        if self.lookup:
            columns = ", ".join(self.lookup)
            statements += [
                f"CREATE POLICY lookup_reads ON {self.table} FOR SELECT TO {LOOKUP_ROLE} USING (true)",
                f"GRANT SELECT ({columns}) ON {self.table} TO {LOOKUP_ROLE}",
            ]
        return statements

    def describe(self) -> str:
        return f"Put {self.table} under row-level security"


class LookupFunction(Operation):
    """A function that may look across tenants, and returns only what finds the right one.

    It is SECURITY DEFINER and owned by `quire_lookup`, a role that can't sign in and reads only the columns that
    `TenantTable(lookup=...)` names. `definition` is the part after CREATE FUNCTION; the body must be plain SQL.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, signature: str, *, returns: str, body: str, volatility: str = "STABLE") -> None:
        self.signature = signature
        self.returns = returns
        self.body = body
        self.volatility = volatility

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (
            type(self).__name__,
            [self.signature],
            {"returns": self.returns, "body": self.body, "volatility": self.volatility},
        )

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave Django's picture of the models as it is."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:  # noqa: ARG002
        schema_editor.execute(
            f"CREATE FUNCTION {self.signature} RETURNS {self.returns} LANGUAGE sql {self.volatility} SECURITY DEFINER "
            f"SET search_path = pg_catalog, public, pg_temp AS $body$ {self.body} $body$"
        )
        # A function's new owner must be allowed to create in the schema; it is for this one statement only.
        schema_editor.execute(f"GRANT CREATE ON SCHEMA public TO {LOOKUP_ROLE}")
        schema_editor.execute(f"ALTER FUNCTION {self.signature} OWNER TO {LOOKUP_ROLE}")
        schema_editor.execute(f"REVOKE CREATE ON SCHEMA public FROM {LOOKUP_ROLE}")
        schema_editor.execute(f"REVOKE ALL ON FUNCTION {self.signature} FROM PUBLIC")
        schema_editor.execute(f"GRANT EXECUTE ON FUNCTION {self.signature} TO {APPLICATION_ROLE}")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:  # noqa: ARG002
        schema_editor.execute(f"DROP FUNCTION {self.signature}")

    def describe(self) -> str:
        return f"Create the look-up function {self.signature}"


class DropLookupFunction(LookupFunction):
    """Take away a look-up function, as it was made: to make another in its place, or for good."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        super().database_backwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return f"Drop the look-up function {self.signature}"
