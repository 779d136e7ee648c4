"""Engines that take their turns, one of which is stopped."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from apps.common.errors import RetryableError, TerminalError
from apps.extraction import cascade
from apps.extraction.engines.protocol import Extraction, ExtractionRequest
from apps.extraction.engines.turns import Turns
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.parsing.pages import ParsedDocument
from apps.schemas.fields import Field, Kind, Schema

SCHEMA = Schema(
    slug="slip",
    version=1,
    title="Slip",
    description="",
    fields=tuple(Field(name=name, title=name, kind=Kind.TEXT) for name in ("a", "b")),
)
REQUEST = ExtractionRequest(document=ParsedDocument(pages=()), schema=SCHEMA, wanted=frozenset({"a", "b"}))


@dataclass
class Reader:
    """Answers one field, or breaks."""

    name: str
    answers: str = ""
    breaks: Exception | None = None
    asked: list[frozenset[str]] = field(default_factory=list)

    def extract(self, request: ExtractionRequest) -> Extraction:
        self.asked.append(request.wanted)
        if self.breaks is not None:
            raise self.breaks
        if not self.answers:
            return Extraction(values=())
        value = ExtractedValue(
            path=f"/{self.answers}",
            kind=Kind.TEXT,
            value="x",
            engine=self.name,
            confidence=1.0,
            status=ValueStatus.ACCEPTED,
        )
        return Extraction(values=(value,))


def test_what_comes_before_a_stop_is_kept_and_nothing_after_it_is_asked() -> None:
    stop = RetryableError("spent")
    first, second, third = Reader("one", answers="a"), Reader("two", breaks=stop), Reader("three", answers="b")
    turns = Turns([first, second, third])
    answers = cascade.run(request=REQUEST, engines=turns)
    assert [value.path for value in answers.values] == ["/a"]
    assert (turns.stopped_by, turns.done, turns.is_new) == (stop, ["one"], True)
    assert (second.asked, third.asked) == ([frozenset({"b"})], [])


def test_who_was_done_before_is_not_asked_again() -> None:
    first, second = Reader("one"), Reader("two", answers="b")
    turns = Turns([first, second], done=("one",))
    cascade.run(request=REQUEST, engines=turns)
    assert (first.asked, second.asked) == ([], [frozenset({"a", "b"})])
    assert (turns.done, turns.stopped_by, turns.is_new) == (["one", "two"], None, True)


def test_a_stop_at_the_first_one_is_nothing_new() -> None:
    turns = Turns([Reader("one"), Reader("two", breaks=RetryableError("spent"))], done=("one",))
    cascade.run(request=REQUEST, engines=turns)
    assert (turns.done, turns.is_new) == (["one"], False)


def test_what_no_attempt_can_mend_is_raised() -> None:
    with pytest.raises(TerminalError):
        cascade.run(request=REQUEST, engines=Turns([Reader("one", breaks=TerminalError("no"))]))
