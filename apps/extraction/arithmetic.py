"""A schema's arithmetic rules over the values of a document, whichever engines they come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain

from apps.extraction.canonical import as_decimal
from apps.extraction.exact import exactly
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.schemas.fields import Rule, Schema
from apps.schemas.rules import Node, RuleError, evaluate, parse_formula, total

_ROUNDING = Decimal("0.011")
_ROW_ROUNDING = Decimal("0.006")
_HALF_UNIT = Decimal("0.005")
_ROW_SHARE = Decimal("0.02")


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A rule, as written, and the paths of the values with which it doesn't hold.

    A rule over rows is there once for each row with which it doesn't hold; once for all of them where it has the sum of
    a column too, all of whose cells are in it.
    """

    rule: str
    paths: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Paths of values in a rule that holds, and the rules that don't hold."""

    holds: frozenset[str]
    broken: tuple[Broken, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Instance:
    """A rule with numbers in it: for a rule over rows one for each row, whose own `numbers` these are, by path."""

    left: Decimal
    right: Decimal
    slack: Decimal
    numbers: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return abs(self.left - self.right) <= self.slack


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filled:
    """A rule with all numbers that there are for it. What all rows have in it, a column's sum, is `shared`, by path."""

    shared: Mapping[str, Decimal]
    instances: tuple[_Instance, ...]
    sums: bool

    def broken(self) -> Iterator[frozenset[str]]:
        """Yield the paths of what doesn't hold."""
        rows = [instance.numbers.keys() for instance in self.instances if not instance.holds]
        if self.sums and rows:
            yield frozenset(self.shared).union(*rows)
            return
        yield from (frozenset({*self.shared, *row}) for row in rows)

    def proven(self) -> Iterator[str]:
        """Yield the paths of what holds without a zero in it."""
        if not all(self.shared.values()):
            return
        rows = [instance.numbers for instance in self.instances if instance.holds and all(instance.numbers.values())]
        if rows:
            yield from self.shared
        yield from chain.from_iterable(rows)


@exactly
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
        filled = _filled(rule, numbers)
        if filled is not None:
            broken += [Broken(rule=f"{rule.left} = {rule.right}", paths=paths) for paths in filled.broken()]
            holds.update(filled.proven())
    return Judgement(holds=frozenset(holds), broken=tuple(broken))


def _filled(rule: Rule, numbers: Mapping[str, Decimal]) -> _Filled | None:
    try:
        left, right = parse_formula(rule.left), parse_formula(rule.right)
    except RuleError:
        return None
    names = left.names() | right.names()
    cells = _cells(numbers)
    summed = left.summed_names()
    count = 0
    sums: dict[str, tuple[Decimal, ...]] = {}
    taken: dict[str, Decimal] = {}
    for name in summed:
        array, _, column = name.partition(".")
        rows = cells.get(array, {})
        if not rows or any(column not in row for row in rows.values()):
            return None
        # One sum for all rows that it is beside of.
        sums[name] = (total([row[column] for row in rows.values()]),)
        count += len(rows)
        taken |= {f"/{array}/{row}/{column}": cell[column] for row, cell in rows.items()}
    scalars = [name for name in names - summed if "." not in name]
    if any(f"/{name}" not in numbers for name in scalars):
        return None
    known = {name: numbers[f"/{name}"] for name in scalars}
    taken |= {f"/{name}": number for name, number in known.items()}
    per_row = sorted(left.row_names() | right.row_names())
    if not per_row:
        one = _instance(left, right, known, sums, {}, _ROUNDING + _HALF_UNIT * count)
        return _Filled(shared=taken, instances=tuple(one), sums=bool(sums))
    arrays = {name.partition(".")[0] for name in per_row}
    if len(arrays) != 1:
        return None
    (array,) = arrays
    instances: list[_Instance] = []
    for row, cell in cells.get(array, {}).items():
        inner = {name: cell[column] for name in per_row if (column := name.partition(".")[2]) in cell}
        if len(inner) == len(per_row):
            places = {f"/{array}/{row}/{name.partition('.')[2]}": number for name, number in inner.items()}
            goal = inner.get(right.text, known.get(right.text, Decimal(0)))
            most = max(abs(number) for name, number in inner.items() if name != right.text or len(inner) == 1)
            slack = min(_ROW_ROUNDING * (1 + most), abs(goal) * _ROW_SHARE + _ROW_ROUNDING)
            instances += _instance(left, right, known | inner, sums, places, slack)
    return _Filled(shared=taken, instances=tuple(instances), sums=bool(sums))


def _instance(  # noqa: PLR0917 - private
    left: Node,
    right: Node,
    known: Mapping[str, Decimal],
    sums: Mapping[str, tuple[Decimal, ...]],
    places: Mapping[str, Decimal],
    slack: Decimal,
) -> Iterator[_Instance]:
    one = evaluate(left, values=known, columns=sums)
    other = evaluate(right, values=known, columns=sums)
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
