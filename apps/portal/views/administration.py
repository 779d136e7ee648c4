"""Schemas and API keys."""

from __future__ import annotations

from secrets import token_urlsafe
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.audit.changes import log_change
from apps.common.clock import SYSTEM_CLOCK
from apps.portal.access import MemberRequest, member_required
from apps.schemas import queries as schemas
from apps.tenants import operations, queries
from apps.tenants.models import Role

MAX_NAME = 200
# Forms that a session may have open, one in each tab.
MAX_FORMS = 20
FORMS = "key_forms"


@require_GET
@member_required()
def schema_list(request: MemberRequest) -> HttpResponseBase:
    """Show what is extracted."""
    found = schemas.newest_versions(tenant_id=request.member.tenant_id)
    return render(request, "portal/schemas.html", {"schemas": found})


@require_http_methods(["GET", "POST"])
@member_required(Role.ADMIN)
def api_keys(request: MemberRequest) -> HttpResponseBase:
    """Show the keys and make new ones. A secret is shown in this one answer and never again.

    A form makes one key, however often a browser sends it: who loads the answer again sends it again.
    """
    tenant_id = request.member.tenant_id
    made = None
    if request.method == "POST":
        if not _first_time(request):
            messages.error(request, _("This form was sent before: a key that it made is in the list. Fill it in anew."))
            return redirect("portal:api-keys")
        name = request.POST.get("name", "").strip()[:MAX_NAME]
        if name:
            may_administer = request.POST.get("may_administer") == "yes"
            made = operations.create_api_key(
                tenant_id=tenant_id, name=name, clock=SYSTEM_CLOCK, may_administer=may_administer
            )
            log_change(
                tenant_id=tenant_id,
                by=f"user {request.user.id}",
                what=f"key {made.id}",
                before=None,
                after={"may_administer": may_administer},
            )
        else:
            messages.error(request, _("Give the key a name that says who uses it."))
    shown = {"keys": queries.api_keys(tenant_id=tenant_id), "made": made, "form": _new_form(request)}
    return render(request, "portal/api_keys.html", shown)


@require_POST
@member_required(Role.ADMIN)
def revoke_api_key(request: MemberRequest, key_id: UUID) -> HttpResponseBase:
    """End a key."""
    tenant_id = request.member.tenant_id
    if operations.revoke_api_key(tenant_id=tenant_id, key_id=key_id, clock=SYSTEM_CLOCK):
        log_change(
            tenant_id=tenant_id,
            by=f"user {request.user.id}",
            what=f"key {key_id}",
            before={"revoked": False},
            after={"revoked": True},
        )
        messages.success(request, _("The key is revoked: nothing that uses it gets in any more."))
    return redirect("portal:api-keys")


def _new_form(request: MemberRequest) -> str:
    form = token_urlsafe(9)
    request.session[FORMS] = [*request.session.get(FORMS, ()), form][-MAX_FORMS:]
    return form


def _first_time(request: MemberRequest) -> bool:
    forms = list(request.session.get(FORMS, ()))
    form = request.POST.get("form", "")
    if form not in forms:
        return False
    forms.remove(form)
    request.session[FORMS] = forms
    return True
