"""Values that lost to another of the same field, as they are stored, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from apps.common.text import storable
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box
from apps.schemas.fields import Kind


class PlaceJson(TypedDict):
    """Where an alternative stands: page from 1, box in [0, 1] from the top left, the page's own words."""

    page: int
    box: list[float]
    quote: str


class AlternativeJson(TypedDict):
    """An `ExtractedValue`, as JSON has it."""

    path: str
    value: str
    kind: str
    engine: str
    confidence: float
    status: str
    evidence: list[PlaceJson]


def to_json(alternatives: Sequence[ExtractedValue]) -> list[AlternativeJson]:
    """Return what a database can hold."""
    return [
        {
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
        for value in alternatives
    ]


def from_json(alternatives: Sequence[AlternativeJson]) -> tuple[ExtractedValue, ...]:
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
        )
        for value in alternatives
    )
