"""The model engine: pages as text and pictures to an SGLang server, grounded values back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from time import monotonic

from apps.common.errors import QuireError
from apps.extraction.answers import Claimed, full_arrays, indexed, last_pages, read_reply, reply_schema, resolve
from apps.extraction.engines.protocol import Extraction, ExtractionRequest
from apps.extraction.engines.registry import MODEL_PREFIX
from apps.extraction.guidance import SILENT, Guidance, about, fitting, guidance_words
from apps.extraction.merging import merged
from apps.extraction.notes import Note, list_cut, unusable
from apps.extraction.notes import unread as page_unread
from apps.extraction.packing import QUESTION_TOKENS, REPLY_TOKENS, Packed, pack, text_tokens
from apps.extraction.page_need import Need
from apps.extraction.prompt import DocumentPrompt, Part, ask, document_prompt, question, system_words
from apps.extraction.values import ExtractedValue
from apps.extraction.windows import TooLong
from apps.inference.adapters import PLAIN, RequestTuning
from apps.inference.client import ChatClient
from apps.inference.errors import (
    BadRequestError,
    ImageRefusedError,
    OffSchemaReplyError,
    PromptTooLongError,
    RequestWithdrawnError,
    TruncatedReplyError,
)
from apps.inference.ledger import NEVER_RAN, NOTHING, CallRecord, Purse, Reservation, Usage, gpu_seconds
from apps.inference.predictions import WATCH
from apps.inference.profiles import Profile
from apps.inference.tokens import counter, estimated_tokens
from apps.parsing.pages import ParsedDocument
from apps.schemas.fields import Field, Kind, Schema

# A reply that was cut or is off its schema is asked for again so often, then left to a person.
RETRIES = 2
# The first attempt is greedy. The same question would get the same bad reply again.
RETRY_TEMPERATURE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one window gave: an answer a question."""

    answers: list[tuple[ExtractedValue, ...]]
    notes: list[Note]
    unread: set[str]


