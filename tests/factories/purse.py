"""A purse that is never empty, and tells what went through it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import uuid4

from apps.inference.ledger import CallRecord, Reservation


@dataclass(slots=True)
class OpenPurse:
    """`made` are the calls, `reserved` what was reserved for each before, `ahead` the looks ahead."""

    made: list[CallRecord] = field(default_factory=list)
    reserved: list[Reservation] = field(default_factory=list)
    ahead: list[tuple[int, str]] = field(default_factory=list)

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
        reservation = Reservation(id=uuid4(), prompt_tokens=prompt_tokens, max_tokens=max_tokens, usd=usd)
        self.reserved.append(reservation)
        return reservation

    def look_ahead(self, *, tokens: int, usd: Decimal, what: str) -> None:
        self.ahead.append((tokens, what))

    def record(self, call: CallRecord) -> None:
        self.made.append(call)
