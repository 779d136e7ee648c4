"""Who may see a page: a person who signed in and belongs to the tenant that the session names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from apps.common.text import is_storable
from apps.tenants.models import Role, User
from apps.tenants.queries import MemberOf, memberships_of

SESSION_KEY = "tenant_id"
_RANKS = {Role.VIEWER: 0, Role.REVIEWER: 1, Role.ADMIN: 2}

P = ParamSpec("P")


class MemberRequest(HttpRequest):
    """A request of a member: `member` names the tenant and the role, `user` is signed in. For types only."""

    user: User
    member: MemberOf


View = Callable[Concatenate[MemberRequest, P], HttpResponseBase]


def member_required(role: Role = Role.VIEWER) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """Let a view be seen by members of at least this role; a person of several tenants chooses one first.

    The membership is read again for each request, so that it ends when it is ended.
    """

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @functools.wraps(view)
        @login_required
        def guarded(request: MemberRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not all(is_storable(text) for name in request.POST for text in (name, *request.POST.getlist(name))):
                raise BadRequest("a form can't hold a character that no text may hold")
            memberships = memberships_of(user_id=request.user.id)
            chosen = _chosen(request, memberships)
            if chosen is None:
                if memberships:
                    return redirect("portal:choose-tenant")
                raise PermissionDenied
            if _RANKS[chosen.role] < _RANKS[role]:
                raise PermissionDenied
            request.member = chosen
            response = view(request, *args, **kwargs)
            if isinstance(response, HttpResponse) and "Cache-Control" not in response:
                response["Cache-Control"] = "private, no-store"
            return response

        return guarded

    return decorate


def member_of(request: HttpRequest) -> MemberOf | None:
    """Return who is signed in, as a member of the tenant that the session works in, or None."""
    user = getattr(request, "user", None)
    return _chosen(request, memberships_of(user_id=user.id)) if isinstance(user, User) else None


def choose(request: HttpRequest, tenant_id: UUID) -> None:
    """Note the tenant that the session works in."""
    request.session[SESSION_KEY] = str(tenant_id)


def _chosen(request: HttpRequest, memberships: tuple[MemberOf, ...]) -> MemberOf | None:
    if len(memberships) == 1:
        return memberships[0]
    wanted = request.session.get(SESSION_KEY)
    return next((member for member in memberships if str(member.tenant_id) == wanted), None)
