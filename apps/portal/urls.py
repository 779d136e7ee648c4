"""The portal's addresses."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.templatetags.static import static
from django.urls import path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from apps.portal.views import administration, decisions, document, documents, search, signing, usage

app_name = "portal"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="portal:documents"), name="home"),
    # What asks for it without a page of ours, as a browser does that shows a page's picture alone.
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("portal/icon.svg")), name="icon"),
    path("sign-in", signing.SignIn.as_view(), name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
    path("tenant", signing.choose_tenant, name="choose-tenant"),
    path("documents", documents.document_list, name="documents"),
    path("upload", documents.upload, name="upload"),
    path("documents/<uuid:document_id>", document.document_page, name="document"),
    path("documents/<uuid:document_id>/pages/<int:number>.jpg", document.page_image, name="page-image"),
    path("documents/<uuid:document_id>/decisions", decisions.decide, name="decide"),
    path("documents/<uuid:document_id>/reopen", document.reopen, name="reopen"),
    path("documents/<uuid:document_id>/cancel", document.cancel, name="cancel"),
    path("documents/<uuid:document_id>/delete", document.delete, name="delete"),
    path("search", search.search, name="search"),
    path("schemas", administration.schema_list, name="schemas"),
    path("usage", usage.usage, name="usage"),
    path("keys", administration.api_keys, name="api-keys"),
    path("keys/<uuid:key_id>/revoke", administration.revoke_api_key, name="revoke-api-key"),
]
