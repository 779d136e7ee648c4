"""Where one stack keeps what it makes: everything under `.run/` of the project, or under QUIRE_RUN_DIR."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.failures import StackError

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """The stack's files. `root` is absolute, without links."""

    root: Path

    @property
    def passwords(self) -> Path:
        return self.root / "secrets"

    @property
    def ports(self) -> Path:
        return self.root / "ports.json"

    @property
    def state(self) -> Path:
        return self.root / "stack.json"

    @property
    def credentials(self) -> Path:
        return self.root / "credentials.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def used(self) -> Path:
        """There since `make up`: the stack may hold what somebody wants to keep."""
        return self.root / "used"

    @property
    def kept(self) -> Path:
        """What a demo found in the stack, a folder each."""
        return self.root / "kept"

    @property
    def demo(self) -> Path:
        return self.root / "demo"


def here() -> Location:
    """Return the location that the environment names; nothing is made."""
    return Location(root=Path(os.environ.get("QUIRE_RUN_DIR") or PROJECT / ".run").resolve())


def make(location: Location) -> None:
    """Make the folders. They are private to the user; under root, `nobody` may pass to the data of Postgres.

    Raises StackError where the folder is another user's.
    """
    location.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = location.root.stat().st_uid
    if owner != os.geteuid():
        raise StackError(
            f"{location.root} belongs to the user with the id {owner}: run Quire as that user, remove the folder, "
            "or name another one by QUIRE_RUN_DIR"
        )
    location.root.chmod(0o711 if owner == 0 else 0o700)
    for folder in (location.logs, location.blobs):
        folder.mkdir(mode=0o700, exist_ok=True)
