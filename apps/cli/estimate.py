"""`quire estimate`: what a job will cost, before it is begun."""

from __future__ import annotations

import sys
from datetime import date
from typing import Annotated

import typer
from pydantic import Field
from rich.table import Table

from apps.cli.failures import USAGE, CommandError
from apps.cli.printing import UNKNOWN, AsJson, console, print_json
from apps.cli.remote import Wire, remote


class Pages(Wire):
    """Pages by kind."""

    text: int
    scanned: int


class Tokens(Wire):
    """Low, expected and high."""

    low: int
    expected: int
    high: int


class Dollars(Wire):
    """Low, expected and high, as decimal strings."""

    low: str
    expected: str
    high: str


class Engine(Wire):
    """As REST gives it."""

    engine: str
    basis: str
    documents_seen: int
    tokens: Tokens
    usd: Dollars | None
    price_since: date | None


class Estimate(Wire):
    """As REST gives it."""

    slug: str = Field(alias="schema")
    documents: int
    pages: Pages
    engines: list[Engine]
    tokens: Tokens
    usd: Dollars | None
    warnings: list[str]


def show(
    *,
    schema: Annotated[str, typer.Option("--schema", help="the schema's slug")],
    documents: Annotated[int, typer.Option(min=1, help="how many documents")],
    text_pages: Annotated[int, typer.Option(min=0, help="how many of their pages have a text layer")] = 0,
    scanned_pages: Annotated[int, typer.Option(min=0, help="how many of their pages are scans")] = 0,
    as_json: AsJson = False,
) -> None:
    """Estimate the tokens and US dollars of a job under the tenant's policy, at today's prices.

    Exit code 0: printed. 1: refused, and why is printed. 2: the question is wrong. 3: Quire can't be reached.
    """
    if text_pages + scanned_pages < documents:
        raise CommandError(
            "each document has at least one page: say how many with --text-pages and --scanned-pages", exit_code=USAGE
        )
    body = {"schema": schema, "documents": documents, "pages": {"text": text_pages, "scanned": scanned_pages}}
    with remote() as quire:
        found = quire.send("POST", "/estimates", body=body, reply=Estimate)
    if as_json:
        print_json(found)
        return
    if not found.engines:
        sys.stdout.write(f"The policy of schema {schema} names no model: this costs nothing.\n")
        return
    table = Table("engine", "from", "tokens", "$ low", "$ expected", "$ high", show_footer=True)
    for column in table.columns[2:]:
        column.justify = "right"
    for one in found.engines:
        basis = f"{one.documents_seen} documents of yours" if one.basis == "past" else "arithmetic"
        table.add_row(one.engine, basis, f"{one.tokens.expected:,}", *_dollars(one.usd))
    total = ("all", "", f"{found.tokens.expected:,}", *_dollars(found.usd))
    for column, cell in zip(table.columns, total, strict=True):
        column.footer = cell
    console().print(table)
    for warning in found.warnings:
        sys.stdout.write(f"{warning}.\n")


def _dollars(figures: Dollars | None) -> tuple[str, str, str]:
    if figures is None:
        return UNKNOWN, UNKNOWN, UNKNOWN
    return figures.low, figures.expected, figures.high
