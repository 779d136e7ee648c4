"""Reading results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db.models import F, Func, Q, TextField, Value

from apps.extraction.canonical import same
from apps.extraction.notes import LOCKED, Note
from apps.extraction.paths import top_level
from apps.extraction.progress import Asked
from apps.extraction.stretches import Stretch
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box
from apps.results.decisions import REVIEW, WHOLE, CheckedValue, Correction, ValueDecision, Verdict
from apps.results.encoding import from_json, notes_from_json, turns_from_json
from apps.results.models import Decision, Result, StoredAsking, StoredEvidence, StoredStretch, StoredValue
from apps.schemas.fields import Kind
from apps.tenants.scope import in_tenant_scope

_ROW = "^/[^/]+/[^/]+/"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentValue:
    """One value with its evidence; the fields are `ExtractedValue`'s."""

    id: UUID
    path: str
    value: str
    kind: Kind
    engine: str
    confidence: float
    status: ValueStatus
    evidence: tuple[Evidence, ...]
    formula: str | None
    score: float | None = None

    def as_extracted(self) -> ExtractedValue:
        """Return what the engine answered, for an engine that goes on from there."""
        return ExtractedValue(
            path=self.path,
            value=self.value,
            kind=self.kind,
            engine=self.engine,
            confidence=self.confidence,
            status=self.status,
            evidence=self.evidence,
            formula=self.formula,
            score=self.score,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentResult:
    """A document's values under one version of a schema, in the order in which they were stored.

    `alternatives` are other values that were read for a field whose stored one needs review. `decisions` are those
    that hold, the last on each value. `left_out` names the arrays some of whose cells `open_results` left out.
    """

    id: UUID
    document_id: UUID
    run_id: UUID
    schema_slug: str
    schema_version: int
    notes: tuple[Note, ...]
    created_at: datetime
    values: tuple[DocumentValue, ...]
    alternatives: tuple[ExtractedValue, ...] = ()
    decisions: tuple[ValueDecision, ...] = ()
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStretch:
    """What was read from pages first to last, from 1, and under which version of a schema."""

    first_page: int
    last_page: int
    schema_slug: str
    schema_version: int
    stretch: Stretch


@in_tenant_scope
def results_of(*, tenant_id: UUID, document_id: UUID) -> tuple[DocumentResult, ...]:
    """Return the newest result of each schema, by slug; nothing where the tenant has no such document.

    What people decided is laid over the values: an accepted one is `accepted`; a corrected one too, with the right
    value, `review` as its engine, a confidence of 1 and the place that the engine had read; a rejected one `rejected`.
    A value that a person added stands last, without a place.
    """
    return results_of_documents(tenant_id=tenant_id, document_ids=[document_id])[document_id]


@in_tenant_scope
def results_of_documents(*, tenant_id: UUID, document_ids: Sequence[UUID]) -> Mapping[UUID, tuple[DocumentResult, ...]]:
    """Return what `results_of` does for many documents at once; every id asked for is a key."""
    return _newest(tenant_id=tenant_id, document_ids=document_ids, whole=True)


@in_tenant_scope
def open_results(*, tenant_id: UUID, document_ids: Sequence[UUID]) -> Mapping[UUID, tuple[DocumentResult, ...]]:
    """Return of many documents' results what may need a person, for lists of documents.

    Left out are the rows of arrays whose cells are all accepted, which are most of a long document, and all evidence.
    """
    return _newest(tenant_id=tenant_id, document_ids=document_ids, whole=False)


@in_tenant_scope
def waits_for_password(*, tenant_id: UUID, document_id: UUID) -> bool:
    """Say whether a document's newest result holds values that couldn't be looked at, since the document is locked."""
    newest = Result.objects.filter(tenant_id=tenant_id, document_id=document_id).order_by("-created_at", "-id")
    return LOCKED in notes_from_json(newest.values_list("notes", flat=True).first() or ())


def _newest(*, tenant_id: UUID, document_ids: Sequence[UUID], whole: bool) -> Mapping[UUID, tuple[DocumentResult, ...]]:
    results = list(
        Result.objects.filter(tenant_id=tenant_id, document_id__in=list(document_ids))
        .order_by("document_id", "schema_slug", "-created_at", "-id")
        .distinct("document_id", "schema_slug")
    )
    result_ids = [result.id for result in results]
    values = _values(tenant_id=tenant_id, result_ids=result_ids, whole=whole)
    left_out = {} if whole else _left_out(tenant_id=tenant_id, result_ids=result_ids)
    decisions = _holding(tenant_id=tenant_id, result_ids=result_ids)
    found: dict[UUID, list[DocumentResult]] = {document_id: [] for document_id in document_ids}
    for result in results:
        holding = decisions.get(result.id, {})
        if not whole:
            # A decision on a cell that is left out would stand as a value that a person added.
            shown = {value.path for value in values.get(result.id, ())}
            holding = {path: one for path, one in holding.items() if path in shown or path.count("/") == 1}
        decided = _decided(values.get(result.id, ()), decisions=holding)
        shown_result = _result(result, values=decided, decisions=tuple(holding.values()))
        found[result.document_id].append(replace(shown_result, left_out=left_out.get(result.id, frozenset())))
    return {document_id: tuple(of_document) for document_id, of_document in found.items()}


@in_tenant_scope
def result_of_run(*, tenant_id: UUID, run_id: UUID) -> DocumentResult | None:
    """Return what a run has stored so far, as its engines have it, or None."""
    result = Result.objects.filter(tenant_id=tenant_id, run_id=run_id).first()
    if result is None:
        return None
    return _result(result, values=_values(tenant_id=tenant_id, result_ids=[result.id]).get(result.id, ()))


@in_tenant_scope
def schema_of_run(*, tenant_id: UUID, run_id: UUID) -> str:
    """Return the slug of the schema of a run's result, "" where it has none."""
    return Result.objects.filter(tenant_id=tenant_id, run_id=run_id).values_list("schema_slug", flat=True).first() or ""


@in_tenant_scope
def stretches_of_run(*, tenant_id: UUID, run_id: UUID) -> tuple[ReadStretch, ...]:
    """Return what a run has read of a long document so far, in the order of the pages."""
    rows = StoredStretch.objects.filter(tenant_id=tenant_id, run_id=run_id).order_by("first_page")
    return tuple(
        ReadStretch(
            first_page=row.first_page,
            last_page=row.last_page,
            schema_slug=row.schema_slug,
            schema_version=row.schema_version,
            stretch=Stretch(
                values=from_json(row.values), notes=notes_from_json(row.notes), alternatives=from_json(row.alternatives)
            ),
        )
        for row in rows
    )


@in_tenant_scope
def asked_of_run(*, tenant_id: UUID, run_id: UUID) -> Asked | None:
    """Return how far a run's document was asked before it was stopped, or None."""
    row = StoredAsking.objects.filter(tenant_id=tenant_id, run_id=run_id).first()
    if row is None:
        return None
    return Asked(
        values=from_json(row.values),
        notes=notes_from_json(row.notes),
        alternatives=from_json(row.alternatives),
        turns=turns_from_json(row.turns),
    )


@in_tenant_scope
def decisions_of(*, tenant_id: UUID, document_id: UUID) -> tuple[ValueDecision, ...]:
    """Return every decision on a document's values, of older results too, the oldest first."""
    rows = Decision.objects.filter(tenant_id=tenant_id, document_id=document_id)
    return tuple(_decision(row) for row in rows.order_by("decided_at", "path", "turn", "id"))


@in_tenant_scope
def checked(*, tenant_id: UUID, schema_slug: str, limit: int | None = None) -> tuple[CheckedValue, ...]:
    """Return the engines' values of a schema that people have judged, the newest first, by the last decision on each.

    `limit` is how many of the newest decisions are read. A correction to the same value, 12.5 for 12.50, says that it
    was right.
    """
    rows = (
        Decision.objects.filter(tenant_id=tenant_id, schema_slug=schema_slug)
        .order_by("-decided_at", "-turn", "-id")
        .values_list("result_id", "path", "engine", "score", "verdict", "kind", "said", "value")
    )
    found: dict[tuple[UUID, str], CheckedValue] = {}
    for result_id, path, engine, score, verdict, kind, said, value in rows[:limit]:
        if score is not None and (result_id, path) not in found:
            right = verdict != Verdict.REJECT and same(said, value, Kind(kind))
            found[result_id, path] = CheckedValue(engine=engine, score=score, right=right)
    return tuple(found.values())


@in_tenant_scope
def corrections(*, tenant_id: UUID, schema_slug: str, limit: int) -> tuple[Correction, ...]:
    """Return the corrections that hold, the newest first: where the last decision on an engine's value is another."""
    last = (
        Decision.objects.filter(tenant_id=tenant_id, schema_slug=schema_slug, score__isnull=False)
        .order_by("result_id", "path", "-turn")
        .distinct("result_id", "path")
    )
    rows = Decision.objects.filter(
        tenant_id=tenant_id, id__in=last.values("id"), verdict=Verdict.CORRECT.value
    ).order_by("-decided_at", "-id")
    return tuple(
        Correction(document_id=row.document_id, path=row.path, said=row.said, value=row.value, quote=row.quote)
        for row in rows[:limit]
    )


def _decision(row: Decision) -> ValueDecision:
    return ValueDecision(
        id=row.id,
        result_id=row.result_id,
        schema_slug=row.schema_slug,
        path=row.path,
        kind=Kind(row.kind),
        turn=row.turn,
        verdict=Verdict(row.verdict),
        value=row.value,
        engine=row.engine,
        said=row.said,
        score=row.score,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
    )


def _holding(*, tenant_id: UUID, result_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, ValueDecision]]:
    """Return the last decision on each value of these results, by result and path."""
    found: defaultdict[UUID, dict[str, ValueDecision]] = defaultdict(dict)
    rows = Decision.objects.filter(tenant_id=tenant_id, result_id__in=result_ids).exclude(path=WHOLE)
    for row in rows.order_by("result_id", "path", "-turn").distinct("result_id", "path") if result_ids else ():
        found[row.result_id][row.path] = _decision(row)
    return found


