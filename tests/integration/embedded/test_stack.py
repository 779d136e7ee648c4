"""The stack as a whole, through its command line. A start takes seconds, so each test asks several things of one."""

from __future__ import annotations

import json
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest

from deploy.embedded import control, external, lineage, postgres
from deploy.embedded.control import Credentials, Status
from deploy.embedded.failures import StackError
from deploy.embedded.location import Location
from deploy.embedded.stack import MARK
from tests.integration.embedded.conftest import clean_environment

ROOT = Path(__file__).resolve().parents[3]
PROCESSES = {"migrate", "bootstrap", "web", "parsing-worker", "extraction-worker", "model-worker", "sweeper"}
ONCE = {"migrate", "bootstrap"}
SERVERS = {"postgres", "valkey"}
START_SECONDS = 300


class Quire:
    """The command line on a run folder of its own."""

    def __init__(self, run_dir: Path, **settings: str) -> None:
        self.place = Location(root=run_dir)
        self.environment = clean_environment(QUIRE_RUN_DIR=str(run_dir), **settings)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.embedded", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        with self.start(*arguments) as process:
            out, errors = process.communicate(timeout=START_SECONDS)
        return process.returncode, out, errors

    def up(self) -> Credentials:
        code, out, errors = self("up")
        assert (code, errors) == (0, ""), out
        return control.credentials(self.place)

    def wait_for(self, condition: Callable[[Status], bool]) -> Status:
        deadline = time.monotonic() + START_SECONDS
        while not condition(now := control.status(self.place)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert condition(now), now
        return now

    def left(self) -> list[int]:
        """Return the pids of what runs for this folder: Postgres hides its environment, but not where it works."""
        homes = (self.place.root / "postgres", postgres.elsewhere(self.place.root))
        servers = [pid for home in homes for pid in lineage.working_in(home / "data", program="postgres")]
        supervisors = lineage.carrying("QUIRE_RUN_DIR", str(self.place.root))
        return sorted({*servers, *supervisors, *lineage.carrying(MARK, str(self.place.root))})

    def wait_for_nothing_left(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.left() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert self.left() == []


@pytest.fixture
def quire(run_dir: Path) -> Iterator[Quire]:
    stack = Quire(run_dir)
    yield stack
    control.stop(stack.place)
    assert stack.left() == []


def documents(credentials: Credentials) -> int:
    """Return how many documents the API lists."""
    answer = httpx.get(
        f"{credentials.api_url}/documents", headers={"Authorization": f"Bearer {credentials.api_key}"}, timeout=30
    )
    assert answer.status_code == 200
    return len(answer.json()["items"])


@pytest.mark.slow
def test_life_of_a_stack(quire: Quire) -> None:
    """Three starts of the whole stack, each with what it can be asked."""
    other = quire.start("up")
    first = quire.up()
    out, errors = other.communicate(timeout=START_SECONDS)
    assert (other.returncode, errors) == (0, ""), out
    assert first.portal_url in out  # one of the two started it, the other waited for that
    check_what_is_up(quire, first)
    check_second_commands(quire, first)
    check_every_process_comes_back(quire)
    assert documents(first) == 0

    # The supervisor is killed: at once nothing is left, and the next start is as if it had been stopped.
    os.kill(identity(quire, "supervisor"), signal.SIGKILL)
    quire.wait_for_nothing_left()
    assert quire("status") == (3, "down\n", "")
    second = quire.up()
    assert (second.portal_url, second.password) == (first.portal_url, first.password)

    # Both are killed, held first so that neither sees the other go: the next start ends whatever outlived them.
    both = identity(quire, "guard"), identity(quire, "supervisor")
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in both:
            os.kill(pid, number)
    orphan = subprocess.Popen(["sleep", "600"], env={MARK: str(quire.place.root)})
    assert documents(quire.up()) == 0
    assert orphan.wait(timeout=START_SECONDS) == -signal.SIGKILL

    assert quire("down") == (0, "Stopped.\n", "")
    assert quire.left() == []
    assert quire("down") == (0, "The stack is not up.\n", "")
    assert quire("status") == (3, "down\n", "")


def identity(quire: Quire, which: str) -> int:
    found = getattr(control.status(quire.place), which)
    assert found is not None
    return int(found[0])


def check_what_is_up(quire: Quire, signed: Credentials) -> None:
    kept = quire.place.credentials
    assert kept.stat().st_mode & 0o777 == 0o600
    assert quire.place.passwords.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text("utf-8")) == {
        "portal_url": signed.portal_url,
        "api_url": f"{signed.portal_url}/api/v1",
        "odata_url": f"{signed.portal_url}/odata/v4",
        "email": "demo@quire.localhost",
        "password": signed.password,
        "api_key": signed.api_key,
        "tenant": "demo",
    }
    assert documents(signed) == 0
    assert set(control.status(quire.place).members) == PROCESSES | SERVERS
    secret = json.loads(quire.place.passwords.read_text("utf-8")).values()
    said = [Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in quire.left()]
    assert [line for line in said if any(each in line for each in secret)] == []
    # Only what migrates may sign in as the owner of the tables.
    owner = "QUIRE_DATABASE_OWNER_URL="
    carried = [
        Path(f"/proc/{pid}/environ").read_bytes().decode() for pid in lineage.carrying(MARK, str(quire.place.root))
    ]
    assert len(carried) >= len(PROCESSES - ONCE)
    assert [line for line in carried if owner in line] == []


def check_second_commands(quire: Quire, signed: Credentials) -> None:
    code, out, _errors = quire("up")
    assert code == 0
    assert out.startswith(f"The stack is already up at {signed.portal_url}\n")
    code, _out, errors = quire("demo")
    assert code == 1
    assert errors == f"quire: the stack in {quire.place.root} is running already: `make down` stops it\n"
    code, out, _errors = quire("run", "--", sys.executable, "-c", "import os; print(os.environ['QUIRE_PORTAL_URL'])")
    assert (code, out) == (0, f"{signed.portal_url}\n")


def check_every_process_comes_back(quire: Quire) -> None:
    killed = {name: member.pid for name, member in control.status(quire.place).members.items() if name not in ONCE}
    assert set(killed) == SERVERS | PROCESSES - ONCE
    for pid in killed.values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    now = quire.wait_for(
        lambda now: all(now.members[name].state == "ready" and now.members[name].restarts for name in killed)
    )
    assert [name for name, pid in killed.items() if now.members[name].pid == pid] == []


@pytest.mark.slow
@pytest.mark.parametrize(("command", "reached"), [("up", ""), ("demo", "postgres"), ("up", "migrate"), ("demo", "web")])
def test_signal_during_the_start_leaves_nothing(quire: Quire, command: str, reached: str) -> None:
    """The start goes as far as the named process before the signal comes."""
    process = quire.start(command)
    if reached:
        quire.wait_for(lambda now: reached in now.members and now.members[reached].state != "waiting")
    process.send_signal(signal.SIGINT if command == "up" else signal.SIGTERM)
    process.communicate(timeout=START_SECONDS)
    assert process.returncode != 0
    assert quire.left() == []


@pytest.mark.slow
def test_stack_in_the_foreground_ends_with_its_command(quire: Quire) -> None:
    """A start of the whole stack that ends with Ctrl-C, and one that is killed on the way."""
    process = quire.start("up", "--foreground")
    assert process.stdout is not None
    assert "Ctrl-C stops everything.\n" in iter(process.stdout.readline, "")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=START_SECONDS) == 0
    process.communicate()
    assert quire.left() == []

    process = quire.start("up", "--foreground")
    quire.wait_for(lambda now: "web" in now.members and now.members["web"].state == "starting")
    process.kill()
    process.communicate()
    quire.wait_for_nothing_left()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("QUIRE_DATABASE_URL", "mysql://here/quire", "must be a URL that begins with postgresql:// or postgres://"),
        ("QUIRE_REDIS_URL", "redis://:secret@", "names no host"),
        ("QUIRE_INFERENCE_URL", "10.0.0.1:30000", "must be a URL that begins with http:// or https://"),
        ("QUIRE_INFERENCE_URL_MEDIUM", "10.0.0.1:30000", "must be a URL that begins with http:// or https://"),
    ],
)
def test_malformed_setting_is_named(name: str, value: str, why: str) -> None:
    with pytest.raises(StackError, match=f"^{re.escape(f'{name}: {why}')}$"):
        external.read({name: value})


