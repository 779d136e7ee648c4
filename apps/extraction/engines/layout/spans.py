"""Runs of words on a page that are a value as they stand: names, texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.extraction.engines.layout.geometry import Rect
from apps.extraction.engines.layout.lines import PageLayout, Token
from apps.extraction.values import Evidence
from apps.parsing.pages import Box, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Tokens of one page in reading order; `text` has single blanks."""

    layout: PageLayout
    tokens: tuple[Token, ...]
    text: str

    @property
    def page(self) -> Page:
        return self.layout.page

    @property
    def words(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(token.word for token in self.tokens))

    @property
    def rect(self) -> Rect:
        rect = self.tokens[0].rect
        for token in self.tokens[1:]:
            rect = rect.union(token.rect)
        return rect

    @property
    def confidence(self) -> float:
        return min(token.confidence for token in self.tokens)

    def evidence(self) -> Evidence:
        box: Box | None = None
        for token in self.tokens:
            part = self.layout.frame.box(token.rect)
            box = part if box is None else box.union(part)
        assert box is not None
        return Evidence(page=self.page.number, box=box, quote=self.text)


def span_of(*, layout: PageLayout, tokens: Sequence[Token]) -> Span | None:
    """Return tokens as a value: without the punctuation that hangs on either end; None where nothing is left."""
    kept = list(tokens)
    while kept and not any(char.isalnum() for char in kept[0].text):
        kept.pop(0)
    while kept and not any(char.isalnum() or char in ")]" for char in kept[-1].text):
        kept.pop()
    if not kept:
        return None
    text = " ".join(token.text for token in kept).strip(" ,;:|•●·–—-/")
    return Span(layout=layout, tokens=tuple(kept), text=" ".join(text.split())) if text else None
