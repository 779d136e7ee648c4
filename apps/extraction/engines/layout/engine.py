"""From pages and a schema to values: the steps in their order."""

from __future__ import annotations

from apps.extraction.candidates import PageReading, find_candidates, infer_locale, read_page
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
from apps.extraction.engines.layout.items import find_table, row_rules
from apps.extraction.engines.layout.labels import lexicon
from apps.extraction.engines.layout.lines import lay_out
from apps.extraction.engines.layout.names import find_names
from apps.extraction.engines.layout.options import NUMERIC, Placed, options, place
from apps.extraction.engines.layout.pieces import VALUE_KINDS, PagePieces, take_apart
from apps.extraction.engines.layout.roles import Role, role_of
from apps.extraction.engines.layout.rules import equations
from apps.extraction.engines.layout.sections import sections
from apps.extraction.engines.layout.weighing import weigh
from apps.extraction.engines.protocol import Extraction, ExtractionRequest
from apps.schemas.fields import Kind

_LEAST = 0.4
_KINDS = VALUE_KINDS | {Kind.CURRENCY, Kind.ORGANISATION, Kind.ADDRESS}
_NAMES = frozenset({Kind.ORGANISATION, Kind.PERSON})


class LayoutEngine:
    """Reads labels, typed candidates and tables on the page. Needs no model and no network."""

    name = "layout"

    def extract(self, request: ExtractionRequest) -> Extraction:
        """Answer what the pages say plainly of `request.wanted`; leave out what is doubtful."""
        document, schema = request.document, request.schema
        locale = infer_locale(document=document)
        words = lexicon(fields=schema.fields, language=locale.language)
        pages: list[PagePieces] = []
        placed: list[Placed] = []
        readings: list[PageReading] = []
        kinds = _KINDS | {field.kind for field in schema.fields}
        for page in document.pages:
            reading = read_page(page=page)
            candidates = find_candidates(page=page, kinds=kinds, locale=locale, reading=reading)
            pieces = take_apart(layout=lay_out(page=page), candidates=candidates)
            pages.append(pieces)
            readings.append(reading)
            placed.extend(place(pieces=pieces, candidates=candidates))
        scalars = [field for field in schema.fields if field.kind is not Kind.ARRAY]
        names = [field for field in scalars if field.kind in _NAMES]
        typed = [field for field in scalars if field.kind not in _NAMES]
        roles = {field.name: role for field in names if (role := role_of(field)) is not Role.NONE}
        areas = {pieces.layout.page.number: sections(pieces=pieces, lexicon=words, roles=roles) for pieces in pages}
        tables = []
        taken: set[tuple[int, int]] = set()
        for field in schema.fields:
            if field.kind is Kind.ARRAY and len(field.columns) > 1:
                table = find_table(
                    field=field,
                    pages=pages,
                    placed=placed,
                    columns=lexicon(fields=field.columns, language=locale.language),
                    labels=words,
                    totals=frozenset(field.name for field in scalars if field.kind in NUMERIC),
                    rules=row_rules(rules=schema.rules, field=field),
                )
                if table is not None:
                    tables.append(table)
                    taken |= table.words
        found = options(fields=typed, lexicon=words, placed=placed, pages=len(pages), areas=areas, taken=taken)
        rules = equations(rules=schema.rules, names=frozenset(field.name for field in typed))
        ruled = frozenset(name for rule in rules for name in (*rule.inputs, rule.output))
        found = weigh(options=found, fields=typed, pages=pages, placed=placed, lexicon=words, ruled=ruled)
        choices, derived = choose(options=found, equations=rules, least=_LEAST)
        answers: dict[str, Answer] = {name: of_choice(choice) for name, choice in choices.items()}
        for name, choice in find_names(fields=names, pages=pages, placed=placed, lexicon=words).items():
            answers[name] = of_name(choice)
        for name, value in derived.items():
            answers.update(of_derived(name=name, derived=value, known=answers))
        for field in typed:
            if field.kind is Kind.CURRENCY and field.name not in answers:
                answers.update(currency(name=field.name, placed=placed, known=answers))
        for field in typed:
            if field.kind is Kind.TEXT:
                answers.update(of_text(field=field, pages=pages, readings=readings, lexicon=words, locale=locale))
        values = tuple(
            to_value(field=field, answer=answers[field.name], engine=self.name)
            for field in scalars
            if field.name in request.wanted and field.name in answers and answers[field.name].confidence >= ABSTAIN
        )
        rows = tuple(
            value
            for table in tables
            if table.field.name in request.wanted
            for value in table_values(table=table, engine=self.name)
        )
        return Extraction(values=values + rows)
