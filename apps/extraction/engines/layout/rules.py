"""A schema's arithmetic chooses between candidates, and tells how sure the choice is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, product

from apps.extraction.engines.layout.options import Option, amount
from apps.extraction.exact import cents
from apps.schemas.fields import Rule
from apps.schemas.rules import Node, RuleError, evaluate, parse_formula

MOST_OPTIONS = 12
_BONUS = 0.75
"""What a rule that adds up is worth beside the labels' scores: a little less than one perfect label."""
_BONUS_TRIVIAL = 0.45
"""The same where it holds without telling anything: nothing added, both sides the same."""
LABELLED = 0.3
"""From this score on a label counts as one."""
WELL_LABELLED = 0.5
_BONUS_EXPLAINED = 0.5
_MOST_COMBINED = 4
_MOST_COMBINED_PARTS = 8
_MOST_PARTS = 4
ROUNDING = Decimal("0.011")


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """A rule over single fields, read. Several `inputs` on the left, written as `text`, make the field on the right."""

    text: str
    left: Node
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Options that satisfy an equation together, by field name. `trivial`: a term is 0, so that little is proven."""

    options: Mapping[str, Option]
    gain: float
    trivial: bool


def equations(*, rules: Sequence[Rule], names: frozenset[str]) -> list[Equation]:
    """Return the rules that join single fields only."""
    found = []
    for rule in rules:
        try:
            left, right = parse_formula(rule.left), parse_formula(rule.right)
        except RuleError:
            continue
        used = left.names()
        if right.op == "name" and right.text in names and used <= names and not left.summed_names():
            found.append(Equation(text=rule.left, left=left, inputs=tuple(sorted(used)), output=right.text))
    return found


def sums(*, rules: Sequence[Rule], array: str) -> list[tuple[str, str]]:
    """Return what rules say of an array's sums: (column, field that is its sum)."""
    found = []
    for rule in rules:
        try:
            left, right = parse_formula(rule.left), parse_formula(rule.right)
        except RuleError:
            continue
        if left.op == "sum" and right.op == "name" and left.text.startswith(f"{array}."):
            found.append((left.text.removeprefix(f"{array}."), right.text))
    return found


def agreements(*, equation: Equation, options: Mapping[str, Sequence[Option]]) -> list[Agreement]:
    """Return the ways to satisfy an equation by candidates, the best first."""
    pools = []
    for name in equation.inputs:
        pool = [
            (option, number)
            for option in options.get(name, ())[:MOST_OPTIONS]
            if (number := amount(option)) is not None
        ]
        pools.append(pool)
    results: dict[Decimal, list[Option]] = defaultdict(list)
    for option in options.get(equation.output, ())[:MOST_OPTIONS]:
        number = amount(option)
        if number is not None:
            results[cents(number)].append(option)
    found = []
    for chosen in product(*pools):
        values = {name: number for name, (_, number) in zip(equation.inputs, chosen, strict=True)}
        result = evaluate(equation.left, values=values, columns={})
        if result is None:
            continue
        for near in (cents(result), cents(result) + Decimal("0.01"), cents(result) - Decimal("0.01")):
            for option in results.get(near, ()):
                number = amount(option)
                if number is None or abs(number - result) > ROUNDING:
                    continue
                picked = {name: choice for name, (choice, _) in zip(equation.inputs, chosen, strict=True)}
                picked[equation.output] = option
                if len({id(choice.placed) for choice in picked.values()}) < len(picked):
                    continue
                trivial = any(value == 0 for value in values.values()) or number == 0
                found.append(_agreement(picked, trivial=trivial))
    found.sort(key=lambda agreement: -agreement.gain)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """An equation that holds with several amounts for one of its inputs: `parts` are the taxes of each rate, say.

    Where `name` is None, `parts` is the one further amount between the others that the rule doesn't know: shipping.
    """

    options: Mapping[str, Option]
    name: str | None
    parts: tuple[Option, ...]
    gain: float


def composed(*, equation: Equation, options: Mapping[str, Sequence[Option]]) -> list[Composed]:
    """Return the ways to satisfy an equation with labelled amounts of which one input is the sum of several."""
    found = []
    for missing in equation.inputs:
        names = [name for name in (*equation.inputs, equation.output) if name != missing]
        parts = [(option, number) for option, number in _labelled(options.get(missing, ())) if number != 0]
        if len(parts) < 2:
            continue
        for picked, values in _combinations(names, options):
            goal = solve(equation=equation, known=values, missing=missing)
            taken = {id(option.placed) for option in picked.values()}
            free = [(option, number) for option, number in parts if id(option.placed) not in taken]
            chosen = _summing(free, goal) if goal else None
            if chosen is not None:
                share = sum(option.score for option in chosen) / len(chosen)
                gain = sum(option.score for option in picked.values()) + share + _BONUS
                found.append(Composed(options=picked, name=missing, parts=chosen, gain=gain))
    found.sort(key=lambda one: -one.gain)
    return found


