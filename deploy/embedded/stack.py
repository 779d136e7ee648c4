"""The whole stack: which services, with which settings, and what others can read of how it is."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded import external, lineage, location, postgres, servers, valkey
from deploy.embedded.external import External
from deploy.embedded.failures import StackError
from deploy.embedded.location import PROJECT, Location
from deploy.embedded.passwords import Passwords, load_passwords, write_private
from deploy.embedded.ports import LOOPBACK, Ports
from deploy.embedded.processes import BOOTSTRAP, WEB, WORK, Process, processes
from deploy.embedded.supervisor import Child, Launch, Service, Supervisor

MARK = "QUIRE_SUPERVISED_BY"
_SETTINGS = "apps.config.settings.dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One stack: its files, its passwords, its ports, and the servers of others that it uses."""

    location: Location
    passwords: Passwords
    ports: Ports
    external: External

    @property
    def portal_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports[WEB]}"

    def settings(self, *, as_owner: bool) -> dict[str, str]:
        """Return Quire's settings; the owner's login only for what migrates."""
        found = {
            "QUIRE_STORAGE_URL": self.external.storage or self.location.blobs.as_uri(),
            "QUIRE_SECRET_KEY": os.environ.get("QUIRE_SECRET_KEY") or self.passwords.secret_key,
            "QUIRE_PORTAL_URL": self.portal_url,
            "QUIRE_REDIS_URL": self.external.redis
            or valkey.valkey_url(port=self.ports[servers.VALKEY], password=self.passwords.valkey),
        }
        if self.external.database is not None:
            found["QUIRE_DATABASE_URL"] = self.external.database
            owner = self.external.database_owner
        else:
            port = self.ports[servers.POSTGRES]
            found["QUIRE_DATABASE_URL"] = postgres.database_url(
                port=port, user=postgres.APPLICATION, password=self.passwords.app
            )
            owner = postgres.database_url(port=port, user=postgres.OWNER, password=self.passwords.owner)
        if owner is not None and as_owner:
            found["QUIRE_DATABASE_OWNER_URL"] = owner
        return found


def open_site(place: Location) -> Site:
    """Return the stack of a location, whose folders, passwords and ports are made if need be.

    Raises StackError for an environment variable that can't be right, and for a folder of somebody else's.
    """
    elsewhere = external.read(os.environ)
    location.make(place)
    ports = Ports(place.ports)
    return Site(location=place, passwords=load_passwords(place.passwords), ports=ports, external=elsewhere)


def _environment(site: Site, process: Process) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    inherited.pop("QUIRE_DATABASE_OWNER_URL", None)
    extra = {}
    if process.name == BOOTSTRAP and site.location.credentials.exists():
        try:
            kept = json.loads(site.location.credentials.read_text("utf-8"))
            extra["QUIRE_BOOTSTRAP_PASSWORD"] = str(kept["password"])
            extra["QUIRE_BOOTSTRAP_API_KEY"] = str(kept.get("api_key", ""))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # cut short by a crash: there will be a new one
    return {
        **inherited,
        **site.settings(as_owner=process.as_owner),
        **extra,
        "DJANGO_SETTINGS_MODULE": _SETTINGS,
        "PYTHONUNBUFFERED": "1",
        MARK: str(site.location.root),
    }


def _service(site: Site, process: Process) -> Service:
    """Turn a line of processes.py into what the supervisor runs."""
    output = site.location.root / "bootstrap.json" if process.name == BOOTSTRAP else None

    def launch() -> Launch:
        current = next(item for item in processes(port=site.ports[WEB]) if item.name == process.name)
        return Launch(command=current.command, environment=_environment(site, current), cwd=PROJECT, output=output)

    def then() -> None:
        if output is not None:
            _write_credentials(site, output)

    return Service(
        name=process.name,
        tier=process.tier,
        launch=launch,
        ready=lambda log, seconds: process.ready(log, seconds, site.ports[WEB]),
        then=then,
        port=(lambda: site.ports[WEB]) if process.name == WEB else None,
        move=lambda: site.ports.move(WEB),
        once=process.once,
        stop_seconds=process.stop_seconds,
    )


