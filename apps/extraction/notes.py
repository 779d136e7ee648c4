"""What is said beside values, for a person and as facts: fields, engines and pages, never the document's text.

unaccounted(name="line_items", count=3)
-> Note(about=About.ROWS_UNACCOUNTED, field="line_items", text="3 rows of its table are unaccounted for")
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import StrEnum

from apps.extraction.values import ExtractedValue
from apps.parsing.pages import Box
from apps.schemas.fields import Kind, Schema

MOST_PLACES = 200
SCHEMA = "schema"
"""Who says what is against the schema."""


class About(StrEnum):
    """What a note is about, as far as others tell it in words of their own; `ANYTHING` is all else."""

    SCHEMA = "schema"
    SUM = "sum"
    ANOTHER_VALUE = "another_value"
    UNREADABLE = "unreadable"
    HIDDEN = "hidden"
    NOT_LOOKED_AT = "not_looked_at"
    ROWS_UNACCOUNTED = "rows_unaccounted"
    ROWS_UNCHECKED = "rows_unchecked"
    ROWS_READ_TWICE = "rows_read_twice"
    LIST_CUT = "list_cut"
    PAGE_UNREAD = "page_unread"
    MODEL_UNUSABLE = "model_unusable"
    ANYTHING = "anything"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A spot on a page, from 1."""

    page: int
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing that is said, in `text`; nothing is ever read out of the text.

    `by` is the engine that says it, `SCHEMA`, or "" for none of them. `field` is the name of the field that the text is
    said of: it stands before it. `others` are the names of further fields that it is about, `paths` the values.
    `places` are where on the pages to look: a note that is the same but for them is the same note.
    """

    text: str
    about: About = About.ANYTHING
    by: str = ""
    field: str = ""
    others: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    places: tuple[Place, ...] = dataclass_field(default=(), compare=False)

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.by, self.field, self.text)))

    @property
    def fields(self) -> frozenset[str]:
        """All fields that the note is about."""
        return frozenset(filter(None, (self.field, *self.others)))

    @property
    def is_of_the_whole(self) -> bool:
        """Whether it says how a whole result is: each later look at the result says that anew."""
        return self.about in {About.SCHEMA, About.ROWS_UNACCOUNTED, About.ROWS_UNCHECKED}


def broken(words: str) -> Note:
    """Say which constraint of the schema a value breaks."""
    return Note(text=words, about=About.SCHEMA, by=SCHEMA)


def unequal(rule: str) -> Note:
    """Say which of the schema's rules the values break."""
    return Note(text=f"{rule} doesn't hold", about=About.SCHEMA, by=SCHEMA)


def no_sum(*, formula: str, output: str, inputs: Sequence[str]) -> Note:
    """Say which sum of the schema the page's amounts don't make."""
    return Note(text=f"{formula} doesn't make {output}", about=About.SUM, others=(*inputs, output))


def missed_sum(*, name: str, column: str, total: str) -> Note:
    """Say that an array's rows don't make the page's total."""
    return Note(text=f"sum({name}.{column}) = {total} doesn't hold", about=About.SUM, others=(name, total))


def another(*, name: str, page: int) -> Note:
    """Say that a page shows another value for a field."""
    return Note(text=f"page {page} shows another value", about=About.ANOTHER_VALUE, field=name)


def unreadable(*, name: str) -> Note:
    """Say that an e-invoice's XML has something for a field that is none of its kind."""
    return Note(text="what the e-invoice XML has for it can't be read", about=About.UNREADABLE, field=name)


def unreadable_fields(notes: Iterable[Note]) -> frozenset[str]:
    """Return the fields that `unreadable` named."""
    return frozenset(note.field for note in notes if note.about is About.UNREADABLE)


def read_twice(*, name: str, page: int) -> Note:
    """Say that a row of an array was read in two ways."""
    return Note(text=f"a row on page {page} was read in two ways", about=About.ROWS_READ_TWICE, field=name)


def unaccounted(*, name: str, count: int, places: Sequence[Place] = ()) -> Note:
    """Say how many rows of an array's table nobody answered for, and where the first of them stand."""
    rows = "1 row of its table is" if count == 1 else f"{count} rows of its table are"
    text = f"{rows} unaccounted for"
    return Note(text=text, about=About.ROWS_UNACCOUNTED, field=name, places=tuple(places[:MOST_PLACES]))


