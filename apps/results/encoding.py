"""Extracted values as a JSON column holds them, and back: what lost to another value, or isn't put together yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from apps.common.text import storable
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box
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
