from __future__ import annotations

import subprocess
import sys

import pytest

_CONFINE = """
from apps.parsing import confinement, ocr, opening
ocr.load()
ocr.rehearse(opening.rehearsal().document.load_page(0))
if not confinement.forbid_system_calls():
    raise SystemExit(3)
"""
# Tesseract has something to say of a resolution of 1, as it has of many a photograph; files can't be opened by then.
_COMPLAIN = """
ocr._engines.reader.SetImageBytes(b"\\xff" * 10_000, 100, 100, 1, 100)
ocr._engines.reader.SetSourceResolution(1)
ocr._engines.reader.Recognize()
"""
# Photographs are straightened and read more than once: medians of their pixels and of their words' heights.
_MEASURE = """
import numpy
numpy.median(numpy.ones((4, 4)))
"""


@pytest.mark.parametrize("work", [_COMPLAIN, _MEASURE])
def test_the_engine_can_do_its_work_when_it_can_open_nothing(work: str) -> None:
    ended = subprocess.run([sys.executable, "-c", _CONFINE + work], check=False, capture_output=True, timeout=60)
    if ended.returncode == 3:
        pytest.skip("this platform has no filter of system calls")
    assert ended.returncode == 0
