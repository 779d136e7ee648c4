"""The tenant scope: what row-level security compares each row with.

It is set inside a transaction and ends with it, so a pooled connection never carries one tenant's scope to the next
request. The database refuses any statement on a tenant's table while no scope is set.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar
from uuid import UUID

from django.db import connection, transaction

from apps.common.errors import TerminalError

_current: ContextVar[UUID | None] = ContextVar("tenant_scope", default=None)


class SwallowedError(Exception):
    """Code went on after an error that undid its transaction: it must not believe that it wrote anything."""


P = ParamSpec("P")
R = TypeVar("R")


class ForeignScopeError(TerminalError):
    """Code that runs for one tenant asked for another."""

    code = "foreign_scope"


@contextmanager
def tenant_scope(tenant_id: UUID) -> Iterator[None]:
    """Run the block in a transaction that sees and writes this tenant's rows only.

    Blocks nest for the same tenant and are one transaction then: an error in one undoes all. Raises ForeignScopeError
    inside another tenant's, SwallowedError where an inner block's error did not come this far.
    """
    current = _current.get()
    if current is not None:
        if current != tenant_id:
            raise ForeignScopeError("this work belongs to one tenant and asked for another's rows")
        with transaction.atomic(savepoint=False):
            yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant_id)])
        token = _current.set(tenant_id)
        try:
            yield
        finally:
            _current.reset(token)
        if connection.needs_rollback:
            raise SwallowedError("an error inside was caught, and what was written before it is lost")


def in_tenant_scope(function: Callable[P, R]) -> Callable[P, R]:
    """Run a query or an operation in the scope of its keyword argument `tenant_id`: one call, one transaction."""

    @functools.wraps(function)
    def scoped(*args: P.args, **kwargs: P.kwargs) -> R:
        tenant_id = kwargs["tenant_id"]
        if not isinstance(tenant_id, UUID):
            message = "tenant_id must be a UUID"
            raise TypeError(message)
        with tenant_scope(tenant_id):
            return function(*args, **kwargs)

    return scoped
