"""What models used and cost, tenant by tenant: for whoever runs the machine."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table
from rich.text import Text

from apps.api.usage import decimal_string, shown_sum
from apps.common.clock import SYSTEM_CLOCK
from apps.common.errors import TerminalError
from apps.inference import queries
from apps.inference.budgets import month_of
from apps.tenants.queries import all_tenants

# A pipe has no width of its own, and what a program reads must be whole.
UNSEEN_WIDTH = 1000


class Command(BaseCommand):
    """As `quire usage`, which a key shows of its own tenant alone. It takes the login that owns the tables."""

    help = "Print what each tenant's calls to models used and cost, in US dollars by the dated price table."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="first", type=day, help="the first day, UTC; default: the month's")
        parser.add_argument("--to", dest="last", type=day, help="the last day, UTC; default: today")
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table, as REST has it")

    def handle(self, *_args: Any, **options: Any) -> None:
        now = SYSTEM_CLOCK.now()
        last: date = options["last"] or max(now.date(), options["first"] or now.date())
        first: date = options["first"] or min(month_of(now), last)
        if first > last:
            raise CommandError("'--from' has to be a day not after '--to'")
        try:
            report = queries.usage_by_tenant(tenants=all_tenants(), first_day=first, last_day=last)
        except TerminalError as error:
            raise CommandError(error.message) from None
        if options["json"]:
            said = {
                "from": first.isoformat(),
                "to": last.isoformat(),
                "by": "tenant",
                "total": shown_sum(report.total),
                "groups": [shown_sum(one) for one in report.groups],
            }
            self.stdout.write(json.dumps(said))
            return
        columns = ("tenant", "documents", "pages", "calls", "failed", "prompt", "completion", "GPU s", "$")
        table = Table(*columns, title=f"{first} to {last}", show_footer=True)
        for one in report.groups:
            table.add_row(*_cells(one, one.key))
        for column, cell in zip(table.columns, _cells(report.total, "all"), strict=True):
            column.overflow = "fold"
            column.justify = "left" if column is table.columns[0] else "right"
            column.footer = cell
        looked_at = self.stdout.isatty()
        console = Console(soft_wrap=not looked_at, width=None if looked_at else UNSEEN_WIDTH)
        with console.capture() as printed:
            console.print(table)
        self.stdout.write(printed.get(), ending="")


def day(text: str) -> date:
    return date.fromisoformat(text)


def _cells(one: queries.UsageSum, name: str) -> list[Text]:
    return [
        Text(cell)
        for cell in (
            name,
            f"{one.documents:,}",
            f"{one.pages:,}",
            f"{one.calls:,}",
            f"{one.failed_calls:,}",
            f"{one.prompt_tokens:,}",
            f"{one.completion_tokens:,}",
            f"{one.gpu_seconds:,.0f}",
            "unknown" if one.known_cost is None else decimal_string(one.known_cost),
        )
    ]
