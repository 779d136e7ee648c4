"""Model replies: the JSON Schema that holds them, and the values that a valid one means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from apps.common.text import storable
from apps.extraction.candidates import infer_locale
from apps.extraction.canonical import canonical, has_valid_check
from apps.extraction.confidence import ACCEPT_FROM, Sign, Signs, score
from apps.extraction.grounding import Grounding, ground
from apps.extraction.normalising import squeeze
from apps.extraction.notes import Note, cut_off, not_of_its_kind
from apps.extraction.page_index import DocumentIndex
from apps.extraction.row_grounding import Cell, ground_rows
from apps.extraction.spellings import NUMERIC
from apps.extraction.token_logprobs import Sureness, sureness
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.inference.control_tokens import restored
from apps.inference.errors import OffSchemaReplyError, TruncatedReplyError
from apps.inference.replies import TokenLogprob
from apps.parsing.pages import ParsedDocument
from apps.schemas.fields import Field, Kind

MAX_VALUE = 2_000
# What has a canonical form may stand in many more characters: "the fourteenth (14th) day of September, 2025".
MAX_TYPED = 64
MAX_QUOTE = 200
MAX_ITEMS = 100
# How far above or below the text that a row is found by its other values may stand, in page heights.
ROW_REACH = 0.12
_EVERYWHERE = frozenset({Kind.CURRENCY, Kind.COUNTRY, Kind.BOOLEAN})
# Kept as they are written, white space apart: their schema's length is that of the text too.
_AS_WRITTEN = frozenset({Kind.TEXT, Kind.IDENTIFIER, Kind.ORGANISATION, Kind.PERSON, Kind.ADDRESS, Kind.EMAIL})
_CUT = 0.01
"""The confidence in a value that a reply had no room for: it is wrong at its end at least."""


# The grammar that bounds a string's length lets control characters into it as they are (seen in SGLang 0.5.23 with
# xgrammar 0.2.7), which no JSON may hold. Between values they are white space.
_CONTROLS = dict.fromkeys(range(0x20), " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What the model says: a value, where it read it, and in which words.

    `is_cut`: the value has more characters than are asked for, so that it may go on anywhere.
    """

    path: str
    field: Field
    value: str
    quote: str
    page: int
    tokens: Sureness | None = None
    is_cut: bool = False

    @property
    def name(self) -> str:
        """The name of the top-level field."""
        return self.path.split("/", 2)[1]

    @property
    def row(self) -> str:
        """The path of the row that the value is a cell of, "" for none."""
        return self.path.rpartition("/")[0] if self.path.count("/") > 2 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The values of a reply. `unread` are fields of which an answer was left out; `notes` say why."""

    values: tuple[ExtractedValue, ...]
    notes: tuple[Note, ...]
    unread: frozenset[str]


def reply_schema(fields: Sequence[Field]) -> dict[str, Any]:
    """Return the schema of the reply: every part is bounded, so that a reply can't run away.

    A server that holds a reply to it cuts what is longer: there is room for one more than the longest that is taken.
    """
    return {
        "type": "object",
        "properties": {field.name: _field_schema(field) for field in fields},
        "required": [field.name for field in fields],
        "additionalProperties": False,
    }


def read_reply(
    *, text: str, fields: Sequence[Field], tokens: Sequence[TokenLogprob] | None = None
) -> tuple[Claimed, ...]:
    """Return what a reply claims, and by its tokens how sure the model was of it.

    Raises TruncatedReplyError for cut JSON, OffSchemaReplyError for anything else.
    """
    try:
        # Unlike json it takes no NaN, no half of a surrogate pair, and no depth that ends in a RecursionError.
        reply = orjson.loads(text.translate(_CONTROLS))
    except orjson.JSONDecodeError:
        if text.lstrip().startswith("{"):
            raise TruncatedReplyError("the model's reply is no complete JSON") from None
        raise OffSchemaReplyError("the model's reply is no JSON") from None
    if not Draft202012Validator(reply_schema(fields)).is_valid(reply):
        raise OffSchemaReplyError("the model's reply is not of the form that was asked for")
    claims = (claim for field in fields for claim in _claims(field, reply[field.name], f"/{field.name}"))
    sure = sureness(text=text, tokens=tokens)
    return tuple(replace(claim, tokens=sure.get(f"{claim.path}/value")) for claim in claims)


def resolve(
    *, claimed: Sequence[Claimed], document: ParsedDocument, engine: str, index: DocumentIndex | None = None
) -> Resolved:
    """Ground what was claimed. A value that isn't of its kind is left out; one that isn't on a page is `ungrounded`.

    What can be read in two ways is read as the document writes, and never accepted where that tells nothing. What was
    cut, and the rest of a row of which a value is left out, is for a person. `index` is what `indexed` makes of the
    document, where several answers are grounded on it.
    """
    index = index or indexed(document)
    read = partial(canonical, language=document.language)
    if index.locale is not None:
        # The words of a short page are easily taken for another language's; its own numbers and dates tell better.
        read = partial(read, day_first=index.locale.day_first, decimal=index.locale.decimal)
    said = [claim for claim in claimed if claim.value.strip()]
    readings = [(claim, read(claim.value, claim.field.kind)) for claim in said]
    read_claims = [(claim, value) for claim, value in readings if value is not None]
    left_out = [claim for claim, value in readings if value is None]
    short_rows = {claim.row for claim in left_out if claim.row}
    places = _places(read_claims, index=index)
    values = []
    for claim, value in read_claims:
        evidence: tuple[Evidence, ...] = ()
        grounding = places.get(claim.path)
        if grounding is None:
            status, confidence = ValueStatus.UNGROUNDED, 0.0
        else:
            confidence = score(
                Signs(
                    grounding=grounding.score,
                    quote=_sign(quotes(claim.quote, grounding.quote)),
                    form=_sign(has_valid_check(value, claim.field.kind)),
                    tokens=claim.tokens,
                )
            )
            confidence = _CUT if claim.is_cut else confidence
            accepted = confidence >= ACCEPT_FROM and claim.row not in short_rows
            status = ValueStatus.ACCEPTED if accepted else ValueStatus.NEEDS_REVIEW
            evidence = (grounding.evidence,)
        values.append(
            ExtractedValue(
                path=claim.path,
                value=value,
                kind=claim.field.kind,
                engine=engine,
                confidence=confidence,
                status=status,
                evidence=evidence,
            )
        )
    return Resolved(
        values=tuple(values),
        notes=_notes(left_out=left_out, cut=[claim for claim, _ in read_claims if claim.is_cut]),
        unread=frozenset(claim.name for claim in left_out),
    )


def indexed(document: ParsedDocument) -> DocumentIndex:
    """Return a document's pages to ground a model's answers on, read as the document writes dates and numbers."""
    return DocumentIndex(document, locale=infer_locale(document=document))


def _notes(*, left_out: Sequence[Claimed], cut: Sequence[Claimed]) -> tuple[Note, ...]:
    notes = [
        not_of_its_kind(name=claim.name, kind=claim.field.kind, column=claim.field.name if claim.row else "")
        for claim in left_out
    ]
    notes += [
        cut_off(name=claim.name, longest=_longest(claim.field), column=claim.field.name if claim.row else "")
        for claim in cut
    ]
    return tuple(dict.fromkeys(notes))


def _places(claims: Sequence[tuple[Claimed, str]], *, index: DocumentIndex) -> dict[str, Grounding]:
    """Return where claims stand, by path; an array's are placed row by row, no spot for two of them."""
    found: dict[str, Grounding] = {}
    arrays: defaultdict[str, defaultdict[int, dict[str, tuple[Claimed, str]]]] = defaultdict(lambda: defaultdict(dict))
    for claim, value in claims:
        name, *row = claim.path[1:].split("/")
        if row:
            arrays[name][int(row[0])][row[1] if len(row) > 1 else ""] = (claim, value)
            continue
        place = ground(
            index=index,
            value=value,
            kind=claim.field.kind,
            hint_page=claim.page,
            quote=claim.quote,
            near=_labels(claim.field),
        )
        if place is not None:
            found[claim.path] = place
    for rows in arrays.values():
        columns = {name: claim.field for row in rows.values() for name, (claim, _) in row.items()}
        placed = ground_rows(
            index=index,
            rows=[{name: _cell(claim, value) for name, (claim, value) in row.items()} for row in rows.values()],
            anchors=_anchors(columns),
            order=tuple(columns),
            reach=ROW_REACH,
        )
        for cells, spots in zip(rows.values(), placed, strict=True):
            found |= {cells[name][0].path: spot for name, spot in spots.items()}
    return found


