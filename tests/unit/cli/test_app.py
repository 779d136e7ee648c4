"""The command line as a whole: exit codes, and errors without tracebacks."""

from __future__ import annotations

import pytest

from apps.cli import models
from apps.cli.app import main
from apps.cli.failures import CommandError


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "models" in capsys.readouterr().out


def test_a_command_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["modles"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "modles" in said.err


def test_an_error_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_value: object) -> None:
        raise CommandError("nobody is there: start it", exit_code=3)

    monkeypatch.setattr(models, "print_json", broken)
    assert main(["models", "--json"]) == 3
    assert capsys.readouterr() == ("", "quire: nobody is there: start it\n")
