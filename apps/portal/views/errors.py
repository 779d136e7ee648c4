"""What is answered where there is no page to show: with the navigation, for whoever is signed in."""

from __future__ import annotations

from http import HTTPStatus

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.portal.access import member_of


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    """Say that a request can't be read."""
    return _page(request, HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    """Say that a page is for others."""
    return _page(request, HTTPStatus.FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    """Say that there is no such page."""
    return _page(request, HTTPStatus.NOT_FOUND)


def _page(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    if not hasattr(request, "member"):
        try:
            request.member = member_of(request)  # type: ignore[attr-defined]
        except DatabaseError:
            request.member = None  # type: ignore[attr-defined]
    response = render(request, f"{status.value}.html", status=status)
    response["Cache-Control"] = "private, no-store"
    return response
