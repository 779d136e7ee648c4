"""SGLang's own parser takes every flag that a profile's server is started with."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from apps.inference.launch import Place, server_command
from apps.inference.profiles import PROFILES, profile
from deploy.sglang.cpu.places import ENVIRONMENT, PYTHON

READ = """
import argparse, json, sys
from sglang.srt.server_args import ServerArgs
parser = argparse.ArgumentParser()
ServerArgs.add_cli_args(parser)
commands = json.loads(sys.argv[1])
print("read: " + json.dumps({name: vars(parser.parse_args(words)) for name, words in commands.items()}, default=str))
"""

pytestmark = [
    pytest.mark.sglang,
    pytest.mark.skipif(not PYTHON.exists(), reason="`make sglang` has not installed SGLang here"),
    pytest.mark.timeout(300),
]


def test_sglang_knows_every_flag() -> None:
    commands = {name: server_command(one, place=Place(model="weights")) for name, one in PROFILES.items() if one.launch}
    # `sglang serve` takes the rest; the file of keys is read by a step before this parser.
    assert {tuple(words[:3]) for words in commands.values()} == {("sglang", "serve", "--config")}
    flags = json.dumps({name: words[4:] for name, words in commands.items()})
    done = subprocess.run(
        [PYTHON, "-c", READ, flags], capture_output=True, text=True, check=False, env=os.environ | ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = next(line for line in done.stdout.splitlines() if line.startswith("read: "))
    found = json.loads(said.removeprefix("read: "))
    assert found.keys() == {"small", "medium", "large"}
    for name, read in found.items():
        one = profile(name)
        assert (read["context_length"], read["tp_size"]) == (one.context, max(one.gpus, 1))
        assert (read["schedule_policy"], read["enable_priority_scheduling"]) == ("lpm", False)
        assert read["max_queued_requests"] <= 128
        assert read["constrained_json_disable_any_whitespace"] is True
