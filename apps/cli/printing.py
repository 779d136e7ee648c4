"""What commands print: tables for people, JSON for programs. Both go to stdout, errors to stderr."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from pydantic import TypeAdapter
from rich.console import Console

# A pipe has no width of its own, and what a program reads must be whole.
UNSEEN_WIDTH = 1000

# A price that nobody has named is no price of nothing.
UNKNOWN = "unknown"

AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]


def console() -> Console:
    """Return where tables go. Lines and cells are not cut where nobody looks on."""
    looked_at = sys.stdout.isatty()
    return Console(soft_wrap=not looked_at, width=None if looked_at else UNSEEN_WIDTH)


def print_json(value: object) -> None:
    """Print a dataclass, a pydantic model, or a list of them; decimals become strings, dates ISO 8601."""
    sys.stdout.write(TypeAdapter(object).dump_json(value, indent=1).decode() + "\n")