def _write_credentials(site: Site, output: Path) -> None:
    """Put the sign-in where programs find it, with the addresses that it is for."""
    try:
        signed = json.loads(output.read_text("utf-8"))
        credentials = {
            "portal_url": site.portal_url,
            "api_url": f"{site.portal_url}/api/v1",
            "odata_url": f"{site.portal_url}/odata/v4",
            **{name: str(signed[name]) for name in ("email", "password", "api_key", "tenant")},
        }
    except (OSError, ValueError, KeyError, TypeError):
        raise StackError("`manage.py bootstrap_tenant --json` did not print the sign-in") from None
    finally:
        output.unlink(missing_ok=True)
    write_private(site.location.credentials, json.dumps(credentials, indent=1) + "\n")


def services(site: Site, *, fresh: bool, keep_as: str | None, servers_only: bool) -> list[Service]:
    """Return what has to run, with a port chosen for each server."""
    found = []
    if site.external.database is None:
        site.ports.choose(servers.POSTGRES)
        found.append(
            servers.postgres_service(
                location=site.location, passwords=site.passwords, ports=site.ports, fresh=fresh, keep_as=keep_as
            )
        )
    if site.external.redis is None:
        site.ports.choose(servers.VALKEY)
        found.append(servers.valkey_service(location=site.location, passwords=site.passwords, ports=site.ports))
    port = site.ports.choose(WEB)
    found += [
        _service(site, process) for process in processes(port=port) if not (servers_only and process.tier == WORK)
    ]
    return found


def _set_aside(site: Site) -> str | None:
    """Move away what somebody who used the stack may want to keep; return the name that its database is to get."""
    place = site.location
    if not place.used.exists():
        return None
    name = f"{postgres.DATABASE}_until_{time.strftime('%Y%m%d_%H%M%S')}"
    folder = place.kept / name
    folder.mkdir(mode=0o700, parents=True)
    for path in (place.credentials, place.used, *(() if site.external.storage else (place.blobs,))):
        if path.exists():
            path.rename(folder / path.name)
    return name


def _empty(site: Site) -> None:
    """Remove what documents left outside the database. Not where the database is somebody else's: it refers to it."""
    site.location.credentials.unlink(missing_ok=True)
    if site.external.redis is None:
        shutil.rmtree(site.location.valkey, ignore_errors=True)
    if site.external.storage is None:
        shutil.rmtree(site.location.blobs, ignore_errors=True)
        site.location.blobs.mkdir(mode=0o700)


def _clear_leftovers(place: Location) -> None:
    """End what outlived its guard and its supervisor, both killed at once; Postgres looks after its own."""
    if not lineage.end(lambda: lineage.carrying(MARK, str(place.root))):
        raise StackError("processes of an earlier run can't be ended; see `ps`")


def supervise(*, run_dir: Path, guard: int, fresh: bool, servers_only: bool) -> int:
    """Run the stack until a signal stops it; return the exit code. The caller holds the lock."""
    place = Location(root=run_dir)
    identity = {"guard": _name(guard), "supervisor": _name(os.getpid())}
    portal = ""
    error = ""

    def report(state: str, children: Sequence[Child]) -> None:
        described = {
            child.service.name: {
                "state": child.state.value,
                "restarts": child.restarts,
                **(_name(child.process.pid, child.started) if child.process and child.alive else {}),
            }
            for child in children
        }
        status = {"state": state, "portal_url": portal, "error": error, **identity, "processes": described}
        write_private(place.state, json.dumps(status, indent=1) + "\n")

    try:
        report("starting", ())
        site = open_site(place)
        _clear_leftovers(place)
        external.check_reachable(site.external)
        fresh = fresh and site.external.database is None
        keep_as = _set_aside(site) if fresh else None
        if fresh:
            _empty(site)
        found = services(site, fresh=fresh, keep_as=keep_as, servers_only=servers_only)
        portal = site.portal_url
        Supervisor(services=found, logs=place.logs, report=report).run()
    except StackError as failure:
        error = str(failure)
        report("failed", ())
        sys.stderr.write(f"{failure}\n")
        return 1
    report("stopped", ())
    return 0


def _name(pid: int, started: str | None = None) -> Mapping[str, str | int]:
    return {"pid": pid, "started": started if started is not None else lineage.started_at(pid) or ""}
