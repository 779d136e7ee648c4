from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict

import pytest

from deploy.embedded import lineage

ROOT = Path(__file__).resolve().parents[3]
MARK = "QUIRE_STUB_STACK"
SERVE = "print('ready', flush=True); import time; time.sleep(600)"
# Forks a child that forks another, each in a session of its own and deaf to polite signals, as a worker's may be.
FAMILY = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
    time.sleep(600)
print("ready", flush=True)
time.sleep(600)
"""


class Member(TypedDict):
    state: str
    restarts: int
    pid: int


class Written(TypedDict):
    state: str
    guard: int
    supervisor: int
    processes: dict[str, Member]


class Stub:
    """A stack of small programs; `left` is what still runs of it, found by a mark in the environment."""

    def __init__(self, folder: Path, *programs: str) -> None:
        self.folder = folder
        self.mark = str(folder)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.embedded.stub_stack", str(folder), *programs],
            cwd=ROOT,
            env={**os.environ, MARK: self.mark},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def read(self) -> Written | None:
        try:
            found: Written = json.loads((self.folder / "state.json").read_text("utf-8"))
        except FileNotFoundError:
            return None
        return found

    def wait_for(self, condition: Callable[[Written], bool]) -> Written:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            found = self.read()
            if found is not None and condition(found):
                return found
            time.sleep(0.02)
        raise AssertionError(f"it did not come about: {self.read()}")

    def ready(self) -> Written:
        return self.wait_for(lambda found: found["state"] == "ready")

    def left(self) -> list[int]:
        return lineage.carrying(MARK, self.mark)

    def wait_for_nothing_left(self) -> None:
        deadline = time.monotonic() + 90
        while (left := self.left()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert left == []


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[Callable[..., Stub]]:
    made: list[Stub] = []

    def make(*programs: str) -> Stub:
        made.append(Stub(tmp_path, *programs))
        return made[-1]

    yield make
    for each in made:
        lineage.end(each.left)
        each.process.communicate()


def test_tiers_start_in_order_and_stop_in_reverse(stub: Callable[..., Stub], tmp_path: Path) -> None:
    note = "import signal, sys, time; log = open('order', 'a'); say = lambda w: (log.write(w + ' '), log.flush()); "
    serve = (
        note + "signal.signal(signal.SIGTERM, lambda *_: (say('-{0}'), sys.exit(0))); "
        "time.sleep({1}); say('+{0}'); print('ready', flush=True); time.sleep(600)"
    )
    stack = stub(
        f"2:last:{serve.format('last', 0)}", f"0:first:{serve.format('first', 0.5)}", f"1:once:{note} say('once')"
    )
    stack.ready()
    stack.process.terminate()
    assert stack.process.wait(timeout=90) == 0
    assert (tmp_path / "order").read_text("utf-8").split() == ["+first", "once", "+last", "-last", "-first"]
    assert stack.left() == []


def test_start_that_fails_says_why_and_leaves_nothing(stub: Callable[..., Stub]) -> None:
    stack = stub(f"0:server:{SERVE}", "1:once:import sys; sys.exit('the reason')", f"2:never:{SERVE}")
    _, errors = stack.process.communicate(timeout=90)
    assert stack.process.returncode == 1
    assert errors.startswith("once ended during the start (exit code 1)\n  | the reason\n")
    assert stack.left() == []
    written = stack.read()
    assert written is not None
    assert written["processes"]["never"]["pid"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_during_the_start_leaves_nothing(stub: Callable[..., Stub], number: int) -> None:
    stack = stub(f"0:family:{FAMILY}", "1:slow:import time; time.sleep(600)")
    stack.wait_for(lambda found: found["processes"]["slow"]["state"] == "starting")
    stack.process.send_signal(number)
    assert stack.process.wait(timeout=90) == 0
    assert stack.left() == []


def test_process_that_is_killed_comes_back_and_its_children_go(stub: Callable[..., Stub]) -> None:
    stack = stub(f"0:family:{FAMILY}", f"1:server:{SERVE}")
    before = stack.ready()
    family = before["processes"]["family"]["pid"]
    grandchildren = lineage.descendants(family)
    assert len(grandchildren) == 2
    os.kill(family, signal.SIGKILL)
    after = stack.wait_for(lambda found: found["processes"]["family"]["restarts"] == 1)
    after = stack.wait_for(lambda found: found["processes"]["family"]["state"] == "ready")
    assert after["processes"]["family"]["pid"] != family
    assert after["processes"]["server"] == before["processes"]["server"]
    deadline = time.monotonic() + 90
    while any(lineage.started_at(pid) for pid in grandchildren) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [pid for pid in grandchildren if lineage.started_at(pid)] == []
    stack.process.terminate()
    assert stack.process.wait(timeout=90) == 0
    assert stack.left() == []


def test_process_that_keeps_dying_comes_back_ever_later(stub: Callable[..., Stub]) -> None:
    stack = stub("0:weak:print('ready', flush=True); import time; time.sleep(0.1)")
    began = time.monotonic()
    stack.wait_for(lambda found: found["processes"]["weak"]["restarts"] == 3)
    # At once, then after half a second, then after a whole one.
    assert time.monotonic() - began > 1.5


@pytest.mark.parametrize("victim", ["guard", "supervisor"])
def test_nothing_outlives_a_killed_guard_or_supervisor(stub: Callable[..., Stub], victim: str) -> None:
    stack = stub(f"0:family:{FAMILY}", f"1:server:{SERVE}")
    written = stack.ready()
    assert len(stack.left()) == 6
    os.kill(written["guard"] if victim == "guard" else written["supervisor"], signal.SIGKILL)
    stack.wait_for_nothing_left()


def test_second_signal_cuts_the_stopping_short(stub: Callable[..., Stub]) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    stack = stub(f"0:patient:{deaf}{SERVE}")
    stack.ready()
    stack.process.terminate()
    stack.wait_for(lambda found: found["state"] == "stopping")
    stack.process.terminate()
    assert stack.process.wait(timeout=90) == 0
    assert stack.left() == []
