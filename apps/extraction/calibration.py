"""From an engine's own score to a share: of the values with this confidence, so many are right.

An engine's score says which of two values is surer, not how often such values are right. Values that people have
checked tell that. They are put in order of score and pooled until the share right grows with the score (isotonic
regression by pooling adjacent violators: Ayer and others, "An empirical distribution function for sampling with
incomplete information", 1955); between the pools the share is interpolated.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH = 200
"""Checked values below which a score is passed on as it is: a curve from fewer says more about chance."""
LEAST = 25
"""Checked values that a pool holds at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Points (score, share right), both in [0, 1] and rising. No points: the score itself."""

    points: tuple[tuple[float, float], ...] = ()

    def share(self, score: float) -> float:
        """Return the share right of values with this score, in [0, 1]."""
        if not self.points:
            return score
        place = bisect_right(self.points, (score, 2.0))
        if place == 0:
            return self.points[0][1]
        if place == len(self.points):
            return self.points[-1][1]
        (x0, y0), (x1, y1) = self.points[place - 1], self.points[place]
        return y0 if x1 == x0 else y0 + (y1 - y0) * (score - x0) / (x1 - x0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Values of like confidence: how many, what they said on average, what share was right."""

    low: float
    high: float
    count: int
    said: float
    right: float


def fit(checked: Sequence[tuple[float, bool]]) -> Curve:
    """Return the curve of (score, was right) pairs, or the score itself where there are fewer than ENOUGH."""
    if len(checked) < ENOUGH:
        return Curve()
    pools: list[_Pool] = []
    for pool in _chunks(sorted(checked)):
        pools.append(pool)
        while len(pools) > 1 and pools[-2].share >= pools[-1].share:
            last = pools.pop()
            pools[-1] = pools[-1].with_(last)
    return Curve(points=tuple((round(pool.mean, 4), round(pool.share, 4)) for pool in pools))


def reliability(judged: Sequence[tuple[float, bool]], *, bins: int = 10) -> tuple[Bin, ...]:
    """Return a row for each tenth of confidence that has values."""
    rows = []
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [
            (said, right) for said, right in judged if low <= said < high or (number == bins - 1 and said == high)
        ]
        if inside:
            rows.append(
                Bin(
                    low=low,
                    high=high,
                    count=len(inside),
                    said=sum(said for said, _ in inside) / len(inside),
                    right=sum(right for _, right in inside) / len(inside),
                )
            )
    return tuple(rows)


def calibration_error(rows: Sequence[Bin]) -> float | None:
    """Return how far confidence and share right lie apart on average, weighted by the values; None without any."""
    total = sum(row.count for row in rows)
    return sum(row.count * abs(row.said - row.right) for row in rows) / total if total else None


@dataclass(frozen=True, slots=True)
class _Pool:
    count: int
    scores: float
    rights: int

    @property
    def mean(self) -> float:
        return self.scores / self.count

    @property
    def share(self) -> float:
        # One right and one wrong more than were seen: a pool that was always right so far won't be so for ever.
        return (self.rights + 1) / (self.count + 2)

    def with_(self, other: _Pool) -> _Pool:
        return _Pool(self.count + other.count, self.scores + other.scores, self.rights + other.rights)


def _chunks(ordered: Sequence[tuple[float, bool]]) -> list[_Pool]:
    """Cut into pools of LEAST values or a few more: values of one score stay together."""
    pools: list[_Pool] = []
    current: list[tuple[float, bool]] = []
    for number, item in enumerate(ordered):
        current.append(item)
        last = number + 1 == len(ordered)
        if last or (len(current) >= LEAST and ordered[number + 1][0] != item[0]):
            pools.append(_Pool(len(current), sum(score for score, _ in current), sum(right for _, right in current)))
            current = []
    if len(pools) > 1 and pools[-1].count < LEAST:
        pools[-2:] = [pools[-2].with_(pools[-1])]
    return pools