def unchecked(*, name: str) -> Note:
    """Say that nothing on the pages tells whether an array is complete."""
    text = "whether it is complete couldn't be checked: its rows have too little in common"
    return Note(text=text, about=About.ROWS_UNCHECKED, field=name)


def few_items(*, name: str) -> Note:
    """Say that an array has fewer items than the schema's `minItems`."""
    return Note(text="there are fewer items than the schema asks for", about=About.ROWS_UNACCOUNTED, field=name)


def list_cut(*, name: str, where: str = "") -> Note:
    """Say that an array may go on; `where` says of which pages."""
    text = f"{where}as many items as a reply can hold, there may be more"
    return Note(text=text, about=About.LIST_CUT, field=name)


def unread(*, page: int) -> Note:
    """Say that a page was too long for a model."""
    text = f"page {page} alone is longer than the model's context and was not read"
    return Note(text=text, about=About.PAGE_UNREAD)


def not_of_its_kind(*, name: str, kind: Kind, column: str = "") -> Note:
    """Say that a model's answer for a field, or for a column of it, can't be what the schema says."""
    where = f" in the column {column}" if column else ""
    return Note(text=f"the model's answer{where} is no {kind}", about=About.MODEL_UNUSABLE, field=name)


def cut_off(*, name: str, longest: int, column: str = "") -> Note:
    """Say that a model's answer for a field, or for a column of it, goes on after what it had room for."""
    where = f" in the column {column}" if column else ""
    text = f"the model's answer{where} is longer than {longest} characters and was cut"
    return Note(text=text, about=About.MODEL_UNUSABLE, field=name)


def unusable(words: str) -> Note:
    """Say why a model gave no answer."""
    return Note(text=words, about=About.MODEL_UNUSABLE)


def not_served(*, setting: str) -> Note:
    """Say that no server of the house serves an engine's model."""
    return Note(text=f"no server here serves this model: name one by {setting}, or take it out of the policy")


def left_out(*, first: int, last: int) -> Note:
    """Say that pages were read while another schema, or another version of it, was the document's."""
    return Note(
        text=f"pages {first} to {last}: read under another schema than the rest; "
        "delete the document and upload it again",
        about=About.PAGE_UNREAD,
    )


def has_left_out(notes: Iterable[Note]) -> bool:
    """Return whether `left_out` said so: a model's page, which is too long for it, has the model to say it."""
    return any(note.about is About.PAGE_UNREAD and not note.by for note in notes)


def hidden(paths: Iterable[str]) -> Note:
    """Say which values stand in a page's text where nothing is to be seen on the page."""
    named = tuple(paths)
    values = "1 value is" if len(named) == 1 else f"{len(named)} values are"
    text = f"{values} in the page's text, but not to be seen on the page"
    return Note(text=text, about=About.HIDDEN, paths=named)


LOCKED = Note(
    text="the pages couldn't be looked at, since the document is locked: send it again with its password",
    about=About.NOT_LOOKED_AT,
)
"""Said of values that were read from stored pages of a document whose password isn't known any more."""


def hidden_paths(notes: Iterable[Note]) -> frozenset[str]:
    """Return the paths that `hidden` named."""
    return frozenset(path for note in notes if note.about is About.HIDDEN for path in note.paths)


def still_true(
    notes: Sequence[Note], *, schema: Schema, before: Sequence[ExtractedValue], after: Sequence[ExtractedValue]
) -> tuple[Note, ...]:
    """Return which of an earlier stage's notes later answers leave as they are.

    A note goes where it says how the whole result is, where it is about a field that another engine has answered since,
    or where it is about none and nothing of the engine that wrote it is left. What an XML says unreadably it goes on
    saying, whoever answers.
    """
    names = {field.name for field in schema.fields}
    earlier, later = _engines(before), _engines(after)
    changed = {name for name in names if earlier[name] != later[name]}
    gone = _all(earlier) - _all(later)
    return tuple(
        note
        for note in notes
        if note.about is About.UNREADABLE
        or (not note.is_of_the_whole and not note.fields & changed and (note.fields or note.by not in gone))
    )


def _engines(values: Sequence[ExtractedValue]) -> defaultdict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for value in values:
        found[value.path.split("/", 2)[1]].add(value.engine)
    return found


def _all(engines: defaultdict[str, set[str]]) -> set[str]:
    return {engine for names in engines.values() for engine in names}
