"""Bars as a page draws them: numbers as text, since a locale must not write them with a comma."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

# In the units of the drawing: a line's height, its bar's, and what the longest bar takes.
LINE, BAR, LONGEST = 24, 14, 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: `label` names it, `amount` is what it shows in words, the rest is its place."""

    label: str
    amount: str
    y: str
    text_y: str
    width: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Bars one below the other, the longest as wide as the drawing lets it."""

    bars: tuple[Bar, ...]
    height: str


def plot(rows: Sequence[tuple[str, Decimal, str]]) -> Plot:
    """Draw rows of a label, an amount of at least 0, and the amount in words; a bar that isn't nothing is seen."""
    most = max((amount for _, amount, _ in rows), default=Decimal(0))
    bars = tuple(
        Bar(
            label=label,
            amount=words,
            y=str(place * LINE + (LINE - BAR) // 2),
            text_y=str(place * LINE + LINE // 2),
            width=_width(amount, most),
        )
        for place, (label, amount, words) in enumerate(rows)
    )
    return Plot(bars=bars, height=str(max(len(rows), 1) * LINE))


def _width(amount: Decimal, most: Decimal) -> str:
    if not most or not amount:
        return "0"
    return f"{max(amount / most * LONGEST, Decimal(1)):.1f}"
