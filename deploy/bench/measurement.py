"""One ratio."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Two rates of one run on one machine, in the same unit; `ratio` is ours over the baseline's."""

    name: str
    ours: float
    baseline: float
    baseline_name: str
    ratio: float
    target: float

    @property
    def met(self) -> bool:
        return self.ratio >= self.target


def measurement(*, name: str, ours: float, baseline: float, baseline_name: str, target: float) -> Measurement:
    """Return the ratio of two rates."""
    return Measurement(
        name=name, ours=ours, baseline=baseline, baseline_name=baseline_name, ratio=ours / baseline, target=target
    )
