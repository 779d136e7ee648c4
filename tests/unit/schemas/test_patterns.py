"""Patterns that can't hang."""

from __future__ import annotations

import pytest

from apps.schemas.patterns import matches, pattern_fault


def test_a_pattern_matches_anywhere_unless_anchored() -> None:
    assert matches(pattern="[0-9]{4}", text="RE-2024-1")
    assert not matches(pattern="^[0-9]{4}$", text="RE-2024-1")


def test_a_pattern_that_backtracks_elsewhere_is_quick() -> None:
    assert not matches(pattern="^(a|a)*(a?){50}$", text="a" * 5000 + "!")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "unclosed group"),
        ("(?=a)b", "look-around"),
        (r"(a)\1", "backreferences are not supported"),
        ("(a{1000}){1000}", "exceeds size limit"),
        ("a" * 501, "longer than 500 characters"),
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(pattern: str, reason: str) -> None:
    fault = pattern_fault(pattern)
    assert fault is not None
    assert reason in fault
