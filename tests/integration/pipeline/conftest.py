"""Real workers and a real sweeper, as the stack runs them, on the test's own database and broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings
from django.test import override_settings
from redis import Redis

ROOT = Path(__file__).resolve().parents[3]
WORKER = ("-m", "celery", "-A", "workers.celery", "worker", "-P", "prefork", "-c", "2", "-l", "WARNING")
QUEUES = "parsing,extraction,model"


@dataclass
class Fleet:
    """Processes of the pipeline, each a group of its own, so that a kill takes the children too."""

    log: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_worker(self) -> subprocess.Popen[bytes]:
        name = f"test{len(self.running)}-{os.getpid()}@localhost"
        return self._start(*WORKER, "-Q", QUEUES, "-n", name, "--without-gossip", "--without-mingle")

    def start_sweeper(self) -> subprocess.Popen[bytes]:
        return self._start("-m", "workers.sweep")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL the process and its children at once: nothing gets to say goodbye."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for process in self.running:
            if process.poll() is None:
                self.kill(process)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {
            "DJANGO_SETTINGS_MODULE": "apps.config.settings.dev",
            "QUIRE_LEASE_SECONDS": "2",
            "QUIRE_SWEEP_SECONDS": "0.3",
        }
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=os.environ | environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.running.append(process)
        return process


@pytest.fixture
def alone() -> None:
    """No work of tests before this one is left: a worker would take it, and the sweeper send hints for it."""
    database = urlsplit(os.environ["QUIRE_DATABASE_URL"]).path
    superuser = urlsplit(os.environ["QUIRE_TEST_SUPERUSER_URL"])._replace(path=database)
    with psycopg.connect(urlunsplit(superuser)) as connection:
        connection.execute("DELETE FROM pipeline_outboxmessage")
        connection.execute("UPDATE pipeline_stagerun SET status = 'cancelled' WHERE status IN ('pending', 'running')")
    with Redis.from_url(settings.QUIRE_REDIS_URL) as broker:
        broker.flushdb()


@pytest.fixture
def fleet(tmp_path: Path, alone: None) -> Iterator[Fleet]:
    """Start and kill workers; uploads in this test send real hints, to a broker that holds none of another test's."""
    fleet = Fleet(log=tmp_path / "fleet.log")
    with override_settings(QUIRE_DISPATCHER="workers.dispatch.CeleryDispatcher"):
        try:
            yield fleet
        finally:
            fleet.stop()


def wait_for(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Poll until the condition holds. The bound is generous: it ends a test that would hang, it measures nothing."""
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            pytest.fail(f"after {seconds} s still waiting for {what}")
        sleep(0.05)
