"""A result as REST, the demo and the portal show it."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from apps.results.queries import DocumentResult, DocumentValue


class RenderedEvidence(TypedDict):
    """Where a value stands: page from 1, box [x0, y0, x1, y1] in [0, 1] from the top left."""

    page: int
    box: list[float]
    quote: str


class RenderedValue(TypedDict):
    """A value: `path` is a JSON Pointer, `value` canonical text, `type` its kind in the schema.

    A value that no page shows, but that follows from others, has the `formula` that it follows by; its evidence is
    theirs.
    """

    path: str
    value: str
    type: str
    engine: str
    confidence: float
    status: str
    evidence: list[RenderedEvidence]
    formula: NotRequired[str]


class RenderedResult(TypedDict):
    """A document's values under one version of a schema."""

    schema: str
    version: int
    values: list[RenderedValue]


def render_result(result: DocumentResult) -> RenderedResult:
    """Return the public form of a result; it is JSON as it stands."""
    return {
        "schema": result.schema_slug,
        "version": result.schema_version,
        "values": [_value(value) for value in result.values],
    }


def _value(value: DocumentValue) -> RenderedValue:
    rendered: RenderedValue = {
        "path": value.path,
        "value": value.value,
        "type": value.kind.value,
        "engine": value.engine,
        "confidence": value.confidence,
        "status": value.status.value,
        "evidence": [{"page": place.page, "box": list(place.box), "quote": place.quote} for place in value.evidence],
    }
    if value.formula:
        rendered["formula"] = value.formula
    return rendered
