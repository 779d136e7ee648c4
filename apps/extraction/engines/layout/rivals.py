"""What else a document shows for a field under its label: a value that has a rival is for a person to decide.

    rivals(pages=pages, language="en", schema=schema, values=values, wanted=frozenset({"iban"}))
    -> {"iban": (Rival(field="iban", value="GB33...", evidence=..., label=1.0, score=0.97),)}

A reader, also a model that was talked into something, picks one of several values that a document shows; the labels on
the page say which others it might have picked. A rival is a candidate of the field's kind with another value that a
label of the field points to. Account numbers show by themselves what they are, and need none. It is no rival where the
difference is explained: the value is another field's answer, it stands where another answer does, such as in a table's
row, it is a part of the sum that the field holds, or a sum of the schema that the answers make would no longer be made,
while no other of the document's values make it with the rival.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations, islice, product

from apps.extraction.candidates import Candidate, find_candidates, infer_locale, read_page
from apps.extraction.engines.layout.geometry import turned_back, upright
from apps.extraction.engines.layout.labels import lexicon
from apps.extraction.engines.layout.lines import lay_out
from apps.extraction.engines.layout.options import NUMERIC, options, place
from apps.extraction.engines.layout.pieces import VALUE_KINDS, take_apart
from apps.extraction.engines.layout.rules import ROUNDING, Equation, equations
from apps.extraction.exact import exactly
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box, Page, ParsedDocument
from apps.schemas.fields import Field, Kind, Schema
from apps.schemas.rules import evaluate

KINDS = frozenset({*VALUE_KINDS, Kind.INTEGER, Kind.DURATION})
"""Kinds of which a page's shapes show all candidates."""
LABEL = 0.8
"""Least score of a rival's label, in [0, 1]."""
SCORE = 0.6
"""Least score with everything counted: where the label lies, what the value looks like."""
LABEL_BEHIND = 0.05
SCORE_BEHIND = 0.08
"""How much less than the answer's own place a rival's may say: a weaker one is another thing's.

A value's height on the page alone makes up to 0.08 of its score.
"""
_TELLING = frozenset({Kind.IBAN})
_SURE_SHAPE = 0.7
_MOST = 8
"""So many rivals of a field are weighed against the schema's sums; the document is for a person anyhow."""
_MOST_COMBINED = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another value for a field, canonical, and where it stands; `label` and `score` are as in layout's Option."""

    field: str
    value: str
    evidence: Evidence
    label: float
    score: float


@exactly
def rivals(
    *,
    pages: Iterable[Page],
    language: str | None,
    schema: Schema,
    values: Sequence[ExtractedValue],
    wanted: frozenset[str],
) -> dict[str, tuple[Rival, ...]]:
    """Return the rivals of single values by field, the best labelled first; fields without any are left out.

    `values` are all that is known of the document, `wanted` the fields to check. Pages are read one at a time.
    """
    known = {value.path[1:]: value for value in values if value.path.count("/") == 1}
    checked = [field for field in schema.fields if field.name in wanted & known.keys() and field.kind in KINDS]
    if not checked:
        return {}
    used = _places(values)
    found: defaultdict[str, dict[str, Rival]] = defaultdict(dict)
    own: defaultdict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for page in pages:
        for field, candidate, rival in _on_page(page, language=language, schema=schema, checked=checked):
            if _says(candidate, known[field.name]):
                label, score = own[field.name]
                own[field.name] = (max(label, rival.label), max(score, rival.score))
                continue
            if any(_within(rival.evidence.box, place) for place in used[page.number]):
                continue
            before = found[field.name].get(rival.value)
            if before is None or before.score < rival.score:
                found[field.name][rival.value] = rival
    listed: dict[str, tuple[Rival, ...]] = {}
    for field in checked:
        others = [value for name, value in known.items() if name != field.name and value.kind is field.kind]
        label, score = own[field.name]
        near = [
            rival
            for rival in found[field.name].values()
            if field.kind in _TELLING
            or (rival.label >= max(LABEL, label - LABEL_BEHIND) and rival.score >= max(SCORE, score - SCORE_BEHIND))
        ]
        near = [rival for rival in near if not any(_same(rival.value, other) for other in others)]
        near = sorted(near, key=lambda rival: (-rival.label, -rival.score))[:_MOST]
        if near and not (field.kind in NUMERIC and _is_sum(known[field.name].value, near)):
            listed[field.name] = tuple(near)
    return _that_add_up(listed, schema=schema, known=known)


