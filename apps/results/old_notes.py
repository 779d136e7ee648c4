"""Notes as they were stored while they were text alone: what they are about is read from their words.

No new note is written so; results keep theirs as long as they are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from apps.extraction.engines.registry import MODEL_PREFIX
from apps.extraction.notes import SCHEMA, About, Note

_HIDDEN = "in the page's text, but not to be seen on the page: "
_ENGINE = re.compile(r"(einvoice|layout|sglang:[^:\s]+): ")
_OF_A_FIELD: Mapping[About, re.Pattern[str]] = {
    About.ANOTHER_VALUE: re.compile(r"(\w+): (page \d+ shows another value)"),
    About.ROWS_UNACCOUNTED: re.compile(r"(\w+): (\d+ rows? of its table (?:is|are) unaccounted for)"),
    About.ROWS_READ_TWICE: re.compile(r"(\w+): (a row on page \d+ was read in two ways)"),
}
_LIST_CUT = re.compile(r"(pages \d+ to \d+: )?(\w+) has (as many items as a reply can hold): (there may be more)")
_SUM = re.compile(r"(.+) doesn't make (\w+)")
_PAGE_UNREAD = ("was not read", "read under another schema than the rest; delete the document and upload it again")
# What a model was asked without: it answered all the same.
_LEFT_OUT = ("terms of the glossary", "pictures that were left out")


def understood(stored: str) -> Note:
    """Return the note that an old text says. Where there were many hidden values, it names but the first of them."""
    if stored.startswith(f"{SCHEMA}: "):
        return Note(text=stored.removeprefix(f"{SCHEMA}: "), about=About.SCHEMA, by=SCHEMA)
    if stored.startswith(_HIDDEN):
        paths = stored.removeprefix(_HIDDEN)
        return Note(text=_HIDDEN.rstrip(": "), about=About.HIDDEN, paths=tuple(paths.split(", ")))
    engine = _ENGINE.match(stored)
    by, text = (engine[1], stored[engine.end() :]) if engine else ("", stored)
    for about, pattern in _OF_A_FIELD.items():
        if found := pattern.fullmatch(text):
            return Note(text=found[2], about=about, by=by, field=found[1])
    if found := _LIST_CUT.fullmatch(text):
        where, name, many, more = found.groups(default="")
        return Note(text=f"{where}{many}, {more}", about=About.LIST_CUT, by=by, field=name)
    if by == "layout" and (found := _SUM.fullmatch(text)):
        return Note(text=text, about=About.SUM, by=by, others=(*re.findall(r"[a-z_]\w*", found[1]), found[2]))
    if text.endswith(_PAGE_UNREAD):
        return Note(text=text, about=About.PAGE_UNREAD, by=by)
    unusable = by.startswith(MODEL_PREFIX) and not any(words in text for words in _LEFT_OUT)
    return Note(text=text, about=About.MODEL_UNUSABLE if unusable else About.ANYTHING, by=by)
