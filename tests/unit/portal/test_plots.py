"""Bars by their numbers."""

from __future__ import annotations

from decimal import Decimal

from apps.portal.plots import plot


def test_bars_are_as_long_as_their_amounts_say() -> None:
    drawn = plot(
        [("a", Decimal(4), "$4"), ("b", Decimal(1), "$1"), ("c", Decimal(0), "$0"), ("d", Decimal(".001"), "$")]
    )
    assert [bar.width for bar in drawn.bars] == ["600.0", "150.0", "0", "1.0"]
    assert [(bar.y, bar.text_y) for bar in drawn.bars] == [("5", "12"), ("29", "36"), ("53", "60"), ("77", "84")]
    assert drawn.height == "96"


def test_without_amounts_there_are_no_bars() -> None:
    assert [bar.width for bar in plot([("a", Decimal(0), "$0")]).bars] == ["0"]
    assert plot([]).bars == ()
