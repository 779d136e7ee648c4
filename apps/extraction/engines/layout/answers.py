"""What was chosen, as values with evidence and confidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.extraction.candidates import DocumentLocale, PageReading
from apps.extraction.candidates.currencies import AMBIGUOUS_SIGNS
from apps.extraction.engines.layout import confidence
from apps.extraction.engines.layout.choosing import Choice, Derived, Proof
from apps.extraction.engines.layout.items import Cell, Table, column_sum
from apps.extraction.engines.layout.labelled import labelled
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.names import NameChoice
from apps.extraction.engines.layout.options import Placed
from apps.extraction.engines.layout.pieces import PagePieces
from apps.extraction.engines.layout.prose import mentioned
from apps.extraction.engines.layout.rules import sums
from apps.extraction.exact import cents
from apps.extraction.values import Evidence, ExtractedValue
from apps.schemas.fields import Field, Kind, Rule

_CONTESTED = 0.65
"""How sure a currency is at most that only ambiguous signs name, where the page names another one plainly."""
_SURE_LABEL = 0.8
"""Score from which a label beside a text is believed against sentences that name another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A value before it becomes a result."""

    value: str
    confidence: float
    evidence: tuple[Evidence, ...]
    formula: str | None = None


def of_choice(choice: Choice) -> Answer:
    candidate = choice.option.placed.candidate
    page = choice.option.placed.pieces.layout.page
    sure = confidence.of_choice(choice=choice, read=confidence.reading(page=page, words=candidate.words))
    evidence = Evidence(page=candidate.page, box=candidate.box, quote=candidate.text)
    return Answer(value=candidate.value, confidence=sure, evidence=(evidence,))


def of_name(choice: NameChoice) -> Answer:
    sure = confidence.of_name(score=choice.score, rival=choice.rival, read=choice.span.confidence)
    return Answer(value=choice.span.text, confidence=sure, evidence=(choice.span.evidence(),))


def of_derived(*, name: str, derived: Derived, known: Mapping[str, Answer]) -> dict[str, Answer]:
    """Return a value that follows from others: as sure as the least sure of them and a little less.

    One that sums up amounts which the arithmetic proves is as sure as they are.
    """
    value = format(cents(derived.value), "f")
    if derived.parts:
        sources = [of_choice(Choice(option=part, rival=0.0, repeats=0, proof=Proof.AGREED)) for part in derived.parts]
        sure = min(source.confidence for source in sources)
    else:
        sources = [known[source] for source in derived.inputs]
        sure = min(source.confidence for source in sources) * 0.9
    evidence = tuple(piece for source in sources for piece in source.evidence)
    return {name: Answer(value=value, confidence=round(sure, 4), evidence=evidence, formula=derived.formula)}


def of_text(
    *,
    field: Field,
    pages: Sequence[PagePieces],
    readings: Sequence[PageReading],
    lexicon: Lexicon,
    locale: DocumentLocale,
) -> dict[str, Answer]:
    """Return a text by its label beside it, or else by the sentences that name it."""
    hits = [
        hit
        for pieces in pages
        for hit in labelled(pieces=pieces, lexicon=lexicon, name=field.name, names_only=False)
        if field.max_length is None or len(hit.span.text) <= field.max_length
    ]
    best = max(hits, key=lambda hit: hit.score, default=None)
    mention = mentioned(field=field, readings=readings, language=locale.language)
    if best is not None and best.score >= confidence.ABSTAIN and (mention is None or best.score > _SURE_LABEL):
        rival = max((hit.score for hit in hits if hit.span.text != best.span.text), default=0.0)
        sure = confidence.of_name(score=best.score, rival=rival, read=best.span.confidence)
        return {field.name: Answer(value=best.span.text, confidence=sure, evidence=(best.span.evidence(),))}
    if mention is not None:
        sure = confidence.of_mention(count=mention.count, total=mention.total)
        return {field.name: Answer(value=mention.text, confidence=sure, evidence=(mention.evidence,))}
    return {}


def currency(*, name: str, placed: Sequence[Placed], known: Mapping[str, Answer]) -> dict[str, Answer]:
    """Return the currency of the document's amounts by their signs and codes.

    The sign on the level of a known amount is its evidence, or else the last one.
    """
    amounts: Counter[str] = Counter()
    marks = [spot for spot in placed if spot.candidate.kind is Kind.CURRENCY and spot.candidate.confidence > 0.3]
    for spot in placed:
        if spot.candidate.kind is Kind.MONEY and spot.candidate.unit:
            amounts[spot.candidate.unit] += 2
    for spot in marks:
        amounts[spot.candidate.value] += 1
    ranked = amounts.most_common(2)
    if not ranked:
        return {}
    code, count = ranked[0]
    rival = ranked[1][1] if len(ranked) > 1 else 0
    own = [spot for spot in marks if spot.candidate.value == code]
    if not own:
        return {}
    chosen = {(piece.page, round(piece.box.y0, 3)) for answer in known.values() for piece in answer.evidence}
    level = [spot for spot in own if (spot.candidate.page, round(spot.candidate.box.y0, 3)) in chosen]
    spot = (level or own)[-1]
    sure = (0.95 if count >= 3 else 0.8) * (1 - 0.8 * rival / (count + rival))
    # A sign of several currencies beside another one's own: "$" is also what recognition makes of an "S".
    plain = {mark.candidate.value for mark in marks if mark.candidate.text not in AMBIGUOUS_SIGNS}
    if plain and code not in plain:
        sure = min(sure, _CONTESTED)
    evidence = Evidence(page=spot.candidate.page, box=spot.candidate.box, quote=spot.candidate.text)
    return {name: Answer(value=code, confidence=round(sure, 4), evidence=(evidence,))}


def to_value(*, field: Field, answer: Answer, engine: str, path: str | None = None) -> ExtractedValue:
    """Return an answer as the contract has it. `path` is the field's own by default."""
    return ExtractedValue(
        path=path or f"/{field.name}",
        value=answer.value,
        kind=field.kind,
        engine=engine,
        confidence=answer.confidence,
        status=confidence.status(answer.confidence),
        evidence=answer.evidence,
        formula=answer.formula,
    )