def _anchors(columns: Mapping[str, Field]) -> tuple[str, ...]:
    """Return what rows are found by: their texts, else their amounts, of which the last says most, else anything."""
    texts = [name for name, field in columns.items() if field.kind not in NUMERIC and field.kind not in _EVERYWHERE]
    amounts = [name for name, field in columns.items() if field.kind in NUMERIC]
    return (*texts, *amounts[::-1], *(name for name, field in columns.items() if field.kind in _EVERYWHERE))


def _cell(claim: Claimed, value: str) -> Cell:
    return Cell(value=value, kind=claim.field.kind, near=_labels(claim.field), hint_page=claim.page, quote=claim.quote)


def _labels(field: Field) -> tuple[str, ...]:
    return tuple(label for labels in field.labels.values() for label in labels)


def quotes(quote: str, words: str) -> bool | None:
    """Return whether what a model quoted and the page's words are one in the other; None where it quoted nothing."""
    said, shown = squeeze(quote), squeeze(words)
    return shown in said or said in shown if said else None


def _sign(check: bool | None) -> Sign:  # noqa: FBT001 - three answers, not a switch
    return Sign.NOTHING if check is None else Sign.FOR if check else Sign.AGAINST


def _field_schema(field: Field) -> dict[str, Any]:
    if field.kind is not Kind.ARRAY:
        return _value_schema(field)
    scalar = len(field.columns) == 1 and not field.columns[0].name
    item = (
        _value_schema(field.columns[0], optional=False)
        if scalar
        else {
            "type": "object",
            "properties": {column.name: _value_schema(column) for column in field.columns},
            "required": [column.name for column in field.columns],
            "additionalProperties": False,
        }
    )
    return {"type": "array", "items": item, "maxItems": _most_items(field)}