@pytest.mark.parametrize("command", ["up", "demo"])
def test_malformed_setting_stops_the_command(run_dir: Path, command: str) -> None:
    quire = Quire(run_dir, QUIRE_INFERENCE_URL="10.0.0.1:30000")
    why = "must be a URL that begins with http:// or https://"
    assert quire(command) == (1, "", f"quire: QUIRE_INFERENCE_URL: {why}\n")
    assert list(run_dir.iterdir()) == []


def test_server_that_is_not_there_is_named(run_dir: Path) -> None:
    quire = Quire(run_dir, QUIRE_REDIS_URL="redis://127.0.0.1:1/0")
    code, _out, errors = quire("up")
    assert code == 1
    assert errors.startswith("quire: QUIRE_REDIS_URL: can't sign in there: ")
    assert quire.left() == []


@pytest.mark.slow
def test_servers_of_others_are_used_and_left_alone(run_dir: Path) -> None:
    """A start of the whole stack but its servers."""
    owner = os.environ["QUIRE_DATABASE_OWNER_URL"]
    name = f"external_{secrets.token_hex(6)}"
    with psycopg.connect(urlunsplit(urlsplit(owner)._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())

    def of(url: str) -> str:
        return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))

    quire = Quire(
        run_dir,
        QUIRE_DATABASE_URL=of(os.environ["QUIRE_DATABASE_URL"]),
        QUIRE_DATABASE_OWNER_URL=of(owner),
        QUIRE_REDIS_URL=urlunsplit(urlsplit(os.environ["QUIRE_REDIS_URL"])._replace(path="/31")),
    )
    try:
        signed = quire.up()
        assert set(control.status(quire.place).members) == PROCESSES
        assert documents(signed) == 0
        assert not (run_dir / "postgres").exists()
        with psycopg.connect(of(owner)) as connection:
            assert connection.execute("SELECT to_regclass('tenants_tenant') IS NOT NULL").fetchone() == (True,)
    finally:
        control.stop(quire.place)
    assert quire.left() == []
    with psycopg.connect(of(owner)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user already")
def test_ordinary_user_needs_nothing_of_root(run_dir: Path) -> None:
    """A start of the whole stack as `nobody`."""
    account = pwd.getpwnam("nobody")
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [sys.executable, *filter(None, (shutil.which(minor, path=p) for p in ("/usr/bin", "/usr/local/bin")))]

    def usable(program: str) -> bool:
        try:
            done = subprocess.run(
                [program, "-c", "import psycopg, deploy.embedded"],
                user=account.pw_uid,
                group=account.pw_gid,
                extra_groups=[],
                cwd="/",
                env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                check=False,
            )
        except PermissionError:
            return False
        return done.returncode == 0

    path = f"{ROOT}:{sysconfig.get_path('purelib')}"
    program = next(filter(usable, candidates), None)
    if program is None:
        pytest.skip(f"the user nobody can't run any {minor} with this project's packages")
    run_dir.chmod(0o700)
    os.chown(run_dir, account.pw_uid, account.pw_gid)
    environment = clean_environment(
        QUIRE_RUN_DIR=str(run_dir), PYTHONPATH=path, HOME=str(run_dir), PYTHONDONTWRITEBYTECODE="1"
    )

    def call(command: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [program, "-m", "deploy.embedded", command],
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    code, out, errors = call("up")
    try:
        assert (code, errors) == (0, ""), out
        members = control.status(Location(root=run_dir)).members
        assert {Path(f"/proc/{member.pid}").stat().st_uid for member in members.values() if member.pid} == {
            account.pw_uid
        }
        assert documents(control.credentials(Location(root=run_dir))) == 0
    finally:
        assert call("down")[0] == 0
    assert Quire(run_dir).left() == []
