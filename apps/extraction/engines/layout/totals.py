"""Amounts that other amounts on the page prove: a column's sum, and what was paid less the change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from apps.extraction.engines.layout.geometry import overlap_x
from apps.extraction.engines.layout.options import Option, Placed
from apps.schemas.fields import Kind

_LEAST_LABEL = 0.3
_MOST_OPTIONS = 12
_MOST_ADDENDS = 60
_PROVEN = 0.5
"""What is left of the doubt in a sum that adds up."""
_ADDEND = 0.75
"""What is left of an amount that only goes into a sum under the same label."""


def prefer_sums(*, options: Sequence[Option], placed: Sequence[Placed], named: Collection[int] = ()) -> list[Option]:
    """Raise the options of a field that are the sum of the amounts above them, and lower what they sum up.

    What stands above the option's heading is another table's; `named` are placed amounts, by id, that another field's
    label stands beside: they are no rows of a table either.
    """
    amounts = [spot for spot in placed if spot.candidate.kind is Kind.MONEY]
    proven: set[int] = set()
    parts: set[int] = set()
    for option in options[:_MOST_OPTIONS]:
        if option.label < _LEAST_LABEL:
            continue
        addends = addends_of(spot=option.placed, amounts=amounts)
        if addends and not any(id(spot) in named for spot in addends) and _under(addends, option):
            proven.add(id(option.placed))
            parts.update(id(spot) for spot in addends)
    if not proven:
        return list(options)
    weighed = []
    for option in options:
        score = option.score
        if id(option.placed) in proven:
            score = 1 - (1 - score) * _PROVEN
        elif id(option.placed) in parts:
            score *= _ADDEND
        weighed.append(replace(option, score=score))
    weighed.sort(key=lambda option: -option.score)
    return weighed


def _under(addends: Sequence[Placed], option: Option) -> bool:
    return option.heading is None or all(spot.rect.middle > option.heading.y0 for spot in addends)


def addends_of(*, spot: Placed, amounts: Sequence[Placed]) -> list[Placed]:
    """Return the two or more amounts that stand above one in its column and add up to it; empty where none do.

    The run of addends ends right above the sum or above another sum of the same amounts: "Totals" under "Totals".
    """
    total = _number(spot)
    if total is None or total == 0:
        return []
    above = [
        other
        for other in amounts
        if other.candidate.page == spot.candidate.page
        and other.rect.y1 <= spot.rect.y0 + 0.2
        and overlap_x(other.rect, spot.rect) > 0.3
        and other.candidate.unit == spot.candidate.unit
    ]
    above.sort(key=lambda other: -other.rect.y0)
    while above and _number(above[0]) == total:
        above.pop(0)
    added = Decimal(0)
    taken: list[Placed] = []
    for other in above[:_MOST_ADDENDS]:
        number = _number(other)
        if number is None:
            return []
        added += number
        taken.append(other)
        if len(taken) > 1 and added == total:
            return taken
    return []


def _number(spot: Placed) -> Decimal | None:
    try:
        return Decimal(spot.candidate.value)
    except InvalidOperation:
        return None
