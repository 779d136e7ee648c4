"""Several readings of one page made into one: which word is believed, which line it belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from apps.parsing.codec import Columns, columns_of

_SAME_SPOT = 0.3  # of the smaller word's area
_WORTH_ADDING = 0.5
_AGREEMENT = 0.5  # what is left of a doubt when another reading says the same
_DISAGREEMENT = 0.8  # what is left of a confidence when it says something else
_SAME_LINE = 0.5  # of the lower of two heights
_NEAR = 3.0  # heights between words of one line
_TIGHT = 0.7  # heights between the parts of one number
_NUMBER_START = re.compile(r".*\d[.,]$")
_NUMBER_END = re.compile(r"\d{2,3}(\D|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Words of one reading; words of a line share its number.

    `votes` counts the other readings that said the same, less those that said something else.
    `boxes` has shape (n, 4): x0, y0, x1, y1 in heights of the picture, both ways, so that distances compare.
    """

    texts: list[str]
    boxes: npt.NDArray[np.float64]
    confidences: npt.NDArray[np.float64]
    votes: npt.NDArray[np.int64]
    blocks: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]

    def mean_confidence(self) -> float:
        """Return the mean over characters; 0 without words."""
        weights = np.array([len(text) for text in self.texts], dtype=np.float64)
        return float((self.confidences * weights).sum() / weights.sum()) if self.texts else 0.0

    def median_height(self) -> float:
        """Return the median height of words of three letters or more, in heights of the picture; 0 without any."""
        heights = (self.boxes[:, 3] - self.boxes[:, 1])[[len(text) > 2 for text in self.texts]]
        return float(np.median(heights)) if heights.size else 0.0

    def take(self, order: npt.NDArray[np.int64]) -> Words:
        """Return the words of these positions, in this order."""
        return Words(
            texts=[self.texts[position] for position in order.tolist()],
            boxes=self.boxes[order],
            confidences=self.confidences[order],
            votes=self.votes[order],
            blocks=self.blocks[order],
            lines=self.lines[order],
        )

    def columns(self, *, aspect: float, turns: int) -> Columns:
        """Return the words on a page that, turned by numpy.rot90 so many times, is the picture of this aspect."""
        boxes = self.boxes / (aspect, 1.0, aspect, 1.0)
        for _ in range(turns):
            boxes = np.stack([1.0 - boxes[:, 3], boxes[:, 0], 1.0 - boxes[:, 1], boxes[:, 2]], axis=1)
        doubts = 1.0 - self.confidences
        confidences = np.where(
            self.votes > 0,
            1.0 - doubts * _AGREEMENT ** np.maximum(self.votes, 0),
            self.confidences * _DISAGREEMENT ** np.maximum(-self.votes, 0),
        )
        return columns_of(
            texts=self.texts, boxes=boxes.T, blocks=self.blocks, lines=self.lines, confidences=confidences
        )


def merge(first: Words, second: Words) -> Words:
    """Return one reading out of two.

    Where words of both cover the same spot the more confident side stays; if both sides say the same it is believed
    more, if not, less. What only `second` has is added where it is sure enough. Words of `second` get lines of their
    own: see in_lines.
    """
    if not second.texts:
        return first
    count = len(first.texts)
    groups = _groups(first.boxes, second.boxes)
    texts = first.texts + second.texts
    boxes = np.concatenate([first.boxes, second.boxes])
    confidences = np.concatenate([first.confidences, second.confidences])
    votes = np.concatenate([first.votes, second.votes])
    blocks = np.concatenate([first.blocks, second.blocks + _next(first.blocks)])
    lines = np.concatenate([first.lines, second.lines + _next(first.lines)])
    kept: list[int] = []
    for members in groups:
        ours = [member for member in members if member < count]
        theirs = [member for member in members if member >= count]
        if not theirs:
            kept += ours
        elif not ours:
            kept += [member for member in theirs if confidences[member] >= _WORTH_ADDING]
        else:
            chosen = ours if _quality(ours, texts, confidences) >= _quality(theirs, texts, confidences) else theirs
            same = "".join(texts[member] for member in ours) == "".join(texts[member] for member in theirs)
            votes[chosen] += 1 if same else -1
            if chosen is theirs:
                lines[chosen] = lines[ours[0]]
                blocks[chosen] = blocks[ours[0]]
            kept += chosen
    merged = Words(texts=texts, boxes=boxes, confidences=confidences, votes=votes, blocks=blocks, lines=lines)
    return merged.take(np.array(sorted(kept), dtype=np.int64))


