"""A result as REST, the demo and the portal show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from apps.results.doubts import Reason
from apps.results.queries import DocumentResult, DocumentValue


class RenderedEvidence(TypedDict):
    """Where a value stands: page from 1, box [x0, y0, x1, y1] in [0, 1] from the top left."""

    page: int
    box: list[float]
    quote: str


class RenderedReason(TypedDict):
    """Why something is for a person: `code` is stable, `message` is for that person."""

    code: str
    message: str


class RenderedValue(TypedDict):
    """A value: `path` is a JSON Pointer, `value` canonical text, `type` its kind in the schema.

    A value that no page shows, but that follows from others, has the `formula` that it follows by; its evidence is
    theirs. One that needs a person, and has had none, has `reasons`.
    """

    path: str
    value: str
    type: str
    engine: str
    confidence: float
    status: str
    evidence: list[RenderedEvidence]
    formula: NotRequired[str]
    reasons: NotRequired[list[RenderedReason]]


class RenderedResult(TypedDict):
    """A document's values under one version of a schema."""

    schema: str
    version: int
    values: list[RenderedValue]


def render_result(result: DocumentResult, *, reasons: Mapping[str, Sequence[Reason]] | None = None) -> RenderedResult:
    """Return the public form of a result; it is JSON as it stands. `reasons` are `doubts.reasons_by_path`'s."""
    return {
        "schema": result.schema_slug,
        "version": result.schema_version,
        "values": [_value(value, reasons=(reasons or {}).get(value.path, ())) for value in result.values],
    }


def render_reasons(reasons: Sequence[Reason]) -> list[RenderedReason]:
    """Return the public form of reasons."""
    return [{"code": reason.doubt.value, "message": reason.message} for reason in reasons]


def _value(value: DocumentValue, *, reasons: Sequence[Reason]) -> RenderedValue:
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
    if reasons:
        rendered["reasons"] = render_reasons(reasons)
    return rendered
