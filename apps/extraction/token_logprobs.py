"""A model's reply and its tokens -> how sure the model was of the characters of each string in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from apps.inference.replies import TokenLogprob

# What half a character is shown as. SGLang leaves out tokens that end within a character while it streams, all but
# the last of each character (seen in its source, 0.5.23).
_BROKEN = "\ufffd"
# So far ahead a token is looked for after one that is only a part of a character.
_AHEAD = 8
_SPACE = re.compile(r"\s*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BARE = re.compile(r"[^\s,\]}]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sureness:
    """The mean and the least of the log-probabilities of a string's tokens; natural logarithms, at most 0."""

    mean: float
    least: float


def sureness(*, text: str, tokens: Sequence[TokenLogprob] | None) -> Mapping[str, Sureness]:
    """Return what is known of each string of a JSON reply, by its path, such as `/items/0/name/value`.

    The names in a path are as they stand in the reply. A token that reaches beyond a string counts for it too; the
    quotation marks don't. Nothing for an empty string, for what stands after the first token that doesn't fit the
    text, and for text that isn't JSON.
    """
    if not tokens:
        return {}
    placed = list(_placed(text, tokens))
    found = {}
    at = 0
    for path, start, end in _strings(text):
        if start == end:
            continue
        while at < len(placed) and placed[at][1] <= start:
            at += 1
        reach, logprobs = at, list[float]()
        while reach < len(placed) and placed[reach][0] < end:
            logprobs.append(placed[reach][2])
            reach += 1
        if logprobs and placed[reach - 1][1] >= end:
            found[path] = Sureness(mean=sum(logprobs) / len(logprobs), least=min(logprobs))
    return found


def _placed(text: str, tokens: Sequence[TokenLogprob]) -> Iterator[tuple[int, int, float]]:
    """Yield where each token stands in the text: from, to, log-probability. Ends where one doesn't fit."""
    at = 0
    halves: list[float] = []
    for token in tokens:
        if _BROKEN in token.text and not text.startswith(token.text, at):
            halves.append(token.logprob)
            continue
        start = text.find(token.text, at, at + _AHEAD + len(token.text)) if halves else at
        if start == at and not text.startswith(token.text, at):
            # SentencePiece shows a token without the space before it.
            start = _skip(text, at)
        if start < 0 or not text.startswith(token.text, start):
            return
        # The parts of a character stand where it does, each with its own probability.
        yield from ((at, start, half) for half in halves)
        halves = []
        yield start, start + len(token.text), token.logprob
        at = start + len(token.text)


def _strings(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield every string that is a value: its path, and where its characters begin and end, in order.

    Written by hand since no JSON reader tells places. It doesn't recurse: the text comes from outside.
    """
    # For each open bracket: the path before it, and for an array how many items have begun, None for an object.
    stack: list[tuple[str, int | None]] = []
    path = ""
    at = _skip(text, 0)
    try:
        while at < len(text):
            sign = text[at]
            if sign in "{[":
                stack.append((path, 0 if sign == "[" else None))
                at = _skip(text, at + 1)
                if text[at] in "]}":
                    continue
                path, at = _next(text, at, stack)
                continue
            if sign in "]}":
                stack.pop()
                at = _skip(text, at + 1)
            elif sign == ",":
                path, at = _next(text, _skip(text, at + 1), stack)
            elif sign == '"':
                end = _end(text, at)
                yield path, at + 1, end - 1
                at = _skip(text, end)
            else:
                bare = _BARE.match(text, at)
                if bare is None:
                    return
                at = _skip(text, bare.end())
    except (ValueError, IndexError):
        return


def _next(text: str, at: int, stack: list[tuple[str, int | None]]) -> tuple[str, int]:
    """Return the path of the innermost bracket's next value, and where it begins. Raises ValueError, IndexError."""
    before, count = stack[-1]
    if count is not None:
        stack[-1] = (before, count + 1)
        return f"{before}/{count}", at
    if text[at] != '"':
        raise ValueError
    end = _end(text, at)
    name = json.loads(text[at:end], strict=False)
    at = _skip(text, end)
    if text[at] != ":":
        raise ValueError
    return f"{before}/{name}", _skip(text, at + 1)


def _end(text: str, at: int) -> int:
    """Return where the string that begins here ends, quotation marks included. Raises ValueError."""
    match = _STRING.match(text, at)
    if match is None:
        raise ValueError
    return match.end()


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
