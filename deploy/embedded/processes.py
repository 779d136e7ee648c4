"""What the stack is made of, as data: Quire's own processes. Its servers come before them (servers.py)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from deploy.embedded.ports import LOOPBACK

TENANT = "demo"
EMAIL = "demo@quire.localhost"
WEB = "web"
BOOTSTRAP = "bootstrap"
# Tiers: the servers, then what prepares the database, then everything that uses it.
SERVERS, PREPARATION, WORK = 0, 1, 2
MODEL_THREADS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of Quire's.

    `as_owner` gives it the login that owns the tables; the others have the one that row-level security holds. `once`
    means that it runs to its end. `ready` gets what it logged, the seconds since its start, and the web server's port.
    """

    name: str
    tier: int
    command: tuple[str, ...]
    once: bool = False
    as_owner: bool = False
    ready: Callable[[str, float, int], bool] = lambda _log, _seconds, _port: True
    stop_seconds: float = 10.0


def _answers(_log: str, _seconds: float, port: int) -> bool:
    connection = HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == HTTPStatus.OK
    except (HTTPException, OSError):
        return False
    finally:
        connection.close()


def _takes_work(log: str, _seconds: float, _port: int) -> bool:
    """Say whether a worker has said so, as workers/celery.py has it say at any log level."""
    return "worker takes work" in log


def _settled(_log: str, seconds: float, _port: int) -> bool:
    return seconds > 1


def _worker(queue: str, *, pool: str, size: int, yielding: bool = False) -> Process:
    """Return a pool of workers. A `yielding` one leaves the processor to the others, which finish what it has begun."""
    return Process(
        name=f"{queue}-worker",
        tier=WORK,
        command=(
            *(("env", "QUIRE_WORKER_NICENESS=15") if yielding else ()),
            *(sys.executable, "-m", "celery", "-A", "workers.celery", "worker", "-l", "INFO"),
            *("-P", pool, "-Q", queue, "-c", str(size), "-n", f"{queue}@%h", "--without-gossip", "--without-mingle"),
        ),
        ready=_takes_work,
    )


def _model_threads() -> int:
    """Return how many threads ask models: somewhat more than the calls that their server runs at once.

    They wait for the server nearly all of their time. Each takes up to two connections of Postgres, its own and that of
    its heartbeat.
    """
    wished = os.environ.get("QUIRE_MODEL_THREADS", "")
    return int(wished) if wished.isdecimal() and int(wished) else MODEL_THREADS


def processes(*, port: int) -> tuple[Process, ...]:
    """Return the processes; `port` is the web server's."""
    cores = min(os.cpu_count() or 1, 8)
    manage = (sys.executable, "manage.py")
    web = (sys.executable, "-m", "granian", "--interface", "asginl", "--host", LOOPBACK, "--port", str(port))
    return (
        Process(
            name="migrate",
            tier=PREPARATION,
            command=(*manage, "migrate", "--noinput", "--skip-checks"),
            once=True,
            as_owner=True,
        ),
        Process(
            name=BOOTSTRAP,
            tier=WORK,
            command=(
                *manage,
                "bootstrap_tenant",
                "--slug",
                TENANT,
                "--email",
                EMAIL,
                "--renew",
                "--json",
                "--skip-checks",
            ),
            once=True,
        ),
        Process(
            name=WEB,
            tier=WORK,
            command=(*web, "--workers", "1", "--no-ws", "apps.config.asgi:application"),
            ready=_answers,
        ),
        _worker("parsing", pool="prefork", size=cores, yielding=True),
        _worker("extraction", pool="prefork", size=cores),
        _worker("model", pool="threads", size=_model_threads()),
        Process(name="sweeper", tier=WORK, command=(sys.executable, "-m", "workers.sweep"), ready=_settled),
    )
