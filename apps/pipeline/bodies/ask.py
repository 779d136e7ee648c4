"""What the cheaper engines left open is asked of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from apps.common.clock import Clock
from apps.documents import queries as documents
from apps.documents import storage
from apps.extraction import cascade
from apps.extraction import notes as notes_of
from apps.extraction.engines.protocol import Engine, ExtractionRequest, PageImage
from apps.extraction.engines.registry import MODEL_PREFIX, model_profiles
from apps.extraction.engines.served import IfServed
from apps.extraction.engines.sglang import SglangEngine, expect_money
from apps.extraction.engines.turns import Turns
from apps.extraction.progress import Asked
from apps.extraction.values import ExtractedValue
from apps.inference import queries as spending
from apps.inference import servers
from apps.inference.admission import admission_to
from apps.inference.admitted_client import AdmittedClient
from apps.inference.budgets import BudgetSpentError
from apps.inference.client import SglangClient
from apps.inference.fairness import Lane
from apps.inference.operations import DocumentLedger
from apps.inference.profiles import profile, suffix_of
from apps.inference.servers import ModelServer
from apps.parsing import queries as parsing
from apps.pipeline.bodies.watching import WatchedPages
from apps.pipeline.operations import LeaseLostError
from apps.pipeline.stages import Claim, Outcome
from apps.pipeline.tuning import DocumentTuning, document_tuning
from apps.results import calibrating
from apps.results import operations as results
from apps.results import queries as stored_results
from apps.schemas import queries as schemas
from apps.schemas.fields import Schema


def ask(*, claim: Claim, clock: Clock, cancelled: Callable[[], bool]) -> Outcome:
    """Run the schema's model engines over what is missing or weak. Raises what the client raises.

    Each call is held to the tenant's budgets before it is sent, and written down when it ends, whatever becomes of its
    answer. Where an engine is stopped, what it found till then and those before it is stored, and no question that was
    answered is asked again: the next attempt weighs all answers anew, with those that come to them, so that its result
    is that of an attempt that nothing stops. A document longer than the context is asked window by window within this
    one stage: where its worker dies, the next attempt begins where the last one was stopped, and most of the prefill of
    the windows since then the server still has.
    """
    tenant_id, document_id = claim.tenant_id, claim.document_id
    summary = documents.document(tenant_id=tenant_id, document_id=document_id)
    if summary is None or summary.blob_id is None:
        raise LeaseLostError
    stored = stored_results.result_of_run(tenant_id=tenant_id, run_id=claim.run_id)
    if stored is None or not servers.has_any():
        return Outcome()
    schema = schemas.version(tenant_id=tenant_id, slug=stored.schema_slug, version=stored.schema_version)
    before = stored_results.asked_of_run(tenant_id=tenant_id, run_id=claim.run_id) or Asked(
        values=tuple(value.as_extracted() for value in stored.values),
        notes=stored.notes,
        alternatives=stored.alternatives,
    )
    known = before.values
    names = spending.policy(tenant_id=tenant_id, schema_slug=schema.slug, schema_engines=schema.engines)
    purse = DocumentLedger(
        tenant_id=tenant_id,
        document_id=document_id,
        schema_slug=schema.slug,
        lane=claim.lane,
        document_pages=summary.page_count or 0,
        clock=clock,
    )
    if claim.waited_for == BudgetSpentError.code:
        _expect_money(names, purse=purse, done=claim.progress)
    tuned = document_tuning(tenant_id=tenant_id, schema_slug=schema.slug, document_id=document_id, clock=clock)
    asked = [
        _Asked.of(name, claim=claim, purse=purse, tuned=tuned, cancelled=cancelled) for name in model_profiles(names)
    ]
    turns = Turns((one.engine() for one in asked), done=claim.progress, taken=before.turns)
    try:
        next_one = next((one for one in asked if one.client and one.name not in claim.progress), None)
        if next_one and next_one.client:
            next_one.client.expect_room()
        answers = cascade.run(
            request=replace(
                _request(tenant_id=tenant_id, blob_id=summary.blob_id, schema=schema, known=known, cancelled=cancelled),
                unreadable=notes_of.unreadable_fields(before.notes),
            ),
            engines=turns,
            curves=calibrating.curves(tenant_id=tenant_id, schema_slug=schema.slug),
        )
    finally:
        for one in asked:
            one.close()
    if turns.stopped_by is not None and not turns.is_new:
        raise turns.stopped_by
    notes = (*notes_of.still_true(before.notes, schema=schema, before=known, after=answers.values), *answers.notes)
    alternatives = (*_open(before.alternatives, before=known, after=answers.values), *answers.alternatives)

    def store() -> None:
        results.store_result(
            tenant_id=tenant_id,
            document_id=document_id,
            run_id=claim.run_id,
            schema_slug=schema.slug,
            schema_version=schema.version,
            values=answers.values,
            notes=tuple(dict.fromkeys(notes)),
            alternatives=alternatives,
            clock=clock,
        )
        if turns.stopped_by is not None:
            results.keep_asking(
                tenant_id=tenant_id,
                document_id=document_id,
                run_id=claim.run_id,
                asked=replace(before, turns=turns.taken),
            )

    return Outcome(
        store=store,
        # What the stretches were merged without, the model wasn't asked about.
        doubtful=answers.doubtful(schema=schema) or notes_of.has_left_out(notes),
        stopped_by=turns.stopped_by,
        progress=tuple(turns.done),
    )


def _expect_money(names: Sequence[str], *, purse: DocumentLedger, done: Sequence[str]) -> None:
    """Park a parked document again before its pages and all else are loaded. Raises BudgetSpentError."""
    left = [name for name in model_profiles([n for n in names if n not in done]) if servers.server_of(name)]
    if left:
        expect_money(profile=profile(left[0]), purse=purse)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A model of the policy, with a client to its server; `client` is None where the house has none for it.

    Each has a client of its own, by its name at that server; servers have one queue each.
    """

    profile: str
    server: ModelServer | None
    client: AdmittedClient | None
    purse: DocumentLedger
    tuned: DocumentTuning
    cancelled: Callable[[], bool]

    @classmethod
    def of(
        cls, name: str, *, claim: Claim, purse: DocumentLedger, tuned: DocumentTuning, cancelled: Callable[[], bool]
    ) -> _Asked:
        server = servers.server_of(name)
        client = _client(server, claim=claim) if server else None
        return cls(profile=name, server=server, client=client, purse=purse, tuned=tuned, cancelled=cancelled)

    @property
    def name(self) -> str:
        return f"{MODEL_PREFIX}{self.profile}"

    def engine(self) -> Engine:
        return IfServed(name=self.name, setting=f"{servers.URL}{suffix_of(self.profile)}", find=self._found)

    def _found(self) -> Engine | None:
        known = profile(self.profile)
        if self.server is None or self.client is None:
            return None
        if not self.server.own and not self.client.lists(known, cancelled=self.cancelled):
            return None
        return SglangEngine(
            profile=known,
            client=self.client,
            ledger=self.purse,
            cancelled=self.cancelled,
            **self.tuned.of(self.profile),
        )

    def close(self) -> None:
        if self.client is not None:
            self.client.close()