def _on_page(
    page: Page, *, language: str | None, schema: Schema, checked: Sequence[Field]
) -> Iterator[tuple[Field, Candidate, Rival]]:
    """Yield the candidates of a page for each field that is checked, the answer's own among them.

    Every page is rated as if it were the first: where in a document a value stands says which of two is likelier, but
    not that the other isn't there, and who plants one chooses the page.
    """
    shown, turn = upright(page=replace(page, number=1))
    locale = infer_locale(document=ParsedDocument(pages=(shown,), language=language))
    single = [field for field in schema.fields if field.kind is not Kind.ARRAY]
    candidates = find_candidates(
        page=shown, kinds=VALUE_KINDS | {field.kind for field in checked}, locale=locale, reading=read_page(page=shown)
    )
    pieces = take_apart(layout=lay_out(page=shown), candidates=candidates)
    found = options(
        fields=single,
        lexicon=lexicon(fields=schema.fields, language=locale.language),
        placed=place(pieces=pieces, candidates=candidates),
        pages=1,
    )
    for field in checked:
        for option in found[field.name]:
            candidate = option.placed.candidate
            if field.kind in _TELLING and candidate.confidence < _SURE_SHAPE:
                continue
            box = turned_back(box=candidate.box, turn=turn)
            rival = Rival(
                field=field.name,
                value=candidate.value,
                evidence=Evidence(page=page.number, box=box, quote=candidate.text),
                label=option.label,
                score=option.score,
            )
            yield field, candidate, rival


def _says(candidate: Candidate, known: ExtractedValue) -> bool:
    return any(_same(value, known) for value in (candidate.value, *candidate.alternatives))


def _same(value: str, known: ExtractedValue) -> bool:
    """Return whether a candidate's value is an answer's; 50.0 and 50.00 are one amount."""
    return value == known.value or (known.kind in NUMERIC and Decimal(value) == Decimal(known.value))


def _places(values: Sequence[ExtractedValue]) -> Mapping[int, Sequence[Box]]:
    places: defaultdict[int, list[Box]] = defaultdict(list)
    for value in values:
        for evidence in value.evidence:
            places[evidence.page].append(evidence.box)
    return places


def _within(box: Box, place: Box) -> bool:
    x, y = box.center
    return place.x0 <= x <= place.x1 and place.y0 <= y <= place.y1


def _is_sum(value: str, listed: Sequence[Rival]) -> bool:
    """Return whether a value is what some of its rivals come to: the taxes of each rate beside the whole tax."""
    parts = [Decimal(rival.value) for rival in listed]
    whole = Decimal(value)
    sums = (sum(chosen) for count in range(2, len(parts) + 1) for chosen in combinations(parts, count))
    return any(abs(found - whole) <= ROUNDING for found in sums)


def _that_add_up(
    listed: Mapping[str, tuple[Rival, ...]], *, schema: Schema, known: Mapping[str, ExtractedValue]
) -> dict[str, tuple[Rival, ...]]:
    """Leave out rivals that make none of the sums that the answers make, whatever else the document shows."""
    numbers = {name: Decimal(value.value) for name, value in known.items() if value.kind in NUMERIC}
    kept = dict(listed)
    for rule in equations(rules=schema.rules, names=frozenset(field.name for field in schema.fields)):
        if not _holds(rule, numbers):
            continue
        pools = {
            name: [numbers[name], *(Decimal(rival.value) for rival in listed.get(name, ()))]
            for name in (*rule.inputs, rule.output)
        }
        making: defaultdict[str, set[Decimal]] = defaultdict(set)
        for chosen in islice(product(*pools.values()), _MOST_COMBINED):
            combined = dict(zip(pools, chosen, strict=True))
            if _holds(rule, combined):
                for name, number in combined.items():
                    making[name].add(number)
        for name in pools:
            if name in kept:
                kept[name] = tuple(rival for rival in kept[name] if Decimal(rival.value) in making[name])
    return {name: found for name, found in kept.items() if found}


def _holds(rule: Equation, numbers: Mapping[str, Decimal]) -> bool:
    if not numbers.keys() >= {*rule.inputs, rule.output}:
        return False
    result = evaluate(rule.left, values=numbers, columns={})
    return result is not None and abs(result - numbers[rule.output]) <= ROUNDING


def unsettled(
    values: Sequence[ExtractedValue], *, against: Mapping[str, Sequence[Rival]]
) -> tuple[tuple[ExtractedValue, ...], tuple[ExtractedValue, ...]]:
    """Return the values, those with a rival never accepted, and the rivals as alternatives to choose from."""
    checked: list[ExtractedValue] = []
    others: list[ExtractedValue] = []
    for value in values:
        found = against.get(value.path[1:], ())
        others += [
            replace(
                value,
                value=rival.value,
                engine="layout",
                confidence=round(min(rival.score, 1.0), 3),
                status=ValueStatus.NEEDS_REVIEW,
                evidence=(rival.evidence,),
                formula=None,
            )
            for rival in found
        ]
        accepted = value.status is ValueStatus.ACCEPTED
        checked.append(replace(value, status=ValueStatus.NEEDS_REVIEW) if found and accepted else value)
    return tuple(checked), tuple(others)
