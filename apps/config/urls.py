"""Every address that Quire answers."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from apps.api.urls import api
from apps.config.health import livez, readyz
from apps.config.metrics import metrics

handler400 = "apps.portal.views.errors.bad_request"
handler403 = "apps.portal.views.errors.forbidden"
handler404 = "apps.portal.views.errors.not_found"
urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", livez),
    path("readyz", readyz),
    path("metrics", metrics),
    path("api/v1/", api.urls),
    path("", include("apps.portal.urls")),
]
