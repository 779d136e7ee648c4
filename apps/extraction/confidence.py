"""How sure a model's answer is, from what speaks for it and against it. Never asked of the model.

Each sign moves the log-odds of being right by the logarithm of its likelihood ratio, as if the signs were independent
(naive Bayes): logit(score) = logit(0.9 * grounding) + the weights below, the score within [0.01, 0.99]. It grows with
every sign that speaks for the value and falls with every one against it. Where the weights come from is in
docs/adr/0015-confidence.md. Values that people have checked then turn scores into shares right (calibration.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from math import exp, log

from apps.extraction.arithmetic import Broken, judge
from apps.extraction.calibration import Curve
from apps.extraction.canonical import same
from apps.extraction.engines.registry import MODEL_PREFIX
from apps.extraction.normalising import squeeze
from apps.extraction.token_logprobs import Sureness
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.schemas.fields import Kind, Schema

ACCEPT_FROM = 0.8
"""The confidence from which a model's grounded value is accepted."""
UNSEEN = 0.7
"""An e-invoice's XML is the invoice in law, but nobody can see on the page that it says so."""
_ACCEPT_LAYOUT = 0.7  # engines/layout/confidence.py

_ALONE = 0.9  # a value that stands on the page as it is, and of which nothing else is known
_LEAST, _MOST = 0.01, 0.99
_QUOTE_ELSEWHERE = log(1 / 3)
_FORM_BREAKS = log(1 / 3)
_RULE_HOLDS = log(3)
_RULE_BREAKS = log(1 / 9)
# Of the wrong answers of two independent readers, so many are the same wrong one.
_COINCIDENCE = 0.5
# No token sways more than this: the mean and the least are added, so twice as much for a value.
_LEAST_LOGPROB = log(0.05)


class Sign(IntEnum):
    """What a check says: against the value, nothing, or for it."""

    AGAINST = -1
    NOTHING = 0
    FOR = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What is known of a value that was found on a page.

    `grounding` in [0, 1] is `Grounding.score`. `quote` says whether the words that the model quoted hold the value.
    `form` are check digits. `tokens` are the log-probabilities of its characters, None where the server gives none.
    `other` says whether another engine read the same, and `other_sure` in [0, 1] how sure that one is. `rules` says
    whether the schema's arithmetic holds with it.
    """

    grounding: float
    quote: Sign = Sign.NOTHING
    form: Sign = Sign.NOTHING
    tokens: Sureness | None = None
    other: Sign = Sign.NOTHING
    other_sure: float = 0.0
    rules: Sign = Sign.NOTHING


def score(signs: Signs) -> float:
    """Return the score in [0.01, 0.99] that the signs give together."""
    weight = 0.0
    if signs.quote is Sign.AGAINST:
        weight += _QUOTE_ELSEWHERE
    if signs.form is Sign.AGAINST:
        weight += _FORM_BREAKS
    if signs.tokens is not None:
        weight += sum(max(_LEAST_LOGPROB, min(0.0, one)) for one in (signs.tokens.mean, signs.tokens.least))
    weight += other_weight(sign=signs.other, sure=signs.other_sure)
    weight += rules_weight(signs.rules)
    return moved(_ALONE * signs.grounding, weight)


def other_weight(*, sign: Sign, sure: float) -> float:
    """Return what another engine's reading of the same field is worth; `sure` is its confidence p.

    The same: p against the chance that it is wrong in just this way. Another: the chance that it is wrong.
    """
    p = min(max(sure, _LEAST), _MOST)
    match sign:
        case Sign.FOR:
            return max(0.0, log(p / ((1 - p) * _COINCIDENCE)))
        case Sign.AGAINST:
            return log(1 - p)
    return 0.0


def rules_weight(sign: Sign) -> float:
    """Return what the schema's arithmetic is worth."""
    return {Sign.FOR: _RULE_HOLDS, Sign.AGAINST: _RULE_BREAKS}.get(sign, 0.0)


