"""Notes from before they were stored as facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.extraction.notes import (
    About,
    Note,
    Place,
    another,
    broken,
    hidden,
    left_out,
    list_cut,
    no_sum,
    read_twice,
    unaccounted,
    unequal,
    unread,
    unusable,
)
from apps.parsing.pages import Box
from apps.results.encoding import notes_from_json, notes_to_json

MODEL = "sglang:small"
TWO_HIDDEN = Note(
    text="in the page's text, but not to be seen on the page", about=About.HIDDEN, paths=("/net", "/items/0/total")
)
MISSING_TERMS = Note(text="terms of the glossary that a question had no room for: 4", by=MODEL)


@pytest.mark.parametrize(
    ("stored", "note"),
    [
        ("schema: net breaks the schema's maximum", broken("net breaks the schema's maximum")),
        ("schema: net + tax = gross doesn't hold", unequal("net + tax = gross")),
        (
            "layout: net + tax doesn't make gross",
            replace(no_sum(formula="net + tax", output="gross", inputs=("net", "tax")), by="layout"),
        ),
        ("net: page 2 shows another value", another(name="net", page=2)),
        (f"{MODEL}: net: page 2 shows another value", replace(another(name="net", page=2), by=MODEL)),
        ("items: 1 row of its table is unaccounted for", unaccounted(name="items", count=1)),
        ("items: 2 rows of its table are unaccounted for", unaccounted(name="items", count=2)),
        ("items: a row on page 3 was read in two ways", read_twice(name="items", page=3)),
        (
            f"{MODEL}: pages 4 to 6: items has as many items as a reply can hold: there may be more",
            replace(list_cut(name="items", where="pages 4 to 6: "), by=MODEL),
        ),
        (
            f"{MODEL}: page 7 alone is longer than the model's context and was not read",
            replace(unread(page=7), by=MODEL),
        ),
        (
            "pages 51 to 80: read under another schema than the rest; delete the document and upload it again",
            left_out(first=51, last=80),
        ),
        ("in the page's text, but not to be seen on the page: /net, /items/0/total", TWO_HIDDEN),
        (f"{MODEL}: the reply was cut off, 3 times", replace(unusable("the reply was cut off, 3 times"), by=MODEL)),
        (f"{MODEL}: {MISSING_TERMS.text}", MISSING_TERMS),
        ("einvoice: the XML can't be read", Note(text="the XML can't be read", by="einvoice")),
        ("the model server answered 500", Note(text="the model server answered 500")),
    ],
)
def test_a_text_says_what_it_is_about(stored: str, note: Note) -> None:
    assert notes_from_json([stored]) == (note,)


def test_a_note_is_stored_with_all_that_it_says() -> None:
    told = (MISSING_TERMS, hidden(["/net"]), no_sum(formula="net + tax", output="gross", inputs=("net", "tax")))
    assert notes_from_json(notes_to_json(told)) == told
    assert notes_to_json([another(name="net", page=2)]) == [
        {"text": "page 2 shows another value", "about": "another_value", "field": "net"}
    ]
    rows = unaccounted(name="items", count=1, places=[Place(page=2, box=Box(0.125, 0.25, 0.5, 0.75))])
    stored = notes_to_json([rows])
    assert stored[0]["places"] == [{"page": 2, "box": [0.125, 0.25, 0.5, 0.75]}]
    assert notes_from_json(stored)[0].places == rows.places
