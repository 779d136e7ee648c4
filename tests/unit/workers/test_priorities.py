"""Which hint a worker takes first."""

from __future__ import annotations

from apps.documents.models import Lane
from apps.pipeline.dispatcher import Kind
from apps.pipeline.stages import STAGES
from workers.celery import app
from workers.lists import KINDS, place_of, priority_of, together_with


def _priority(stage: str, lane: Lane, *, further: bool = False) -> int:
    return priority_of(Kind(stage=stage, lane=lane, further=further))


def test_interactive_goes_before_bulk() -> None:
    slowest = max(_priority(stage.name, Lane.INTERACTIVE) for stage in STAGES)
    assert slowest < min(_priority(stage.name, Lane.BULK) for stage in STAGES)


def test_a_document_is_finished_before_the_next_is_begun() -> None:
    for lane in Lane:
        begun = [_priority(stage.name, lane) for stage in STAGES if stage.after]
        assert max(begun) < _priority("parse", lane)


def test_at_the_desk_no_document_waits_for_the_further_pieces_of_a_long_one() -> None:
    first = [_priority(stage.name, Lane.INTERACTIVE) for stage in STAGES]
    further = [_priority(stage.name, Lane.INTERACTIVE, further=True) for stage in STAGES]
    assert max(first) < min(further)


def test_in_bulk_a_long_document_that_is_begun_is_finished_first() -> None:
    new = _priority("parse", Lane.BULK)
    assert all(_priority(stage.name, Lane.BULK, further=True) < new for stage in STAGES)


def test_values_do_not_wait_for_the_index_of_a_long_document() -> None:
    for lane in Lane:
        index = _priority("index", lane, further=True)
        assert _priority("extract", lane, further=True) < index
        assert _priority("index", lane) < index


def test_the_broker_has_a_list_for_each_priority() -> None:
    used = {priority_of(kind) for kind in KINDS}
    assert used <= set(app.conf.broker_transport_options["priority_steps"])


def test_a_hint_does_for_any_work_of_its_list_and_for_no_other() -> None:
    lists = {place_of(kind): together_with(kind) for kind in KINDS}
    assert sorted(kind.stage for kind in lists["model"]) == ["ask"]
    begun = Kind(stage="merge", lane=Lane.BULK)
    assert {(kind.stage, kind.further) for kind in together_with(begun)} == {
        ("extract", False),
        ("extract", True),
        ("merge", False),
        ("merge", True),
        ("look", False),
        ("index", False),
    }
    assert {kind.lane for kind in together_with(begun)} == {"bulk"}
    assert sum(len(kinds) for kinds in lists.values()) == len(KINDS)