def table_values(
    *, table: Table, engine: str, known: Mapping[str, Answer], rules: Sequence[Rule]
) -> list[ExtractedValue]:
    """Return a table's cells as values, row by row. `known` are the single fields that a column may add up to."""
    summed = any(
        total in known and column_sum(table=table, column=column) == Decimal(known[total].value)
        for column, total in sums(rules=rules, array=table.field.name)
    )
    fields = {column.name: column for column in table.field.columns}
    values = []
    for number, item in enumerate(table.items):
        for name, column in fields.items():
            cell = item.cells.get(name)
            if cell is None:
                continue
            evidence, read = _cell_evidence(cell)
            weigh = confidence.of_cell if cell.span is None else confidence.of_text_cell
            proven = True if name in item.discounted else item.proven
            sure = weigh(heading=table.headings.get(name, 0.0), proven=proven, summed=summed, read=read)
            if sure < confidence.ABSTAIN:
                continue
            answer = Answer(value=cell.value, confidence=sure, evidence=(evidence,))
            path = f"/{table.field.name}/{number}/{name}"
            values.append(to_value(field=column, answer=answer, engine=engine, path=path))
    return values


def _cell_evidence(cell: Cell) -> tuple[Evidence, float]:
    if cell.placed is not None:
        candidate = cell.placed.candidate
        read = confidence.reading(page=cell.placed.pieces.layout.page, words=candidate.words)
        return Evidence(page=candidate.page, box=candidate.box, quote=candidate.text), read
    assert cell.span is not None
    return cell.span.evidence(), cell.span.confidence
