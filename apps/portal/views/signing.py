"""Signing in, signing out, and choosing a tenant."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.portal.access import choose
from apps.tenants.models import User
from apps.tenants.queries import memberships_of


class SignInForm(AuthenticationForm):
    """E-mail address and password; one message for whatever is wrong, so that nobody learns who has an account."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["username"].label = _("E-mail address")
        self.fields["username"].widget.attrs |= {"autocomplete": "username", "type": "email", "autofocus": True}
        self.error_messages = {
            **self.error_messages,
            "invalid_login": _("This e-mail address and password don't belong together. Check both and try again."),
        }


class SignIn(LoginView):
    """The sign-in page."""

    template_name = "portal/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


@login_required
@require_http_methods(["GET", "POST"])
def choose_tenant(request: HttpRequest) -> HttpResponse:
    """Let a person of several tenants choose the one to work in."""
    assert isinstance(request.user, User)
    memberships = memberships_of(user_id=request.user.id)
    if request.method == "POST":
        wanted = request.POST.get("tenant", "")
        for member in memberships:
            if str(member.tenant_id) == wanted:
                choose(request, UUID(wanted))
                return redirect("portal:documents")
    return render(request, "portal/choose_tenant.html", {"memberships": memberships})
