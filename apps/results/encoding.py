"""Extracted values, notes and what engines were asked as a JSON column holds them, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from apps.common.text import storable
from apps.extraction.notes import About, Note, Place
from apps.extraction.progress import Answered, Progress, Question, Tried, Turn
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box
from apps.results.old_notes import understood
from apps.schemas.fields import Kind


class PlaceJson(TypedDict):
    """Where a value stands: page from 1, box in [0, 1] from the top left, the page's own words."""

    page: int
    box: list[float]
    quote: str


class ValueJson(TypedDict):
    """An `ExtractedValue`, as JSON has it; what it hasn't is left out."""

    path: str
    value: str
    kind: str
    engine: str
    confidence: float
    status: str
    evidence: list[PlaceJson]
    formula: NotRequired[str]
    score: NotRequired[float]


class SpotJson(TypedDict):
    """A page, from 1, and a box on it in [0, 1] from the top left."""

    page: int
    box: list[float]


class NoteJson(TypedDict):
    """A `Note`, as JSON has it; what it hasn't is left out."""

    text: str
    about: str
    by: NotRequired[str]
    field: NotRequired[str]
    others: NotRequired[list[str]]
    paths: NotRequired[list[str]]
    places: NotRequired[list[SpotJson]]


class QuestionJson(TypedDict):
    """A `Question`, as JSON has it; what it hasn't is left out."""

    first: int
    last: int
    fields: list[str]
    onward: NotRequired[int]


class AnsweredJson(TypedDict):
    """An `Answered`, as JSON has it; what it hasn't is left out."""

    question: QuestionJson
    values: list[ValueJson]
    notes: list[NoteJson]
    unread: list[str]
    more: list[str]
    reached: NotRequired[int]


class TriedJson(TypedDict):
    """A `Tried`, as JSON has it."""

    question: QuestionJson
    attempts: int
    max_tokens: int


class TurnJson(TypedDict):
    """A `Turn` with its progress, as JSON has it; what it hasn't is left out."""

    engine: str
    wanted: list[str]
    is_done: bool
    answered: list[AnsweredJson]
    tried: NotRequired[TriedJson]


def notes_to_json(notes: Sequence[Note]) -> list[NoteJson]:
    """Return what a database can hold."""
    return [_encoded_note(note) for note in notes]


def notes_from_json(notes: Sequence[NoteJson | str]) -> tuple[Note, ...]:
    """Return what `notes_to_json` wrote; a text alone is a note from before it did."""
    return tuple(
        understood(note)
        if isinstance(note, str)
        else Note(
            text=note["text"],
            about=About(note["about"]),
            by=note.get("by", ""),
            field=note.get("field", ""),
            others=tuple(note.get("others", ())),
            paths=tuple(note.get("paths", ())),
            places=tuple(Place(page=spot["page"], box=Box(*spot["box"])) for spot in note.get("places", ())),
        )
        for note in notes
    )


def to_json(values: Sequence[ExtractedValue]) -> list[ValueJson]:
    """Return what a database can hold."""
    return [_encoded(value) for value in values]


def from_json(values: Sequence[ValueJson]) -> tuple[ExtractedValue, ...]:
    """Return what `to_json` wrote."""
    return tuple(
        ExtractedValue(
            path=value["path"],
            value=value["value"],
            kind=Kind(value["kind"]),
            engine=value["engine"],
            confidence=value["confidence"],
            status=ValueStatus(value["status"]),
            evidence=tuple(
                Evidence(page=place["page"], box=Box(*place["box"]), quote=place["quote"])
                for place in value["evidence"]
            ),
            formula=value.get("formula"),
            score=value.get("score"),
        )
        for value in values
    )


def _encoded_note(note: Note) -> NoteJson:
    encoded: NoteJson = {"text": storable(note.text), "about": note.about.value}
    if note.by:
        encoded["by"] = note.by
    if note.field:
        encoded["field"] = note.field
    if note.others:
        encoded["others"] = list(note.others)
    if note.paths:
        encoded["paths"] = [storable(path) for path in note.paths]
    if note.places:
        encoded["places"] = [{"page": place.page, "box": list(place.box)} for place in note.places]
    return encoded


def _encoded(value: ExtractedValue) -> ValueJson:
    encoded: ValueJson = {
        "path": value.path,
        "value": storable(value.value),
        "kind": value.kind.value,
        "engine": value.engine,
        "confidence": value.confidence,
        "status": value.status.value,
        "evidence": [
            {"page": place.page, "box": list(place.box), "quote": storable(place.quote)} for place in value.evidence
        ],
    }
    if value.formula is not None:
        encoded["formula"] = storable(value.formula)
    if value.score is not None:
        encoded["score"] = value.score
    return encoded


def turns_to_json(turns: Sequence[Turn]) -> list[TurnJson]:
    """Return what a database can hold."""
    return [_encoded_turn(turn) for turn in turns]


def turns_from_json(turns: Sequence[TurnJson]) -> tuple[Turn, ...]:
    """Return what `turns_to_json` wrote."""
    return tuple(
        Turn(
            engine=turn["engine"],
            wanted=frozenset(turn["wanted"]),
            is_done=turn["is_done"],
            progress=Progress(
                answered=tuple(
                    Answered(
                        question=_question(answered["question"]),
                        values=from_json(answered["values"]),
                        notes=notes_from_json(answered["notes"]),
                        unread=frozenset(answered["unread"]),
                        more=tuple(answered["more"]),
                        reached=answered.get("reached"),
                    )
                    for answered in turn["answered"]
                ),
                tried=_tried(turn["tried"]) if "tried" in turn else None,
            ),
        )
        for turn in turns
    )


def _encoded_turn(turn: Turn) -> TurnJson:
    encoded: TurnJson = {
        "engine": turn.engine,
        "wanted": sorted(turn.wanted),
        "is_done": turn.is_done,
        "answered": [_encoded_answer(answered) for answered in turn.progress.answered],
    }
    tried = turn.progress.tried
    if tried is not None:
        encoded["tried"] = {
            "question": _encoded_question(tried.question),
            "attempts": tried.attempts,
            "max_tokens": tried.max_tokens,
        }
    return encoded


def _encoded_answer(answered: Answered) -> AnsweredJson:
    encoded: AnsweredJson = {
        "question": _encoded_question(answered.question),
        "values": to_json(answered.values),
        "notes": notes_to_json(answered.notes),
        "unread": sorted(answered.unread),
        "more": list(answered.more),
    }
    if answered.reached is not None:
        encoded["reached"] = answered.reached
    return encoded


def _encoded_question(question: Question) -> QuestionJson:
    encoded: QuestionJson = {"first": question.first, "last": question.last, "fields": list(question.fields)}
    if question.onward is not None:
        encoded["onward"] = question.onward
    return encoded


def _question(question: QuestionJson) -> Question:
    return Question(
        first=question["first"],
        last=question["last"],
        fields=tuple(question["fields"]),
        onward=question.get("onward"),
    )


def _tried(tried: TriedJson) -> Tried:
    return Tried(question=_question(tried["question"]), attempts=tried["attempts"], max_tokens=tried["max_tokens"])
