"""Postgres and Valkey as services of the supervisor, where no external server takes their place."""

from __future__ import annotations

import os
from pathlib import Path

from deploy.embedded import postgres, valkey
from deploy.embedded.location import Location
from deploy.embedded.passwords import Passwords
from deploy.embedded.ports import Ports
from deploy.embedded.processes import SERVERS
from deploy.embedded.supervisor import Launch, Service

POSTGRES = "postgres"
VALKEY = "valkey"


def postgres_service(
    *, location: Location, passwords: Passwords, ports: Ports, fresh: bool, keep_as: str | None
) -> Service:
    """Return the database server; `fresh` begins with an empty database, and keeps the last one under a name."""

    def launch() -> Launch:
        cluster = postgres.prepare_cluster(run_dir=location.root, passwords=passwords)
        return Launch(
            command=cluster.command(port=ports[POSTGRES]),
            environment=postgres.ENVIRONMENT,
            cwd=Path("/"),
            account=cluster.account,
        )

    def then() -> None:
        postgres.bootstrap(port=ports[POSTGRES], passwords=passwords)
        if fresh:
            postgres.create_database(port=ports[POSTGRES], passwords=passwords, anew=True, keep_as=keep_as)

    return Service(
        name=POSTGRES,
        tier=SERVERS,
        launch=launch,
        ready=lambda _log, _seconds: postgres.is_ready(port=ports[POSTGRES], password=passwords.superuser),
        then=then,
        port=lambda: ports[POSTGRES],
        move=lambda: ports.move(POSTGRES),
        stop_signal=postgres.FAST_SHUTDOWN,
        hard_stop_signal=postgres.IMMEDIATE_SHUTDOWN,
        stop_seconds=30,
    )


def valkey_service(*, location: Location, passwords: Passwords, ports: Ports) -> Service:
    """Return the broker."""

    def launch() -> Launch:
        command = valkey.prepare_valkey(folder=location.valkey, port=ports[VALKEY], password=passwords.valkey)
        return Launch(command=command, environment={"PATH": os.defpath, "LC_ALL": "C"}, cwd=location.valkey)

    return Service(
        name=VALKEY,
        tier=SERVERS,
        launch=launch,
        ready=lambda _log, _seconds: valkey.answers(port=ports[VALKEY], password=passwords.valkey),
        port=lambda: ports[VALKEY],
        move=lambda: ports.move(VALKEY),
    )
