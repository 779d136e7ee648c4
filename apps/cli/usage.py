"""`quire usage`: what models used and cost."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer
from pydantic import Field
from rich.table import Table
from rich.text import Text

from apps.cli.failures import USAGE, CommandError
from apps.cli.printing import UNKNOWN, AsJson, console, print_json
from apps.cli.remote import Wire, remote


class By(StrEnum):
    """What usage is shown by. A key sees one tenant: `tenant` only tells where all of them are shown."""

    SCHEMA = "schema"
    MODEL = "model"
    ENGINE = "engine"
    LANE = "lane"
    DAY = "day"
    MONTH = "month"
    TENANT = "tenant"


class Sum(Wire):
    """As REST gives it; US dollars are decimal strings."""

    key: str
    calls: int
    failed_calls: int
    assumed_calls: int
    unpriced_calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    images: int
    seconds: float
    gpu_seconds: float
    cost: str | None
    predicted_tokens: int
    counted_tokens: int
    documents: int
    pages: int
    cost_per_page: str | None
    cached_share: float | None


class Report(Wire):
    """As REST gives it."""

    tenant: UUID
    first_day: date = Field(alias="from")
    last_day: date = Field(alias="to")
    by: str
    total: Sum
    groups: list[Sum]


def show(
    *,
    by: Annotated[By, typer.Option(help="what a line is")] = By.SCHEMA,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="the first day, UTC; default: the month's")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="the last day, UTC; default: today")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what the tenant's calls to models used and cost, in US dollars by the dated price table.

    Predicted are the tokens of prompts as they were counted before they were sent, counted those that the server says.

    Exit code 0: printed. 1: refused, and why is printed. 2: the question is wrong. 3: Quire can't be reached.
    """
    if by is By.TENANT:
        raise CommandError(
            "a key sees its own tenant alone. For all tenants, on the server's machine, with the login that owns the "
            "tables in QUIRE_DATABASE_OWNER_URL: python manage.py usage_by_tenant",
            exit_code=USAGE,
        )
    days = {"from": first, "to": last}
    query = {"by": by.value} | {name: day.date().isoformat() for name, day in days.items() if day}
    with remote() as quire:
        report = quire.get("/usage", reply=Report, query=query)
    if as_json:
        print_json(report)
        return
    table = Table(
        report.by,
        "documents",
        "pages",
        "calls",
        "failed",
        "prompt",
        "predicted / counted",
        "cached",
        "completion",
        "images",
        "GPU s",
        "$",
        "$ a page",
        title=f"{report.first_day} to {report.last_day}",
        show_footer=True,
    )
    for column in table.columns:
        # Where a terminal is too narrow, figures go on in the next line: a cut one would be another figure.
        column.overflow = "fold"
        column.justify = "left" if column is table.columns[0] else "right"
    for one in report.groups:
        table.add_row(*_cells(one, one.key or "-"))
    for column, cell in zip(table.columns, _cells(report.total, "all"), strict=True):
        column.footer = cell
    console().print(table)


def _cells(one: Sum, name: str) -> list[Text]:
    cached = "-" if one.cached_share is None else f"{one.cached_share:.0%}"
    # A server's words are text, never markup.
    return [
        Text(cell)
        for cell in (
            name,
            f"{one.documents:,}",
            f"{one.pages:,}",
            f"{one.calls:,}",
            f"{one.failed_calls:,}",
            f"{one.prompt_tokens:,}",
            f"{one.predicted_tokens:,} / {one.counted_tokens:,}" if one.counted_tokens else "-",
            cached,
            f"{one.completion_tokens:,}",
            f"{one.images:,}",
            f"{one.gpu_seconds:,.0f}",
            one.cost or UNKNOWN,
            one.cost_per_page or (UNKNOWN if one.cost is None else "-"),
        )
    ]