def _decided(values: Sequence[DocumentValue], *, decisions: Mapping[str, ValueDecision]) -> tuple[DocumentValue, ...]:
    """Return the values with what people decided laid over them, and those that people added."""
    paths = {value.path for value in values}
    return (
        *(_with(value, decisions.get(value.path)) for value in values),
        *(
            DocumentValue(
                id=decision.id,
                path=decision.path,
                value=decision.value,
                kind=decision.kind,
                engine=REVIEW,
                confidence=1.0,
                status=ValueStatus.ACCEPTED,
                evidence=(),
                formula=None,
            )
            for path, decision in decisions.items()
            if path not in paths and decision.verdict is not Verdict.REJECT
        ),
    )


def _with(value: DocumentValue, decision: ValueDecision | None) -> DocumentValue:
    if decision is None:
        return value
    if decision.verdict is Verdict.REJECT:
        return replace(value, status=ValueStatus.REJECTED)
    if value.value == decision.value:
        return replace(value, status=ValueStatus.ACCEPTED)
    return replace(
        value, value=decision.value, engine=REVIEW, confidence=1.0, status=ValueStatus.ACCEPTED, formula=None
    )


def _result(
    result: Result, *, values: Sequence[DocumentValue], decisions: tuple[ValueDecision, ...] = ()
) -> DocumentResult:
    return DocumentResult(
        id=result.id,
        document_id=result.document_id,
        run_id=result.run_id,
        schema_slug=result.schema_slug,
        schema_version=result.schema_version,
        notes=notes_from_json(result.notes),
        created_at=result.created_at,
        values=tuple(values),
        alternatives=from_json(result.alternatives),
        decisions=decisions,
    )


