"""The commands, put together: one file for each group."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from apps.cli import budgets, estimate, models, usage
from apps.cli.failures import CommandError
from apps.common.errors import QuireError

app = typer.Typer(
    name="quire",
    help="Quire from the command line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(models.app, name="models")
app.command(name="usage")(usage.show)
app.add_typer(budgets.app, name="budgets")
app.command(name="estimate")(estimate.show)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code. What a person has to act on goes to stderr, without a traceback."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="quire")
    except QuireError as error:
        sys.stdout.flush()
        sys.stderr.write(f"quire: {error.message}\n")
        return error.exit_code if isinstance(error, CommandError) else 1
    except BrokenPipeError:
        # Whoever read the output has gone, as `head` does; Python would complain again when it closes stdout.
        sys.stdout = sys.stderr
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
