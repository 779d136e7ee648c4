"""Columns that a schema's rule sums up, held against what the page states: a total, or a subtotal below the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from apps.extraction.canonical import as_decimal
from apps.extraction.engines.layout.items import Table, column_sum
from apps.extraction.engines.layout.options import Placed
from apps.extraction.engines.layout.rules import ROUNDING, sums
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.schemas.fields import Kind, Rule

_HALF_UNIT = Decimal("0.005")


def contradicted(
    *, table: Table, rules: Sequence[Rule], known: Mapping[str, str], placed: Sequence[Placed]
) -> list[tuple[str, str]]:
    """Return a table's columns that miss the total which a rule names, as (column, total).

    A sum that stands somewhere outside the rows is a subtotal: what is discounted or added after it explains the total.
    `known` are the document's single values; a total that isn't among them is missed by nothing.
    """
    missed = []
    for column, total in sums(rules=rules, array=table.field.name):
        goal = as_decimal(known.get(total, ""))
        found = column_sum(table=table, column=column)
        if goal is None or found is None:
            continue
        slack = ROUNDING + _HALF_UNIT * len(table.items)
        if abs(found - goal) > slack and not _is_printed(found, table=table, placed=placed):
            missed.append((column, total))
    return missed


def for_review(
    values: Sequence[ExtractedValue], *, table: Table, missed: Sequence[tuple[str, str]]
) -> list[ExtractedValue]:
    """Return the values, none accepted of the columns that miss their total: nobody can tell which row is wrong."""
    names = {column for column, _ in missed}
    return [
        replace(value, status=ValueStatus.NEEDS_REVIEW)
        if value.path.startswith(f"/{table.field.name}/")
        and value.path.rpartition("/")[2] in names
        and value.status is ValueStatus.ACCEPTED
        else value
        for value in values
    ]


def _is_printed(number: Decimal, *, table: Table, placed: Sequence[Placed]) -> bool:
    return any(
        spot.candidate.kind is Kind.MONEY
        and as_decimal(spot.candidate.value) == number
        and not any((spot.candidate.page, word) in table.words for word in spot.candidate.words)
        for spot in placed
    )
