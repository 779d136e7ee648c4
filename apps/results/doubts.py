"""Why values are for a person, in words for that person: fields, pages and rules, never the document's text.

reasons_by_path(result=result, schema=schema)
-> {"/gross_total": (Reason(doubt=Doubt.SEVERAL_CANDIDATES, message="Page 2 shows another candidate"),)}
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from apps.extraction.arithmetic import judge
from apps.extraction.confidence import accept_from, is_exact
from apps.extraction.notes import LOCKED, About, Note, another, hidden_paths, unequal
from apps.extraction.paths import broken_items, item_of, leaf, top_level
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.results.decisions import pointer
from apps.results.queries import DocumentResult, DocumentValue
from apps.schemas.constraints import violated
from apps.schemas.fields import Field, Kind, Schema


class Doubt(StrEnum):
    """What is doubtful. The first ten are of one value, the next of a field without any, the last of the whole."""

    UNGROUNDED = "ungrounded"
    AGAINST_SCHEMA = "against_schema"
    RULE_BROKEN = "rule_broken"
    ENGINES_DISAGREE = "engines_disagree"
    SEVERAL_CANDIDATES = "several_candidates"
    UNREADABLE = "unreadable"
    HIDDEN = "hidden"
    NOT_LOOKED_AT = "not_looked_at"
    LOW_CONFIDENCE = "low_confidence"
    UNSURE = "unsure"
    REQUIRED_MISSING = "required_missing"
    ROWS_UNACCOUNTED = "rows_unaccounted"
    ROWS_READ_TWICE = "rows_read_twice"
    LIST_CUT = "list_cut"
    PAGE_UNREAD = "page_unread"
    MODEL_UNUSABLE = "model_unusable"
    STAGE_FAILED = "stage_failed"
    FILE_DAMAGED = "file_damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason. `message` is a sentence without its full stop."""

    doubt: Doubt
    message: str


_CONSTRAINTS = {
    "enum": "is none of those on the schema's list",
    "pattern": "doesn't have the form that the schema asks for",
    "minLength": "is shorter than the schema allows",
    "maxLength": "is longer than the schema allows",
    "minimum": "is below the schema's least",
    "maximum": "is above the schema's most",
    "exclusiveMinimum": "is below the schema's least",
    "exclusiveMaximum": "is above the schema's most",
    "multipleOf": "isn't a multiple of the schema's step",
    "type": "isn't a number",
    "digits": "has more digits than are kept exactly",
    "required": "is in a row that lacks a value which the schema requires",
    "maxItems": "is beyond as many items as the schema allows",
    "uniqueItems": "is in a row that is there before, which the schema forbids",
}
_LABELS = {
    Doubt.UNGROUNDED: "Not found on any page",
    Doubt.AGAINST_SCHEMA: "Against the schema",
    Doubt.ENGINES_DISAGREE: "Engines disagree",
    Doubt.SEVERAL_CANDIDATES: "Several candidates",
    Doubt.HIDDEN: "Not to be seen on the page",
    Doubt.LOW_CONFIDENCE: "Low confidence",
    Doubt.UNSURE: "To check",
}
_IN_RULES = re.compile(r"(?P<sum>\bsum\(\s*)?(?P<name>[A-Za-z_]\w*(?:\.\w+)?)(?(sum)\s*\))|(?P<times> \* )")
_OF_THE_WHOLE = {
    About.UNREADABLE: Doubt.UNREADABLE,
    About.NOT_LOOKED_AT: Doubt.NOT_LOOKED_AT,
    About.ROWS_UNACCOUNTED: Doubt.ROWS_UNACCOUNTED,
    About.ROWS_READ_TWICE: Doubt.ROWS_READ_TWICE,
    About.LIST_CUT: Doubt.LIST_CUT,
    About.PAGE_UNREAD: Doubt.PAGE_UNREAD,
    About.MODEL_UNUSABLE: Doubt.MODEL_UNUSABLE,
}


def reasons_by_path(*, result: DocumentResult, schema: Schema, whole: bool = True) -> Mapping[str, tuple[Reason, ...]]:
    """Return why values need a person, by path, also for required fields without a value; what is settled is left out.

    Without `whole` rows whose cells are all accepted are taken to be missing (`open_results`): a rule over all rows is
    then told as the engines noted it, for all that is doubtful in its columns.
    """
    facts = _facts(result, schema=schema, whole=whole)
    found = {
        value.path: tuple(_of_value(value, facts=facts)) for value in result.values if value.status not in _SETTLED
    }
    return found | {
        path: (Reason(doubt=Doubt.REQUIRED_MISSING, message="Required, but nothing was read for it"),)
        for path in _missing(result, schema=schema)
    }


