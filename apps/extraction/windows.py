"""A document that is longer than the context becomes windows that overlap at page breaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# A row or a paragraph that a page break cuts is whole in the next window, which begins one page earlier.
OVERLAP = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Pages `first` to `last`, both included, and their tokens. `last` is less than `first` in no window."""

    first: int
    last: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLong:
    """A page that fits no window even alone, and its tokens."""

    page: int
    tokens: int


def windows(*, pages: Iterable[tuple[int, int]], room: int, overlap: int = OVERLAP) -> Iterator[Window | TooLong]:
    """Yield windows over pages given as number and tokens, in order, reading no further ahead than one window.

    Each page is in a window or yielded as TooLong; a window's tokens are at most `room`. Neighbouring windows share
    their last and first `overlap` pages, fewer where those leave no room for the page after them; none over a gap
    that a page too long makes. Raises ValueError for a negative `overlap`.
    """
    if overlap < 0:
        raise ValueError("windows can't overlap by less than nothing")
    held: list[tuple[int, int]] = []
    for number, tokens in pages:
        if tokens > room:
            if held:
                yield _window(held)
            yield TooLong(page=number, tokens=tokens)
            held = []
            continue
        if sum(size for _, size in held) + tokens > room:
            yield _window(held)
            # A window of one page can't be its own successor's whole overlap and grow: it moves on by a page at least.
            held = held[-overlap:] if overlap else []
            while held and sum(size for _, size in held) + tokens > room:
                held.pop(0)
        held.append((number, tokens))
    if held:
        yield _window(held)


def _window(held: list[tuple[int, int]]) -> Window:
    return Window(first=held[0][0], last=held[-1][0], tokens=sum(tokens for _, tokens in held))
