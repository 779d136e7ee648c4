"""Errors as RFC 9457 problem details, each with what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from apps.common.errors import QuireError, RetryableError
from apps.common.text import storable
from apps.documents.errors import DocumentBusyError, TooLargeError, UnknownSchemaError, UnsupportedTypeError
from apps.documents.queries import BadCursorError
from apps.inference.adapters import BadAdapterError
from apps.inference.embeddings import EmbeddingsRefusedError
from apps.inference.operations import BadBudgetError, BadPolicyError
from apps.inference.profiles import UnknownProfileError
from apps.pipeline.estimates import NoSuchDocumentsError
from apps.pipeline.intake import NotCancellableError
from apps.results.decisions import BadDecisionError, StaleDecisionError, UnderWayError
from apps.schemas.definitions import SchemaInvalid
from apps.schemas.operations import NoSuchSchemaError, ReservedSlugError, SchemaExistsError
from apps.schemas.tuning import BadTuningError

CONTENT_TYPE = "application/problem+json"

STATUSES: dict[type[QuireError], HTTPStatus] = {
    UnsupportedTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnknownSchemaError: HTTPStatus.UNPROCESSABLE_ENTITY,
    BadCursorError: HTTPStatus.BAD_REQUEST,
    NotCancellableError: HTTPStatus.CONFLICT,
    DocumentBusyError: HTTPStatus.CONFLICT,
    SchemaInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    SchemaExistsError: HTTPStatus.CONFLICT,
    ReservedSlugError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NoSuchSchemaError: HTTPStatus.NOT_FOUND,
    BadDecisionError: HTTPStatus.UNPROCESSABLE_ENTITY,
    StaleDecisionError: HTTPStatus.CONFLICT,
    UnderWayError: HTTPStatus.CONFLICT,
    BadBudgetError: HTTPStatus.UNPROCESSABLE_ENTITY,
    BadPolicyError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownProfileError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NoSuchDocumentsError: HTTPStatus.NOT_FOUND,
    BadTuningError: HTTPStatus.UNPROCESSABLE_ENTITY,
    BadAdapterError: HTTPStatus.UNPROCESSABLE_ENTITY,
    EmbeddingsRefusedError: HTTPStatus.BAD_GATEWAY,
}


class Problem(Exception):  # noqa: N818 - the RFC's word
    """An answer that is an error. `code` is stable; `errors` lists parts, each with its place and what is wrong."""

    def __init__(
        self, *, status: HTTPStatus, title: str, detail: str = "", code: str = "", errors: Sequence[dict[str, str]] = ()
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.code = code or title.lower().replace(" ", "_")
        self.errors = tuple(errors)


def not_found(what: str) -> Problem:
    """Return the answer for what isn't there, or is another tenant's: nobody can tell which."""
    return Problem(status=HTTPStatus.NOT_FOUND, title="Not found", detail=f"There is no such {what}.", code="not_found")


def render(problem: Problem) -> HttpResponse:
    """Return the answer."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": problem.title,
        "status": int(problem.status),
        "detail": storable(problem.detail),
        "code": problem.code,
    }
    if problem.errors:
        body["errors"] = [{key: storable(text) for key, text in part.items()} for part in problem.errors]
    response = HttpResponse(orjson.dumps(body), status=int(problem.status), content_type=CONTENT_TYPE)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="quire"'
    return response


def _path(place: Sequence[str | int]) -> str:
    """Return where a fault lies: what of the request (body, query, form, ...), then its parts."""
    source, *rest = place
    # For a body that is one parameter, ninja names that parameter too, which is nothing that the client sent.
    if source in {"body", "form"} and rest and rest[0] in {"body", "form"}:
        rest = rest[1:]
    return "/" + "/".join(str(part) for part in (source, *rest))


def install(api: NinjaAPI) -> None:
    """Make every error of the API a problem."""

    def on_problem(_request: HttpRequest, problem: Problem) -> HttpResponse:
        return render(problem)

    def on_quire_error(_request: HttpRequest, error: QuireError) -> HttpResponse:
        default = HTTPStatus.SERVICE_UNAVAILABLE if isinstance(error, RetryableError) else HTTPStatus.BAD_REQUEST
        status = next((code for kind, code in STATUSES.items() if isinstance(error, kind)), default)
        errors = (
            [{"path": part.path, "message": part.message} for part in error.errors]
            if isinstance(error, SchemaInvalid)
            else []
        )
        return render(Problem(status=status, title=status.phrase, detail=error.message, code=error.code, errors=errors))

    def on_sign_in(_request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
        return render(
            Problem(
                status=HTTPStatus.UNAUTHORIZED,
                title="Unauthorized",
                detail="Send a living API key as 'Authorization: Bearer KEY'.",
                code="unauthorized",
            )
        )

    def on_validation(_request: HttpRequest, error: ValidationError) -> HttpResponse:
        errors = [{"path": _path(item["loc"]), "message": str(item["msg"])} for item in error.errors]
        return render(
            Problem(
                status=HTTPStatus.UNPROCESSABLE_ENTITY,
                title="Invalid request",
                detail="Some parts of the request are missing or wrong; 'errors' names each.",
                code="invalid_request",
                errors=errors,
            )
        )

    def on_unreadable(_request: HttpRequest, error: Exception) -> HttpResponse:
        status = HTTPStatus.BAD_REQUEST
        detail = "The request can't be read: its form is malformed, or a file in it has a name that can't be used."
        if isinstance(error, RequestDataTooBig):
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            detail = "The request is too large for this address: send less at a time."
        return render(Problem(status=status, title=status.phrase, detail=detail, code="unreadable_request"))

    def on_http_error(_request: HttpRequest, error: HttpError) -> HttpResponse:
        status = HTTPStatus(error.status_code)
        return render(Problem(status=status, title=status.phrase, detail=str(error)))

    api.exception_handler(Problem)(on_problem)
    api.exception_handler(QuireError)(on_quire_error)
    api.exception_handler(AuthenticationError)(on_sign_in)
    api.exception_handler(ValidationError)(on_validation)
    for kind in (SuspiciousOperation, MultiPartParserError, UnreadablePostError, BadRequest):
        api.exception_handler(kind)(on_unreadable)
    api.exception_handler(HttpError)(on_http_error)
