"""A wrong setting stops the start, names itself, and keeps its value to itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
GOOD = {"QUIRE_DATABASE_URL": "postgresql://a@127.0.0.1/b", "QUIRE_SECRET_KEY": "s"}


def _start(**changes: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
    return subprocess.run(
        [sys.executable, "-c", "import apps.config.settings.base"],
        check=False,
        cwd=ROOT,
        env=environment | GOOD | changes,
        capture_output=True,
        text=True,
    )


def test_good_settings_start() -> None:
    assert _start().returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("QUIRE_DATABASE_URL", "mysql://user:hunter2@host/db", "must be a URL that begins with postgresql://"),
        ("QUIRE_DATABASE_URL", "", "is not set"),
        ("QUIRE_REDIS_URL", "redis://:hunter2@/0", "names no host"),
        ("QUIRE_REDIS_URL", "redis://:hunter2@host:port/0", "Port"),
        ("QUIRE_INFERENCE_URL", "hunter2", "must be a URL that begins with http://"),
        ("QUIRE_INFERENCE_PROFILE", "hunter2", "there is no such model profile; there are: small, medium"),
        ("QUIRE_INFERENCE_URL_MEDIUM", "hunter2", "must be a URL that begins with http://"),
        ("QUIRE_INFERENCE_URL_HUGE", "hunter2", "there is no such model profile; there are: small, medium"),
        ("QUIRE_EMBEDDINGS_PROFILE", "hunter2", "there is no such model profile; there are: small, medium"),
        ("QUIRE_MAX_PAGES", "hunter2", "valid integer"),
        ("QUIRE_LEASE_SECONDS", "0", "greater than or equal to 2"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(name: str, value: str, says: str) -> None:
    ended = _start(**{name: value})
    assert ended.returncode == 1
    assert f"  {name}: " in ended.stderr
    assert says in ended.stderr
    assert "hunter2" not in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr
