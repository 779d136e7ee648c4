"""Writing results."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
from django.db import connection
from django.db.models import Max
from psycopg.types.json import Jsonb

from apps.common.clock import Clock
from apps.common.errors import TerminalError
from apps.common.ids import new_id
from apps.common.text import is_storable, storable
from apps.documents import operations as documents
from apps.documents.models import DocumentStatus
from apps.extraction.canonical import collapse
from apps.extraction.notes import Note
from apps.extraction.progress import Asked
from apps.extraction.stretches import Stretch
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.results.decisions import (
    WHOLE,
    BadDecisionError,
    NewDecision,
    Seen,
    StaleDecisionError,
    UnderWayError,
    Verdict,
    form_of,
    is_canonical,
    pointer,
)
from apps.results.encoding import notes_from_json, notes_to_json, to_json, turns_to_json
from apps.results.models import Decision, Result, StoredAsking, StoredEvidence, StoredStretch, StoredValue
from apps.results.typed import date_of, number_of
from apps.schemas import queries as schemas
from apps.schemas.fields import Kind
from apps.tenants.scope import in_tenant_scope

# One statement for the result, its values and their evidence: docs/adr/0009 has the figures. `{conflict}` is what
# happens where the run has a result already: with DO NOTHING all three parts write nothing then, and the statement
# returns no row.
_STORE = """
WITH result AS (
  INSERT INTO results_result
    (tenant_id, id, document_id, run_id, schema_slug, schema_version, notes, alternatives, created_at)
  VALUES (%(tenant)s, %(result)s, %(document)s, %(run)s, %(slug)s, %(version)s, %(notes)s, %(alternatives)s, %(now)s)
  ON CONFLICT (tenant_id, run_id) {conflict}
  RETURNING id
), stored AS (
  INSERT INTO results_storedvalue
    (tenant_id, id, result_id, document_id, ordinal, path, kind, value, number, date,
     engine, confidence, score, status, formula)
  SELECT %(tenant)s, gen_random_uuid(), result.id, %(document)s, v.ordinal - 1, v.path, v.kind, v.value, v.number,
         v.date, v.engine, v.confidence, v.score, v.status, v.formula
  FROM result, unnest(
    %(paths)b::text[], %(kinds)b::text[], %(values)b::text[], %(numbers)b::numeric[], %(dates)b::date[],
    %(engines)b::text[], %(confidences)b::float8[], %(scores)b::float8[], %(statuses)b::text[], %(formulas)b::text[]
  ) WITH ORDINALITY AS v (path, kind, value, number, date, engine, confidence, score, status, formula, ordinal)
  RETURNING id, ordinal
), evidence AS (
  INSERT INTO results_storedevidence (tenant_id, id, value_id, ordinal, page, x0, y0, x1, y1, quote)
  SELECT %(tenant)s, gen_random_uuid(), stored.id, e.ordinal, e.page, e.x0, e.y0, e.x1, e.y1, e.quote
  FROM stored JOIN unnest(
    %(owners)b::int4[], %(ordinals)b::int4[], %(pages)b::int4[],
    %(x0)b::float8[], %(y0)b::float8[], %(x1)b::float8[], %(y1)b::float8[], %(quotes)b::text[]
  ) AS e (owner, ordinal, page, x0, y0, x1, y1, quote) ON e.owner = stored.ordinal
)
SELECT id FROM result
"""

_STORE_NEW = _STORE.format(conflict="DO NOTHING")

# The time stays the first one: it says which of a document's runs is the newest.
_STORE_AGAIN = _STORE.format(
    conflict="DO UPDATE SET schema_slug = excluded.schema_slug, schema_version = excluded.schema_version, "
    "notes = excluded.notes, alternatives = excluded.alternatives"
)


class DuplicatePathError(TerminalError):
    """Two values claim the same place in the schema's instance."""

    code = "duplicate_path"


@in_tenant_scope
def store_result(
    *,
    tenant_id: UUID,
    document_id: UUID,
    run_id: UUID,
    schema_slug: str,
    schema_version: int,
    values: Sequence[ExtractedValue],
    notes: Sequence[Note],
    clock: Clock,
    alternatives: Sequence[ExtractedValue] = (),
) -> UUID:
    """Write a run's values with their evidence, in the order given, and return the result's id.

    A run has one result: a repeat keeps its id and replaces what was in it. Amounts are stored exactly beside their
    text, or as text only where `number_of` says so. Raises DuplicatePathError.
    """
    if len({value.path for value in values}) != len(values):
        raise DuplicatePathError("an engine answered the same field twice: this is a fault in Quire, please report it")
    evidence = [
        (owner, ordinal, place.page, place.box, storable(place.quote))
        for owner, value in enumerate(values)
        for ordinal, place in enumerate(value.evidence)
    ]
    parameters = {
        "tenant": tenant_id,
        "result": new_id(),
        "document": document_id,
        "run": run_id,
        "slug": schema_slug,
        "version": schema_version,
        "notes": Jsonb(notes_to_json(notes)),
        "alternatives": Jsonb(to_json(alternatives)),
        "now": clock.now(),
        "paths": [storable(value.path) for value in values],
        "kinds": [value.kind.value for value in values],
        "values": [storable(value.value) for value in values],
        "numbers": [number_of(kind=value.kind, value=value.value) for value in values],
        "dates": [date_of(kind=value.kind, value=value.value) for value in values],
        "engines": [value.engine for value in values],
        "confidences": [float(value.confidence) for value in values],
        "scores": [None if value.score is None else float(value.score) for value in values],
        "statuses": [value.status.value for value in values],
        "formulas": [storable(value.formula or "") for value in values],
        "owners": [row[0] for row in evidence],
        "ordinals": [row[1] for row in evidence],
        "pages": [row[2] for row in evidence],
        "x0": [float(row[3].x0) for row in evidence],
        "y0": [float(row[3].y0) for row in evidence],
        "x1": [float(row[3].x1) for row in evidence],
        "y1": [float(row[3].y1) for row in evidence],
        "quotes": [row[4] for row in evidence],
    }
    # Parameters that the server binds, in binary: at a thousand values a quarter faster than Django's cursor, which
    # writes them into the statement's text.
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        stored = cursor.execute(_STORE_NEW, parameters).fetchone()
        if stored is None:
            _empty(tenant_id=tenant_id, run_id=run_id)
            stored = cursor.execute(_STORE_AGAIN, parameters).fetchone()
    if stored is None:
        message = "an upsert returned no row"
        raise RuntimeError(message)
    result_id: UUID = stored[0]
    return result_id


@in_tenant_scope
def store_stretch(
    *,
    tenant_id: UUID,
    document_id: UUID,
    run_id: UUID,
    first_page: int,
    last_page: int,
    schema_slug: str,
    schema_version: int,
    stretch: Stretch,
) -> None:
    """Put down what was read from some pages of a run's document; a repeat replaces it."""
    StoredStretch.objects.update_or_create(
        tenant_id=tenant_id,
        run_id=run_id,
        first_page=first_page,
        defaults={
            "document_id": document_id,
            "last_page": last_page,
            "schema_slug": schema_slug,
            "schema_version": schema_version,
            "values": to_json(stretch.values),
            "notes": notes_to_json(stretch.notes),
            "alternatives": to_json(stretch.alternatives),
        },
    )


@in_tenant_scope
def forget_stretches(*, tenant_id: UUID, run_id: UUID) -> None:
    """Delete what was read in stretches: they are put together, or never will be."""
    StoredStretch.objects.filter(tenant_id=tenant_id, run_id=run_id).delete()


@in_tenant_scope
def keep_asking(*, tenant_id: UUID, document_id: UUID, run_id: UUID, asked: Asked) -> None:
    """Put down how far a run's document was asked; what was put down before is replaced."""
    StoredAsking.objects.update_or_create(
        tenant_id=tenant_id,
        run_id=run_id,
        defaults={
            "document_id": document_id,
            "values": to_json(asked.values),
            "notes": notes_to_json(asked.notes),
            "alternatives": to_json(asked.alternatives),
            "turns": turns_to_json(asked.turns),
        },
    )


@in_tenant_scope
def forget_asking(*, tenant_id: UUID, run_id: UUID) -> None:
    """Delete how far a run's document was asked: its result has all of it, or never will."""
    StoredAsking.objects.filter(tenant_id=tenant_id, run_id=run_id).delete()


@in_tenant_scope
def note(*, tenant_id: UUID, run_id: UUID, note: str) -> None:
    """Say something more of a run's result, once; a run without one has nothing to say it of."""
    result = Result.objects.select_for_update().filter(tenant_id=tenant_id, run_id=run_id).first()
    if result is not None:
        _note(result, Note(text=note))


