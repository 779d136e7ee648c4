"""What `make install` leaves beside the packages: the command `quire`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy import install


def test_the_command_line_is_a_command_also_where_the_path_is_odd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, command = tmp_path / "a folder's environment", tmp_path / "quire"
    environment.symlink_to(sys.prefix)
    monkeypatch.setattr(install, "VENV", environment)
    monkeypatch.setattr(install, "COMMAND", command)
    install.write_command()
    written = command.stat().st_mtime_ns
    install.write_command()
    assert command.stat().st_mtime_ns == written
    done = subprocess.run(
        [command, "models", "--json"], capture_output=True, text=True, check=True, cwd=tmp_path, env={}
    )
    assert '"small"' in done.stdout
