"""What people say of extracted values, and how a value looks with that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from apps.common.errors import TerminalError
from apps.extraction.canonical import as_date, as_decimal, canonical
from apps.schemas.fields import Kind

REVIEW = "review"
"""What stands as the engine of a value that a person wrote."""
WHOLE = ""
"""The path of the whole document (RFC 6901): accepting it says that it is right as it stands."""


class Verdict(StrEnum):
    """`accept`: the value is right. `correct`: another one is. `reject`: the document holds no such value."""

    ACCEPT = "accept"
    CORRECT = "correct"
    REJECT = "reject"


class BadDecisionError(TerminalError):
    """A decision can't be taken as it is; none of those that came with it was written."""

    code = "bad_decision"


class UnderWayError(TerminalError):
    """The document is being worked on: its values may still change."""

    code = "under_way"


class StaleDecisionError(TerminalError):
    """Somebody else decided on the value, or it was read anew, since the person saw it."""

    code = "stale_decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A value as a person saw it: of which result, and after how many decisions on it."""

    result_id: UUID
    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDecision:
    """What a person says of the value at `path`. `value` goes with `correct` alone, and is canonical text.

    `schema` is a slug; it is needed only where a document was read with several schemas that have the path. `seen` is
    the value that the person had before them, for StaleDecisionError; without it nothing is compared.
    """

    path: str
    verdict: Verdict
    value: str | None = None
    schema: str = ""
    seen: Seen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueDecision:
    """A decision as it was written down, with what the engine had said when it was taken.

    `value` is the right value, "" where the verdict is `reject`. `said`, `engine` and `score` are the value that was
    decided on; without one, for a field that nothing was read for, they are "", "" and None. `turn` counts the
    decisions on one value from 1: the last one holds.
    """

    id: UUID
    result_id: UUID
    schema_slug: str
    path: str
    kind: Kind
    turn: int
    verdict: Verdict
    value: str
    engine: str
    said: str
    score: float | None
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedValue:
    """An engine's value that a person has judged: its raw score in [0, 1], and whether it was right."""

    engine: str
    score: float
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What an engine said, what is right, and the page's words that it read, "" where it named none."""

    document_id: UUID
    path: str
    said: str
    value: str
    quote: str


def is_canonical(*, value: str, kind: Kind) -> bool:
    """Return whether a value is written in the form in which its kind is kept (apps/extraction/canonical.py)."""
    match kind:
        case Kind.DATE:
            return as_date(value) is not None
        case Kind.MONEY | Kind.NUMBER:
            return as_decimal(value) is not None
        case Kind.INTEGER:
            number = as_decimal(value)
            return number is not None and "." not in value and str(Decimal(value)) == value
    return canonical(value, kind) == value


def form_of(kind: Kind) -> str:
    """Say how a value of a kind is written, for the error that refuses another form."""
    match kind:
        case Kind.DATE:
            return "a day as YYYY-MM-DD"
        case Kind.MONEY | Kind.NUMBER:
            return "a decimal without separators, such as 1234.50"
        case Kind.INTEGER:
            return "a whole number without separators"
        case Kind.CURRENCY:
            return "a code of ISO 4217, such as EUR"
        case Kind.BOOLEAN:
            return "true or false"
        case Kind.VAT_ID | Kind.IBAN:
            return "without spaces and signs, in capitals, and with the length of its country"
        case Kind.EMAIL:
            return "an address such as name@example.org"
    return "some text, without white space at its ends or more than one space in a row"


def pointer(name: str) -> str:
    """Return the path of a field of the schema (RFC 6901)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