def in_lines(words: Words, *, own_lines: int) -> Words:
    """Return the words in reading order, lines and blocks numbered from 0.

    Lines numbered below `own_lines`, those of the first reading, follow each other as they are. Another becomes part of
    a line that it stands beside, at the same height and not far from it, or else stands behind the last line that ends
    above its middle.
    """
    if not words.texts:
        return words
    lines: list[list[int]] = []
    for number in sorted(set(words.lines.tolist())):
        members = np.flatnonzero(words.lines == number).tolist()
        if number < own_lines:
            lines.append(members)
        elif home := next((line for line in lines if _beside(words.boxes, line, members)), None):
            home += members
        else:
            lines.insert(_place(words.boxes, lines, members), members)
    order: list[int] = []
    line_numbers: list[int] = []
    block_numbers: list[int] = []
    block_of: dict[int, int] = {}
    for number, line in enumerate(lines):
        block = block_of.setdefault(int(words.blocks[line[0]]), len(block_of))
        for member in sorted(line, key=lambda member: float(words.boxes[member, 0])):
            order.append(member)
            line_numbers.append(number)
            block_numbers.append(block)
    return replace(
        words.take(np.array(order, dtype=np.int64)),
        lines=np.array(line_numbers, dtype=np.int64),
        blocks=np.array(block_numbers, dtype=np.int64),
    )


def join_numbers(words: Words) -> Words:
    """Join `49.` and `40`, where they stand close in one line, to the number that was printed."""
    order = np.lexsort((words.boxes[:, 0], words.lines))
    texts = list(words.texts)
    boxes = words.boxes.copy()
    gone: set[int] = set()
    into = -1
    for left, right in pairwise(order.tolist()):
        start = into if left in gone else left
        gap = boxes[right, 0] - boxes[start, 2]
        height = boxes[start, 3] - boxes[start, 1]
        if (
            words.lines[start] == words.lines[right]
            and _NUMBER_START.match(texts[start])
            and _NUMBER_END.match(texts[right])
            and gap < _TIGHT * height
        ):
            texts[start] += texts[right]
            boxes[start] = [
                *np.minimum(boxes[start, :2], boxes[right, :2]),
                *np.maximum(boxes[start, 2:], boxes[right, 2:]),
            ]
            gone.add(right)
            into = start
    kept = np.array([position for position in range(len(texts)) if position not in gone], dtype=np.int64)
    return replace(words, texts=texts, boxes=boxes).take(kept)


def _groups(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> list[list[int]]:
    """Return groups of words that cover the same spot; positions in `second` follow those in `first`."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.clip(high - low, 0.0, None).prod(axis=2)
    smaller = np.minimum(_areas(first)[:, None], _areas(second)[None, :])
    count = len(first)
    parents = list(range(count + len(second)))

    def root(member: int) -> int:
        while parents[member] != member:
            parents[member] = parents[parents[member]]
            member = parents[member]
        return member

    for ours, theirs in np.argwhere(common > _SAME_SPOT * smaller).tolist():
        parents[root(count + theirs)] = root(ours)
    groups: dict[int, list[int]] = {}
    for member in range(len(parents)):
        groups.setdefault(root(member), []).append(member)
    return list(groups.values())


def _areas(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1e-12)


def _quality(members: list[int], texts: list[str], confidences: npt.NDArray[np.float64]) -> float:
    letters = [len(texts[member]) for member in members]
    return float(np.average(confidences[members], weights=letters))


def _next(numbers: npt.NDArray[np.int64]) -> int:
    return int(numbers.max()) + 1 if numbers.size else 0


def _beside(boxes: npt.NDArray[np.float64], line: list[int], others: list[int]) -> bool:
    """Return whether two lines are parts of one: same height, near, not over each other."""
    x0, y0, x1, y1 = _around(boxes, line)
    a0, b0, a1, b1 = _around(boxes, others)
    lower = min(y1 - y0, b1 - b0)
    return min(y1, b1) - max(y0, b0) > _SAME_LINE * lower and -lower < max(x0, a0) - min(x1, a1) < _NEAR * lower


def _place(boxes: npt.NDArray[np.float64], lines: list[list[int]], members: list[int]) -> int:
    """Return where a line goes among those there are."""
    _x0, top, _x1, bottom = _around(boxes, members)
    above = [position for position, line in enumerate(lines) if _around(boxes, line)[3] <= (top + bottom) / 2]
    return above[-1] + 1 if above else 0


def _around(boxes: npt.NDArray[np.float64], members: list[int]) -> tuple[float, float, float, float]:
    part = boxes[members]
    x0, y0 = part[:, :2].min(axis=0).tolist()
    x1, y1 = part[:, 2:].max(axis=0).tolist()
    return x0, y0, x1, y1
