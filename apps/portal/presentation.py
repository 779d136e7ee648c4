"""Values as a page shows them: fields in the schema's order, arrays as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from apps.documents.models import TERMINAL_STATUSES, DocumentStatus
from apps.documents.queries import DocumentSummary
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.parsing.queries import PageFacts
from apps.results.decisions import ValueDecision, form_of, pointer
from apps.results.doubts import Reason, in_words, other_notes, reasons_by_path
from apps.results.queries import DocumentResult, DocumentValue
from apps.schemas.fields import Field, Kind, Schema

# What is drawn around a value keeps clear of it by this share of the page's width: 3 points of A4.
MARGIN = 0.005
# What is longer is no number or name that one reads at a glance: it may be broken anywhere.
LONGEST_UNBROKEN = 40
_NUMERIC = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER})
_ANY_TEXT = frozenset({Kind.TEXT, Kind.IDENTIFIER, Kind.ORGANISATION, Kind.PERSON, Kind.ADDRESS})
_UNBROKEN = _NUMERIC | {Kind.DATE, Kind.IDENTIFIER, Kind.CURRENCY, Kind.VAT_ID, Kind.IBAN, Kind.PHONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBox:
    """A value's place on a page: numbers in [0, 1] as text, since a locale must not write them with a comma."""

    value_id: UUID
    ordinal: int
    x: str
    y: str
    width: str
    height: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownValue:
    """What can be chosen: a value, or a field that nothing was read for, whose `value` is None.

    `key` names it in addresses and forms: schema and path. `anchor` is the id of its box and of its place in the list.
    `reasons` say why it is for a person; `open` that it is, and that none has decided on it. `others` are what else
    was read for it. `formula` is what it follows by, in the fields' titles, or "". `seen` names its state, so
    that a decision on one that has changed since can be told.
    """

    key: str
    anchor: str
    schema_slug: str
    path: str
    title: str
    place: str
    kind: Kind
    choices: tuple[str, ...]
    value: DocumentValue | None
    reasons: tuple[Reason, ...]
    decision: ValueDecision | None
    others: tuple[ExtractedValue, ...]
    formula: str
    seen: str

    @property
    def open(self) -> bool:
        """Whether a person should decide on it, and none has."""
        return bool(self.reasons) and self.decision is None

    @property
    def numeric(self) -> bool:
        """Whether it is written with figures that stand one below the other."""
        return self.kind in _NUMERIC

    @property
    def unbroken(self) -> bool:
        """Whether it is never broken into two lines."""
        return self.kind in _UNBROKEN and self.value is not None and len(self.value.value) <= LONGEST_UNBROKEN

    @property
    def page(self) -> int | None:
        """The first page that it stands on."""
        return self.value.evidence[0].page if self.value and self.value.evidence else None

    @property
    def form(self) -> str:
        """How a right value is written, "" where any text will do: white space is put right as it comes."""
        return "" if self.kind in _ANY_TEXT else form_of(self.kind)

    @property
    def example(self) -> str:
        """What stands in an empty field for the right value."""
        return {Kind.DATE: "YYYY-MM-DD", Kind.CURRENCY: "EUR"}.get(self.kind, "1234.50" if self.numeric else "")

    @property
    def decided_by(self) -> str:
        """Who took the decision that holds: a person's address, or "" where it was a program."""
        by = self.decision.decided_by if self.decision else ""
        return by.removeprefix("user ") if by.startswith("user ") else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownField:
    """A field outside tables."""

    description: str
    required: bool
    shown: ShownValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownColumn:
    """A column of a table."""

    title: str
    numeric: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTable:
    """An array: a row an item, a cell a column, None where the item has no such value."""

    title: str
    columns: tuple[ShownColumn, ...]
    rows: tuple[tuple[ShownValue | None, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownResult:
    """A result as the page shows it."""

    title: str
    version: int
    fields: tuple[ShownField, ...]
    tables: tuple[ShownTable, ...]
    notes: tuple[str, ...]

    @property
    def all(self) -> tuple[ShownValue, ...]:
        """All that can be chosen, as it stands on the page."""
        cells = (cell for table in self.tables for row in table.rows for cell in row)
        return (*(field.shown for field in self.fields), *(cell for cell in cells if cell))

    @property
    def open(self) -> tuple[ShownValue, ...]:
        """What a person should decide on."""
        return tuple(shown for shown in self.all if shown.open)


@dataclass(frozen=True, slots=True)
class _Maker:
    """What a result's values are made of, by path."""

    result: DocumentResult
    schema: Schema
    values: Mapping[str, DocumentValue]
    reasons: Mapping[str, tuple[Reason, ...]]
    decisions: Mapping[str, ValueDecision]

    def shown(self, field: Field, *, path: str, title: str, place: str = "") -> ShownValue:
        value = self.values.get(path)
        decision = self.decisions.get(path)
        turn = decision.turn if decision else 0
        return ShownValue(
            key=f"{self.result.schema_slug}{path}",
            anchor=str(value.id) if value else f"{self.result.schema_slug}-{field.name}",
            schema_slug=self.result.schema_slug,
            path=path,
            title=title,
            place=place,
            kind=field.kind,
            choices=("true", "false") if field.kind is Kind.BOOLEAN else field.enum,
            value=value,
            reasons=self.reasons.get(path, ()),
            decision=decision,
            others=tuple(
                {other.value: other for other in self.result.alternatives if other.path == path}.values()
                if value is None or value.status is not ValueStatus.REJECTED
                else ()
            ),
            formula=in_words(value.formula, schema=self.schema) if value and value.formula else "",
            seen=f"{self.result.id} {turn}",
        )


def show(*, result: DocumentResult, schema: Schema) -> ShownResult:
    """Order a result by its schema."""
    maker = _Maker(
        result,
        schema,
        {value.path: value for value in result.values},
        reasons_by_path(result=result, schema=schema),
        {decision.path: decision for decision in result.decisions},
    )
    return ShownResult(
        title=schema.title,
        version=result.schema_version,
        fields=tuple(
            ShownField(
                description=field.description,
                required=field.required,
                shown=maker.shown(field, path=pointer(field.name), title=field.title),
            )
            for field in schema.fields
            if field.kind is not Kind.ARRAY
        ),
        tables=tuple(_table(field, maker) for field in schema.fields if field.kind is Kind.ARRAY),
        notes=tuple(map(str, other_notes(result=result))),
    )


def boxes_by_page(results: Sequence[DocumentResult], *, pages: Sequence[PageFacts] = ()) -> dict[int, list[ShownBox]]:
    """Return the places of all values, by page, each with a margin around it: its line must not touch the words."""
    upright = {page.number: page.width / page.height for page in pages if page.height > 0}
    boxes: dict[int, list[ShownBox]] = {}
    for result in results:
        for value in result.values:
            for ordinal, place in enumerate(value.evidence):
                beside, above = MARGIN, MARGIN * upright.get(place.page, 1.0)
                x0, x1 = max(place.box.x0 - beside, 0.0), min(place.box.x1 + beside, 1.0)
                y0, y1 = max(place.box.y0 - above, 0.0), min(place.box.y1 + above, 1.0)
                boxes.setdefault(place.page, []).append(
                    ShownBox(
                        value_id=value.id,
                        ordinal=ordinal,
                        x=f"{x0:.5f}",
                        y=f"{y0:.5f}",
                        width=f"{x1 - x0:.5f}",
                        height=f"{y1 - y0:.5f}",
                        label=value.value,
                    )
                )
    return boxes


def doing(document: DocumentSummary, *, under_way: tuple[str, bool] | None) -> str:
    """Return what is being done with a document that still moves, in an analyst's words; "" for one that doesn't.

    `under_way` is the first stage that isn't done, and whether somebody is at it.
    """
    if not in_progress(document.status):
        return ""
    if document.reason:
        return _("Waiting")
    stage, running = under_way or ("", True)
    if stage == "parse" and not running:
        return _("Waiting for its turn")
    words = {
        "parse": _("Reading pages"),
        "extract": _("Finding values"),
        "merge": _("Finding values"),
        "ask": _("Asking the model"),
        "look": _("Checking values"),
        "render": _("Drawing pages"),
        "index": _("Making it searchable"),
    }
    return words.get(stage, "") or words_for(document.status)


def words_for(status: DocumentStatus) -> str:
    """Return a state in an analyst's words; REST and files say it as it is."""
    return {
        DocumentStatus.RECEIVED: _("Reading pages"),
        DocumentStatus.PARSED: _("Finding values"),
        DocumentStatus.EXTRACTED: _("Asking the model"),
        DocumentStatus.NEEDS_REVIEW: _("Needs review"),
        DocumentStatus.DONE: _("Done"),
        DocumentStatus.QUARANTINED: _("Quarantined"),
        DocumentStatus.FAILED: _("Failed"),
        DocumentStatus.CANCELLED: _("Cancelled"),
        DocumentStatus.DELETED: _("Deleted"),
    }[status]


def reason_in_words(document: DocumentSummary) -> str:
    """Return why a document is as it is, as sentences that say what to do here, "" where there is nothing to say."""
    if document.locked and document.reason_code == "wrong_password":
        return _("The password doesn't open this document. Type it again on the document's page.")
    if document.locked:
        return _("The document is protected by a password. Type it on the document's page.")
    return sentence(document.reason) if document.reason else ""


def sentence(message: str) -> str:
    """Return an error's words as they stand alone, whichever way they were written."""
    return f"{message[:1].upper()}{message[1:].removesuffix('.')}."


def in_progress(status: DocumentStatus) -> bool:
    """Return whether a document still moves."""
    return status not in TERMINAL_STATUSES


def _table(field: Field, maker: _Maker) -> ShownTable:
    rows = []
    number = 0
    while True:
        paths = [
            f"{pointer(field.name)}/{number}{pointer(column.name) if column.name else ''}" for column in field.columns
        ]
        if not any(path in maker.values for path in paths):
            break
        rows.append(
            tuple(
                maker.shown(
                    column, path=path, title=column.title or field.title, place=f"{field.title}, row {number + 1}"
                )
                if path in maker.values
                else None
                for column, path in zip(field.columns, paths, strict=True)
            )
        )
        number += 1
    columns = tuple(
        ShownColumn(title=column.title or field.title, numeric=column.kind in _NUMERIC) for column in field.columns
    )
    return ShownTable(title=field.title, columns=columns, rows=tuple(rows))