_ACCEPTED_CELL = Q(status=ValueStatus.ACCEPTED.value, path__regex="^/.*/")


def _left_out(*, tenant_id: UUID, result_ids: Sequence[UUID]) -> Mapping[UUID, frozenset[str]]:
    """Return the names of arrays that have accepted cells, by result."""
    found: defaultdict[UUID, set[str]] = defaultdict(set)
    cells = StoredValue.objects.filter(_ACCEPTED_CELL, tenant_id=tenant_id, result_id__in=result_ids)
    name = Func(F("path"), Value("/"), Value(2), function="split_part", output_field=TextField())
    for result_id, written in cells.values_list("result_id", name).distinct():
        found[result_id].add(top_level(f"/{written}"))
    return {result_id: frozenset(names) for result_id, names in found.items()}


def _values(*, tenant_id: UUID, result_ids: Sequence[UUID], whole: bool = True) -> Mapping[UUID, list[DocumentValue]]:
    """Return the values of these results, each list in its stored order; what isn't whole is `open_results`' part."""
    if not result_ids:
        return {}
    rows = StoredValue.objects.filter(tenant_id=tenant_id, result_id__in=result_ids)
    if not whole:
        # A row's rule is told from all of its cells, also where only one of them is doubtful.
        of_row = Func(F("path"), Value(_ROW), function="substring", output_field=TextField())
        cells = rows.annotate(row=of_row).filter(row__isnull=False)
        doubtful = cells.exclude(status=ValueStatus.ACCEPTED.value).values("row")
        rows = rows.filter(~_ACCEPTED_CELL | Q(id__in=cells.filter(row__in=doubtful).values("id")))
    places: defaultdict[UUID, list[Evidence]] = defaultdict(list)
    for value_id, page, x0, y0, x1, y1, quote in (
        StoredEvidence.objects.filter(tenant_id=tenant_id, value_id__in=rows.values("id"))
        .order_by("value_id", "ordinal")
        .values_list("value_id", "page", "x0", "y0", "x1", "y1", "quote")
        if whole
        else ()
    ):
        places[value_id].append(Evidence(page=page, box=Box(x0, y0, x1, y1), quote=quote))
    values: defaultdict[UUID, list[DocumentValue]] = defaultdict(list)
    for row in rows.order_by("result_id", "ordinal"):
        values[row.result_id].append(
            DocumentValue(
                id=row.id,
                path=row.path,
                value=row.value,
                kind=Kind(row.kind),
                engine=row.engine,
                confidence=row.confidence,
                status=ValueStatus(row.status),
                evidence=tuple(places[row.id]),
                formula=row.formula or None,
                score=row.score,
            )
        )
    return values
