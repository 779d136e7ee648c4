"""A typed value and the spot on the page that it came from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from apps.parsing.pages import Box
from apps.schemas.fields import Kind


class ValueStatus(StrEnum):
    """What may be done with a value.

    `accepted`: grounded and sure enough. `needs_review`: grounded, but weak or against a rule. `ungrounded`: not found
    on any page, so never accepted without a person. `rejected`: a person says that it is wrong and that there is none;
    no engine says so.
    """

    ACCEPTED = "accepted"
    NEEDS_REVIEW = "needs_review"
    UNGROUNDED = "ungrounded"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where a value stands: page (from 1), the box around its words, and those words as the page shows them."""

    page: int
    box: Box
    quote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedValue:
    """One value of a document.

    `path` is a JSON Pointer (RFC 6901) into the schema's instance, e.g. `/line_items/0/quantity`. `value` is canonical
    text: dates ISO 8601, amounts and numbers as decimal strings without separators, currency ISO 4217, booleans
    `true`/`false`, anything else as the page or the XML has it with white space collapsed. `confidence` in [0, 1] is
    computed by Quire, never asked of a model: the share right of such values. `score` is what the engine gave it before
    it was calibrated, None where that is the same. `formula` names the inputs of a derived value.
    """

    path: str
    value: str
    kind: Kind
    engine: str
    confidence: float
    status: ValueStatus
    evidence: tuple[Evidence, ...] = ()
    formula: str | None = None
    score: float | None = None
