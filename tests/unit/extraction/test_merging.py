"""The answers of windows become one."""

from __future__ import annotations

from dataclasses import replace

from apps.extraction.merging import merged
from apps.extraction.notes import another
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box
from apps.schemas.fields import Kind

ARRAYS = frozenset({"items"})


def _value(
    path: str,
    value: str,
    *,
    page: int | None = 1,
    top: float = 0.1,
    left: float = 0.1,
    confidence: float = 0.9,
    status: ValueStatus = ValueStatus.ACCEPTED,
) -> ExtractedValue:
    box = Box(left, top, left + 0.1, top + 0.02)
    return ExtractedValue(
        path=path,
        value=value,
        kind=Kind.TEXT,
        engine="sglang:small",
        confidence=confidence,
        status=status,
        evidence=() if page is None else (Evidence(page=page, box=box, quote=value),),
    )


def _paths(values: tuple[ExtractedValue, ...]) -> list[tuple[str, str]]:
    return [(value.path, value.value) for value in values]


def test_an_array_goes_on_and_the_overlap_is_counted_once() -> None:
    first = [_value("/items/0/name", "Pump"), _value("/items/1/name", "Valve", page=2)]
    second = [_value("/items/0/name", "Valve", page=2), _value("/items/1/name", "Hose", page=3)]
    found = merged([first, second], arrays=ARRAYS)
    assert _paths(found.values) == [("/items/0/name", "Pump"), ("/items/1/name", "Valve"), ("/items/2/name", "Hose")]
    assert found.alternatives == ()


def test_identical_rows_at_two_places_stay_two() -> None:
    first = [_value("/items/0/name", "Pump", top=0.1), _value("/items/1/name", "Pump", top=0.13)]
    second = [_value("/items/0/name", "Pump", top=0.13), _value("/items/1/name", "Pump", page=2, top=0.1)]
    found = merged([first, second], arrays=ARRAYS)
    assert _paths(found.values) == [(f"/items/{place}/name", "Pump") for place in range(3)]


def test_two_rows_of_one_window_stay_two_even_at_one_place() -> None:
    answer = [_value("/items/0/name", "Pump"), _value("/items/1/name", "Pump")]
    assert len(merged([answer], arrays=ARRAYS).values) == 2


def test_rows_that_share_one_cell_and_differ_in_another_stay_two() -> None:
    first = [_value("/items/0/name", "Pump"), _value("/items/0/price", "10", left=0.5)]
    second = [_value("/items/0/name", "Pump"), _value("/items/0/price", "11", left=0.5)]
    found = merged([first, second], arrays=ARRAYS)
    assert _paths(found.values) == [
        ("/items/0/name", "Pump"),
        ("/items/0/price", "10"),
        ("/items/1/name", "Pump"),
        ("/items/1/price", "11"),
    ]
    assert {value.status for value in found.values} == {ValueStatus.NEEDS_REVIEW}
    assert found.doubled == {("items", 1)}


def test_rows_under_one_heading_are_no_conflict() -> None:
    """A cell that stands for several rows, as a date or a group's name does, shares its place with all of them."""
    first = [_value("/items/0/name", "Pumps"), _value("/items/0/price", "10", left=0.5, top=0.13)]
    second = [_value("/items/0/name", "Pumps"), _value("/items/0/price", "11", left=0.5, top=0.16)]
    found = merged([first, second], arrays=ARRAYS)
    assert (len(found.values), found.doubled) == (4, frozenset())
    assert {value.status for value in found.values} == {ValueStatus.ACCEPTED}


def test_a_row_of_before_stands_for_one_row_only() -> None:
    """The first window's reply ended between two equal rows that were put on one spot."""
    found = merged(
        [[_value("/items/0/name", "Pump")], [_value(f"/items/{n}/name", "Pump") for n in (0, 1)]], arrays=ARRAYS
    )
    assert len(found.values) == 2


