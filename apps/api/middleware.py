"""Every error under /api/ is a problem, also what the framework answers: no such address, a wrong method, a defect."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.api.problems import CONTENT_TYPE, Problem, render

_DETAILS = {
    HTTPStatus.BAD_REQUEST: "The request can't be read: its address, a header or its form is malformed.",
    HTTPStatus.NOT_FOUND: "There is nothing at this address; /api/v1/openapi.json lists what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address doesn't take this method; /api/v1/openapi.json lists what it takes.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong inside Quire; the administrator finds it in the log.",
}


class ProblemMiddleware:
    """Turns other answers with an error's status into problems."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "private, no-store")
        is_error = response.status_code >= HTTPStatus.BAD_REQUEST
        if not (is_error and request.path.startswith("/api/")):
            return response
        if response.headers.get("Content-Type", "").startswith(CONTENT_TYPE):
            return response
        status = HTTPStatus(response.status_code)
        problem = render(Problem(status=status, title=status.phrase, detail=_DETAILS.get(status, "")))
        if "Allow" in response.headers:
            problem["Allow"] = response.headers["Allow"]
        return problem