def moved(sure: float, weight: float) -> float:
    """Return a score in [0, 1] with its log-odds moved, within [0.01, 0.99]; without a weight as it was."""
    if not weight:
        return round(min(max(sure, _LEAST), _MOST), 3)
    clipped = min(max(sure, 1e-6), 1 - 1e-6)
    odds = log(clipped / (1 - clipped)) + weight
    return round(min(max(1 / (1 + exp(-odds)), _LEAST), _MOST), 3)


def raw(value: ExtractedValue) -> float:
    """Return an engine's own score of a value, before any calibration."""
    return value.confidence if value.score is None else value.score


def beside(value: ExtractedValue, *, known: ExtractedValue | None) -> ExtractedValue:
    """Return a model's value with what an engine without a model had read at its path.

    Rows of a table may be counted otherwise by another engine: a cell's contradiction says nothing.
    """
    if known is None or ValueStatus.UNGROUNDED in {value.status, known.status} or is_models(known.engine):
        return value
    if agree(value, known):
        sign = Sign.FOR
    elif value.path.count("/") > 1:
        return value
    else:
        sign = Sign.AGAINST
    return rescored(value, score=moved(raw(value), other_weight(sign=sign, sure=known.confidence)))


def agree(one: ExtractedValue, other: ExtractedValue) -> bool:
    """Return whether two engines read the same."""
    return same(one.value, other.value, one.kind) or (
        one.kind not in _EXACT and squeeze(one.value) == squeeze(other.value)
    )


_EXACT = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER, Kind.DATE})


def contradicting(lost: Sequence[ExtractedValue], *, kept: Sequence[ExtractedValue]) -> tuple[ExtractedValue, ...]:
    """Return the grounded values outside arrays that say something else than the kept one: for a reviewer to choose."""
    by_path = {value.path: value for value in kept}
    return tuple(
        value
        for value in lost
        if value.status is not ValueStatus.UNGROUNDED
        and value.path.count("/") == 1
        and value.path in by_path
        and not agree(value, by_path[value.path])
    )


def is_exact(engine: str) -> bool:
    """Return whether an engine doesn't choose between what a page shows: its values say by themselves what they are."""
    return engine == "einvoice"


def is_models(engine: str) -> bool:
    """Return whether an engine asks a model."""
    return engine.startswith(MODEL_PREFIX)


def rescored(value: ExtractedValue, *, score: float, confidence: float | None = None) -> ExtractedValue:
    """Return a value with another score, and the confidence that goes with it: the score itself, if none is given.

    Its status follows, unless something else than the old confidence had put it where it is.
    """
    sure = score if confidence is None else confidence
    new = replace(value, score=score, confidence=sure)
    least = accept_from(value.engine)
    if value.status is ValueStatus.ACCEPTED and sure < least:
        return replace(new, status=ValueStatus.NEEDS_REVIEW)
    if value.status is ValueStatus.NEEDS_REVIEW and value.confidence < least <= sure:
        return replace(new, status=ValueStatus.ACCEPTED)
    return new


def accept_from(engine: str) -> float:
    """Return the confidence from which an engine's value is accepted; 0 where it isn't confidence that decides."""
    if is_models(engine):
        return ACCEPT_FROM
    return _ACCEPT_LAYOUT if engine == "layout" else 0.0


def calibrated(value: ExtractedValue, *, curves: Mapping[str, Curve]) -> ExtractedValue:
    """Return a value whose confidence is the share right of such values, where enough of its engine's were checked.

    Beyond the scores that were checked the score itself stands, if it lies further out: what people look at is mostly
    what is weak, and it says nothing of what is strong.
    """
    curve = curves.get(value.engine)
    if curve is None or not curve.points or value.status is ValueStatus.UNGROUNDED:
        return value
    own = raw(value)
    share = curve.share(own)
    if own > curve.points[-1][0]:
        share = max(share, own)
    elif own < curve.points[0][0]:
        share = min(share, own)
    return rescored(value, score=own, confidence=round(share, 4))


