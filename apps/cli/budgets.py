"""`quire budgets`: what models may cost, and what is left."""

from __future__ import annotations

import sys
from datetime import date
from enum import StrEnum
from typing import Annotated

import typer
from pydantic import Field
from rich.table import Table

from apps.cli.failures import NO, USAGE, CommandError
from apps.cli.printing import AsJson, console, print_json
from apps.cli.remote import Remote, Wire, remote

app = typer.Typer(help="What models may cost, a month and a document, and what is left.")


class Period(StrEnum):
    """What a budget is for."""

    MONTH = "month"
    DOCUMENT = "document"


class Amount(Wire):
    """US dollars as a decimal string, and tokens; None where the budget doesn't limit them."""

    usd: str | None
    tokens: int | None


class Limit(Wire):
    """What REST takes."""

    period: Period
    slug: str = Field("", alias="schema")
    usd: str | None = None
    tokens: int | None = None


class Budget(Limit):
    """As REST gives it."""

    spent: Amount | None
    held: Amount | None
    left: Amount | None


class Budgets(Wire):
    """As REST gives it."""

    month: date
    waiting_documents: int
    budgets: list[Budget]
    warnings: list[str]


Schema = Annotated[str, typer.Option("--schema", help="the schema's slug; without it, all schemas together")]
Which = Annotated[Period, typer.Argument(help="of each month (UTC), or of each document")]


@app.callback(invoke_without_command=True)
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print the budgets with what is spent and left, and how many documents wait for money."""
    if context.invoked_subcommand is None:
        with remote() as quire:
            _print(_budgets(quire), as_json=as_json)


@app.command(name="set")
def set_budget(
    period: Which,
    *,
    schema: Schema = "",
    usd: Annotated[str | None, typer.Option(help="US dollars, such as 50 or 0.05")] = None,
    tokens: Annotated[int | None, typer.Option(min=0, help="tokens of prompts and completions")] = None,
    as_json: AsJson = False,
) -> None:
    """Set one budget; the others stay. Documents that wait for money look again at once.

    Exit code 0: set. 1: refused, and why is printed. 2: the question is wrong. 3: Quire can't be reached.
    """
    if usd is None and tokens is None:
        raise CommandError("a budget needs --usd, --tokens or both", exit_code=USAGE)
    wanted = Limit(period=period, schema=schema, usd=usd, tokens=tokens)
    with remote() as quire:
        others = _others(_budgets(quire), period=period, schema=schema)
        _print(_put(quire, [*others, wanted]), as_json=as_json)


@app.command()
def remove(period: Which, *, schema: Schema = "", as_json: AsJson = False) -> None:
    """End one budget; the others stay. Exit code 1 where there is none like it."""
    with remote() as quire:
        there = _budgets(quire)
        others = _others(there, period=period, schema=schema)
        if len(others) == len(there.budgets):
            whose = f"of schema {schema}" if schema else "of all schemas together"
            raise CommandError(f"there is no budget for each {period.value} {whose}", exit_code=NO)
        _print(_put(quire, others), as_json=as_json)


def _budgets(quire: Remote) -> Budgets:
    return quire.get("/budgets", reply=Budgets)


def _put(quire: Remote, limits: list[Limit]) -> Budgets:
    return quire.send("PUT", "/budgets", body={"budgets": limits}, reply=Budgets)


def _others(there: Budgets, *, period: Period, schema: str) -> list[Limit]:
    return [
        Limit(period=one.period, schema=one.slug, usd=one.usd, tokens=one.tokens)
        for one in there.budgets
        if (one.period, one.slug) != (period, schema)
    ]


def _print(found: Budgets, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if found.budgets:
        table = Table("for each", "schema", "budget", "spent", "under way", "left")
        for column in table.columns[2:]:
            column.justify = "right"
        for one in found.budgets:
            limit = Amount(usd=one.usd, tokens=one.tokens)
            cells = [_amount(part, limit) for part in (limit, one.spent, one.held, one.left)]
            table.add_row(one.period.value, one.slug or "all", *cells)
        console().print(table)
    else:
        sys.stdout.write("No budget is set: models may cost anything. Set one: quire budgets set month --usd 50\n")
    if found.waiting_documents:
        sys.stdout.write(f"{found.waiting_documents} documents wait for money: raise the budget that is spent.\n")
    for warning in found.warnings:
        sys.stdout.write(f"{warning}.\n")


def _amount(part: Amount | None, limit: Amount) -> str:
    """Return what of an amount the budget limits; nothing is told of a document's budget without a document."""
    if part is None:
        return "-"
    dollars = [f"${part.usd}"] if limit.usd is not None else []
    return ", ".join(dollars + ([f"{part.tokens or 0:,} tokens"] if limit.tokens is not None else []))
