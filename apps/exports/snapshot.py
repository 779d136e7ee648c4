"""The database as one tenant sees it at one moment, for as long as an export takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

# A reader that has stopped reading, or a query gone wrong, doesn't hold its snapshot for ever.
STATEMENT_TIMEOUT = "1h"
IDLE_TIMEOUT = "10min"
# Rows are sorted; more than this goes to Postgres' disk.
SORT_MEMORY = "64MB"


@contextmanager
def snapshot(*, tenant_id: UUID) -> Iterator[psycopg.Connection]:
    """Open a connection with one read-only transaction in the tenant's scope, and close it after the block.

    The connection is the export's own, since the response is sent after the view has returned and its request's
    transaction has ended. So what a caller has written and not yet committed isn't seen here. Every statement sees the
    same state (REPEATABLE READ). Any thread may close it.
    """
    wrapper = connections[DEFAULT_DB_ALIAS].copy()
    wrapper.inc_thread_sharing()
    try:
        wrapper.ensure_connection()
        connection: psycopg.Connection = wrapper.connection
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.execute(
                "SELECT set_config('app.tenant', %s, true), set_config('datestyle', 'ISO, YMD', true), "
                "set_config('statement_timeout', %s, true), "
                "set_config('idle_in_transaction_session_timeout', %s, true), set_config('work_mem', %s, true)",
                [str(tenant_id), STATEMENT_TIMEOUT, IDLE_TIMEOUT, SORT_MEMORY],
            )
            yield connection
    finally:
        wrapper.close()
