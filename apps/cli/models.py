"""`quire models`: the model profiles."""

from __future__ import annotations

import typer
from rich.table import Table

from apps.cli.printing import AsJson, console, print_json
from apps.inference.profiles import PROFILES

app = typer.Typer(help="The models that Quire knows, and the servers that run them.", no_args_is_help=False)


@app.callback(invoke_without_command=True)
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print the model profiles."""
    if context.invoked_subcommand is not None:
        return
    if as_json:
        print_json(list(PROFILES.values()))
        return
    table = Table("name", "model", "context", "licence", "hardware")
    for one in PROFILES.values():
        table.add_row(one.name, one.title, f"{one.context:,}", one.licence, one.hardware)
    console().print(table)
