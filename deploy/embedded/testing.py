"""One throwaway Postgres and Valkey for a run of the tests, whose workers share them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from deploy.embedded import lineage, postgres, valkey
from deploy.embedded.failures import StackError
from deploy.embedded.passwords import Passwords
from deploy.embedded.ports import free_port


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrowawayServices:
    """The servers' addresses. The owner may create databases and roles; each new database has the extension `vector`.

    Valkey has 32 databases, so that every worker can take one of its own: put its number for the 0 at the URL's end.
    """

    owner_url: str
    app_url: str
    superuser_url: str
    redis_url: str

    def environment(self) -> dict[str, str]:
        """Return the settings that lead Quire to these servers."""
        return {
            "QUIRE_DATABASE_URL": self.app_url,
            "QUIRE_DATABASE_OWNER_URL": self.owner_url,
            "QUIRE_REDIS_URL": self.redis_url,
        }


def _sweep(run_dir: Path) -> None:
    """Remove what runs that were killed left behind."""
    for folder in run_dir.glob("services-*"):
        try:
            owner = json.loads((folder / "run-by.json").read_text("utf-8"))
            alive = lineage.is_running(int(owner["pid"]), str(owner["started"]))
        except (OSError, ValueError, KeyError):
            alive = False
        if not alive:
            postgres.remove_cluster(run_dir=folder)
            shutil.rmtree(folder, ignore_errors=True)


def _stop(server: subprocess.Popen[bytes], number: int) -> None:
    lineage.send(server.pid, number)
    try:
        server.wait(timeout=20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@contextmanager
def throwaway_services(run_dir: Path) -> Iterator[ThrowawayServices]:
    """Start both servers on free ports with data of their own under `run_dir`, stop and remove them in the end.

    Nothing is written through to the disk, and nothing survives: were this process killed, the kernel ends the
    servers, and the next call sweeps up their files. Call it in the main thread of the process that outlives its
    workers: under xdist the controller.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        run_dir.chmod(0o711)  # the server runs as nobody
    _sweep(run_dir)
    folder = Path(tempfile.mkdtemp(prefix="services-", dir=run_dir)).resolve()
    (folder / "run-by.json").write_text(
        json.dumps({"pid": os.getpid(), "started": lineage.started_at(os.getpid())}), "utf-8"
    )
    if os.geteuid() == 0:
        folder.chmod(0o711)
    passwords = Passwords()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(postgres.remove_cluster, run_dir=folder)
        port = _start_postgres(stack, folder, passwords)
        broker = _start_valkey(stack, folder, passwords)
        yield ThrowawayServices(
            owner_url=postgres.database_url(port=port, user=postgres.OWNER, password=passwords.owner),
            app_url=postgres.database_url(port=port, user=postgres.APPLICATION, password=passwords.app),
            superuser_url=postgres.database_url(port=port, user=postgres.SUPERUSER, password=passwords.superuser),
            redis_url=valkey.valkey_url(port=broker, password=passwords.valkey),
        )


def _start_postgres(stack: ExitStack, folder: Path, passwords: Passwords) -> int:
    cluster = postgres.prepare_cluster(run_dir=folder, passwords=passwords, durable=False)
    port = free_port()
    log = folder / "postgres.log"
    with log.open("wb") as out:
        server = postgres.start(cluster=cluster, port=port, output=out, parent_gone=postgres.IMMEDIATE_SHUTDOWN)
    stack.callback(_stop, server, postgres.IMMEDIATE_SHUTDOWN)
    postgres.wait_until_ready(port=port, password=passwords.superuser, server=server, log=log)
    postgres.bootstrap(port=port, passwords=passwords)
    return port


def _start_valkey(stack: ExitStack, folder: Path, passwords: Passwords) -> int:
    port = free_port()
    command = valkey.prepare_valkey(folder=folder / "valkey", port=port, password=passwords.valkey, durable=False)
    log = folder / "valkey.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=lineage.die_with_parent(),  # noqa: PLW1509 - it calls the kernel only
        )
    stack.callback(_stop, server, signal.SIGTERM)
    deadline = monotonic() + 20
    while not valkey.answers(port=port, password=passwords.valkey):
        if server.poll() is not None or monotonic() > deadline:
            raise StackError(f"Valkey did not start:\n{log.read_text('utf-8', errors='replace')[-800:]}")
        with suppress(InterruptedError):
            sleep(0.02)
    return port