def weighed(
    values: Sequence[ExtractedValue],
    *,
    known: Sequence[ExtractedValue],
    curves: Mapping[str, Curve],
    contested: Collection[str] = (),
) -> tuple[ExtractedValue, ...]:
    """Return an engine's values beside what was known, and calibrated.

    Values at `contested` paths, for which the document shows others too, are never accepted by it.
    """
    by_path = {value.path: value for value in known}
    found = []
    for value in values:
        new = beside(value, known=by_path.get(value.path)) if is_models(value.engine) else value
        new = calibrated(new, curves=curves)
        found.append(replace(new, status=value.status) if value.path in contested and _raised(value, new) else new)
    return tuple(found)


def ruled(
    values: Sequence[ExtractedValue],
    *,
    schema: Schema,
    curves: Mapping[str, Curve],
    held_back: Collection[str] = (),
    settled: Collection[ExtractedValue] = frozenset(),
) -> tuple[tuple[ExtractedValue, ...], tuple[str, ...]]:
    """Return the values as the schema's arithmetic leaves them, and the rules that they break.

    A rule that holds speaks for a model's values in it. One that doesn't says that one of its values is wrong, not
    which: none of them stays accepted, whichever engine it is from, but for those that another rule proves and those
    of an e-invoice, which are exact. Where no model's value is among them but several engines' are, the least trusted
    one doesn't stay accepted; what one engine read alone, it has weighed itself, and it knows what else the page shows:
    the rule is told where it left a value of it to a person. Values at `held_back` paths are never accepted by it.
    `settled` are values that went through here before: the same evidence counts once.
    """
    if not schema.rules:
        return tuple(values), ()
    models = {value.path for value in values if is_models(value.engine)}
    judgement = judge(values=[value for value in values if value.formula is None], schema=schema)
    faults = [broken for broken in judgement.broken if broken.paths & models]
    values, more = _least_trusted_doubted(
        values, broken=[broken for broken in judgement.broken if not broken.paths & models]
    )
    if not models:
        return tuple(values), more
    doubted = frozenset[str]().union(*(broken.paths for broken in faults)) - judgement.holds
    proven = judgement.holds - frozenset[str]().union(*(broken.paths for broken in faults))
    told = doubted | proven
    found = []
    for value in values:
        new = value
        if value.path in models and value.path in told and value not in settled:
            sign = Sign.AGAINST if value.path in doubted else Sign.FOR
            new = calibrated(rescored(value, score=moved(raw(value), rules_weight(sign))), curves=curves)
        if value.path in doubted and new.status is ValueStatus.ACCEPTED and not is_exact(value.engine):
            new = replace(new, status=ValueStatus.NEEDS_REVIEW)
        found.append(replace(new, status=value.status) if value.path in held_back and _raised(value, new) else new)
    return tuple(found), tuple(dict.fromkeys([*more, *(broken.rule for broken in faults)]))


def _least_trusted_doubted(
    values: Sequence[ExtractedValue], *, broken: Sequence[Broken]
) -> tuple[Sequence[ExtractedValue], tuple[str, ...]]:
    """Return the values, the least sure one of a rule that is broken between engines not accepted, and those rules."""
    doubted: set[str] = set()
    rules: list[str] = []
    for rule in broken:
        inside = [value for value in values if value.path in rule.paths]
        guessed = [value for value in inside if not is_exact(value.engine)]
        if guessed and len({value.engine for value in inside}) > 1:
            least = min(value.confidence for value in guessed)
            doubted |= {value.path for value in guessed if value.confidence == least}
            rules.append(rule.rule)
        elif any(value.status is ValueStatus.NEEDS_REVIEW for value in guessed):
            rules.append(rule.rule)
    return [
        replace(value, status=ValueStatus.NEEDS_REVIEW)
        if value.path in doubted and value.status is ValueStatus.ACCEPTED
        else value
        for value in values
    ], tuple(rules)


def _raised(old: ExtractedValue, new: ExtractedValue) -> bool:
    return new.status is ValueStatus.ACCEPTED and old.status is not ValueStatus.ACCEPTED
