"""Engines in the policy's order: each is asked only for what is still missing or weak."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from apps.extraction.calibration import Curve
from apps.extraction.completeness import ledger
from apps.extraction.confidence import contradicting, is_exact, is_models, ruled, weighed
from apps.extraction.derived import as_read, derived
from apps.extraction.engines.layout.rivals import Rival, rivals, unsettled
from apps.extraction.engines.protocol import Engine, ExtractionRequest
from apps.extraction.exact import exactly
from apps.extraction.notes import Note, Place, another, broken, few_items, unaccounted, unchecked, unequal
from apps.extraction.paths import broken_items, item_of, leaf, top_level
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.parsing.pages import ParsedDocument
from apps.schemas.constraints import too_few, violated
from apps.schemas.fields import Field, Kind, Schema

# So many pages of a long document are held at a time to account for their rows.
STRETCH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the engines found together, in the schema's order.

    `missing` are fields that nobody answered well or in full: a dearer engine may know more of them. `incomplete` are
    arrays, some rows of whose tables are unaccounted for, or with fewer items than the schema asks for; `unread` fields
    for which a model couldn't read all of the document, nor anybody after it: of a field with one value that matters
    where nobody answered well, of an array always. `alternatives` are what the engine that answered a field also read
    for it, elsewhere in the document; `unreadable` fields for which an exact source has something that can't be read:
    no other engine's answer to them is accepted.
    """

    values: tuple[ExtractedValue, ...]
    notes: tuple[Note, ...]
    missing: frozenset[str]
    incomplete: frozenset[str] = frozenset()
    alternatives: tuple[ExtractedValue, ...] = ()
    unread: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()

    def doubtful(self, *, schema: Schema) -> bool:
        """Return whether a person should look: something is weak, missing, or couldn't be read."""
        answered = {top_level(value.path) for value in self.values}
        weak = any(value.status is not ValueStatus.ACCEPTED for value in self.values)
        return (
            weak
            or bool(self.incomplete | self.unread | self.unreadable)
            or any(field.required and field.name not in answered for field in schema.fields)
        )


@exactly
def run(
    *,
    request: ExtractionRequest,
    engines: Iterable[Engine],
    curves: Mapping[str, Curve] | None = None,
) -> Answers:
    """Ask the engines in turn. Values that `request.known` holds are kept unless a later engine does better.

    Where a model contradicts what was known, the losing value becomes an alternative. `curves` calibrate an engine's
    confidence, by its name.
    Raises what an engine raises: RetryableError or TerminalError.
    """
    schema = request.schema
    known, broken_at = _checked(as_read(request.known), schema=schema)
    # The rules were weighed already where a model's values are known: the same evidence counts once.
    settled = frozenset(value for value in known if is_models(value.engine))
    faults = _by_name(broken_at)
    best: dict[str, tuple[ExtractedValue, ...]] = _by_field(known)
    others: dict[str, tuple[ExtractedValue, ...]] = {}
    notes: list[Note] = []
    unread: frozenset[str] = frozenset()
    unreadable = request.unreadable
    curves = curves or {}
    contested: dict[str, frozenset[str]] = {}
    accounts = _Accounts(request)

    def weigh(held_back: Collection[str]) -> tuple[tuple[ExtractedValue, ...], tuple[str, ...]]:
        return _ruled(best, schema=schema, curves=curves, held_back=held_back, unreadable=unreadable, settled=settled)

    values, breaches = weigh({*broken_at})
    short = accounts.unaccounted(best)
    missing = _missing(schema=schema, best=_by_field(values), short=short) & request.wanted
    for engine in engines:
        if not missing:
            break
        asked = replace(request, wanted=missing, known=tuple(value for values in best.values() for value in values))
        found = engine.extract(asked)
        notes.extend(replace(note, by=engine.name) for note in found.notes)
        unreadable |= found.unreadable
        found_twice = {value.path for value in found.alternatives}
        also = _by_field(found.alternatives)
        weighty = weighed(found.values, known=asked.known, curves=curves, contested=found_twice)
        checked, broken_at = _checked(weighty, schema=schema)
        more = _by_name(broken_at)
        offered = {name: values for name, values in _by_field(checked).items() if name in missing}
        shorter = accounts.unaccounted(offered)
        # What one model couldn't read, another may have, also that there is nothing: not where it finds less.
        read = {
            name
            for name in asked.wanted - found.unread
            if found.asked and _grounded(offered.get(name, ())) >= _grounded(best.get(name, ()))
        }
        for name, values in offered.items():
            kept = best.get(name, ())
            if _better(values, kept, lacking=shorter.get(name, 0), known_lacking=short.get(name, 0)):
                best[name] = values
                contested[name] = frozenset(value.path for value in also.get(name, ()))
                others[name] = (*also.get(name, ()), *contradicting(kept, kept=values))
                faults[name] = more.get(name, {})
            else:
                others[name] = (*others.get(name, ()), *contradicting(values, kept=kept))
        values, breaches = weigh(frozenset[str]().union(*faults.values(), *contested.values()))
        short = accounts.unaccounted(best)
        missing = _missing(schema=schema, best=_by_field(values), short=short)
        unread = _in_doubt((unread - read) | found.unread, schema=schema, missing=missing)
        missing = (missing | unread) & request.wanted
    order = [field.name for field in schema.fields]
    answered = _by_field(values)
    rivalling = _rivals(request=request, best=answered)
    for name in rivalling:
        answered[name], more_of_it = unsettled(answered[name], against=rivalling)
        others[name] = (*others.get(name, ()), *more_of_it)
    notes.extend(another(name=name, page=found[0].evidence.page) for name, found in rivalling.items())
    notes.extend(accounts.notes(best))
    few = _too_few(best, schema=schema)
    notes.extend(few_items(name=name) for name in order if name in few)
    return Answers(
        values=tuple(value for name in order for value in answered.get(name, ())),
        notes=tuple(
            dict.fromkeys(
                [
                    *notes,
                    *map(broken, chain.from_iterable(words.values() for words in faults.values())),
                    *map(unequal, breaches),
                ]
            )
        ),
        missing=missing,
        incomplete=frozenset(short) | few,
        alternatives=tuple(value for name in order for value in others.get(name, ())),
        unread=unread,
        unreadable=unreadable,
    )


