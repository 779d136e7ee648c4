"""Signing in, signing out, and choosing a tenant."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from apps.portal import throttling
from apps.portal.access import choose
from apps.tenants.models import User
from apps.tenants.queries import memberships_of

MAX_PASSWORD_CHARACTERS = 1024


class SignInForm(AuthenticationForm):
    """E-mail address and password; one message for whatever is wrong, so that nobody learns who has an account."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["username"].label = _("E-mail address")
        self.fields["username"].widget.attrs |= {"autocomplete": "username", "type": "email", "autofocus": True}
        self.fields["password"].validators.append(MaxLengthValidator(MAX_PASSWORD_CHARACTERS))
        self.error_messages = {
            **self.error_messages,
            "invalid_login": _("This e-mail address and password don't belong together. Check both and try again."),
        }

    def clean(self) -> dict[str, object]:
        """Check the password, unless too many were wrong of late: then not even the right one is looked at."""
        email = str(self.cleaned_data.get("username", ""))
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        wait = throttling.seconds_to_wait(email=email, address=address)
        if wait:
            minutes = -(-wait // 60)
            text = ngettext(
                "Too many attempts failed. Wait %(n)d minute, then try again.",
                "Too many attempts failed. Wait %(n)d minutes, then try again.",
                minutes,
            )
            raise ValidationError(text % {"n": minutes}, code="throttled")
        cleaned: dict[str, object] = super().clean()
        throttling.forget(email=email, address=address)
        return cleaned


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
