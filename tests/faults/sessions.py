"""Postgres goes away under a connection."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.db import connection


def end_own_session() -> None:
    """End the session that this thread's connection has, as a server that is killed does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

    def end() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(end).result()