def explained(
    *, equation: Equation, options: Mapping[str, Sequence[Option]], amounts: Sequence[Option]
) -> list[Composed]:
    """Return the labelled amounts that miss an equation by just one further amount that stands between them."""
    found = []
    by_page: dict[int, list[Option]] = defaultdict(list)
    for option in amounts:
        by_page[option.placed.candidate.page].append(option)
    names = (*equation.inputs, equation.output)
    for picked, values in _combinations(names, options):
        result = evaluate(equation.left, values=values, columns={})
        if result is None:
            continue
        gap = abs(values[equation.output] - result)
        if gap <= ROUNDING:
            continue
        places = [option.placed for option in picked.values()]
        top, bottom = min(spot.rect.y0 for spot in places), max(spot.rect.y1 for spot in places)
        for other in by_page.get(places[0].candidate.page, ()):
            spot = other.placed
            number = amount(other)
            between = top - 0.5 <= spot.rect.middle <= bottom + 0.5
            if number is not None and abs(abs(number) - gap) <= ROUNDING and between and spot not in places:
                gain = sum(option.score for option in picked.values()) + _BONUS_EXPLAINED
                found.append(Composed(options=picked, name=None, parts=(other,), gain=gain))
                break
    found.sort(key=lambda one: -one.gain)
    return found


def before_payment(
    *, equation: Equation, options: Mapping[str, Sequence[Option]], paid: Sequence[Option]
) -> list[Composed]:
    """Return labelled inputs of which the result, less an amount `paid` before, is what stands for the output.

    That is then what is left to pay: `options` are the inputs alone, `parts` what was paid.
    """
    found = []
    for picked, values in _combinations((*equation.inputs, equation.output), options):
        result = evaluate(equation.left, values=values, columns={})
        if result is None:
            continue
        gap = result - values[equation.output]
        taken = {id(option.placed) for option in picked.values()}
        for other in paid:
            number = amount(other)
            if number and id(other.placed) not in taken and gap > 0 and abs(abs(number) - gap) <= ROUNDING:
                gain = sum(option.score for option in picked.values()) + _BONUS
                inputs = {name: option for name, option in picked.items() if name != equation.output}
                found.append(Composed(options=inputs, name=equation.output, parts=(other,), gain=gain))
                break
    found.sort(key=lambda one: -one.gain)
    return found


def _labelled(options: Sequence[Option]) -> list[tuple[Option, Decimal]]:
    return [
        (option, number)
        for option in options[:MOST_OPTIONS]
        if option.label >= WELL_LABELLED and (number := amount(option)) is not None
    ]


def _combinations(
    names: Sequence[str], options: Mapping[str, Sequence[Option]]
) -> Iterator[tuple[dict[str, Option], dict[str, Decimal]]]:
    """Yield what well labelled options the fields can have together, each option for one field."""
    for chosen in product(*(_labelled(options.get(name, ()))[:_MOST_COMBINED] for name in names)):
        if len({id(option.placed) for option, _ in chosen}) == len(chosen):
            picked = {name: option for name, (option, _) in zip(names, chosen, strict=True)}
            yield picked, {name: number for name, (_, number) in zip(names, chosen, strict=True)}


def _summing(parts: Sequence[tuple[Option, Decimal]], goal: Decimal) -> tuple[Option, ...] | None:
    """Return the fewest of the parts, two or more, that make the goal."""
    for count in range(2, min(len(parts), _MOST_PARTS) + 1):
        for chosen in combinations(parts[:_MOST_COMBINED_PARTS], count):
            if abs(sum((number for _, number in chosen), Decimal(0)) - goal) <= ROUNDING:
                return tuple(option for option, _ in chosen)
    return None


def _agreement(picked: dict[str, Option], *, trivial: bool) -> Agreement:
    # Numbers that happen to add up stand on every page: the sum tells as much as the labels lend it.
    trust = sum(option.label >= LABELLED for option in picked.values()) / len(picked)
    bonus = _BONUS_TRIVIAL if trivial else _BONUS
    gain = sum(option.score for option in picked.values()) + bonus * trust
    return Agreement(options=picked, gain=gain, trivial=trivial)


def solve(*, equation: Equation, known: Mapping[str, Decimal], missing: str) -> Decimal | None:
    """Return the one missing value of an equation that is linear in it, or None."""
    if missing == equation.output:
        return evaluate(equation.left, values=known, columns={})
    goal = known.get(equation.output)
    if goal is None:
        return None
    at_zero = evaluate(equation.left, values={**known, missing: Decimal(0)}, columns={})
    at_one = evaluate(equation.left, values={**known, missing: Decimal(1)}, columns={})
    if at_zero is None or at_one is None or at_one == at_zero:
        return None
    return (goal - at_zero) / (at_one - at_zero)