def summary(*, result: DocumentResult, schema: Schema) -> tuple[Reason, ...]:
    """Return why a result needs a person, a sentence for each kind of doubt. `open_results`' part of it is enough.

    A value is told under what is wrong with it; its confidence counts only where nothing else does.
    """
    titles = {field.name: field.title for field in schema.fields}
    told: defaultdict[Doubt, Counter[str]] = defaultdict(Counter)
    rules: dict[str, Reason] = {}
    for path, reasons in reasons_by_path(result=result, schema=schema, whole=False).items():
        worse = [reason for reason in reasons if reason.doubt is not Doubt.LOW_CONFIDENCE] or reasons
        for reason in worse:
            if reason.doubt is Doubt.RULE_BROKEN:
                rules[reason.message] = reason
            else:
                told[reason.doubt][titles.get(top_level(path), top_level(path))] += 1
    lists = {field.title for field in schema.fields if field.kind is Kind.ARRAY}
    counted = [
        Reason(doubt=doubt, message=f"{_LABELS[doubt]}: {_counted(told[doubt], lists=lists)}")
        for doubt in Doubt
        if doubt in told and doubt in _LABELS
    ]
    missing = told.get(Doubt.REQUIRED_MISSING)
    if missing:
        counted.append(Reason(doubt=Doubt.REQUIRED_MISSING, message=f"Required, but missing: {', '.join(missing)}"))
    order = list(Doubt)
    worst_first = sorted((*counted, *rules.values()), key=lambda reason: order.index(reason.doubt))
    return (*worst_first, *_of_whole(result.notes, titles=titles))


