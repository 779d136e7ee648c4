"""What follows what."""

from __future__ import annotations

from apps.pipeline.planning import Planned, input_digest, plan, shards
from apps.pipeline.stages import BY_NAME, STAGES


def test_a_new_run_begins_with_the_first_pages() -> None:
    due = plan(states={}, page_count=None).due
    assert due == (Planned(stage="parse", shard=0, first_page=1, last_page=100),)


def test_after_parsing_three_stages_are_due_at_once() -> None:
    found = plan(states={"parse": ["done"]}, page_count=3)
    assert [piece.stage for piece in found.due] == ["render", "extract", "index"]
    assert found.complete == {"parse"}
    assert not found.finished


def test_nothing_follows_while_a_shard_of_the_stage_is_open() -> None:
    assert plan(states={"parse": ["done", "running"]}, page_count=180).due == ()


def test_the_model_waits_for_pictures_and_for_what_cheaper_engines_found() -> None:
    states = {"parse": ["done"], "extract": ["done"], "merge": ["done"], "render": ["running"], "index": ["done"]}
    assert plan(states=states, page_count=1).due == ()
    states["render"] = ["done"]
    assert [piece.stage for piece in plan(states=states, page_count=1).due] == ["ask"]


def test_a_long_document_is_read_in_stretches_which_are_then_put_together() -> None:
    pieces = [piece for piece in plan(states={"parse": ["done"]}, page_count=101).due if piece.stage == "extract"]
    assert [(piece.first_page, piece.last_page) for piece in pieces] == [(1, 50), (51, 100), (101, 101)]
    others = {"parse": ["done"], "render": ["done"], "index": ["done"]}
    assert plan(states=others | {"extract": ["done", "running", "done"]}, page_count=101).due == ()
    due = plan(states=others | {"extract": ["done", "done", "done"]}, page_count=101).due
    assert due == (Planned(stage="merge", shard=0, first_page=0, last_page=0),)


def test_a_stage_that_was_born_done_counts() -> None:
    states = {stage.name: ["done"] for stage in STAGES}
    assert plan(states=states, page_count=1).finished


def test_nothing_is_finished_while_one_stage_is_open() -> None:
    for open_stage in STAGES:
        states = {stage.name: ["done"] for stage in STAGES} | {open_stage.name: ["pending"]}
        assert not plan(states=states, page_count=1).finished


def test_pages_are_cut_without_gap_or_overlap() -> None:
    pieces = shards(stage=BY_NAME["render"], page_count=120)
    assert [(piece.shard, piece.first_page, piece.last_page) for piece in pieces] == [
        (0, 1, 50),
        (1, 51, 100),
        (2, 101, 120),
    ]


def test_the_first_shard_is_the_same_before_and_after_the_pages_are_counted() -> None:
    before = shards(stage=BY_NAME["parse"], page_count=None)[0]
    after = shards(stage=BY_NAME["parse"], page_count=250)[0]
    assert before == after
    assert input_digest(source="a", planned=before) == input_digest(source="a", planned=after)


def test_the_digest_tells_bytes_stages_and_pages_apart() -> None:
    piece = Planned(stage="parse", shard=0, first_page=1, last_page=100)
    others = [
        input_digest(source="b", planned=piece),
        input_digest(source="a", planned=Planned(stage="render", shard=0, first_page=1, last_page=100)),
        input_digest(source="a", planned=Planned(stage="parse", shard=1, first_page=101, last_page=200)),
    ]
    assert input_digest(source="a", planned=piece) not in others
    assert len(set(others)) == 3


def test_every_stage_follows_stages_that_stand_before_it() -> None:
    seen: set[str] = set()
    for stage in STAGES:
        assert set(stage.after) <= seen
        seen.add(stage.name)
