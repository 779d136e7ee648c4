"""How far a document was asked: what came of each question, so that none is paid for twice when the asking is stopped.

Progress(answered=(Answered(question=Question(first=1, last=48, fields=("total",)), values=(...)), ...))
-> the next attempt takes these as they are, and goes on with the first question that isn't among them
"""

from __future__ import annotations

from dataclasses import dataclass

from apps.extraction.notes import Note
from apps.extraction.values import ExtractedValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question for `fields`, in this order, about pages `first` to `last`, from 1.

    `onward` is the page from which on a list is asked for that one reply couldn't hold, None where it begins.
    """

    first: int
    last: int
    fields: tuple[str, ...]
    onward: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of a question. `more` are the lists that go on, from the page that they `reached`.

    `unread` are fields for which these pages couldn't be read, or not to their end.
    """

    question: Question
    values: tuple[ExtractedValue, ...] = ()
    notes: tuple[Note, ...] = ()
    unread: frozenset[str] = frozenset()
    more: tuple[str, ...] = ()
    reached: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A question that got `attempts` replies that were no good; the next one may take `max_tokens`."""

    question: Question
    attempts: int
    max_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The answers of an engine in the order of its questions, and the question at which it was stopped, if paid for."""

    answered: tuple[Answered, ...] = ()
    tried: Tried | None = None


NOTHING_YET = Progress()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What an engine was asked for, and how far it came."""

    engine: str
    wanted: frozenset[str]
    is_done: bool
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A document whose asking was stopped: what was known before any model was asked, then each one's turn."""

    values: tuple[ExtractedValue, ...]
    notes: tuple[Note, ...] = ()
    alternatives: tuple[ExtractedValue, ...] = ()
    turns: tuple[Turn, ...] = ()
