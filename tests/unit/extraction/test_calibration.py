"""Confidence that means a share."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.extraction.calibration import ENOUGH, LEAST, Curve, calibration_error, fit, reliability

PAIRS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=ENOUGH, max_size=ENOUGH + 60)


def test_too_few_checked_values_change_nothing() -> None:
    curve = fit([(0.9, False)] * (ENOUGH - 1))
    assert curve == Curve()
    assert curve.share(0.37) == 0.37


def test_scores_that_say_too_much_come_down_to_the_share_right() -> None:
    chance = random.Random(7)
    scores = [chance.random() for _ in range(4000)]
    curve = fit([(score, chance.random() < score**2) for score in scores])
    for score in (0.2, 0.5, 0.8, 0.95):
        assert curve.share(score) == pytest.approx(score**2, abs=0.06)


@settings(max_examples=25)
@given(PAIRS)
def test_a_surer_score_is_never_a_smaller_share(pairs: list[tuple[float, bool]]) -> None:
    curve = fit(pairs)
    shares = [curve.share(step / 50) for step in range(51)]
    assert shares == sorted(shares)
    assert all(0 < share < 1 for share in shares)


@settings(max_examples=25)
@given(PAIRS)
def test_values_of_one_score_are_one_point(pairs: list[tuple[float, bool]]) -> None:
    points = fit([(0.5, right) for _, right in pairs]).points
    assert len(points) == 1
    assert points[0][1] == pytest.approx((sum(right for _, right in pairs) + 1) / (len(pairs) + 2), abs=1e-4)


def test_a_pool_is_not_made_of_a_handful() -> None:
    curve = fit([(number / 1000, number >= 500) for number in range(1000)])
    assert len(curve.points) <= 1000 / LEAST
    assert curve.share(0.1) < 0.05 < 0.95 < curve.share(0.9)


def test_the_table_counts_each_value_once() -> None:
    rows = reliability([(0.0, False), (0.05, True), (0.5, True), (0.59, False), (1.0, True)])
    assert [(row.low, row.high, row.count, row.right) for row in rows] == [
        (0.0, 0.1, 2, 0.5),
        (0.5, 0.6, 2, 0.5),
        (0.9, 1.0, 1, 1.0),
    ]
    assert [row.said for row in rows] == pytest.approx([0.025, 0.545, 1.0])
    assert calibration_error(rows) == pytest.approx((2 * 0.475 + 2 * 0.045) / 5)
    assert calibration_error(()) is None
