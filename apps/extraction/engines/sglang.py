"""The model engine: pages as text and pictures to an SGLang server, grounded values back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import monotonic

from apps.common.errors import QuireError
from apps.extraction.answers import Claimed, full_arrays, read_reply, reply_schema, resolve
from apps.extraction.engines.protocol import Extraction, ExtractionRequest
from apps.extraction.packing import REPLY_TOKENS, pack
from apps.extraction.prompt import DocumentPrompt, ask, document_prompt, question
from apps.inference.client import SglangClient
from apps.inference.errors import (
    BadRequestError,
    ImageRefusedError,
    OffSchemaReplyError,
    PromptTooLongError,
    TruncatedReplyError,
)
from apps.inference.ledger import NOTHING, CallRecord, Ledger, Usage
from apps.inference.profiles import Profile
from apps.schemas.fields import Field

# A reply that was cut or is off its schema is asked for again so often, then left to a person.
RETRIES = 2
# The first attempt is greedy. The same question would get the same bad reply again.
RETRY_TEMPERATURE = 0.3


class SglangEngine:
    """One model profile on one server. `name` is `sglang:` and the profile's name."""

    def __init__(
        self,
        *,
        profile: Profile,
        client: SglangClient,
        ledger: Ledger,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._profile = profile
        self._client = client
        self._ledger = ledger
        self._cancelled = cancelled

    @property
    def name(self) -> str:
        return f"sglang:{self._profile.name}"

    def extract(self, request: ExtractionRequest) -> Extraction:
        """Ask for the missing fields in one question.

        What is wrong with this document or its replies becomes a note; what is wrong with the server is raised, as
        `apps.inference.errors` has it: another attempt, or another configuration, can answer the same question.
        """
        fields = [field for field in request.schema.fields if field.name in request.wanted]
        packed = pack(pages=request.document.pages, profile=self._profile)
        if not fields or not request.document.pages:
            return Extraction(values=())
        left_out = len(request.document.pages) - len(packed.pages)
        notes = [f"{left_out} pages are beyond the model's context and were not read"] if left_out else []
        if not packed.pages:
            return Extraction(values=(), notes=tuple(notes))
        numbers = [page.number for page in packed.pages]
        images = request.images(numbers) if request.images and self._profile.images else ()
        prompt = document_prompt(pages=packed.pages, images=images)
        try:
            claimed = self._answer(
                prompt, question(schema=request.schema, fields=fields), fields, reply_room=packed.reply_room
            )
        except (TruncatedReplyError, OffSchemaReplyError) as error:
            return Extraction(values=(), notes=(*notes, f"{error.message}, {RETRIES + 1} times"))
        except (PromptTooLongError, ImageRefusedError, BadRequestError) as error:
            return Extraction(values=(), notes=(*notes, error.message))
        notes += [
            f"{name} has as many items as a reply can hold: there may be more"
            for name in full_arrays(claimed=claimed, fields=fields)
        ]
        return Extraction(
            values=resolve(claimed=claimed, document=request.document, engine=self.name), notes=tuple(notes)
        )

    def _answer(
        self, prompt: DocumentPrompt, words: str, fields: Sequence[Field], *, reply_room: int
    ) -> tuple[Claimed, ...]:
        schema = reply_schema(fields)
        messages = ask(prompt=prompt, question=words)
        max_tokens = REPLY_TOKENS
        for attempt in range(RETRIES + 1):
            started = monotonic()
            usage = NOTHING
            outcome = "ok"
            try:
                completion = self._client.complete(
                    messages=messages,
                    schema=schema,
                    max_tokens=max_tokens,
                    temperature=RETRY_TEMPERATURE if attempt else 0.0,
                    cancelled=self._cancelled,
                )
                usage = completion.usage
                return read_reply(text=completion.text, fields=fields)
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
                self._record(prompt, usage, seconds=monotonic() - started, outcome=outcome)
        raise AssertionError  # the loop returns or raises

    def _record(self, prompt: DocumentPrompt, usage: Usage, *, seconds: float, outcome: str) -> None:
        self._ledger.record(
            CallRecord(
                engine=self.name,
                model=usage.model,
                prompt_tokens=usage.prompt_tokens,
                cached_tokens=usage.cached_tokens,
                completion_tokens=usage.completion_tokens,
                images=prompt.images,
                seconds=seconds,
                cost=self._profile.cost(
                    prompt_tokens=usage.prompt_tokens,
                    completion_tokens=usage.completion_tokens,
                    on=datetime.now(tz=UTC).date(),
                ),
                outcome=outcome,
            )
        )