def best_of(
    first: Sequence[ExtractedValue], second: Sequence[ExtractedValue]
) -> tuple[tuple[ExtractedValue, ...], frozenset[str]]:
    """Return each field's values from whichever knows it better, and the fields that are the first's; ties are too."""
    kept, others = _by_field(first), _by_field(second)
    taken = frozenset(name for name, values in kept.items() if not _better(others.get(name, ()), values))
    chosen = others | {name: kept[name] for name in taken}
    return tuple(value for values in chosen.values() for value in values), taken


def _ruled(
    best: Mapping[str, Sequence[ExtractedValue]],
    *,
    schema: Schema,
    curves: Mapping[str, Curve],
    held_back: Collection[str],
    unreadable: frozenset[str],
    settled: Collection[ExtractedValue],
) -> tuple[tuple[ExtractedValue, ...], tuple[str, ...]]:
    """Return the values as the arithmetic leaves them and completes them, in the schema's order, and broken rules.

    What others than an exact engine answer for the `unreadable` fields is for a person, and nothing follows from it.
    What follows at a path that is `held_back` is for a person too.
    """
    values = [value for field in schema.fields for value in best.get(field.name, ())]
    kept, breaches = ruled(values, schema=schema, curves=curves, held_back=held_back, settled=settled)
    read = _for_a_person(kept, names=unreadable)
    # Last: what follows by a rule is no witness for it.
    completed = [
        replace(value, status=ValueStatus.NEEDS_REVIEW) if value is not before and value.path in held_back else value
        for before, value in zip(read, derived(read, schema=schema), strict=True)
    ]
    return _for_a_person(completed, names=unreadable), breaches


def _for_a_person(values: Sequence[ExtractedValue], *, names: frozenset[str]) -> tuple[ExtractedValue, ...]:
    return tuple(
        replace(value, status=ValueStatus.NEEDS_REVIEW)
        if value.status is ValueStatus.ACCEPTED and top_level(value.path) in names and not is_exact(value.engine)
        else value
        for value in values
    )


