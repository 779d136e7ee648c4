"""A client with a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.common.clock import SYSTEM_CLOCK
from apps.tenants.operations import create_api_key


@dataclass(frozen=True, slots=True)
class Api:
    """REST as a program of one tenant speaks it. The pipeline runs inline: an answered upload is done."""

    client: Client
    key: str
    tenant_id: UUID

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", query, headers=self._headers())

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.post(f"/api/v1/{path}", body or {}, content_type="application/json", headers=self._headers())

    def put(self, path: str, body: Any) -> Any:
        return self.client.put(f"/api/v1/{path}", body, content_type="application/json", headers=self._headers())

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/v1/{path}", headers=self._headers())

    def upload(self, data: bytes, name: str = "a.pdf", **fields: str) -> Any:
        return self.client.post(
            "/api/v1/documents", {"file": SimpleUploadedFile(name, data), **fields}, headers=self._headers()
        )


def make_api(tenant_id: UUID, *, may_administer: bool = True) -> Api:
    """Return a client with a new key of the tenant's."""
    key = create_api_key(tenant_id=tenant_id, name="test", clock=SYSTEM_CLOCK, may_administer=may_administer)
    return Api(client=Client(SERVER_NAME="127.0.0.1"), key=key.secret, tenant_id=tenant_id)


@pytest.fixture
def api(tenant: UUID) -> Api:
    return make_api(tenant)


@pytest.fixture
def other_api(other_tenant: UUID) -> Api:
    return make_api(other_tenant)


@pytest.fixture
def scanner(tenant: UUID) -> Api:
    """A program of the first tenant that sends and reads documents, and may not administer."""
    return make_api(tenant, may_administer=False)
