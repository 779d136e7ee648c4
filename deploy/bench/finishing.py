"""How soon a document is done once its last page is parsed, while others are parsed beside it.

All samples are uploaded at once to the pools of workers that `make up` starts. The slowest counts, as a rate, against
the promise of two seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from uuid import UUID

from apps.common.clock import SYSTEM_CLOCK
from apps.common.ids import new_id
from deploy.bench.measurement import Measurement, measurement
from deploy.embedded.demo import samples
from deploy.embedded.processes import processes

PROMISED_SECONDS = 2.0
PATIENCE_SECONDS = 300.0


def measure() -> list[Measurement]:
    """Push the samples through real workers; the services are running and Django is set up."""
    from django.test import override_settings  # noqa: PLC0415 - Django is set up by now

    with _workers(), override_settings(QUIRE_DISPATCHER="workers.dispatch.CeleryDispatcher"):
        waits = _waits(_upload())
    return [
        measurement(
            name=f"finish a document once it is parsed, slowest of {len(waits)} (1/s)",
            ours=1 / max(waits),
            baseline=1 / PROMISED_SECONDS,
            baseline_name=f"{PROMISED_SECONDS:g} s",
            target=1.0,
        )
    ]


@contextmanager
def _workers() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="quire-bench-") as folder:
        started: list[tuple[subprocess.Popen[bytes], Path]] = []
        try:
            for process in processes(port=0):
                if process.name.endswith("-worker"):
                    log = Path(folder) / f"{process.name}.log"
                    with log.open("wb") as output:
                        running = subprocess.Popen(
                            process.command,
                            env=os.environ | {"QUIRE_LOG_LEVEL": "INFO"},
                            stdout=output,
                            stderr=output,
                            process_group=0,
                        )
                    started.append((running, log))
            _until(lambda: all(b" ready." in log.read_bytes() for _, log in started), what="the workers are ready")
            yield
        finally:
            for running, _ in started:
                running.terminate()
            for running, _ in started:
                running.wait()


def _upload() -> UUID:
    """Upload every sample to a new tenant."""
    from apps.documents.models import Lane  # noqa: PLC0415 - Django is set up by now
    from apps.pipeline.intake import accept_upload  # noqa: PLC0415
    from apps.schemas.operations import install_shipped  # noqa: PLC0415
    from apps.tenants.operations import create_tenant  # noqa: PLC0415

    tenant_id = create_tenant(slug=f"bench-{new_id().hex}", name="Bench")
    install_shipped(tenant_id=tenant_id, clock=SYSTEM_CLOCK)
    for sample in samples():
        accept_upload(
            tenant_id=tenant_id,
            chunks=[sample.path.read_bytes()],
            name=sample.file,
            schema_slug=sample.schema_slug,
            external_id="",
            lane=Lane.INTERACTIVE,
            password=None,
            clock=SYSTEM_CLOCK,
        )
    return tenant_id


def _waits(tenant_id: UUID) -> list[float]:
    """Return, for each document, the seconds from the end of its parsing to its own."""
    from django.db.models import Max  # noqa: PLC0415 - Django is set up by now

    from apps.documents.models import Document  # noqa: PLC0415
    from apps.pipeline.models import StageRun  # noqa: PLC0415
    from apps.tenants.scope import tenant_scope  # noqa: PLC0415

    def ended() -> bool:
        with tenant_scope(tenant_id):
            return not Document.objects.filter(completed_at=None).exists()

    _until(ended, what="every document has come to its end")
    with tenant_scope(tenant_id):
        parsed = StageRun.objects.filter(stage="parse").values("document_id").annotate(last=Max("finished_at"))
        ends = {row["document_id"]: row["last"] for row in parsed}
        return [
            (completed_at - ends[document_id]).total_seconds()
            for document_id, completed_at in Document.objects.exclude(completed_at=None).values_list(
                "id", "completed_at"
            )
        ]


def _until(condition: Callable[[], bool], *, what: str) -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    while not condition():
        if monotonic() > deadline:
            sys.exit(f"after {PATIENCE_SECONDS:g} s it is not so that {what}")
        sleep(0.2)