@in_tenant_scope
def doubt(*, tenant_id: UUID, result_id: UUID, value_ids: Collection[UUID], note: Note) -> None:
    """Send accepted values to review, and say why in the result's notes."""
    StoredValue.objects.filter(
        tenant_id=tenant_id, result_id=result_id, id__in=value_ids, status=ValueStatus.ACCEPTED.value
    ).update(status=ValueStatus.NEEDS_REVIEW.value)
    result = Result.objects.select_for_update().get(tenant_id=tenant_id, id=result_id)
    _note(result, note)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What can be decided on: a value of a newest result, or without one a field that nothing was read for."""

    result: Result
    path: str
    kind: Kind
    value: StoredValue | None
    doubtful: bool


@in_tenant_scope
def decide(
    *, tenant_id: UUID, document_id: UUID, decisions: Sequence[NewDecision], decided_by: str, clock: Clock
) -> DocumentStatus:
    """Write down what a person says of values of a document's newest results: all of it, or nothing.

    A decision may also be on a field that nothing was read for, if it isn't an array: `correct` adds its value,
    `reject` says that the document has none. A document in review is done once everything doubtful is decided on:
    values that aren't accepted, and required fields without a value. Where no value is doubtful, but the document as a
    whole, it is done with any decision; `accept` on the path "", the whole, says that it is right as it stands. That is
    written down with each result; where nothing was read there is none, and only the review ends.

    Returns the document's status. The document is locked meanwhile. `decided_by` names the person or the key. Raises
    BadDecisionError, StaleDecisionError, UnderWayError.
    """
    document = documents.lock(tenant_id=tenant_id, document_id=document_id)
    if document is None or document.status not in {DocumentStatus.DONE, DocumentStatus.NEEDS_REVIEW}:
        raise UnderWayError("values can be decided on once the document is done or in review")
    newest = _newest(tenant_id=tenant_id, document_id=document_id)
    subjects = _subjects(tenant_id=tenant_id, newest=newest)
    of_the_whole = [decision for decision in decisions if decision.path == WHOLE]
    if any(decision.verdict is not Verdict.ACCEPT or decision.value is not None for decision in of_the_whole):
        raise BadDecisionError("the whole can be accepted, but not corrected or rejected: decide on its values")
    chosen = [(_chosen(one, subjects=subjects), one) for one in decisions if one.path != WHOLE]
    if len({(subject.result.id, subject.path) for subject, _ in chosen}) != len(chosen):
        raise BadDecisionError("two decisions are on the same value: send the one that holds")
    turns = _turns(tenant_id=tenant_id, result_ids={result.id for result in newest})
    if any(
        decision.seen not in {None, Seen(result_id=subject.result.id, turn=_turn(subject, turns))}
        for subject, decision in chosen
    ):
        raise StaleDecisionError("this has changed since you saw it: look at it again, then decide")
    quotes = dict(
        StoredEvidence.objects.filter(
            tenant_id=tenant_id, value_id__in=[subject.value.id for subject, _ in chosen if subject.value], ordinal=0
        ).values_list("value_id", "quote")
    )
    now = clock.now()
    rows = []
    for subject, decision in chosen:
        right = _right(decision, subject=subject)
        turn = _turn(subject, turns) + 1
        turns[subject.result.id, subject.path] = turn
        rows.append(
            Decision(
                tenant_id=tenant_id,
                result_id=subject.result.id,
                document_id=document_id,
                schema_slug=subject.result.schema_slug,
                path=subject.path,
                kind=subject.kind.value,
                turn=turn,
                verdict=decision.verdict.value,
                value=right,
                number=number_of(kind=subject.kind, value=right),
                date=date_of(kind=subject.kind, value=right),
                engine=subject.value.engine if subject.value else "",
                said=subject.value.value if subject.value else "",
                score=_score(subject.value),
                quote=quotes.get(subject.value.id, "") if subject.value else "",
                decided_by=storable(decided_by),
                decided_at=now,
            )
        )
    settled = not _undecided(subjects, turns=turns)
    if of_the_whole:
        if not settled:
            raise BadDecisionError("some values are still to be decided on: decide on them, or accept each")
        rows += [
            Decision(
                tenant_id=tenant_id,
                result_id=result.id,
                document_id=document_id,
                schema_slug=result.schema_slug,
                path=WHOLE,
                kind=Kind.TEXT.value,
                turn=turns.get((result.id, WHOLE), 0) + 1,
                verdict=Verdict.ACCEPT.value,
                value="",
                engine="",
                said="",
                quote="",
                decided_by=storable(decided_by),
                decided_at=now,
            )
            for result in newest
        ]
    elif not rows:
        return DocumentStatus(document.status)
    Decision.objects.bulk_create(rows)
    status = DocumentStatus.DONE if settled else DocumentStatus(document.status)
    open_still = status == DocumentStatus.NEEDS_REVIEW
    documents.set_status(
        tenant_id=tenant_id,
        document_id=document_id,
        status=status,
        reason_code=document.reason_code if open_still else "",
        reason=document.reason if open_still else "",
        terminal=True,
        clock=clock,
    )
    return status


@in_tenant_scope
def delete_results(*, tenant_id: UUID, document_id: UUID) -> None:
    """Delete all that was extracted from a document, evidence included."""
    Result.objects.filter(tenant_id=tenant_id, document_id=document_id).delete()


@in_tenant_scope
def undecided_runs(*, tenant_id: UUID, document_id: UUID) -> frozenset[UUID]:
    """Return the runs of a document's newest results in which something doubtful waits for a decision, or all does."""
    newest = _newest(tenant_id=tenant_id, document_id=document_id)
    turns = _turns(tenant_id=tenant_id, result_ids={result.id for result in newest})
    begun = {result_id for result_id, _ in turns}
    undecided = _undecided(_subjects(tenant_id=tenant_id, newest=newest), turns=turns)
    waiting = {subject.result.id for subject in undecided}
    return frozenset(result.run_id for result in newest if result.id in waiting or result.id not in begun)