def other_notes(*, result: DocumentResult) -> tuple[Note, ...]:
    """Return the notes that no reason tells in other words."""
    return tuple(note for note in result.notes if note.about in {About.ANYTHING, About.ROWS_UNCHECKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What is known beside a value: rules that don't hold and other readings by path, hidden paths, a locked file.

    `items` are the keywords that items break as a whole, by `item_of`. `shown` are fields and what a note says of
    them, where a page shows another value; `unreadable` the words for those of which an e-invoice's XML says what can't
    be read.
    """

    fields: Mapping[str, Field]
    rules: Mapping[str, Sequence[str]]
    others: Mapping[str, Sequence[ExtractedValue]]
    hidden: frozenset[str]
    is_locked: bool
    shown: frozenset[tuple[str, str]]
    unreadable: Mapping[str, str]
    items: Mapping[tuple[str, int], Sequence[str]]


_SETTLED = frozenset({ValueStatus.ACCEPTED, ValueStatus.REJECTED})


def _facts(result: DocumentResult, *, schema: Schema, whole: bool) -> _Facts:
    rules: defaultdict[str, list[str]] = defaultdict(list)
    live = [value for value in result.values if value.status is not ValueStatus.REJECTED]
    known = [value for value in live if whole or value.path.count("/") == 1]
    faults = list(judge(values=[value.as_extracted() for value in known], schema=schema).broken)
    if not whole:
        within = judge(values=[value.as_extracted() for value in live], schema=schema).broken
        faults += [fault for fault in within if all(path.count("/") > 1 for path in fault.paths)]
    for broken in faults:
        for path in broken.paths:
            rules[path].append(broken.rule)
    if not whole:
        noted = frozenset(result.notes)
        for rule in schema.rules:
            text = f"{rule.left} = {rule.right}"
            if "." in text and unequal(text) in noted:
                for value in live:
                    if _generic(value.path) in text:
                        rules[value.path].append(text)
    fields = {field.name: field for field in schema.fields}
    others: defaultdict[str, list[ExtractedValue]] = defaultdict(list)
    for other in result.alternatives:
        others[other.path].append(other)
    told = {text: f"{in_words(text, schema=schema)} doesn't hold" for texts in rules.values() for text in texts}
    return _Facts(
        fields=fields,
        rules={path: [told[text] for text in dict.fromkeys(texts)] for path, texts in rules.items()},
        others=others,
        hidden=hidden_paths(result.notes),
        is_locked=LOCKED in result.notes,
        shown=frozenset((note.field, note.text) for note in result.notes if note.about is About.ANOTHER_VALUE),
        unreadable={note.field: note.text for note in result.notes if note.about is About.UNREADABLE},
        items=broken_items(((value.path, value.value) for value in live), fields=fields),
    )


def _of_value(value: DocumentValue, *, facts: _Facts) -> Iterator[Reason]:
    """Yield what speaks against a value that isn't settled; at least that Quire isn't sure of it."""
    told = tuple(_told(value, facts=facts))
    yield from told
    least = accept_from(value.engine)
    if value.status is ValueStatus.NEEDS_REVIEW and value.confidence < least:
        message = f"Read with a confidence of {value.confidence:.0%}, accepted from {least:.0%} on"
        yield Reason(doubt=Doubt.LOW_CONFIDENCE, message=message)
    elif not told and facts.is_locked:
        message = "Its page couldn't be looked at, since the document is locked: send it again with its password"
        yield Reason(doubt=Doubt.NOT_LOOKED_AT, message=message)
    elif not told:
        yield Reason(doubt=Doubt.UNSURE, message="Quire isn't sure of it")


def _told(value: DocumentValue, *, facts: _Facts) -> Iterator[Reason]:
    if value.status is ValueStatus.UNGROUNDED:
        yield Reason(doubt=Doubt.UNGROUNDED, message="Not found on any page of the document")
    field = leaf(facts.fields, value.path)
    for keyword in violated(field=field, value=value.value) if field else ():
        yield Reason(doubt=Doubt.AGAINST_SCHEMA, message=f"It {_CONSTRAINTS.get(keyword, 'breaks the schema')}")
    for keyword in facts.items.get(item_of(value.path), ()):
        yield Reason(doubt=Doubt.AGAINST_SCHEMA, message=f"It {_CONSTRAINTS[keyword]}")
    for rule in facts.rules.get(value.path, ()):
        yield Reason(doubt=Doubt.RULE_BROKEN, message=rule)
    yield from dict.fromkeys(_other(value, other, shown=facts.shown) for other in facts.others.get(value.path, ()))
    said = facts.unreadable.get(top_level(value.path))
    if said and not is_exact(value.engine):
        yield Reason(doubt=Doubt.UNREADABLE, message=said[:1].upper() + said[1:])
    if value.path in facts.hidden:
        yield Reason(doubt=Doubt.HIDDEN, message="In the page's text, but not to be seen on the page")


def _other(value: DocumentValue, other: ExtractedValue, *, shown: frozenset[tuple[str, str]]) -> Reason:
    """Say who read something else: another engine, or the document shows several values under the field's label."""
    page = other.evidence[0].page if other.evidence else 0
    said = another(name=top_level(value.path), page=page)
    if other.engine == value.engine or (said.field, said.text) in shown:
        return Reason(doubt=Doubt.SEVERAL_CANDIDATES, message=f"Page {page} shows another candidate")
    where = f" on page {page}" if page else ""
    return Reason(doubt=Doubt.ENGINES_DISAGREE, message=f"Engines disagree: {other.engine} read something else{where}")


def _missing(result: DocumentResult, *, schema: Schema) -> Iterator[str]:
    """Yield the paths of required fields that have no value, unless a person said that there is none."""
    answered = {top_level(value.path) for value in result.values} | {top_level(one.path) for one in result.decisions}
    answered |= result.left_out
    for field in schema.fields:
        if field.required and field.name not in answered:
            yield pointer(field.name)


def _of_whole(notes: Iterable[Note], *, titles: Mapping[str, str]) -> Iterator[Reason]:
    for note in notes:
        if note.about in _OF_THE_WHOLE:
            said_of = titles.get(note.field, note.field)
            if note.about is About.MODEL_UNUSABLE and not note.field:
                said_of = "The model gave no usable answer"
            words = f"{said_of}: {note.text}" if said_of else note.text
            yield Reason(doubt=_OF_THE_WHOLE[note.about], message=words[:1].upper() + words[1:])


def in_words(text: str, *, schema: Schema) -> str:
    """Return a rule with titles in place of the fields' names: `Net total + Tax total = Gross total`."""
    titles = {field.name: field.title for field in schema.fields}
    columns = {
        f"{field.name}.{column.name}": column.title or column.name
        for field in schema.fields
        for column in field.columns
    }
    named = titles | columns

    def worded(found: re.Match[str]) -> str:
        if found["times"]:
            return " × "
        title = named.get(found["name"], found["name"])
        return f"sum of {title}" if found["sum"] else title

    return _IN_RULES.sub(worded, text)


def _counted(told: Counter[str], *, lists: set[str]) -> str:
    return ", ".join(f"{title} ({count})" if title in lists else title for title, count in told.items())


def _generic(path: str) -> str:
    """Return `line_items.quantity` for `/line_items/0/quantity`, the field's name alone for anything else."""
    parts = path.split("/")
    return f"{parts[1]}.{parts[3]}" if len(parts) == 4 else parts[1]
