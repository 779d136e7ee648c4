"""What is answered while Postgres is away: it restarts, or takes no more connections. A client shall try again."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from apps.api import problems

RETRY_AFTER_SECONDS = 5

log = structlog.get_logger(__name__)


class DatabaseUnavailable:
    """Answers 503 with Retry-After where a view lost the database, and says so in the log in one line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return the answer, or None for any other error."""
        if not isinstance(error, OperationalError | InterfaceError):
            return None
        cause = error.__cause__
        # The message may name hosts and logins, and quote a statement.
        log.warning("database_unavailable", error=type(error).__name__, sqlstate=getattr(cause, "sqlstate", None))
        if request.path.startswith("/api/"):
            problem = problems.Problem(
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                title="Service Unavailable",
                detail="The database can't be reached at the moment: try again in a few seconds.",
                code="database_unavailable",
            )
            response = problems.render(problem)
        else:
            response = render(None, "503.html", status=HTTPStatus.SERVICE_UNAVAILABLE)
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
        setattr(response, "_has_been_logged", True)  # noqa: B010 - Django would log it again, as an error
        return response
