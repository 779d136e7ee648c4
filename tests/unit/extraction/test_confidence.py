"""Each sign moves confidence its way, and by as much as is written down."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.extraction.calibration import Curve
from apps.extraction.confidence import (
    ACCEPT_FROM,
    Sign,
    Signs,
    beside,
    calibrated,
    contradicting,
    rescored,
    ruled,
    score,
    weighed,
)
from apps.extraction.token_logprobs import Sureness
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.schemas.fields import Field, Kind, Rule, Schema

SHARES = st.floats(0, 1)
LOGPROBS = st.floats(-20, 0)
SIGNS = st.sampled_from(Sign)
ALL = st.builds(
    Signs,
    grounding=SHARES,
    quote=SIGNS,
    form=SIGNS,
    tokens=st.none() | st.builds(Sureness, mean=LOGPROBS, least=LOGPROBS),
    other=SIGNS,
    other_sure=SHARES,
    rules=SIGNS,
)


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        (Signs(grounding=1.0), 0.9),
        (Signs(grounding=0.95), 0.855),
        (Signs(grounding=1.0, quote=Sign.FOR, form=Sign.FOR), 0.9),
        (Signs(grounding=1.0, quote=Sign.AGAINST), 0.75),  # odds 9 / 3
        (Signs(grounding=1.0, form=Sign.AGAINST), 0.75),
        (Signs(grounding=1.0, tokens=Sureness(mean=0.0, least=0.0)), 0.9),
        (Signs(grounding=1.0, tokens=Sureness(mean=-0.6931471805599453, least=-0.6931471805599453)), 0.692),  # 9 / 4
        (Signs(grounding=1.0, tokens=Sureness(mean=-99.0, least=-9999.0)), 0.022),  # 9 / 400
        (Signs(grounding=1.0, rules=Sign.FOR), 0.964),  # 9 * 3
        (Signs(grounding=1.0, rules=Sign.AGAINST), 0.5),  # 9 / 9
        (Signs(grounding=1.0, other=Sign.FOR, other_sure=0.5), 0.947),  # 9 * 2
        (Signs(grounding=1.0, other=Sign.FOR, other_sure=0.1), 0.9),
        (Signs(grounding=1.0, other=Sign.AGAINST, other_sure=0.5), 0.818),  # 9 / 2
        (Signs(grounding=1.0, other=Sign.AGAINST, other_sure=0.65), 0.759),
        (Signs(grounding=0.0), 0.01),
        (Signs(grounding=1.0, rules=Sign.FOR, other=Sign.FOR, other_sure=0.99), 0.99),
    ],
)
def test_the_formula(signs: Signs, expected: float) -> None:
    assert score(signs) == expected


@given(signs=ALL, more=SHARES)
def test_it_grows_with_grounding(signs: Signs, more: float) -> None:
    better = replace(signs, grounding=max(signs.grounding, more))
    assert score(signs) <= score(better)


@given(signs=ALL, name=st.sampled_from(["quote", "form", "other", "rules"]))
def test_it_grows_with_each_sign(signs: Signs, name: str) -> None:
    against, nothing, favour = (
        score(replace(signs, **{name: sign}))  # type: ignore[arg-type]
        for sign in (Sign.AGAINST, Sign.NOTHING, Sign.FOR)
    )
    assert against <= nothing <= favour


@given(signs=ALL, more=SHARES)
def test_a_surer_witness_weighs_more(signs: Signs, more: float) -> None:
    surer = max(signs.other_sure, more)
    for sign, order in ((Sign.FOR, 1), (Sign.AGAINST, -1)):
        less = score(replace(signs, other=sign))
        assert order * less <= order * score(replace(signs, other=sign, other_sure=surer))


@given(signs=ALL, mean=LOGPROBS, least=LOGPROBS, more=st.floats(0, 20))
def test_it_grows_with_the_tokens_probabilities(signs: Signs, mean: float, least: float, more: float) -> None:
    low = score(replace(signs, tokens=Sureness(mean=mean, least=least)))
    assert low <= score(replace(signs, tokens=Sureness(mean=min(0.0, mean + more), least=least)))
    assert low <= score(replace(signs, tokens=Sureness(mean=mean, least=min(0.0, least + more))))
    assert low <= score(replace(signs, tokens=None))


@given(signs=ALL)
def test_it_is_never_certain(signs: Signs) -> None:
    assert 0.01 <= score(signs) <= 0.99


def _value(
    text: str = "12.50",
    *,
    path: str = "/total",
    engine: str = "sglang:small",
    confidence: float = 0.9,
    status: ValueStatus = ValueStatus.ACCEPTED,
    kind: Kind = Kind.MONEY,
) -> ExtractedValue:
    return ExtractedValue(path=path, value=text, kind=kind, engine=engine, confidence=confidence, status=status)


def _weak(text: str, *, confidence: float = 0.65, path: str = "/total", kind: Kind = Kind.MONEY) -> ExtractedValue:
    return _value(text, engine="layout", confidence=confidence, status=ValueStatus.NEEDS_REVIEW, path=path, kind=kind)


def test_what_another_engine_read_strengthens_or_weakens() -> None:
    unsure = _value(confidence=0.75, status=ValueStatus.NEEDS_REVIEW)
    agreed = beside(unsure, known=_weak("12.5"))
    assert (agreed.score, agreed.confidence, agreed.status) == (0.918, 0.918, ValueStatus.ACCEPTED)
    contradicted = beside(_value(), known=_weak("21.50"))
    assert (contradicted.confidence, contradicted.status) == (0.759, ValueStatus.NEEDS_REVIEW)
    name = _value("ACME Ltd", kind=Kind.ORGANISATION, confidence=0.75)
    assert beside(name, known=_weak("Acme, Ltd.", kind=Kind.ORGANISATION)).confidence == 0.918


def test_what_says_nothing_changes_nothing() -> None:
    assert beside(_value(), known=None) == _value()
    assert beside(_value(), known=replace(_weak("1.00"), status=ValueStatus.UNGROUNDED)) == _value()
    assert beside(_value(), known=_value("1.00", engine="sglang:medium")) == _value()
    cell = _value(path="/items/0/price")
    assert beside(cell, known=_weak("1.00", path="/items/0/price")) == cell
    assert beside(cell, known=_weak("12.50", path="/items/0/price")).confidence > cell.confidence


def test_a_status_that_something_else_has_set_stays() -> None:
    demoted = _value(confidence=0.85, status=ValueStatus.NEEDS_REVIEW)
    assert rescored(demoted, score=0.95).status is ValueStatus.NEEDS_REVIEW
    ungrounded = _value(confidence=0.0, status=ValueStatus.UNGROUNDED)
    assert rescored(ungrounded, score=0.95).status is ValueStatus.UNGROUNDED
    assert rescored(_value(), score=0.79).status is ValueStatus.NEEDS_REVIEW
    assert rescored(_value(confidence=0.79, status=ValueStatus.NEEDS_REVIEW), score=ACCEPT_FROM).status is (
        ValueStatus.ACCEPTED
    )


CURVES = {"sglang:small": Curve(points=((0.5, 0.2), (0.8, 0.6), (0.95, 0.98)))}


@pytest.mark.parametrize(
    ("own", "share", "status"),
    [
        (0.8, 0.6, ValueStatus.NEEDS_REVIEW),
        (0.95, 0.98, ValueStatus.ACCEPTED),
        (0.65, 0.4, ValueStatus.NEEDS_REVIEW),
        (0.99, 0.99, ValueStatus.ACCEPTED),  # beyond what was checked
        (0.4, 0.2, ValueStatus.NEEDS_REVIEW),
        (0.1, 0.1, ValueStatus.NEEDS_REVIEW),
    ],
)
def test_a_curve_makes_the_share_right_of_the_score(own: float, share: float, status: ValueStatus) -> None:
    before = ValueStatus.ACCEPTED if own >= ACCEPT_FROM else ValueStatus.NEEDS_REVIEW
    value = calibrated(_value(confidence=own, status=before), curves=CURVES)
    assert (value.score, value.confidence, value.status) == (own, share, status)
    # Once more it is the same: the score is what counts.
    assert calibrated(value, curves=CURVES) == value


def test_strong_values_that_nobody_checked_are_not_taken_for_weak_ones() -> None:
    curves = {"sglang:small": Curve(points=((0.6, 0.5),))}
    assert calibrated(_value(confidence=0.9), curves=curves).confidence == 0.9


def test_only_an_engine_with_a_curve_is_calibrated() -> None:
    assert calibrated(_value(engine="layout"), curves=CURVES) == _value(engine="layout")
    assert calibrated(_value(), curves={"sglang:small": Curve()}) == _value()


def test_what_the_document_shows_twice_is_not_accepted_by_weight() -> None:
    weak = _value(confidence=0.75, status=ValueStatus.NEEDS_REVIEW)
    known = [_weak("12.50")]
    (free,) = weighed([weak], known=known, curves={})
    (contested,) = weighed([weak], known=known, curves={}, contested={"/total"})
    assert (free.status, contested.status) == (ValueStatus.ACCEPTED, ValueStatus.NEEDS_REVIEW)
    assert free.confidence == contested.confidence == 0.918


def test_rivals_are_what_another_engine_read_otherwise() -> None:
    kept = [_value(), _value("EUR", path="/currency", kind=Kind.CURRENCY)]
    lost = [_weak("21.50"), _weak("EUR", path="/currency", kind=Kind.CURRENCY), _weak("x", path="/other")]
    assert contradicting(lost, kept=kept) == (lost[0],)


SCHEMA = Schema(
    slug="s",
    version=1,
    title="S",
    description="",
    fields=(
        *(Field(name=name, title=name, kind=Kind.MONEY) for name in ("net", "tax", "gross")),
        Field(name="rows", title="Rows", kind=Kind.ARRAY, columns=(Field(name="sum", title="Sum", kind=Kind.MONEY),)),
    ),
    rules=(Rule(left="net + tax", right="gross"), Rule(left="sum(rows.sum)", right="net")),
)


def _amounts(net: str, tax: str, gross: str, *rows: str, engines: str = "mmm") -> list[ExtractedValue]:
    names = {"m": "sglang:small", "l": "layout", "e": "einvoice"}
    values = [
        _value(text, path=f"/{name}", engine=names[engine])
        for name, text, engine in zip(("net", "tax", "gross"), (net, tax, gross), engines, strict=True)
    ]
    return [*values, *(_value(text, path=f"/rows/{row}/sum") for row, text in enumerate(rows))]


def _ruled(values: list[ExtractedValue]) -> tuple[dict[str, tuple[float, str]], tuple[str, ...]]:
    found, broken = ruled(values, schema=SCHEMA, curves={})
    return {value.path: (value.confidence, value.status.value) for value in found}, broken


def test_a_rule_that_holds_speaks_for_a_models_values_only() -> None:
    found, broken = _ruled(_amounts("100.00", "19.00", "119.00", engines="lme"))
    assert found == {"/net": (0.9, "accepted"), "/tax": (0.964, "accepted"), "/gross": (0.9, "accepted")}
    assert broken == ()


def test_of_a_rule_that_breaks_nothing_stays_accepted_but_an_e_invoices_value() -> None:
    found, broken = _ruled(_amounts("100.00", "19.00", "118.00", engines="lme"))
    assert found == {"/net": (0.9, "needs_review"), "/tax": (0.5, "needs_review"), "/gross": (0.9, "accepted")}
    assert broken == ("net + tax = gross",)


def test_what_another_rule_proves_stays() -> None:
    found, broken = _ruled(_amounts("100.00", "19.00", "119.00", "60.00", "30.00"))
    assert found == {
        "/net": (0.9, "accepted"),
        "/tax": (0.964, "accepted"),
        "/gross": (0.964, "accepted"),
        "/rows/0/sum": (0.5, "needs_review"),
        "/rows/1/sum": (0.5, "needs_review"),
    }
    assert broken == ("sum(rows.sum) = net",)


def test_values_without_a_models_are_left_to_their_engine() -> None:
    values = _amounts("100.00", "19.00", "118.00", engines="lll")
    assert ruled(values, schema=SCHEMA, curves={}) == (tuple(values), ())


def test_the_rule_is_told_where_an_engine_left_a_value_of_it_to_a_person() -> None:
    values = _amounts("100.00", "19.00", "118.00", engines="lll")
    values[2] = replace(values[2], status=ValueStatus.NEEDS_REVIEW)
    assert ruled(values, schema=SCHEMA, curves={}) == (tuple(values), ("net + tax = gross",))


def test_what_is_held_back_is_not_accepted_by_a_rule_that_holds() -> None:
    values = _amounts("100.00", "19.00", "119.00")
    values[1] = replace(values[1], confidence=0.75, status=ValueStatus.NEEDS_REVIEW)
    free, _ = ruled(values, schema=SCHEMA, curves={})
    held, _ = ruled(values, schema=SCHEMA, curves={}, held_back={"/tax"})
    assert (free[1].status, held[1].status) == (ValueStatus.ACCEPTED, ValueStatus.NEEDS_REVIEW)


def test_of_a_rule_that_breaks_between_engines_the_least_trusted_value_goes_to_a_person() -> None:
    values = _amounts("193.77", "21.30", "165.07", engines="ell")
    values[1] = replace(values[1], confidence=0.95)
    found, broken = _ruled(values)
    assert found == {"/net": (0.9, "accepted"), "/tax": (0.95, "accepted"), "/gross": (0.9, "needs_review")}
    assert broken == ("net + tax = gross",)


def test_an_e_invoice_s_own_sums_are_left_to_its_engine() -> None:
    values = _amounts("100.00", "19.00", "118.00", engines="eee")
    assert ruled(values, schema=SCHEMA, curves={}) == (tuple(values), ())
