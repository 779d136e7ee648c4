from __future__ import annotations

import subprocess
import sys

import pytest

# Tesseract has something to say of a resolution of 1, as it has of many a photograph; files can't be opened by then.
_COMPLAIN = """
from apps.parsing import confinement, ocr
ocr.load()
if not confinement.forbid_system_calls():
    raise SystemExit(3)
ocr._engines.reader.SetImageBytes(b"\\xff" * 10_000, 100, 100, 1, 100)
ocr._engines.reader.SetSourceResolution(1)
ocr._engines.reader.Recognize()
"""


def test_the_engine_can_complain_when_it_can_open_nothing() -> None:
    ended = subprocess.run([sys.executable, "-c", _COMPLAIN], check=False, capture_output=True, timeout=60)
    if ended.returncode == 3:
        pytest.skip("this platform has no filter of system calls")
    assert ended.returncode == 0
