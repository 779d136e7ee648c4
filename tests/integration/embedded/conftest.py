"""Real servers and real processes; each test has a folder of its own, and leaves no process behind."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded import postgres


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """A run folder that every user can reach, as `.run` of a clone in a public place."""
    folder = Path(tempfile.mkdtemp(prefix="quire-run-")).resolve()
    folder.chmod(0o711)
    yield folder
    postgres.remove_cluster(run_dir=folder)
    shutil.rmtree(folder)


@pytest.fixture
def private_run_dir(tmp_path: Path) -> Iterator[Path]:
    """A run folder below one that only its user can enter, as `.run` of a clone under `/root`."""
    tmp_path.chmod(0o700)
    folder = tmp_path / ".run"
    folder.mkdir()
    yield folder
    postgres.remove_cluster(run_dir=folder)


def clean_environment(**settings: str) -> dict[str, str]:
    """Return the environment without the settings that lead Quire to the suite's own servers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("QUIRE_", "DJANGO_"))}
    return {**kept, **settings}
