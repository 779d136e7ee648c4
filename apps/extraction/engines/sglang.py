"""The model engine: pages as text and pictures to an SGLang server, grounded values back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from time import monotonic

from apps.common.errors import QuireError
from apps.extraction.answers import Claimed, read_reply, reply_schema, resolve
from apps.extraction.engines.protocol import Extraction, ExtractionRequest
from apps.extraction.prompt import REPLY_TOKENS, DocumentPrompt, ask, document_prompt, pages_that_fit, question
from apps.inference.client import Completion, SglangClient
from apps.inference.errors import OffSchemaReplyError, TruncatedReplyError
from apps.inference.ledger import CallRecord, Ledger
from apps.inference.profiles import Profile
from apps.schemas.fields import Field

# A reply that was cut or is off its schema is asked for again so often, then left to a person.
RETRIES = 2


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
        """Ask for the missing fields in one question. Raises the errors of `apps.inference.errors`."""
        fields = [field for field in request.schema.fields if field.name in request.wanted]
        pages = pages_that_fit(pages=request.document.pages, profile=self._profile)
        if not fields or not pages:
            return Extraction(values=())
        numbers = [page.number for page in pages]
        images = request.images(numbers) if request.images and self._profile.images else ()
        prompt = document_prompt(pages=pages, images=images, total_pages=len(request.document.pages))
        notes = [f"{prompt.left_out} pages are beyond the model's context and were not read"] if prompt.left_out else []
        try:
            claimed = self._answer(prompt, question(schema=request.schema, fields=fields), fields)
        except (TruncatedReplyError, OffSchemaReplyError) as error:
            return Extraction(values=(), notes=(*notes, f"{error.message}, {RETRIES + 1} times"))
        return Extraction(
            values=resolve(claimed=claimed, document=request.document, engine=self.name), notes=tuple(notes)
        )

    def _answer(self, prompt: DocumentPrompt, words: str, fields: Sequence[Field]) -> tuple[Claimed, ...]:
        schema = reply_schema(fields)
        messages = ask(prompt=prompt, question=words)
        for attempt in range(RETRIES + 1):
            started = monotonic()
            completion: Completion | None = None
            outcome = "ok"
            try:
                completion = self._client.complete(
                    messages=messages, schema=schema, max_tokens=REPLY_TOKENS, cancelled=self._cancelled
                )
                return read_reply(text=completion.text, fields=fields)
            except (TruncatedReplyError, OffSchemaReplyError) as error:
                outcome = error.code
                if attempt == RETRIES:
                    raise
            except QuireError as error:
                outcome = error.code
                raise
            finally:
                self._record(prompt, completion, seconds=monotonic() - started, outcome=outcome)
        raise AssertionError  # the loop returns or raises

    def _record(self, prompt: DocumentPrompt, completion: Completion | None, *, seconds: float, outcome: str) -> None:
        cost = Decimal(0)
        if completion is not None:
            cost = self._profile.cost(
                prompt_tokens=completion.prompt_tokens,
                completion_tokens=completion.completion_tokens,
                on=datetime.now(tz=UTC).date(),
            )
        self._ledger.record(
            CallRecord(
                engine=self.name,
                model=completion.model if completion else "",
                prompt_tokens=completion.prompt_tokens if completion else 0,
                cached_tokens=completion.cached_tokens if completion else 0,
                completion_tokens=completion.completion_tokens if completion else 0,
                images=prompt.images,
                seconds=seconds,
                cost=cost,
                outcome=outcome,
            )
        )
