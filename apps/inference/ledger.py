"""What every call to a model used and cost, also a call that failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the server says that a call used. `cached_tokens` are those of the prompt that it had computed before."""

    model: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


NOTHING = Usage()

# These never left the house: they are no calls, and only give back what was reserved.
NEVER_SENT = frozenset({"broker_down", "model_rests", "model_turn", "model_withdrawn", "models_unlisted"})
# The server refused these before it computed anything, so they took no GPU's time. Of any other call that ended without
# a word of its usage, nobody can tell what it will be billed at.
NEVER_RAN = NEVER_SENT | frozenset(
    {
        "logprobs_refused",
        "missing_adapter",
        "model_busy",
        "model_unreachable",
        "wrong_model",
        "model_unauthorised",
        "prompt_too_long",
        "image_refused",
        "model_refused",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What a call may cost at most, taken out of its budgets before it is sent."""

    id: UUID
    prompt_tokens: int
    max_tokens: int
    usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call. `cost` is US dollars by the dated price table; `outcome` is `ok` or the error's code.

    `gpu_seconds` is as the function of that name has it. `price_date` is the first day of the price that was used,
    None where the model has no price. `reservation` is what was reserved for the call, where something was.
    """

    engine: str
    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    images: int
    seconds: float
    cost: Decimal
    outcome: str
    gpu_seconds: float = 0.0
    price_date: date | None = None
    reservation: Reservation | None = None

    @property
    def unreported(self) -> bool:
        """Whether the server may have computed the call, but never said what it used."""
        return not self.prompt_tokens and self.outcome not in NEVER_RAN


@dataclass(slots=True)
class EmbeddingUsage:
    """What requests to an embedding server took so far: tokens as it counts them, and wall seconds.

    `unreported` are the tokens, estimated, of requests that it may have worked on without a word of its count.
    """

    requests: int = 0
    tokens: int = 0
    unreported: int = 0
    seconds: float = 0.0


class Ledger(Protocol):
    """Takes a record of each call."""

    def record(self, call: CallRecord) -> None:
        """Keep the record. Never fails: the answer that the call brought would be lost with it."""


class Purse(Ledger, Protocol):
    """A ledger that first sees whether there is money for the call."""

    def reserve(
        self,
        *,
        engine: str,
        prompt_tokens: int,
        max_tokens: int,
        images: int,
        usd: Decimal,
        price_date: date | None,
    ) -> Reservation:
        """Take the most that a call can cost out of its budgets. Raises BudgetSpentError, and then nothing is sent.

        The call's record carries the reservation back, whatever became of the call; should it never come, the call is
        booked as it was reserved.
        """

    def look_ahead(self, *, tokens: int, usd: Decimal, what: str) -> None:
        """Raise BudgetSpentError where what isn't reserved yet, nor by this, costs more than there is.

        `what` names it in the refusal: `the whole document`.
        """


def gpu_seconds(*, seconds: float, gpus: int, share: float = 1.0) -> float:
    """Return the GPU time of one call: its wall seconds x the GPUs of its profile x its share of the server.

    A server works on many calls at once and doesn't say what each took of it. All that one call knows is its own wall
    time, so with a share of 1 this is an upper bound, and a period's sum can be more than its hours. Who knows what
    else was in flight, as admission does, gives the call's share of the tokens that were.
    """
    return seconds * gpus * share
