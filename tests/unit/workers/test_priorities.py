"""Which hint a worker takes first."""

from __future__ import annotations

from itertools import product

from apps.documents.models import Lane
from apps.pipeline.stages import STAGES
from workers.celery import app
from workers.dispatch import priority_of


def test_interactive_goes_before_bulk() -> None:
    slowest = max(priority_of(stage=stage.name, lane=Lane.INTERACTIVE) for stage in STAGES)
    assert slowest < min(priority_of(stage=stage.name, lane=Lane.BULK) for stage in STAGES)


def test_a_document_is_finished_before_the_next_is_begun() -> None:
    for lane in Lane:
        begun = [priority_of(stage=stage.name, lane=lane) for stage in STAGES if stage.after]
        assert max(begun) < priority_of(stage="parse", lane=lane)


def test_at_the_desk_no_document_waits_for_the_further_pieces_of_a_long_one() -> None:
    first = [priority_of(stage=stage.name, lane=Lane.INTERACTIVE) for stage in STAGES]
    further = [priority_of(stage=stage.name, lane=Lane.INTERACTIVE, shard=1) for stage in STAGES]
    assert max(first) < min(further)


def test_in_bulk_a_long_document_that_is_begun_is_finished_first() -> None:
    new = priority_of(stage="parse", lane=Lane.BULK)
    assert all(priority_of(stage=stage.name, lane=Lane.BULK, shard=1) < new for stage in STAGES)


def test_values_do_not_wait_for_the_index_of_a_long_document() -> None:
    for lane in Lane:
        index = priority_of(stage="index", lane=lane, shard=1)
        assert priority_of(stage="extract", lane=lane, shard=1) < index
        assert priority_of(stage="index", lane=lane) < index


def test_the_broker_has_a_list_for_each_priority() -> None:
    used = {
        priority_of(stage=stage.name, lane=lane, shard=shard) for stage, lane, shard in product(STAGES, Lane, (0, 1))
    }
    assert used <= set(app.conf.broker_transport_options["priority_steps"])
