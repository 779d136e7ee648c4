"""Values that no page shows, but that follow from values that one shows: kept, with the formula that they follow by.

    derived(values, schema=schema)
    -> gross_total 781.20, formula "net_total + tax_total", evidence: where the net total and the tax stand

An amount follows by the schema's own rules, from the other amounts of one, or as the sum of a column. A date follows
from another and a duration, a duration from two dates. Only what is on a page counts as an input: nothing is derived
from what was derived. A value stays as it was where an input isn't accepted, or nothing gives it.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations

from apps.extraction.confidence import UNSEEN, is_exact
from apps.extraction.engines.layout.rules import ROUNDING, equations, solve, sums
from apps.extraction.exact import exactly
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.schemas.fields import Kind, Schema

SURE = 0.9
"""A derived value is so much less sure than the least sure of its inputs."""
_NUMERIC = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER})
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How a value follows: `result` is canonical text, or an amount within the rounding of one."""

    result: str | Decimal
    formula: str
    inputs: tuple[ExtractedValue, ...]


@exactly
def derived(values: Sequence[ExtractedValue], *, schema: Schema) -> tuple[ExtractedValue, ...]:
    """Return the values, those that are ungrounded and follow from accepted ones accepted with their formula."""
    known = [
        value for value in values if value.status is ValueStatus.ACCEPTED and value.evidence and value.formula is None
    ]
    single = {value.path[1:]: value for value in known if value.path.count("/") == 1}
    unseen = [value for value in values if value.status is ValueStatus.UNGROUNDED and value.path.count("/") == 1]
    cells = _cells(values) if unseen else {}
    following = {
        value.path: _following(value, ways=_ways(value, single=single, cells=cells, schema=schema)) for value in unseen
    }
    return tuple(following.get(value.path, value) for value in values)


def as_read(values: Sequence[ExtractedValue]) -> tuple[ExtractedValue, ...]:
    """Return the values as their engines gave them: what was derived from others is ungrounded, until it follows."""
    return tuple(
        replace(
            value,
            formula=None,
            confidence=UNSEEN if is_exact(value.engine) else 0.0,
            status=ValueStatus.UNGROUNDED,
            evidence=(),
        )
        if value.formula is not None
        else value
        for value in values
    )


def _following(value: ExtractedValue, *, ways: Iterator[_Way]) -> ExtractedValue:
    for way in ways:
        if isinstance(way.result, Decimal):
            fits = abs(way.result - Decimal(value.value)) <= ROUNDING
        else:
            fits = way.result == value.value
        if fits:
            return replace(
                value,
                formula=way.formula,
                confidence=round(SURE * min(source.confidence for source in way.inputs), 4),
                status=ValueStatus.ACCEPTED,
                evidence=tuple(dict.fromkeys(place for source in way.inputs for place in source.evidence)),
            )
    return value


def _ways(
    value: ExtractedValue,
    *,
    single: Mapping[str, ExtractedValue],
    cells: Mapping[str, Sequence[ExtractedValue]],
    schema: Schema,
) -> Iterator[_Way]:
    if value.kind in _NUMERIC:
        yield from _by_rules(value.path[1:], single=single, schema=schema)
        yield from _by_columns(value.path[1:], cells=cells, schema=schema)
    elif value.kind is Kind.DATE:
        yield from _by_duration(single)
    elif value.kind is Kind.DURATION:
        yield from _by_dates(value.value, single)


def _by_rules(name: str, *, single: Mapping[str, ExtractedValue], schema: Schema) -> Iterator[_Way]:
    numbers = {other: Decimal(value.value) for other, value in single.items() if value.kind in _NUMERIC}
    for rule in equations(rules=schema.rules, names=frozenset(field.name for field in schema.fields)):
        names = {*rule.inputs, rule.output}
        others = [field.name for field in schema.fields if field.name in names - {name}]
        if name not in names or not numbers.keys() >= set(others):
            continue
        result = solve(equation=rule, known={other: numbers[other] for other in others}, missing=name)
        if result is not None:
            formula = rule.text if name == rule.output else f"{rule.output} = {rule.text}, solved for {name}"
            yield _Way(result=result, formula=formula, inputs=tuple(single[other] for other in others))


def _by_columns(name: str, *, cells: Mapping[str, Sequence[ExtractedValue]], schema: Schema) -> Iterator[_Way]:
    for array in schema.fields:
        for column, total in sums(rules=schema.rules, array=array.name) if array.kind is Kind.ARRAY else ():
            rows = cells.get(f"{array.name}.{column}", ()) if total == name else ()
            sure = all(row.status is ValueStatus.ACCEPTED and row.evidence and row.formula is None for row in rows)
            if rows and sure:
                yield _Way(
                    result=sum((Decimal(row.value) for row in rows), Decimal(0)),
                    formula=f"sum({array.name}.{column})",
                    inputs=tuple(rows),
                )


def _cells(values: Sequence[ExtractedValue]) -> Mapping[str, Sequence[ExtractedValue]]:
    """Return the arrays' cells by column, such as `line_items.line_total`."""
    found: defaultdict[str, list[ExtractedValue]] = defaultdict(list)
    for value in values:
        parts = value.path.split("/")
        if len(parts) == 4:
            found[f"{parts[1]}.{parts[3]}"].append(value)
    return found


def _by_duration(single: Mapping[str, ExtractedValue]) -> Iterator[_Way]:
    days = [(name, value) for name, value in single.items() if value.kind is Kind.DATE]
    terms = [(name, value) for name, value in single.items() if value.kind is Kind.DURATION]
    for day_name, day in days:
        for term_name, term in terms:
            for sign, word in ((1, "+"), (-1, "-")):
                result = _moved(day.value, term.value, sign)
                if result is not None:
                    formula = f"{day_name} {word} {term_name}"
                    yield _Way(result=result.isoformat(), formula=formula, inputs=(day, term))


def _by_dates(term: str, single: Mapping[str, ExtractedValue]) -> Iterator[_Way]:
    days = [(name, value) for name, value in single.items() if value.kind is Kind.DATE]
    for (begin_name, begin), (end_name, end) in permutations(days, 2):
        result = _moved(begin.value, term, 1)
        if result is not None and result.isoformat() == end.value:
            yield _Way(result=term, formula=f"{end_name} - {begin_name}", inputs=(end, begin))


def _moved(day: str, term: str, sign: int) -> date | None:
    """Return a date a duration later or earlier; a month later than 31 January is the last of February."""
    amount, _, unit = term.partition(" ")
    unit = unit.removesuffix("s")
    if not amount.isdecimal() or unit not in _DAYS | _MONTHS:
        return None
    try:
        begin = date.fromisoformat(day)
        if unit in _DAYS:
            return begin + sign * timedelta(days=int(amount) * _DAYS[unit])
        months = begin.year * 12 + begin.month - 1 + sign * int(amount) * _MONTHS[unit]
        year, month = months // 12, months % 12 + 1
        return date(year, month, min(begin.day, monthrange(year, month)[1]))
    except (ValueError, OverflowError):
        return None
