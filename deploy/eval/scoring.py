"""Comparing answers with the truth, and counting."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from apps.extraction.canonical import as_decimal, canonical, collapse, duration
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.schemas.fields import Kind
from deploy.eval.corpus import Example

_NAMES = frozenset({Kind.ORGANISATION, Kind.PERSON, Kind.TEXT, Kind.ADDRESS})
_ROW_KINDS = {"description": Kind.TEXT, "quantity": Kind.NUMBER, "unit_price": Kind.MONEY, "line_total": Kind.MONEY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An answer that is wrong, or (said None) one that is missing."""

    name: str
    field: str
    said: str | None
    truth: str | None


@dataclass(slots=True)
class Tally:
    """Counts of one field: `present` in the truth, `covered` of those, `answered` at all, `right`.

    `accepted` and `accepted_right` count the answers that the engine didn't want reviewed; `judged` holds each answer's
    confidence and whether it was right.
    """

    present: int = 0
    covered: int = 0
    answered: int = 0
    right: int = 0
    accepted: int = 0
    accepted_right: int = 0
    judged: list[tuple[float, bool]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add another's counts."""
        self.present += other.present
        self.covered += other.covered
        self.answered += other.answered
        self.right += other.right
        self.accepted += other.accepted
        self.accepted_right += other.accepted_right
        self.judged += other.judged
        self.faults += other.faults

    @property
    def coverage(self) -> float | None:
        return self.covered / self.present if self.present else None

    @property
    def precision(self) -> float | None:
        return self.right / self.answered if self.answered else None

    @property
    def accepted_precision(self) -> float | None:
        return self.accepted_right / self.accepted if self.accepted else None


def normal(value: str, kind: Kind) -> str:
    """Return what two values of a kind have in common when they are the same. See the package's docstring."""
    if kind in {Kind.MONEY, Kind.NUMBER, Kind.INTEGER}:
        number = as_decimal(value)
        return value if number is None else format(number.normalize() + 0, "f")
    if kind is Kind.DATE:
        return canonical(value, Kind.DATE) or value
    folded = collapse(unicodedata.normalize("NFKC", value)).casefold()
    if kind is Kind.IDENTIFIER:
        return folded.replace(" ", "")
    if kind is Kind.DURATION:
        return (duration(folded) or folded).casefold()
    if kind is Kind.ADDRESS:
        return collapse(re.sub(r"[^\w]+", " ", folded))
    if kind in _NAMES:
        return collapse(folded.replace(",", " ")).rstrip(" .,;:")
    return folded


def score(*, example: Example, values: Sequence[ExtractedValue], whole: bool) -> dict[str, Tally]:
    """Return the counts of one document, by field. `whole`: the engine saw the attachments too, so all truth counts."""
    said = {value.path: value for value in values}
    tallies: dict[str, Tally] = {}
    for name, truth in example.fields.items():
        if not whole and not truth.shown:
            continue
        answer = said.get(f"/{name}")
        tally = tallies.setdefault(name, Tally())
        _count(
            tally, example=example, name=name, answer=answer, kind=truth.kind, truths=truth.values,
        )  # fmt: skip
    for name, entries in example.entries.items():
        answers = [value for path, value in said.items() if path.startswith(f"/{name}/")]
        tallies[name] = _entries(example, name, answers, entries)
    if example.rows and (whole or example.rows_shown):
        tallies |= _rows(example, said)
    return tallies


def _count(
    tally: Tally,
    *,
    example: Example,
    name: str,
    answer: ExtractedValue | None,
    kind: Kind,
    truths: Sequence[str] | None,
) -> None:
    tally.present += truths is not None
    if answer is None:
        if truths is not None:
            tally.faults.append(Fault(name=example.name, field=name, said=None, truth=truths[0]))
        return
    right = any(normal(answer.value, kind) == normal(truth, kind) for truth in truths or ())
    tally.covered += truths is not None
    _answered(tally, answer, right=right)
    if not right:
        tally.faults.append(
            Fault(name=example.name, field=name, said=answer.value, truth=truths[0] if truths else None)
        )


def _answered(tally: Tally, answer: ExtractedValue, *, right: bool) -> None:
    tally.answered += 1
    tally.right += right
    tally.judged.append((answer.confidence, right))
    if answer.status is ValueStatus.ACCEPTED:
        tally.accepted += 1
        tally.accepted_right += right


def _entries(example: Example, name: str, answers: Iterable[ExtractedValue], truths: Sequence[str]) -> Tally:
    tally = Tally(present=len(truths))
    left = [normal(truth, Kind.ORGANISATION) for truth in truths]
    for answer in answers:
        key = normal(answer.value, Kind.ORGANISATION)
        right = key in left
        if right:
            left.remove(key)
        else:
            tally.faults.append(Fault(name=example.name, field=name, said=answer.value, truth=" | ".join(truths)))
        _answered(tally, answer, right=right)
    tally.covered = min(tally.answered, tally.present)
    tally.faults += [Fault(name=example.name, field=name, said=None, truth=missing) for missing in left]
    return tally


def _rows(example: Example, said: Mapping[str, ExtractedValue]) -> dict[str, Tally]:
    found: dict[int, dict[str, ExtractedValue]] = {}
    for path, value in said.items():
        parts = path.split("/")
        if len(parts) == 4 and parts[1] == "line_items" and parts[2].isdigit():
            found.setdefault(int(parts[2]), {})[parts[3]] = value
    rows = [found[position] for position in sorted(found)]
    tallies = {f"line_items.{column}": Tally() for column in _ROW_KINDS}
    for ours, theirs in _paired(rows, example.rows):
        for column, kind in _ROW_KINDS.items():
            answer = ours.get(column) if ours else None
            truth = theirs.get(column) if theirs else None
            if answer is None and truth is None:
                continue
            if truth is None and theirs is not None:
                continue  # the row's truth doesn't hold this column
            name = f"line_items.{column}"
            _count(
                tallies[name], example=example, name=name, answer=answer, kind=kind,
                truths=None if truth is None else (truth,),
            )  # fmt: skip
    return tallies


_Pair = tuple[Mapping[str, ExtractedValue] | None, Mapping[str, str] | None]


def _paired(ours: Sequence[Mapping[str, ExtractedValue]], theirs: Sequence[Mapping[str, str]]) -> list[_Pair]:
    """Pair rows in order; where the numbers differ, those with equal line totals first."""
    if len(ours) == len(theirs):
        return list(zip(ours, theirs, strict=True))
    left = [
        normal(row["line_total"].value, Kind.MONEY) if "line_total" in row else f"?{at}" for at, row in enumerate(ours)
    ]
    right = [normal(row.get("line_total", "-"), Kind.MONEY) for row in theirs]
    pairs: list[_Pair] = []
    for tag, i0, i1, j0, j1 in difflib.SequenceMatcher(a=left, b=right, autojunk=False).get_opcodes():
        if tag == "equal":
            pairs += zip(ours[i0:i1], theirs[j0:j1], strict=True)
        else:
            pairs += [(row, None) for row in ours[i0:i1]]
            pairs += [(None, row) for row in theirs[j0:j1]]
    return pairs
