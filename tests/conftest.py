"""The suite's services: one throwaway Postgres and Valkey for the run, a database and a broker number for each worker.

Isolation is the product's own: each test makes its tenant, and sees no other's rows. Nothing is rolled back.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
_services = ExitStack()

# A busy machine is no fault of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


def _start_services() -> None:
    """Start both servers and migrate the database that the workers' are copied from."""
    from deploy.embedded.testing import throwaway_services  # noqa: PLC0415 - only the controller starts them

    services = _services.enter_context(throwaway_services(ROOT / ".run" / "tests"))
    files = Path(_services.enter_context(tempfile.TemporaryDirectory(prefix="quire-tests-")))
    os.environ.update(
        services.environment()
        | {
            "QUIRE_TEST_SUPERUSER_URL": services.superuser_url,
            "QUIRE_TEST_FILES": str(files),
            "QUIRE_SECRET_KEY": secrets.token_urlsafe(32),
            "DJANGO_SETTINGS_MODULE": "apps.config.settings.test",
        }
    )
    for name in [name for name in os.environ if name.startswith(("QUIRE_INFERENCE_", "QUIRE_EMBEDDINGS_"))]:
        del os.environ[name]
    subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0", "--skip-checks"], check=True, cwd=ROOT
    )


def _own_database(worker: str) -> None:
    """Give this process a copy of the migrated database, a broker number and a folder, then set Django up."""
    name = f"test_{worker}"
    owner = os.environ["QUIRE_DATABASE_OWNER_URL"]
    template = urlsplit(owner).path.lstrip("/")
    with psycopg.connect(_with_path(owner, "postgres"), autocommit=True) as connection:
        # Workers copy at the same time, and a template must have no other user: one after the other.
        connection.execute("SELECT pg_advisory_lock(1)")
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    number = int(worker.removeprefix("gw")) + 1 if worker.startswith("gw") else 0
    folder = Path(os.environ["QUIRE_TEST_FILES"]) / name
    folder.mkdir(mode=0o755)
    os.environ["QUIRE_DATABASE_OWNER_URL"] = _with_path(owner, name)
    os.environ["QUIRE_DATABASE_URL"] = _with_path(os.environ["QUIRE_DATABASE_URL"], name)
    os.environ["QUIRE_REDIS_URL"] = _with_path(os.environ["QUIRE_REDIS_URL"], str(number))
    os.environ["QUIRE_STORAGE_URL"] = (folder / "blobs").as_uri()
    import django  # noqa: PLC0415 - the settings read the environment that was just made

    django.setup()


# At the import, since conftests of folders below import the apps: under xdist first in the controller, then in each
# worker, which inherits the controller's environment.
if "PYTEST_XDIST_WORKER" not in os.environ:
    _start_services()
_own_database(os.environ.get("PYTEST_XDIST_WORKER", "main"))


def pytest_unconfigure() -> None:
    _services.close()


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real documents; tests that need it are skipped where it isn't."""
    folder = Path(os.environ.get("QUIRE_CORPUS", ROOT.parent / "shared" / "corpus"))
    if not (folder / "manifest.jsonl").exists():
        pytest.skip("no corpus at QUIRE_CORPUS")
    return folder


@pytest.fixture
def database() -> Iterator[None]:
    """A connection as the application has it: under row-level security. It is closed after the test."""
    from django.db import connections  # noqa: PLC0415 - after the set-up

    yield
    connections.close_all()


@pytest.fixture
def tenant(database: None) -> UUID:
    """A new tenant with the shipped schemas."""
    return make_tenant()


@pytest.fixture
def other_tenant(database: None) -> UUID:
    """A second tenant, to attack the first with."""
    return make_tenant()


def make_tenant() -> UUID:
    """Make a tenant with a random name and the shipped schemas."""
    from apps.common.clock import SYSTEM_CLOCK  # noqa: PLC0415 - after the set-up
    from apps.schemas.operations import install_shipped  # noqa: PLC0415
    from apps.tenants.operations import create_tenant  # noqa: PLC0415

    tenant_id = create_tenant(slug=f"t-{secrets.token_hex(8)}", name="A tenant")
    install_shipped(tenant_id=tenant_id, clock=SYSTEM_CLOCK)
    return tenant_id
