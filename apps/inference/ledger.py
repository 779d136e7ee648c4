"""What every call to a model used and cost, also a call that failed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the server says that a call used. `cached_tokens` are those of the prompt that it had computed before."""

    model: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


NOTHING = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call. `cost` is US dollars by the dated price table; `outcome` is `ok` or the error's code."""

    engine: str
    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    images: int
    seconds: float
    cost: Decimal
    outcome: str


class Ledger(Protocol):
    """Takes a record of each call."""

    def record(self, call: CallRecord) -> None:
        """Keep the record; must not fail for reasons of its own."""