def _rivals(
    *, request: ExtractionRequest, best: Mapping[str, Sequence[ExtractedValue]]
) -> dict[str, tuple[Rival, ...]]:
    """Return what else the document shows under the labels of what was read from it here."""
    # A set: a list would compare each cell with all before it.
    known = frozenset(request.known)
    answered = frozenset(
        name
        for name, values in best.items()
        if any(
            value.status is ValueStatus.ACCEPTED and not is_exact(value.engine) and value not in known
            for value in values
        )
    )
    if not answered:
        return {}
    return rivals(
        pages=request.pages(),
        language=request.document.language,
        schema=request.schema,
        values=[value for values in best.values() for value in values],
        wanted=answered,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    """Where the rows stand that an array's values leave out, and whether there was anything to tell them by."""

    values: tuple[ExtractedValue, ...]
    places: tuple[Place, ...]
    checked: bool


class _Accounts:
    """How many rows of an array's table nobody answered for; the same values are accounted for once."""

    def __init__(self, request: ExtractionRequest) -> None:
        self._request = request
        self._arrays = [field for field in request.schema.fields if field.kind is Kind.ARRAY]
        # By identity: to compare or to hash a long table's values takes as long as to look for them on its pages.
        self._accounts: dict[int, _Account] = {}

    def unaccounted(self, best: Mapping[str, tuple[ExtractedValue, ...]]) -> dict[str, int]:
        """Return how many rows these values leave out, of the arrays of which they leave any."""
        return {name: len(account.places) for name, account in self._of(best).items() if account.places}

    def notes(self, best: Mapping[str, tuple[ExtractedValue, ...]]) -> Iterator[Note]:
        """Yield what is to be said: rows that these values leave out, and a model's arrays that nothing checks."""
        for name, account in self._of(best).items():
            if account.places:
                yield unaccounted(name=name, count=len(account.places), places=account.places)
            if not account.checked and any(is_models(value.engine) for value in best[name]):
                yield unchecked(name=name)

    def _of(self, best: Mapping[str, tuple[ExtractedValue, ...]]) -> dict[str, _Account]:
        asked = [field for field in self._arrays if best.get(field.name)]
        new = [field for field in asked if id(best[field.name]) not in self._accounts]
        self._accounts |= {id(account.values): account for account in self._counted(new, best=best)}
        return {field.name: self._accounts[id(best[field.name])] for field in asked}

    def _counted(
        self, arrays: Sequence[Field], *, best: Mapping[str, tuple[ExtractedValue, ...]]
    ) -> Iterator[_Account]:
        found: defaultdict[str, list[Place]] = defaultdict(list)
        checked: defaultdict[str, list[bool]] = defaultdict(list)
        on_page = {field.name: _by_page(best[field.name]) for field in arrays}
        for document, first, last in _stretches(self._request) if arrays else ():
            for field in arrays:
                # A value that stands on several pages is one.
                values = {
                    value.path: value for page in document.pages for value in on_page[field.name].get(page.number, ())
                }
                rows = ledger(
                    document=document, schema=self._request.schema, field=field, values=tuple(values.values())
                )
                if values:
                    checked[field.name].append(rows.checked)
                # A stretch shows a page of its neighbours on either side, whose rows are theirs to account for.
                found[field.name] += [
                    Place(page=row.page, box=row.box) for row in rows.unaccounted if first <= row.page <= last
                ]
        for field in arrays:
            told = checked[field.name]
            yield _Account(values=best[field.name], places=tuple(found[field.name]), checked=bool(told) and all(told))


def _stretches(request: ExtractionRequest) -> Iterator[tuple[ParsedDocument, int, int]]:
    """Yield the document whole, or stretches of one that is loaded as it is read, each with its first and last page.

    Rows of a stretch without any extracted row aren't told: there is nothing to tell them by.
    """
    if request.source is None:
        numbers = [page.number for page in request.document.pages]
        yield request.document, min(numbers, default=1), max(numbers, default=0)
        return
    count = request.source.count
    for first in range(1, count + 1, STRETCH):
        last = min(first + STRETCH - 1, count)
        pages = tuple(request.source.pages(first=max(first - 1, 1), last=min(last + 1, count)))
        yield replace(request.document, pages=pages), first, last


def _checked(
    values: Sequence[ExtractedValue], *, schema: Schema
) -> tuple[tuple[ExtractedValue, ...], Mapping[str, str]]:
    """Return the values, those against the schema's own constraints never accepted, and by path what they break.

    No value of an item is accepted that is against them as a whole.
    """
    fields = {field.name: field for field in schema.fields}
    checked, faults = [], {}
    for value in values:
        field = leaf(fields, value.path)
        broken = violated(field=field, value=value.value) if field else ()
        if broken and field:
            # A note names no row and no value: notes are shown and stored, and hold none of the document's text.
            what = top_level(value.path) + (f".{field.name}" if field.name != top_level(value.path) else "")
            faults[value.path] = f"{what.rstrip('.')} breaks the schema's {' and '.join(broken)}"
            value = _in_review(value)  # noqa: PLW2901 - the same value, demoted
        checked.append(value)
    faulty = broken_items(((value.path, value.value) for value in values), fields=fields)
    whole = {
        value.path: f"an item of {item[0]} breaks the schema's {' and '.join(faulty[item])}"
        for value in values
        if (item := item_of(value.path)) in faulty
    }
    for path, words in whole.items():
        faults[path] = "; ".join(filter(None, (faults.get(path), words)))
    return tuple(_in_review(value) if value.path in whole else value for value in checked), faults


def _in_review(value: ExtractedValue) -> ExtractedValue:
    return replace(value, status=ValueStatus.NEEDS_REVIEW) if value.status is ValueStatus.ACCEPTED else value


def _too_few(best: Mapping[str, Sequence[ExtractedValue]], *, schema: Schema) -> frozenset[str]:
    """Return the arrays with fewer items than the schema asks for."""
    return frozenset(
        field.name
        for field in schema.fields
        if too_few(field=field, count=len({item_of(value.path) for value in best.get(field.name, ())}))
    )


def _by_field(values: Sequence[ExtractedValue]) -> dict[str, tuple[ExtractedValue, ...]]:
    fields: defaultdict[str, list[ExtractedValue]] = defaultdict(list)
    for value in values:
        fields[top_level(value.path)].append(value)
    return {name: tuple(found) for name, found in fields.items()}


def _by_page(values: Sequence[ExtractedValue]) -> Mapping[int, Sequence[ExtractedValue]]:
    pages: defaultdict[int, list[ExtractedValue]] = defaultdict(list)
    for value in values:
        for page in dict.fromkeys(place.page for place in value.evidence):
            pages[page].append(value)
    return pages


def _by_name(faults: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return what values break by field, and there by path."""
    fields: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for path, words in faults.items():
        fields[top_level(path)][path] = words
    return dict(fields)


def _missing(
    *, schema: Schema, best: Mapping[str, tuple[ExtractedValue, ...]], short: Mapping[str, int]
) -> frozenset[str]:
    """Return the fields without a value, with a weak one, or some of whose rows (`short`) are unaccounted for."""
    return frozenset(
        field.name
        for field in schema.fields
        if not best.get(field.name)
        or (
            not _holds_exact_rows(best[field.name])
            and (field.name in short or any(_is_weak(value) for value in best[field.name]))
        )
    )


def _in_doubt(unread: frozenset[str], *, schema: Schema, missing: frozenset[str]) -> frozenset[str]:
    """Return the fields that may have more in what wasn't read: one value is enough, an array's end nobody knows."""
    arrays = frozenset(field.name for field in schema.fields if field.kind is Kind.ARRAY)
    return unread & (missing | arrays)


def _better(
    found: Sequence[ExtractedValue], known: Sequence[ExtractedValue], *, lacking: int = 0, known_lacking: int = 0
) -> bool:
    """Compare whole fields, since an array is taken from one engine: more accepted values win.

    A tie goes to the cheaper engine, which came first. Rows of an exact e-invoice, of which a page shows some cell,
    aren't lost to a guess: cells that no page shows are for a person. `lacking` and `known_lacking` are rows that are
    unaccounted for: whoever leaves out fewer of them wins, if it finds as many values on the pages as the other.
    """
    if _holds_exact_rows(known):
        return False
    if lacking < known_lacking and _grounded(found) >= _grounded(known):
        return True
    if lacking > known_lacking and _grounded(found) <= _grounded(known):
        return False
    return _worth(found) > _worth(known)


def _grounded(values: Sequence[ExtractedValue]) -> int:
    return sum(value.status is not ValueStatus.UNGROUNDED for value in values)


def _holds_exact_rows(values: Sequence[ExtractedValue]) -> bool:
    return any(
        is_exact(value.engine) and value.path.count("/") > 1 and value.status is not ValueStatus.UNGROUNDED
        for value in values
    )


def _is_weak(value: ExtractedValue) -> bool:
    return value.status is not ValueStatus.ACCEPTED


def _worth(values: Sequence[ExtractedValue]) -> tuple[int, int, bool]:
    return (
        sum(value.status is ValueStatus.ACCEPTED for value in values),
        sum(value.status is ValueStatus.NEEDS_REVIEW for value in values),
        bool(values),
    )
