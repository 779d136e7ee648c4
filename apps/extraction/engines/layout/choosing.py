"""One candidate for each field: the labels' scores, the schema's arithmetic, and no candidate for two fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from apps.extraction.engines.layout.options import Option, amount
from apps.extraction.engines.layout.rules import LABELLED, ROUNDING, Equation, agreements, solve
from apps.schemas.rules import evaluate


class Proof(Enum):
    """What the schema's arithmetic says about a value."""

    NONE = "none"
    AGREED = "agreed"
    TRIVIAL = "trivial"
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
    """A value that no label names but the arithmetic gives: `formula` over the fields in `inputs`."""

    value: Decimal
    formula: str
    inputs: tuple[str, ...]


def choose(
    *, options: Mapping[str, Sequence[Option]], equations: Sequence[Equation], least: float
) -> tuple[dict[str, Choice], dict[str, Derived]]:
    """Choose for every field that has an option of at least `least`, or that the arithmetic points to."""
    settled: dict[str, Option] = {}
    proofs: dict[str, Proof] = {}
    for equation in equations:
        names = (*equation.inputs, equation.output)
        if any(name in settled for name in names):
            continue
        free = _greedy({name: options.get(name, ()) for name in names}, settled, least)
        found = agreements(equation=equation, options=options)
        if not found:
            continue
        best = found[0]
        labelled = sum(option.label >= LABELLED for option in best.options.values())
        alone = sum(option.score for option in free.values())
        if labelled >= len(names) - 1 - (not best.trivial and len(names) > 2) and best.gain > alone:
            settled.update(best.options)
            proofs.update(dict.fromkeys(names, Proof.TRIVIAL if best.trivial else Proof.AGREED))
    chosen = {**_greedy(options, settled, least), **settled}
    derived: dict[str, Derived] = {}
    for equation in equations:
        names = (*equation.inputs, equation.output)
        if equation.output in proofs:
            continue
        values = {name: number for name in names if name in chosen and (number := amount(chosen[name])) is not None}
        missing = [name for name in names if name not in values]
        if not missing:
            result = evaluate(equation.left, values=values, columns={})
            agrees = result is not None and abs(result - values[equation.output]) <= ROUNDING
            proofs.update(dict.fromkeys(names, Proof.TRIVIAL if agrees else Proof.VIOLATED))
        elif len(missing) == 1 and missing[0] not in chosen:
            value = solve(equation=equation, known=values, missing=missing[0])
            # That nothing is missing is no statement of the page's.
            if value:
                others = tuple(name for name in names if name != missing[0])
                derived[missing[0]] = Derived(value=value, formula=_formula(equation, missing[0]), inputs=others)
    choices = {
        name: _choice(option, options.get(name, ()), proofs.get(name, Proof.NONE)) for name, option in chosen.items()
    }
    return choices, derived


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
