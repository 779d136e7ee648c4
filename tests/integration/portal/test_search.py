"""The portal's search says what is wrong where it can't find anything."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.test import override_settings

from apps.tenants.models import Role
from tests.factories.members import signed_in
from tests.faults.sglang_server import answers, loopback_server


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (401, "Whoever runs Quire has to check its address, model and key."),
        (500, "The embedding server can't be reached at the moment."),
    ],
)
def test_a_search_without_its_server_says_so(tenant: UUID, said: int, words: str) -> None:
    client, _ = signed_in(tenant, Role.VIEWER)
    with loopback_server() as server, override_settings(QUIRE_EMBEDDINGS_URL=server.url):
        server.faults = [answers(said)]
        page = client.get("/search", {"q": "total"})
    assert page.status_code == 200
    assert words in page.content.decode()
    assert "Nothing was found" not in page.content.decode()
