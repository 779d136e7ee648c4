"""`make bench`: ratios, each measured side by side in one run, printed as a table and written to `.run/bench.json`."""

from __future__ import annotations

import importlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.bench.measurement import Measurement
from deploy.embedded.testing import throwaway_services

ROOT = Path(__file__).resolve().parents[2]
SUITES = (
    "page_images",
    "parsing_text",
    "storing",
    "finishing",
    "grounding",
    "completeness",
    "rivals",
    "admission",
    "sglang",
)


@contextmanager
def services() -> Iterator[None]:
    """Run Postgres and Valkey for the length of the block, migrated, with Django set up on them."""
    run_dir = ROOT / ".run" / "bench"
    with throwaway_services(run_dir) as started, tempfile.TemporaryDirectory(prefix="quire-bench-") as files:
        os.environ.update(
            started.environment()
            | {
                "QUIRE_SECRET_KEY": secrets.token_urlsafe(32),
                "QUIRE_STORAGE_URL": (Path(files) / "blobs").as_uri(),
                "QUIRE_LOG_LEVEL": "WARNING",
                "DJANGO_SETTINGS_MODULE": "apps.config.settings.dev",
            }
        )
        subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0", "--skip-checks"], check=True, cwd=ROOT
        )
        import django  # noqa: PLC0415 - the settings read the environment that was just made

        django.setup()
        yield


def main() -> int:
    """Run the suites that are named on the command line, or all. Returns 1 where a target was missed."""
    wanted = sys.argv[1:] or list(SUITES)
    console = Console()
    rows: list[Measurement] = []
    with services():
        for name in wanted:
            with console.status(f"measuring {name} ..."):
                rows.extend(importlib.import_module(f"deploy.bench.{name}").measure())
    table = Table("name", "ours", "baseline", "against", "ratio", "target", "")
    for row in rows:
        verdict = "[green]met[/]" if row.met else "[red]missed[/]"
        table.add_row(
            row.name,
            f"{row.ours:,.1f}",
            f"{row.baseline:,.1f}",
            row.baseline_name,
            f"{row.ratio:.2f}",
            f"{row.target:g}",
            verdict,
        )
    console.print(table)
    report = ROOT / ".run" / "bench.json"
    report.write_text(json.dumps([asdict(row) for row in rows], indent=1), "utf-8")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