def test_a_row_that_a_page_break_cuts_is_completed() -> None:
    first = [_value("/items/0/name", "Pump", page=2)]
    second = [_value("/items/0/name", "Pump", page=2), _value("/items/0/price", "10", page=3)]
    found = merged([first, second], arrays=ARRAYS)
    assert _paths(found.values) == [("/items/0/name", "Pump"), ("/items/0/price", "10")]


def test_a_value_that_a_later_window_found_replaces_one_that_was_not_found() -> None:
    lost = _value("/items/0/price", "10", page=None, confidence=0.0, status=ValueStatus.UNGROUNDED)
    seen = _value("/items/0/price", "10", page=2, left=0.5)
    name = _value("/items/0/name", "Pump")
    found = merged([[name, lost], [name, seen]], arrays=ARRAYS)
    assert found.values == (name, seen)


def test_rows_without_evidence_are_never_taken_for_one() -> None:
    row = [_value("/items/0/name", "Pump", page=None, confidence=0.0, status=ValueStatus.UNGROUNDED)]
    assert len(merged([row, row], arrays=ARRAYS).values) == 2


def test_an_array_of_plain_values_is_merged_too() -> None:
    found = merged(
        [[_value("/items/0", "A")], [_value("/items/0", "A"), _value("/items/1", "B", page=2)]], arrays=ARRAYS
    )
    assert _paths(found.values) == [("/items/0", "A"), ("/items/1", "B")]


def test_a_conflict_is_kept_and_goes_to_review() -> None:
    other = _value("/total", "20", page=3, confidence=0.85)
    found = merged([[other], [_value("/total", "10")]], arrays=ARRAYS)
    (kept,) = found.values
    assert (kept.value, kept.status) == ("10", ValueStatus.NEEDS_REVIEW)
    assert found.alternatives == (other,)


def test_the_same_value_at_two_places_is_no_conflict() -> None:
    found = merged([[_value("/total", "10")], [_value("/total", "10", page=3)]], arrays=ARRAYS)
    assert [value.status for value in found.values] == [ValueStatus.ACCEPTED]
    assert found.alternatives == ()


def test_a_value_with_an_alternative_in_one_window_goes_to_review_though_another_window_is_surer() -> None:
    doubted = _value("/total", "10", confidence=0.9, status=ValueStatus.NEEDS_REVIEW)
    other = _value("/total", "20", page=55, status=ValueStatus.NEEDS_REVIEW)
    sure = _value("/total", "10", confidence=0.99)
    for windows in ([[sure], [doubted]], [[doubted], [sure]]):
        found = merged(windows, arrays=ARRAYS, alternatives=[other])
        assert [(value.value, value.status) for value in found.values] == [("10", ValueStatus.NEEDS_REVIEW)]
        assert found.alternatives == (other,)
        assert [str(note) for note in found.notes] == [str(another(name="total", page=55))]


def test_an_alternative_that_became_the_answer_is_none_any_more() -> None:
    low = _value("/total", "20", page=55, confidence=0.6, status=ValueStatus.NEEDS_REVIEW)
    kept = _value("/total", "10", page=1, confidence=0.99)
    found = merged([[kept], [low]], arrays=ARRAYS, alternatives=[replace(kept, engine="layout")])
    assert [(value.value, value.status) for value in found.values] == [("10", ValueStatus.NEEDS_REVIEW)]
    assert found.alternatives == (low,)


def test_an_ungrounded_value_never_stands_against_a_grounded_one() -> None:
    guess = _value("/total", "99", page=None, confidence=0.95, status=ValueStatus.UNGROUNDED)
    found = merged([[guess], [_value("/total", "10")]], arrays=ARRAYS)
    assert [(value.value, value.status) for value in found.values] == [("10", ValueStatus.ACCEPTED)]
    assert found.alternatives == ()


def test_no_windows_say_nothing() -> None:
    assert merged([], arrays=ARRAYS).values == ()