def _undecided(subjects: Sequence[_Subject], *, turns: Mapping[tuple[UUID, str], int]) -> list[_Subject]:
    return [subject for subject in subjects if subject.doubtful and (subject.result.id, subject.path) not in turns]


def _newest(*, tenant_id: UUID, document_id: UUID) -> list[Result]:
    """Return the newest result of each schema."""
    return list(
        Result.objects.filter(tenant_id=tenant_id, document_id=document_id)
        .order_by("schema_slug", "-created_at", "-id")
        .distinct("schema_slug")
    )


def _subjects(*, tenant_id: UUID, newest: Sequence[Result]) -> list[_Subject]:
    """Return everything of these results that can be decided on. The caller holds the document's lock."""
    subjects = []
    for result in newest:
        values = list(StoredValue.objects.filter(tenant_id=tenant_id, result_id=result.id).order_by("ordinal"))
        subjects += [
            _Subject(
                result=result,
                path=value.path,
                kind=Kind(value.kind),
                value=value,
                doubtful=value.status != ValueStatus.ACCEPTED,
            )
            for value in values
        ]
        paths = {value.path for value in values}
        schema = schemas.version(tenant_id=tenant_id, slug=result.schema_slug, version=result.schema_version)
        subjects += [
            _Subject(result=result, path=path, kind=field.kind, value=None, doubtful=field.required)
            for field in schema.fields
            if field.kind is not Kind.ARRAY and (path := pointer(field.name)) not in paths
        ]
    return subjects


def _chosen(decision: NewDecision, *, subjects: Sequence[_Subject]) -> _Subject:
    found = [
        subject
        for subject in subjects
        if subject.path == decision.path and decision.schema in {"", subject.result.schema_slug}
    ]
    if not found:
        raise BadDecisionError(
            "the document's newest result has no value at one of these paths: take the paths from its results"
        )
    if len(found) > 1:
        raise BadDecisionError("several schemas have one of these paths: say which is meant, in 'schema'")
    return found[0]


def _right(decision: NewDecision, *, subject: _Subject) -> str:
    """Return the right value that a decision names, "" where there is none. Raises BadDecisionError."""
    where = collapse(decision.path)[:300]
    if decision.verdict is Verdict.CORRECT:
        if decision.value is None:
            raise BadDecisionError(f"{where}: 'correct' needs the right value, in 'value'")
        if not is_storable(decision.value):
            raise BadDecisionError(f"{where}: the value holds a character that no text may hold: write it anew")
        if not is_canonical(value=decision.value, kind=subject.kind):
            raise BadDecisionError(
                f"{where}: write a value of the kind {subject.kind.value} as {form_of(subject.kind)}"
            )
        return decision.value
    if decision.value is not None:
        raise BadDecisionError(f"{where}: a value goes with 'correct' alone")
    if decision.verdict is Verdict.REJECT:
        return ""
    if subject.value is None:
        raise BadDecisionError(f"{where}: nothing was read here that could be accepted: correct it, or reject it")
    return subject.value.value


def _score(value: StoredValue | None) -> float | None:
    if value is None:
        return None
    return value.confidence if value.score is None else value.score


def _turns(*, tenant_id: UUID, result_ids: Collection[UUID]) -> dict[tuple[UUID, str], int]:
    """Return the last turn of each value that was decided on already, by result and path."""
    rows = (
        Decision.objects.filter(tenant_id=tenant_id, result_id__in=result_ids)
        .values("result_id", "path")
        .annotate(last=Max("turn"))
    )
    return {(row["result_id"], row["path"]): row["last"] for row in rows}


def _turn(subject: _Subject, turns: Mapping[tuple[UUID, str], int]) -> int:
    return turns.get((subject.result.id, subject.path), 0)


def _note(result: Result, note: Note) -> None:
    noted = dict.fromkeys([*notes_from_json(result.notes), *notes_from_json(notes_to_json([note]))])
    Result.objects.filter(tenant_id=result.tenant_id, id=result.id).update(notes=notes_to_json(tuple(noted)))


def _empty(*, tenant_id: UUID, run_id: UUID) -> None:
    """Lock a run's result until the end of the transaction, and delete what is in it."""
    result_id = Result.objects.select_for_update().values_list("id", flat=True).get(tenant_id=tenant_id, run_id=run_id)
    StoredValue.objects.filter(tenant_id=tenant_id, result_id=result_id).delete()