def _value_schema(field: Field, *, optional: bool = True) -> dict[str, Any]:
    value: dict[str, Any] = {"type": "string", "maxLength": _longest(field) + 1}
    if field.enum:
        value = {"type": "string", "enum": list(field.enum)}
    schema = {
        "type": "object",
        "properties": {
            "value": value,
            "quote": {"type": "string", "maxLength": MAX_QUOTE},
            "page": {"type": "integer", "minimum": 1, "maximum": 100_000},
        },
        "required": ["value", "quote", "page"],
        "additionalProperties": False,
    }
    return {"anyOf": [schema, {"type": "null"}]} if optional else schema


def _longest(field: Field) -> int:
    """Return how many characters a value may have as it is written."""
    if field.kind in _AS_WRITTEN:
        return min(field.max_length or MAX_VALUE, MAX_VALUE)
    return max(MAX_TYPED, min(field.max_length or 0, MAX_VALUE))


def _claims(field: Field, said: Any, path: str) -> Iterator[Claimed]:
    if said is None:
        return
    if field.kind is not Kind.ARRAY:
        yield _claim(field, said, path)
        return
    for number, item in enumerate(said):
        for column in field.columns:
            if not column.name:
                yield _claim(column, item, f"{path}/{number}")
            elif item[column.name] is not None:
                yield _claim(column, item[column.name], f"{path}/{number}/{column.name}")


def _claim(field: Field, said: Mapping[str, Any], path: str) -> Claimed:
    # A JSON Schema's integer may be written 2.0.
    return Claimed(
        path=path,
        field=field,
        value=restored(storable(said["value"])),
        quote=restored(storable(said["quote"])),
        page=int(said["page"]),
        is_cut=not field.enum and len(said["value"]) > _longest(field),
    )


def last_pages(*, claimed: Sequence[Claimed], names: Sequence[str]) -> int | None:
    """Return the page to which every one of these arrays was read, as the model says, or None without an item."""
    reached = dict.fromkeys(names, 0)
    for claim in claimed:
        name = claim.path.split("/", 2)[1]
        if name in reached:
            reached[name] = max(reached[name], claim.page)
    return min(reached.values(), default=0) or None


def full_arrays(*, claimed: Sequence[Claimed], fields: Sequence[Field]) -> tuple[str, ...]:
    """Return the names of arrays with as many items as a reply may hold: there may be more in the document."""
    last_items = {
        field.name: f"/{field.name}/{_most_items(field) - 1}/" for field in fields if field.kind is Kind.ARRAY
    }
    return tuple(
        name for name, start in last_items.items() if any(f"{claim.path}/".startswith(start) for claim in claimed)
    )


def _most_items(field: Field) -> int:
    # One more than the schema allows, as with a value's characters.
    return min((field.max_items or MAX_ITEMS) + 1, MAX_ITEMS)
