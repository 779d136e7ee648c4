"""A schema's arithmetic rules over the values of a document, whichever engines they come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.extraction.canonical import as_decimal
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.schemas.fields import Rule, Schema
from apps.schemas.rules import Node, RuleError, evaluate, parse_formula

_ROUNDING = Decimal("0.011")
_ROW_ROUNDING = Decimal("0.006")
_HALF_UNIT = Decimal("0.005")
_ROW_SHARE = Decimal("0.02")


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A rule, as written, and the paths of the values with which it doesn't hold."""

    rule: str
    paths: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Paths of values in a rule that holds, and the rules that don't hold, one for each row where it is over rows."""

    holds: frozenset[str]
    broken: tuple[Broken, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Instance:
    """A rule with numbers in it: for a rule over rows one for each row. `numbers` are by path."""

    left: Decimal
    right: Decimal
    numbers: Mapping[str, Decimal]
    slack: Decimal


def judge(*, values: Sequence[ExtractedValue], schema: Schema) -> Judgement:
    """Return what the rules say of grounded values; a rule whose inputs aren't all there says nothing.

    Sides may differ by what rounding to cents does: a cent, and half a cent more for each row that is summed; in a row,
    whose inputs are rounded too, 0.006 for each unit of the greatest, and at most 2%.
    A rule that holds with a zero in it proves nothing: the same amount stands on both sides.
    """
    numbers = {
        value.path: number
        for value in values
        if value.status is not ValueStatus.UNGROUNDED and (number := as_decimal(value.value)) is not None
    }
    holds: set[str] = set()
    broken: list[Broken] = []
    for rule in schema.rules:
        for instance in _instances(rule, numbers):
            if abs(instance.left - instance.right) > instance.slack:
                broken.append(Broken(rule=f"{rule.left} = {rule.right}", paths=frozenset(instance.numbers)))
            elif all(instance.numbers.values()):
                holds |= instance.numbers.keys()
    return Judgement(holds=frozenset(holds), broken=tuple(broken))


def _instances(rule: Rule, numbers: Mapping[str, Decimal]) -> Iterator[_Instance]:
    try:
        left, right = parse_formula(rule.left), parse_formula(rule.right)
    except RuleError:
        return
    names = left.names() | right.names()
    cells = _cells(numbers)
    summed = left.summed_names()
    columns: dict[str, tuple[Decimal, ...]] = {}
    taken: dict[str, Decimal] = {}
    for name in summed:
        array, _, column = name.partition(".")
        rows = cells.get(array, {})
        if not rows or any(column not in row for row in rows.values()):
            return
        columns[name] = tuple(row[column] for row in rows.values())
        taken |= {f"/{array}/{row}/{column}": cell[column] for row, cell in rows.items()}
    scalars = [name for name in names - summed if "." not in name]
    if any(f"/{name}" not in numbers for name in scalars):
        return
    known = {name: numbers[f"/{name}"] for name in scalars}
    taken |= {f"/{name}": number for name, number in known.items()}
    per_row = sorted(left.row_names() | right.row_names())
    if not per_row:
        slack = _ROUNDING + _HALF_UNIT * sum(len(column) for column in columns.values())
        yield from _instance(left, right, known, columns, taken, slack)
        return
    arrays = {name.partition(".")[0] for name in per_row}
    if len(arrays) != 1:
        return
    (array,) = arrays
    for row, cell in cells.get(array, {}).items():
        inner = {name: cell[column] for name in per_row if (column := name.partition(".")[2]) in cell}
        if len(inner) == len(per_row):
            places = {f"/{array}/{row}/{name.partition('.')[2]}": number for name, number in inner.items()}
            goal = inner.get(right.text, known.get(right.text, Decimal(0)))
            most = max(abs(number) for name, number in inner.items() if name != right.text or len(inner) == 1)
            slack = min(_ROW_ROUNDING * (1 + most), abs(goal) * _ROW_SHARE + _ROW_ROUNDING)
            yield from _instance(left, right, known | inner, columns, taken | places, slack)


def _instance(  # noqa: PLR0917 - private
    left: Node,
    right: Node,
    known: Mapping[str, Decimal],
    columns: Mapping[str, tuple[Decimal, ...]],
    places: Mapping[str, Decimal],
    slack: Decimal,
) -> Iterator[_Instance]:
    one = evaluate(left, values=known, columns=columns)
    other = evaluate(right, values=known, columns=columns)
    if one is not None and other is not None:
        yield _Instance(left=one, right=other, numbers=places, slack=slack)


def _cells(numbers: Mapping[str, Decimal]) -> Mapping[str, Mapping[str, Mapping[str, Decimal]]]:
    """Return the numbers in arrays: by array, row and column, rows in the values' order."""
    found: defaultdict[str, defaultdict[str, dict[str, Decimal]]] = defaultdict(lambda: defaultdict(dict))
    for path, number in numbers.items():
        parts = path.split("/")
        if len(parts) == 4:
            found[parts[1]][parts[2]][parts[3]] = number
    return found
