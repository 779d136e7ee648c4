"""The text stage as workers run it - claim, sandbox, commit - against the bare PyMuPDF loop on as many processes."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import tempfile
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path
from time import perf_counter
from typing import TypeVar
from uuid import UUID

import pymupdf
from django.conf import settings
from django.db import connections

from apps.common.clock import SYSTEM_CLOCK
from apps.documents.models import Lane
from apps.pipeline.dispatcher import Hint, Kind
from apps.pipeline.intake import accept_upload
from apps.pipeline.models import StageRun
from apps.pipeline.worker import work
from apps.tenants.operations import create_tenant
from apps.tenants.scope import tenant_scope
from deploy.bench.material import documents
from deploy.bench.measurement import Measurement, measurement

Job = TypeVar("Job")

PROCESSES = 2
DOCUMENTS = 20
PAGES = 20
ROUNDS = 7


class Nobody:
    """A dispatcher that sends nothing: the bench does the work itself."""

    def send(self, hints: Sequence[Hint]) -> None:
        """Drop the hints."""

    def send_again(self, *, kind: Kind, count: int) -> None:
        """Drop them too."""

    def place(self, kind: Kind) -> str:  # noqa: ARG002
        return ""

    def depth(self, *, place: str) -> int:  # noqa: ARG002
        return 0


def measure() -> list[Measurement]:
    """Return pages a second of two processes each, the best of seven rounds in turn."""
    settings.QUIRE_DISPATCHER = "deploy.bench.parsing_text.Nobody"
    with tempfile.TemporaryDirectory() as folder:
        paths = documents(count=DOCUMENTS + PROCESSES, pages=PAGES, folder=Path(folder))
        ours = baseline = float("inf")
        for _ in range(ROUNDS):
            tenant = create_tenant(slug=f"bench-{secrets.token_hex(6)}", name="Bench")
            pieces = [_upload(tenant, path) for path in paths]
            ours = min(ours, _timed(_stage, [(tenant, piece) for piece in pieces]))
            baseline = min(baseline, _timed(_bare, paths))
    pages = DOCUMENTS * PAGES
    return [
        measurement(
            name="text of 20-page PDFs with sandbox and database, pages/s",
            ours=pages / ours,
            baseline=pages / baseline,
            baseline_name=f"PyMuPDF get_text('words'), {PROCESSES} processes",
            target=0.7,
        )
    ]


def _upload(tenant: UUID, path: Path) -> UUID:
    document = accept_upload(
        tenant_id=tenant,
        chunks=[path.read_bytes()],
        name=path.name,
        schema_slug="",
        external_id="",
        lane=Lane.BULK,
        password=None,
        clock=SYSTEM_CLOCK,
    ).document_id
    with tenant_scope(tenant):
        return StageRun.objects.get(document_id=document, stage="parse").id


def _stage(job: tuple[UUID, UUID]) -> None:
    assert work(tenant_id=job[0], stage_run_id=job[1])


def _bare(path: Path) -> None:
    with pymupdf.open(path) as document:
        for page in document:
            page.get_text("words")


def _timed(do: Callable[[Job], None], jobs: Sequence[Job]) -> float:
    """Share the jobs out, one each to warm up before the clock starts; return the seconds until all are done."""
    connections.close_all()
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(PROCESSES + 1)
    children = [
        context.Process(target=_child, args=(do, jobs[number::PROCESSES], barrier)) for number in range(PROCESSES)
    ]
    for child in children:
        child.start()
    barrier.wait()
    start = perf_counter()
    barrier.wait()
    seconds = perf_counter() - start
    for child in children:
        child.join()
    if any(child.exitcode for child in children):
        message = "a process of the bench failed"
        raise RuntimeError(message)
    return seconds


def _child(do: Callable[[Job], None], jobs: Sequence[Job], barrier: Barrier) -> None:
    code = 1
    try:
        do(jobs[0])
        barrier.wait()
        for job in jobs[1:]:
            do(job)
        barrier.wait()
        code = 0
    finally:
        os._exit(code)  # without the parent's exit handlers
