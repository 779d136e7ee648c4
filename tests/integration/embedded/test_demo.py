"""The demo as a person and as a script see it."""

from __future__ import annotations

import csv
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from deploy.embedded import demo
from deploy.embedded.control import Condition
from deploy.embedded.failures import StackError
from tests.integration.embedded.test_stack import ROOT, Quire, quire

__all__ = ["quire"]


def test_manifest_that_lists_what_is_not_there_is_refused(tmp_path: Path) -> None:
    listed = [{"file": "gone.pdf", "schema": "invoice", "licence": "CC0-1.0", "source": "here"}]
    (tmp_path / "manifest.json").write_text(json.dumps(listed), "utf-8")
    with pytest.raises(StackError, match=r"lists what is not there: gone\.pdf$"):
        demo.samples(tmp_path)


def test_shipped_samples_are_the_ones_that_are_listed() -> None:
    listed = demo.samples()
    assert len(listed) >= 12
    assert {sample.schema_slug for sample in listed} <= {"invoice", "receipt", "advertising-contract", "nda"}
    files = {path.name for path in demo.SAMPLES.iterdir() if path.suffix in {".pdf", ".xml", ".jpg", ".png", ".tiff"}}
    assert files == {sample.path.name for sample in listed}
    assert all(sample.licence and sample.source for sample in listed)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_demo_without_a_terminal_and_again_at_one(quire: Quire) -> None:
    """Reads all the samples twice: the second run starts clean, shows how far it is, and stays until Ctrl-C."""
    code, out, errors = quire("demo")
    assert (code, errors) == (0, ""), out
    assert quire.left() == []
    check_files(quire)
    signed = json.loads(quire.place.credentials.read_text("utf-8"))
    assert signed["portal_url"] in out
    assert signed["password"] in out
    assert "/invoice_number" in out

    shutil.rmtree(quire.place.demo)
    quire.place.used.touch()
    check_terminal(quire)
    (kept,) = quire.place.kept.iterdir()
    assert json.loads((kept / "credentials.json").read_text("utf-8")) == signed
    assert [path for path in (kept / "blobs").rglob("*") if path.is_file()]
    assert not quire.place.used.exists()
    quire.wait_for_nothing_left()
    check_files(quire)


@pytest.mark.slow
def test_process_that_dies_fails_the_demo(quire: Quire) -> None:
    """A start of the whole stack. The process comes back, but a demo that needs that is no good one."""
    process = quire.start("demo")
    now = quire.wait_for(lambda now: now.condition == Condition.READY)
    pid = now.members["model-worker"].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    _out, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    assert errors == f"quire: died during the demo: model-worker, see {quire.place.logs}\n"
    assert quire.left() == []


def check_files(quire: Quire) -> None:
    samples = demo.samples()
    written = json.loads((quire.place.demo / "results.json").read_text("utf-8"))["documents"]
    assert [set(document) for document in written] == [{"id", "name", "status", "pages", "results"}] * len(samples)
    assert [document["name"] for document in written] == [sample.path.name for sample in samples]
    assert {document["status"] for document in written} <= {"done", "needs_review"}
    assert [document["name"] for document in written if not document["results"]] == []
    values = [value for document in written for result in document["results"] for value in result["values"]]
    always = {"path", "value", "type", "engine", "confidence", "status", "evidence"}
    # As REST gives them: which formula a value follows by and why it is for a person are there where there is one.
    assert {key for value in values for key in value.keys() ^ always} <= {"formula", "reasons"}
    assert [value["path"] for value in values if not value.keys() >= always] == []
    for value in values:
        assert value["evidence"] or value["status"] == "ungrounded", value["path"]
        for evidence in value["evidence"]:
            x0, y0, x1, y1 = evidence["box"]
            assert evidence["page"] >= 1
            assert 0 <= x0 < x1 <= 1
            assert 0 <= y0 < y1 <= 1
    with (quire.place.demo / "export.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(values)
    assert pq.read_table(quire.place.demo / "export.parquet").num_rows == len(values)


def check_terminal(quire: Quire) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.embedded", "demo"],
        cwd=ROOT,
        env={**quire.environment, "TERM": "xterm", "COLUMNS": "160"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        shown = read_until(ours, "Ctrl-C stops everything.", seconds=500)
        assert "Reading" in shown
        assert "\x1b" in shown  # it draws
        signed = json.loads(quire.place.credentials.read_text("utf-8"))
        assert signed["password"] in shown
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(descriptor: int, wanted: str, *, seconds: float) -> str:
    """Return what the program has shown when the wanted words come."""
    deadline = time.monotonic() + seconds
    shown = ""
    while wanted not in shown:
        assert time.monotonic() < deadline, shown[-2000:]
        if select.select([descriptor], [], [], 1)[0]:
            try:
                shown += os.read(descriptor, 65536).decode("utf-8", errors="replace")
            except OSError:
                raise AssertionError(f"it ended: {shown[-2000:]}") from None
    return shown
