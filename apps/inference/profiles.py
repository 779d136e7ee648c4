"""Model profiles: what a model takes, and what a million of its tokens cost from which day on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from apps.common.errors import TerminalError


class UnknownProfileError(TerminalError):
    """No profile of this name."""

    code = "unknown_profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars a million tokens, from a day on, and where that was read."""

    since: date
    prompt: Decimal
    completion: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRule:
    """How pictures become tokens: `rows x (columns + 1)` of `unit` pixels, the longer side within `max_side`.

    Source: mistral-common, `image.py`; patch 14 merged 2 by 2 for Mistral Small and Medium 3.1.
    """

    unit: int
    max_side: int

    def tokens(self, *, width: int, height: int) -> int:
        """Return the tokens of a picture that is within the limit already, as page images are."""
        columns = (width - 1) // self.unit + 1
        rows = (height - 1) // self.unit + 1
        return rows * (columns + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A model. `context` is tokens; `images` is None for a model that takes text only."""

    name: str
    title: str
    context: int
    images: ImageRule | None
    licence: str
    hardware: str
    prices: tuple[Price, ...] = ()

    def cost(self, *, prompt_tokens: int, completion_tokens: int, on: date) -> Decimal:
        """Return US dollars by the price of that day; 0 where the model is one's own and has no price."""
        valid = [price for price in self.prices if price.since <= on]
        if not valid:
            return Decimal(0)
        price = max(valid, key=lambda one: one.since)
        return (price.prompt * prompt_tokens + price.completion * completion_tokens) / 1_000_000


_MISTRAL_3 = ImageRule(unit=28, max_side=1540)

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="small",
            title="Mistral Small 3.1 (24B)",
            context=131_072,
            images=_MISTRAL_3,
            licence="Apache-2.0",
            hardware="one GPU",
        ),
        Profile(
            name="medium",
            title="Mistral Medium 3.1",
            context=131_072,
            images=_MISTRAL_3,
            licence="commercial",
            hardware="four GPUs",
            prices=(
                Price(
                    since=date(2025, 8, 12),
                    prompt=Decimal("0.40"),
                    completion=Decimal("2.00"),
                    source="Mistral's list price for Medium 3.1",
                ),
            ),
        ),
        Profile(
            name="large",
            title="Mistral Large 2 (123B)",
            context=131_072,
            images=None,
            licence="research, commercial on request",
            hardware="a server of many GPUs",
        ),
        Profile(
            name="any",
            title="Any OpenAI-compatible server",
            context=32_768,
            images=_MISTRAL_3,
            licence="the model's own",
            hardware="the server's own",
        ),
    )
}


def profile(name: str) -> Profile:
    """Return a profile. Raises UnknownProfileError."""
    try:
        return PROFILES[name]
    except KeyError:
        raise UnknownProfileError(f"there is no model profile '{name}'; there are: {', '.join(PROFILES)}") from None
