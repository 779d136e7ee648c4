"""One candidate for each field: the labels' scores, the schema's arithmetic, and no candidate for two fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from apps.extraction.engines.layout.options import Option, amount
from apps.extraction.engines.layout.rules import (
    ROUNDING,
    WELL_LABELLED,
    Equation,
    agreements,
    before_payment,
    composed,
    explained,
    solve,
)
from apps.schemas.rules import evaluate


class Proof(Enum):
    """What the schema's arithmetic says about a value."""

    NONE = "none"
    AGREED = "agreed"
    TRIVIAL = "trivial"
    EXPLAINED = "explained"
    VIOLATED = "violated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The option chosen for a field.

    `rival` is the best score of another value; `repeats` counts other good places of the same value.
    """

    option: Option
    rival: float
    repeats: int
    proof: Proof = Proof.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A value that no label names but the arithmetic gives: `formula` over the fields in `inputs`, or over `parts`."""

    value: Decimal
    formula: str
    inputs: tuple[str, ...] = ()
    parts: tuple[Option, ...] = ()


def choose(
    *,
    options: Mapping[str, Sequence[Option]],
    equations: Sequence[Equation],
    least: float,
    prepaid: frozenset[int] = frozenset(),
) -> tuple[dict[str, Choice], dict[str, Derived]]:
    """Choose for every field that has an option of at least `least`, or that the arithmetic points to.

    `prepaid` are placed amounts, by id, that were paid before: they are no part of a sum, but explain what is left.
    """
    settled: dict[str, Option] = {}
    proofs: dict[str, Proof] = {}
    derived: dict[str, Derived] = {}
    for equation in equations:
        names = (*equation.inputs, equation.output)
        if any(name in settled or name in derived for name in names):
            continue
        free = _greedy({name: options.get(name, ()) for name in names}, settled, least)
        alone = sum(option.score for option in free.values())
        if not _agree(equation, options, alone, settled, proofs):
            _compose(equation, options, alone, settled, proofs, derived, prepaid)
    rest = {name: found for name, found in options.items() if name not in derived}
    chosen = {**_greedy(rest, settled, least), **settled}
    for equation in equations:
        if equation.output not in proofs:
            _check(equation, chosen, proofs, derived)
    choices = {
        name: _choice(option, options.get(name, ()), proofs.get(name, Proof.NONE)) for name, option in chosen.items()
    }
    return choices, derived


def _agree(
    equation: Equation,
    options: Mapping[str, Sequence[Option]],
    alone: float,
    settled: dict[str, Option],
    proofs: dict[str, Proof],
) -> bool:
    """Settle an equation's fields by amounts that satisfy it, where labels name all of them but one."""
    names = (*equation.inputs, equation.output)
    for best in agreements(equation=equation, options=options):
        labelled = sum(option.label >= WELL_LABELLED for option in best.options.values())
        if labelled < len(names) - 1 or best.gain <= alone:
            continue
        settled.update(best.options)
        proofs.update(dict.fromkeys(names, Proof.TRIVIAL if best.trivial else Proof.AGREED))
        return True
    return False


def _compose(  # noqa: PLR0917 - the state of one choice, passed on
    equation: Equation,
    options: Mapping[str, Sequence[Option]],
    alone: float,
    settled: dict[str, Option],
    proofs: dict[str, Proof],
    derived: dict[str, Derived],
    prepaid: frozenset[int],
) -> None:
    """Settle an equation's fields where one is the sum of several amounts, or one further amount makes it hold."""
    names = (*equation.inputs, equation.output)
    everywhere = {id(option.placed): option for found in options.values() for option in found}
    paid = [everywhere.pop(one) for one in prepaid if one in everywhere]
    left = next(iter(before_payment(equation=equation, options=options, paid=paid)), None)
    if left is not None and left.gain > alone:
        settled.update(left.options)
        proofs.update(dict.fromkeys(names, Proof.AGREED))
        value = solve(equation=equation, known=_numbers(left.options), missing=equation.output)
        if value is not None:
            derived[equation.output] = Derived(value=value, formula=equation.text, inputs=equation.inputs)
        return
    found = [
        *composed(equation=equation, options=options)[:1],
        *explained(equation=equation, options=options, amounts=tuple(everywhere.values()))[:1],
    ]
    best = max(found, key=lambda one: one.gain, default=None)
    if best is None or best.gain <= alone:
        return
    settled.update(best.options)
    if best.name is None:
        proofs.update(dict.fromkeys(names, Proof.EXPLAINED))
        return
    proofs.update(dict.fromkeys(names, Proof.AGREED))
    numbers = [number for part in best.parts if (number := amount(part)) is not None]
    formula = f"{best.name} = " + " + ".join(format(number, "f") for number in numbers)
    derived[best.name] = Derived(value=sum(numbers, Decimal(0)), formula=formula, parts=best.parts)


def _numbers(options: Mapping[str, Option]) -> dict[str, Decimal]:
    return {name: number for name, option in options.items() if (number := amount(option)) is not None}


def _check(
    equation: Equation, chosen: Mapping[str, Option], proofs: dict[str, Proof], derived: dict[str, Derived]
) -> None:
    """Say whether what labels alone chose adds up, or derive the one field that is missing."""
    names = (*equation.inputs, equation.output)
    values = {name: number for name in names if name in chosen and (number := amount(chosen[name])) is not None}
    missing = [name for name in names if name not in values]
    if not missing:
        result = evaluate(equation.left, values=values, columns={})
        agrees = result is not None and abs(result - values[equation.output]) <= ROUNDING
        proofs.update(dict.fromkeys(names, Proof.TRIVIAL if agrees else Proof.VIOLATED))
    elif len(missing) == 1 and missing[0] not in chosen and missing[0] not in derived:
        value = solve(equation=equation, known=values, missing=missing[0])
        # That nothing is missing is no statement of the page's.
        if value:
            others = tuple(name for name in names if name != missing[0])
            derived[missing[0]] = Derived(value=value, formula=_formula(equation, missing[0]), inputs=others)


def _formula(equation: Equation, missing: str) -> str:
    """Say how a missing value follows, for the person who reads it."""
    if missing == equation.output:
        return f"{equation.text}"
    return f"{equation.output} = {equation.text}, solved for {missing}"


def _greedy(options: Mapping[str, Sequence[Option]], settled: Mapping[str, Option], least: float) -> dict[str, Option]:
    """Give the surest pairs first; a candidate that is taken is no option any more."""
    taken = {id(option.placed) for option in settled.values()}
    pairs = sorted(_pairs(options, settled, least), key=lambda pair: -pair[1].score)
    chosen: dict[str, Option] = {}
    for name, option in pairs:
        if name not in chosen and id(option.placed) not in taken:
            chosen[name] = option
            taken.add(id(option.placed))
    return chosen


def _pairs(
    options: Mapping[str, Sequence[Option]], settled: Mapping[str, Option], least: float
) -> Iterable[tuple[str, Option]]:
    for name, found in options.items():
        if name not in settled:
            yield from ((name, option) for option in found if option.score >= least)


def _choice(option: Option, others: Sequence[Option], proof: Proof) -> Choice:
    rival = max((other.score for other in others if other.value != option.value), default=0.0)
    repeats = sum(other.value == option.value and other is not option and other.score > 0.5 for other in others)
    return Choice(option=option, rival=rival, repeats=repeats, proof=proof)