def _client(server: ModelServer, *, claim: Claim) -> AdmittedClient:
    known = profile(server.profile)
    return AdmittedClient(
        client=SglangClient(
            base_url=server.url,
            api_key=server.api_key,
            model=server.model,
            profile=known,
            kind=known.server,
            suffix=server.suffix,
        ),
        admission=admission_to(server),
        tenant_id=claim.tenant_id,
        lane=Lane(claim.lane),
        since=claim.since,
    )


def _request(
    *,
    tenant_id: UUID,
    blob_id: UUID,
    schema: Schema,
    known: tuple[ExtractedValue, ...],
    cancelled: Callable[[], bool],
) -> ExtractionRequest:
    """Return the request; its pages and their images are loaded when an engine comes to them."""

    def load(numbers: Sequence[int]) -> Sequence[PageImage]:
        return _images(tenant_id=tenant_id, blob_id=blob_id, numbers=numbers)

    return ExtractionRequest(
        document=parsing.parsed_document(tenant_id=tenant_id, blob_id=blob_id, max_pages=0),
        source=WatchedPages(source=parsing.stored_pages(tenant_id=tenant_id, blob_id=blob_id), cancelled=cancelled),
        pictures=parsing.picture_sizes(tenant_id=tenant_id, blob_id=blob_id),
        images=load,
        schema=schema,
        wanted=frozenset(field.name for field in schema.fields),
        known=known,
    )


def _open(
    alternatives: Sequence[ExtractedValue], *, before: Sequence[ExtractedValue], after: Sequence[ExtractedValue]
) -> tuple[ExtractedValue, ...]:
    """Return the alternatives to values that no later engine has replaced."""
    kept = {(value.path, value.value, value.engine) for value in before} & {
        (value.path, value.value, value.engine) for value in after
    }
    paths = {path for path, _, _ in kept}
    return tuple(value for value in alternatives if value.path in paths)


def _images(*, tenant_id: UUID, blob_id: UUID, numbers: Sequence[int]) -> tuple[PageImage, ...]:
    return tuple(
        PageImage(
            page=facts.number,
            width=facts.image_width,
            height=facts.image_height,
            jpeg=storage.fetch(key=facts.image_key),
        )
        for facts in parsing.images(tenant_id=tenant_id, blob_id=blob_id, numbers=numbers)
    )
