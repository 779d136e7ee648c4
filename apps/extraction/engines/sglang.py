"""The model engine: pages as text and pictures to an SGLang server, grounded values back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from time import monotonic

from apps.common.errors import QuireError, RetryableError
from apps.extraction.answers import Claimed, full_arrays, indexed, last_pages, read_reply, reply_schema, resolve
from apps.extraction.engines.protocol import Extraction, ExtractionRequest
from apps.extraction.engines.registry import MODEL_PREFIX
from apps.extraction.engines.stopping import StoppedError, together
from apps.extraction.guidance import SILENT, Guidance, about, fitting, guidance_words
from apps.extraction.notes import Note, list_cut, unusable
from apps.extraction.notes import unread as page_unread
from apps.extraction.packing import QUESTION_TOKENS, REPLY_TOKENS, Packed, pack, text_tokens
from apps.extraction.page_index import DocumentIndex
from apps.extraction.page_need import Need
from apps.extraction.progress import Answered, Progress, Question, Tried
from apps.extraction.prompt import DocumentPrompt, Part, ask, document_prompt, question, system_words
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
from apps.schemas.fields import Field, Schema

# A reply that was cut or is off its schema is asked for again so often, then left to a person.
RETRIES = 2
# The first attempt is greedy. The same question would get the same bad reply again.
RETRY_TEMPERATURE = 0.3


class _Said:
    """The answers so far, and what an earlier attempt left, which is taken where its question comes up again."""

    def __init__(self, before: Progress) -> None:
        self._before = {one.question: one for one in before.answered}
        self._answered: list[Answered] = []
        self._tried = before.tried
        self.begun = False

    @property
    def progress(self) -> Progress:
        return Progress(answered=tuple(self._answered), tried=self._tried)

    def before(self, question: Question) -> Answered | None:
        return self._before.get(question)

    def count(self, *, first: int, last: int) -> int:
        """Return how many questions about a window need not be put again."""
        return sum(
            one.onward is None and not self._before[one].more
            for one in self._before
            if (one.first, one.last) == (first, last)
        )

    def take(self, answered: Answered) -> None:
        self._answered.append(answered)
        if self._tried is not None and self._tried.question == answered.question:
            self._tried = None

    def begin(self, question: Question) -> tuple[int, int]:
        """Return which attempt at a question is due, from 0, and the room of its reply."""
        tried = self._tried
        return (tried.attempts, tried.max_tokens) if tried and tried.question == question else (0, REPLY_TOKENS)

    def paid(self, question: Question, *, attempts: int, max_tokens: int) -> None:
        """Put down that a question got replies that were no good."""
        self._tried = Tried(question=question, attempts=attempts, max_tokens=max_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """A window's pages, ready to be asked about. `part` is None for a whole document."""

    packed: Packed
    document: ParsedDocument
    index: DocumentIndex
    prompt: DocumentPrompt
    part: Part | None

    @property
    def where(self) -> str:
        return f"pages {self.part.first} to {self.part.last}: " if self.part else ""


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
        `apps.inference.errors` has it: another attempt, or another configuration, can answer the same question. What
        was answered till then is raised with it, as a StoppedError: an attempt that gets that as `request.progress`
        goes on where it ends. Raises RequestWithdrawnError between two calls too, and BudgetSpentError where there is
        no money for the next call, or before the first one where there is too little for a document that takes several.
        """
        fields = [field for field in request.schema.fields if field.name in request.wanted]
        if not fields:
            return Extraction(values=())
        # Its pages aren't read while not even a reply could be paid.
        expect_money(profile=self._profile, purse=self._ledger)
        names = _names(fields)
        said = _Said(request.progress)
        try:
            for part in pack(
                pages=request.pages(), profile=self._profile, pictures=request.pictures, system=self._system
            ):
                if isinstance(part, TooLong):
                    alone = Question(first=part.page, last=part.page, fields=names)
                    note = page_unread(page=part.page)
                    said.take(Answered(question=alone, notes=(note,), unread=frozenset(names)))
                    continue
                self._read(part, request=request, fields=fields, said=said)
                # The next window's pages are read while this name still holds this one's.
                del part
        except RetryableError as error:
            if said.progress.tried is None and not said.progress.answered:
                raise
            raise StoppedError(by=error, progress=said.progress) from error
        return together(said.progress, schema=request.schema)

    def _look_ahead(self, packed: Packed, *, request: ExtractionRequest, fields: Sequence[Field], said: _Said) -> None:
        """Raise BudgetSpentError where a document that takes several calls can't be paid to its end.

        Counted are the prompts of all windows from this one on, taken to be as dense, but for what is answered already,
        and the room of one reply. A list that a reply can't hold takes more calls than are counted here.
        """
        first, last = packed.pages[0].number, packed.pages[-1].number
        windows = max((request.page_count - first + 1) / len(packed.pages), 1.0)
        questions = len(list(self._groups(request=request, fields=fields, part=None)))
        calls = windows * questions - said.count(first=first, last=last)
        if calls > 1:
            prompt_tokens = int((packed.tokens + QUESTION_TOKENS) * calls)
            self._ledger.look_ahead(
                tokens=prompt_tokens + REPLY_TOKENS,
                usd=self._price(prompt_tokens, REPLY_TOKENS, _today()),
                what="the whole document" if first == 1 and not said.progress.answered else "the rest of the document",
            )

    def _read(self, packed: Packed, *, request: ExtractionRequest, fields: Sequence[Field], said: _Said) -> None:
        """Ask all questions about one window's pages, but for those that were answered before."""
        first, last = packed.pages[0].number, packed.pages[-1].number
        whole = last - first + 1 == request.page_count
        part = None if whole else Part(first=first, last=last, count=request.page_count)
        window: _Window | None = None
        notes: list[Note] = []
        for group in self._groups(request=request, fields=fields, part=part):
            question: Question | None = Question(first=first, last=last, fields=_names(group))
            while question is not None:
                answered = said.before(question)
                if answered is None:
                    if not said.begun:
                        said.begun = True
                        self._look_ahead(packed, request=request, fields=fields, said=said)
                    if window is None:
                        window, notes = self._window(packed, request=request, part=part)
                    answered = self._answered(question, window=window, schema=request.schema, said=said)
                    answered, notes = replace(answered, notes=(*notes, *answered.notes)), []
                said.take(answered)
                question = replace(question, fields=answered.more, onward=answered.reached) if answered.more else None

    def _window(self, packed: Packed, *, request: ExtractionRequest, part: Part | None) -> tuple[_Window, list[Note]]:
        prompt, notes = self._prompt(packed, request=request)
        document = ParsedDocument(pages=packed.pages, language=request.document.language)
        index = indexed(document)
        return _Window(packed=packed, document=document, index=index, prompt=prompt, part=part), notes

    def _answered(self, question: Question, *, window: _Window, schema: Schema, said: _Said) -> Answered:
        """Put a question, and return what came of it."""
        asked = [field for field in schema.fields if field.name in question.fields]
        words, left_out = self._question(schema, asked, part=window.part, onward=question.onward)
        notes = [Note(text=f"terms of the glossary that a question had no room for: {left_out}")] if left_out else []
        try:
            claimed = self._answer(question, window=window, words=words, fields=asked, said=said)
        except (TruncatedReplyError, OffSchemaReplyError) as error:
            notes.append(unusable(f"{window.where}{error.message}, {RETRIES + 1} times"))
            return Answered(question=question, notes=tuple(notes), unread=frozenset(question.fields))
        except (PromptTooLongError, ImageRefusedError, BadRequestError) as error:
            notes.append(unusable(f"{window.where}{error.message}"))
            return Answered(question=question, notes=tuple(notes), unread=frozenset(question.fields))
        resolved = resolve(claimed=claimed, document=window.document, engine=self.name, index=window.index)
        values, unread = resolved.values, resolved.unread
        notes += resolved.notes
        full = full_arrays(claimed=claimed, fields=asked)
        reached = last_pages(claimed=claimed, names=full)
        # A page with more items than a reply holds can't be got past; nor can a model that starts over.
        if reached is None or reached <= (question.onward or question.first) or reached > question.last:
            notes += [list_cut(name=name, where=window.where) for name in full]
            return Answered(question=question, values=values, notes=tuple(notes), unread=unread | frozenset(full))
        return Answered(question=question, values=values, notes=tuple(notes), unread=unread, more=full, reached=reached)

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
        self, asked: Question, *, window: _Window, words: str, fields: Sequence[Field], said: _Said
    ) -> tuple[Claimed, ...]:
        schema = reply_schema(fields)
        messages = ask(prompt=window.prompt, question=words)
        exact = counter(self._profile)
        tokens = window.packed.tokens + estimated_tokens(words) if exact is None else exact.request(messages)
        reply_room = self._profile.context - tokens
        if reply_room < REPLY_TOKENS:
            raise PromptTooLongError("the document and the question are longer than the model's context")
        begin, max_tokens = said.begin(asked)
        for attempt in range(begin, RETRIES + 1):
            if attempt:
                # What was paid for isn't paid for again, where this attempt is stopped.
                said.paid(asked, attempts=attempt, max_tokens=max_tokens)
            if self._cancelled():
                raise RequestWithdrawnError("the request was cancelled")
            reservation = self._reserve(window.prompt, prompt_tokens=tokens, max_tokens=max_tokens)
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
                self._record(window.prompt, usage, reservation, seconds=seconds, outcome=outcome)
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


def _names(fields: Sequence[Field]) -> tuple[str, ...]:
    return tuple(field.name for field in fields)
