"""REST under /api/v1/."""

from __future__ import annotations

from apps.api import budgets, decisions, documents, exports, problems, schemas, search, tuning, usage
from apps.api.auth import ApiKeyBearer
from apps.api.bodies import strict
from apps.api.openapi import DescribedAPI

api = DescribedAPI(
    title="Quire",
    version="1",
    description="Documents in, typed values out, each with its page and box.",
    urls_namespace="api",
    auth=ApiKeyBearer(),
    docs_url=None,
    openapi_url="/openapi.json",
)
problems.install(api)
api.add_decorator(strict)
api.add_router("/documents", documents.router)
api.add_router("/documents", decisions.router)
api.add_router("/schemas", schemas.router)
api.add_router("/tuning", tuning.router)
api.add_router("", search.router)
api.add_router("/exports", exports.router)
api.add_router("", usage.router)
api.add_router("", budgets.router)
