"""While Postgres is away: 503 with Retry-After, and one warning in the log for each request."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import connection

from apps.tenants.models import Role
from deploy.embedded.ports import free_port
from tests.factories.members import signed_in
from tests.integration.api.conftest import Api


@pytest.fixture
def away() -> Iterator[None]:
    """Have nothing listen where Postgres was: it restarts. What was connected to it has lost its connection."""
    port = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = str(free_port())
    connection.close()
    try:
        yield
    finally:
        connection.settings_dict["PORT"] = port
        connection.close()


def _logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, bool, bool]]:
    """Return the level of each record that matters, whether it is ours, and whether it has a traceback."""
    return [
        (record.levelname, "database_unavailable" in record.getMessage(), bool(record.exc_info))
        for record in caplog.records
        if record.levelno >= logging.WARNING
    ]


def test_rest_says_so_and_when_to_come_back(
    api: Api, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    request.getfixturevalue("away")
    response = api.get("documents")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "database_unavailable"
    assert response.json()["detail"] == "The database can't be reached at the moment: try again in a few seconds."
    assert _logged(caplog) == [("WARNING", True, False)]


def test_the_portal_shows_a_page_that_says_so(
    tenant: UUID, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    client, _ = signed_in(tenant, Role.VIEWER)
    request.getfixturevalue("away")
    response = client.get("/documents")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "<h1>Not available at the moment</h1>" in response.content.decode()
    assert _logged(caplog) == [("WARNING", True, False)]


def test_it_answers_again_once_the_database_does(api: Api, tenant: UUID) -> None:
    port = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = str(free_port())
    connection.close()
    assert api.get("documents").status_code == 503
    connection.settings_dict["PORT"] = port
    assert api.get("documents").status_code == 200
