"""Free ports on the loopback interface, the same ones again where that is possible."""

from __future__ import annotations

import json
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Say whether a server could listen on a port of 127.0.0.1 now; one just closed counts as free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


class Ports:
    """The port of each server by its name, remembered in a file so that an address outlives a restart."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ports: dict[str, int] = {}
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            self._ports = {str(name): int(port) for name, port in kept.items()}
        except (OSError, ValueError, AttributeError):
            pass  # a first start, or a file cut short by a crash: choose anew

    def __getitem__(self, name: str) -> int:
        """Return the port that `choose` settled on."""
        return self._ports[name]

    def choose(self, name: str) -> int:
        """Return the remembered port if it is free, another if not, and remember it."""
        port = self._ports.get(name)
        if port is None or not is_free(port):
            self.move(name)
        return self._ports[name]

    def move(self, name: str) -> None:
        """Choose another port and remember it."""
        port = free_port()
        while port in self._ports.values():
            port = free_port()
        self._ports[name] = port
        self._file.write_text(json.dumps(self._ports, indent=1), encoding="utf-8")