class SglangEngine:
    """One model profile on one server. `name` is `sglang:` and the profile's name."""

    def __init__(
        self,
        *,
        profile: Profile,
        client: ChatClient,
        ledger: Purse,
        cancelled: Callable[[], bool] = lambda: False,
        guidance: Guidance = SILENT,
        tuning: RequestTuning = PLAIN,
    ) -> None:
        self._guidance = guidance
        self._tuning = tuning
        self._system = system_words(mark=tuning.mark)
        self._profile = profile
        self._client = client
        self._ledger = ledger
        self._cancelled = cancelled

    @property
    def name(self) -> str:
        return f"{MODEL_PREFIX}{self._profile.name}"

    def extract(self, request: ExtractionRequest) -> Extraction:
        """Ask for the missing fields, window by window where the document is longer than the context.

        What is wrong with this document or its replies becomes a note; what is wrong with the server is raised, as
        `apps.inference.errors` has it: another attempt, or another configuration, can answer the same question. An
        attempt begins with the first window again, whose prefill the server may still have. Raises
        RequestWithdrawnError between two calls too, and BudgetSpentError where there is no money for the next call, or
        before the first one where there is too little for a document that takes several.
        """
        fields = [field for field in request.schema.fields if field.name in request.wanted]
        if not fields:
            return Extraction(values=())
        # Its pages aren't read while not even a reply could be paid.
        expect_money(profile=self._profile, purse=self._ledger)
        answers: list[tuple[ExtractedValue, ...]] = []
        notes: list[Note] = []
        begun = False
        unread: set[str] = set()
        for part in pack(pages=request.pages(), profile=self._profile, pictures=request.pictures, system=self._system):
            if isinstance(part, TooLong):
                notes.append(page_unread(page=part.page))
                unread.update(field.name for field in fields)
                continue
            if not begun:
                begun = True
                self._look_ahead(part, request=request, fields=fields)
            found = self._read(part, request=request, fields=fields)
            answers += found.answers
            notes += found.notes
            unread |= found.unread
            # The next window's pages are read while these names still hold this one's.
            del part, found
        return replace(_together(answers, notes=notes, fields=fields), unread=frozenset(unread))

    def _look_ahead(self, packed: Packed, *, request: ExtractionRequest, fields: Sequence[Field]) -> None:
        """Raise BudgetSpentError where a document that takes several calls can't be paid to its end.

        Counted are the prompts of all its windows, taken to be as dense as the first, and the room of one reply. A list
        that a reply can't hold takes more calls than are counted here.
        """
        windows = max(request.page_count / len(packed.pages), 1.0)
        questions = len(list(self._groups(request=request, fields=fields, part=None)))
        if windows * questions > 1:
            prompt_tokens = int((packed.tokens + QUESTION_TOKENS) * windows * questions)
            self._ledger.look_ahead(
                tokens=prompt_tokens + REPLY_TOKENS,
                usd=self._price(prompt_tokens, REPLY_TOKENS, _today()),
                what="the whole document",
            )

    def _read(self, packed: Packed, *, request: ExtractionRequest, fields: Sequence[Field]) -> _Found:
        """Ask all questions about one window's pages."""
        prompt, notes = self._prompt(packed, request=request)
        document = ParsedDocument(pages=packed.pages, language=request.document.language)
        first, last = packed.pages[0].number, packed.pages[-1].number
        whole = last - first + 1 == request.page_count
        part = None if whole else Part(first=first, last=last, count=request.page_count)
        index = indexed(document)
        answers: list[tuple[ExtractedValue, ...]] = []
        unread: set[str] = set()
        where = "" if whole else f"pages {first} to {last}: "
        for group in self._groups(request=request, fields=fields, part=part):
            onward: int | None = None
            asked = group
            while asked:
                words, left_out = self._question(request.schema, asked, part=part, onward=onward)
                notes += (
                    [Note(text=f"terms of the glossary that a question had no room for: {left_out}")]
                    if left_out
                    else []
                )
                try:
                    claimed = self._answer(prompt, words, asked, estimate=packed.tokens)
                except (TruncatedReplyError, OffSchemaReplyError) as error:
                    notes.append(unusable(f"{where}{error.message}, {RETRIES + 1} times"))
                    unread.update(field.name for field in asked)
                    break
                except (PromptTooLongError, ImageRefusedError, BadRequestError) as error:
                    notes.append(unusable(f"{where}{error.message}"))
                    unread.update(field.name for field in asked)
                    break
                resolved = resolve(claimed=claimed, document=document, engine=self.name, index=index)
                answers.append(resolved.values)
                notes += resolved.notes
                unread |= resolved.unread
                full = full_arrays(claimed=claimed, fields=asked)
                reached = last_pages(claimed=claimed, names=full)
                # A page with more items than a reply holds can't be got past; nor can a model that starts over.
                if reached is None or reached <= (onward or first) or reached > last:
                    notes += [list_cut(name=name, where=where) for name in full]
                    unread.update(full)
                    break
                asked = [field for field in asked if field.name in full]
                onward = reached
        return _Found(answers=answers, notes=notes, unread=unread)

    def _prompt(self, packed: Packed, *, request: ExtractionRequest) -> tuple[DocumentPrompt, list[Note]]:
        """Return the prompt with its pictures, and notes.

        It is counted as it will be sent. Where pictures aren't of the size that was stored for them, or can't be read,
        those that are needed least are left out: the same for every question.
        """
        exact = counter(self._profile)
        needs = {sheet.page.number: sheet.need for sheet in packed.sheets}
        images = request.images(packed.pictured) if request.images and packed.pictured else ()
        limit = self._profile.context - QUESTION_TOKENS - REPLY_TOKENS
        kept = list(images)
        for least in (Need.LAYOUT, Need.SCAN, Need.ONLY, None):
            kept = [image for image in kept if least is not None and needs[image.page] >= least]
            prompt = document_prompt(pages=packed.pages, images=kept, system=self._system)
            try:
                if exact is None or exact.request(ask(prompt=prompt, question="")) <= limit:
                    break
            except OSError:  # what Pillow raises for a file that is no picture
                continue
        left_out = len(images) - len(kept)
        text = f"pictures that were left out of what the model sees: {left_out}"
        return prompt, [Note(text=text)] if left_out else []

    def _question(
        self, schema: Schema, fields: Sequence[Field], *, part: Part | None, onward: int | None
    ) -> tuple[str, int]:
        """Return a question with as much of the guidance as there is room for, and how many terms are left out."""

        def asked(guidance: str) -> str:
            return question(schema=schema, fields=fields, part=part, onward=onward, guidance=guidance)

        said = fitting(
            about(self._guidance, names={field.name for field in fields}),
            fits=lambda guidance: text_tokens(text=asked(guidance), profile=self._profile) <= QUESTION_TOKENS,
        )
        return asked(guidance_words(said)), len(self._guidance.glossary) - len(said.glossary)

    def _groups(
        self, *, request: ExtractionRequest, fields: Sequence[Field], part: Part | None
    ) -> Iterator[list[Field]]:
        """Yield the fields in groups whose questions take no more than is kept for one, in order.

        A glossary and examples make no more questions of it: they get what room is left.
        """
        group: list[Field] = []
        for field in fields:
            words = question(
                schema=request.schema,
                fields=[*group, field],
                part=part,
                onward=request.page_count,
                guidance=self._guidance.instructions,
            )
            if group and text_tokens(text=words, profile=self._profile) > QUESTION_TOKENS:
                yield group
                group = []
            group.append(field)
        if group:
            yield group

    def _answer(
        self, prompt: DocumentPrompt, words: str, fields: Sequence[Field], *, estimate: int
    ) -> tuple[Claimed, ...]:
        schema = reply_schema(fields)
        messages = ask(prompt=prompt, question=words)
        exact = counter(self._profile)
        tokens = estimate + estimated_tokens(words) if exact is None else exact.request(messages)
        reply_room = self._profile.context - tokens
        if reply_room < REPLY_TOKENS:
            raise PromptTooLongError("the document and the question are longer than the model's context")
        max_tokens = REPLY_TOKENS
        for attempt in range(RETRIES + 1):
            if self._cancelled():
                raise RequestWithdrawnError("the request was cancelled")
            reservation = self._reserve(prompt, prompt_tokens=tokens, max_tokens=max_tokens)
            started = monotonic()
            usage = NOTHING
            outcome = "ok"
            try:
                completion = self._client.complete(
                    messages=messages,
                    schema=schema,
                    max_tokens=max_tokens,
                    temperature=RETRY_TEMPERATURE if attempt else 0.0,
                    prompt_tokens=tokens,
                    logprobs=True,
                    tuning=self._tuning,
                    cancelled=self._cancelled,
                )
                usage = completion.usage
                return read_reply(text=completion.text, fields=fields, tokens=completion.tokens)
            except TruncatedReplyError as error:
                outcome = error.code
                usage = usage if usage is not NOTHING else error.usage
                # A long list needs room, a reply that ran away needs another chance: it gets both.
                max_tokens = min(2 * max_tokens, reply_room)
                if attempt == RETRIES:
                    raise
            except OffSchemaReplyError as error:
                outcome = error.code
                if attempt == RETRIES:
                    raise
            except QuireError as error:
                outcome = error.code
                raise
            finally:
                seconds = monotonic() - started - self._client.waited
                self._record(prompt, usage, reservation, seconds=seconds, outcome=outcome)
        raise AssertionError  # the loop returns or raises

    def _price(self, prompt_tokens: int, completion_tokens: int, day: date) -> Decimal:
        return self._profile.cost(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, on=day)

    def _reserve(self, prompt: DocumentPrompt, *, prompt_tokens: int, max_tokens: int) -> Reservation:
        today = _today()
        price = self._profile.price(on=today)
        return self._ledger.reserve(
            engine=self.name,
            prompt_tokens=prompt_tokens,
            max_tokens=max_tokens,
            images=prompt.images,
            usd=self._price(prompt_tokens, max_tokens, today),
            price_date=price.since if price else None,
        )

    def _record(
        self, prompt: DocumentPrompt, usage: Usage, reservation: Reservation, *, seconds: float, outcome: str
    ) -> None:
        if usage.prompt_tokens:
            WATCH.compare(
                engine=self.name,
                model=usage.model,
                predicted=reservation.prompt_tokens,
                counted=usage.prompt_tokens,
                is_exact=self._profile.tokenizer is not None,
            )
        today = _today()
        price = self._profile.price(on=today)
        self._ledger.record(
            CallRecord(
                engine=self.name,
                model=usage.model,
                prompt_tokens=usage.prompt_tokens,
                cached_tokens=usage.cached_tokens,
                completion_tokens=usage.completion_tokens,
                images=prompt.images,
                seconds=seconds,
                cost=self._price(usage.prompt_tokens, usage.completion_tokens, today),
                outcome=outcome,
                gpu_seconds=0.0 if outcome in NEVER_RAN else gpu_seconds(seconds=seconds, gpus=self._profile.gpus),
                price_date=price.since if price else None,
                reservation=reservation,
            )
        )


def expect_money(*, profile: Profile, purse: Purse) -> None:
    """Find out that it isn't worth preparing a call to this model now. Raises BudgetSpentError."""
    shortest = profile.cost(prompt_tokens=0, completion_tokens=REPLY_TOKENS, on=_today())
    purse.look_ahead(tokens=REPLY_TOKENS, usd=shortest, what="even the shortest call")


def _today() -> date:
    return datetime.now(tz=UTC).date()


def _together(
    answers: Sequence[Sequence[ExtractedValue]], *, notes: Sequence[Note], fields: Sequence[Field]
) -> Extraction:
    found = merged(answers, arrays=frozenset(field.name for field in fields if field.kind is Kind.ARRAY))
    return Extraction(values=found.values, notes=(*notes, *found.notes), alternatives=found.alternatives)
