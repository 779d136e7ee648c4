"""Which candidate can be which field's value, and how well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from apps.extraction.candidates import Candidate, Part
from apps.extraction.engines.layout.contexts import Context, Relation, contexts
from apps.extraction.engines.layout.datelines import dateline, general_date
from apps.extraction.engines.layout.geometry import Rect
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.pieces import PagePieces, Piece
from apps.extraction.engines.layout.roles import Role, role_of, role_said
from apps.extraction.engines.layout.sections import Section, role_at
from apps.extraction.engines.layout.wording import tokens as words_of
from apps.schemas.fields import Field, Kind

NUMERIC = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER})

PARTYS = frozenset({Kind.VAT_ID, Kind.IBAN, Kind.EMAIL, Kind.PHONE})
"""Kinds that belong to a party, so that it matters whose section or letterhead they stand in."""

_PLAIN_KINDS = frozenset({Kind.DATE, *PARTYS})
"""Kinds whose values show what they are, so that they are no other kind's."""
_LEAST = 0.12
_OWNED = 0.5
"""From here on a value has a label of its own, and is no date without one."""
_PLAIN = 0.7
_ALONE = 0.6
_FAINT_DATE = 0.3
_NUMBERED = 0.6
_SAID = 0.8
_ELSE = 0.35
_FROM = frozenset(
    {"from", "start", "begin", "beginning", "von", "ab", "beginn", "debut", "desde", "inicio", "dal", "inizio"}
)
_TO = frozenset({"to", "end", "until", "thru", "through", "bis", "ende", "fin", "hasta", "al", "fine"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A candidate with its place in the reading frame."""

    candidate: Candidate
    piece: Piece
    rect: Rect
    pieces: PagePieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A candidate as a field's value.

    `score` in [0, 1] counts everything; `label` is what its best label says, 0 without any; where that label stands
    above it, `heading` is its place.
    """

    placed: Placed
    score: float
    label: float
    heading: Rect | None = None

    @property
    def value(self) -> str:
        return self.placed.candidate.value

    def known(self) -> Option:
        """Return the option as one that another engine has answered already."""
        return replace(self, score=0.99, label=1.0)


def place(*, pieces: PagePieces, candidates: Sequence[Candidate]) -> list[Placed]:
    """Find where candidates stand. One whose words the layout dropped is left out."""
    found = []
    for candidate in candidates:
        piece = pieces.of(candidate)
        if piece is not None:
            rect = pieces.layout.frame.rect(candidate.box)
            found.append(Placed(candidate=candidate, piece=piece, rect=rect, pieces=pieces))
    return found


def polarity(schema_field: Field) -> Part:
    """Return whether a date field asks for the beginning or the end of a range, by its name."""
    parts = set(words_of(schema_field.name.replace("_", " "))) | set(words_of(schema_field.title))
    if parts & _FROM and not parts & _TO:
        return Part.START
    if parts & _TO and not parts & _FROM:
        return Part.END
    return Part.WHOLE


def options(
    *,
    fields: Sequence[Field],
    lexicon: Lexicon,
    placed: Sequence[Placed],
    pages: int,
    taken: Collection[tuple[int, int]] = (),
    areas: Mapping[int, Sequence[Section]] | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> dict[str, list[Option]]:
    """Return each field's options, the best first.

    `taken` are (page, word) that table rows already use; `areas` are the parties' sections by page. `kinds` are those
    of all fields that the lexicon knows, by name, where it knows more than `fields`.
    """
    kinds = {**(kinds or {}), **{schema_field.name: schema_field.kind for schema_field in fields}}
    roles = {schema_field.name: role_of(schema_field) for schema_field in fields}
    by_kind: dict[Kind, list[Field]] = defaultdict(list)
    for schema_field in fields:
        by_kind[schema_field.kind].append(schema_field)
    directions = {schema_field.name: polarity(schema_field) for schema_field in fields}
    found: dict[str, list[Option]] = {schema_field.name: [] for schema_field in fields}
    strangers = {kind: {name for name, other in kinds.items() if other is not kind} for kind in _PLAIN_KINDS}
    general = general_date(fields=fields, lexicon=lexicon)
    numbers = [schema_field.name for schema_field in by_kind[Kind.IDENTIFIER]]
    for spot in placed:
        asking = by_kind.get(spot.candidate.kind)
        if not asking:
            continue
        beside = contexts(pieces=spot.pieces, piece=spot.piece, rect=spot.rect)
        owned = _owned(beside, lexicon, strangers.get(spot.candidate.kind, ()))
        used = any((spot.candidate.page, word) in taken for word in spot.candidate.words)
        for schema_field in asking:
            label, fit, heading = _label(schema_field.name, beside, lexicon, owned)
            if schema_field.kind is Kind.DATE:
                fit *= _companion(schema_field.name, beside, lexicon, numbers)
            if schema_field.name == general and owned < _OWNED:
                fit = max(fit, _dateline(spot))
            prior = _prior(schema_field, spot, pages)
            if used:
                prior *= 0.3
            prior *= _range_fit(directions[schema_field.name], spot.candidate.part)
            role = roles[schema_field.name]
            if schema_field.kind in PARTYS and not _says_whose(schema_field.name, role, beside, lexicon):
                area = role_at(rect=spot.rect, found=(areas or {}).get(spot.candidate.page, ()))
                fit, prior = _party_fit(role, area, spot, fit, prior)
            shape = _shape(schema_field.kind, spot.candidate)
            score = fit * shape * prior
            if score >= _LEAST or schema_field.kind in NUMERIC | PARTYS:
                found[schema_field.name].append(Option(placed=spot, score=score, label=label, heading=heading))
    _only_one_of_its_kind(found, by_kind)
    _one_party_each(found, roles)
    for listed in found.values():
        listed.sort(key=lambda option: -option.score)
    return found


def _only_one_of_its_kind(found: dict[str, list[Option]], by_kind: Mapping[Kind, Sequence[Field]]) -> None:
    """Take a value that shows by itself what it is, where the page has one and the schema asks for one."""
    for kind in PARTYS:
        asking = by_kind.get(kind, ())
        if len(asking) != 1:
            continue
        listed = found[asking[0].name]
        if len({option.value for option in listed if option.placed.candidate.confidence >= _PLAIN}) == 1:
            found[asking[0].name] = [
                replace(option, score=max(option.score, _ALONE))
                if option.placed.candidate.confidence >= _PLAIN
                else option
                for option in listed
            ]


def _one_party_each(found: dict[str, list[Option]], roles: Mapping[str, Role]) -> None:
    """Take from the recipient what stands in the issuer's place: a paper repeats the issuer's numbers."""
    issuers = {
        option.value: option.score
        for name, listed in found.items()
        if roles[name] is Role.ISSUER
        for option in listed
        if option.placed.candidate.kind in PARTYS and option.score > 0.6
    }
    for name, listed in found.items():
        if roles[name] is Role.RECIPIENT:
            found[name] = [option for option in listed if issuers.get(option.value, 0.0) <= option.score]


def _owned(beside: Sequence[Context], lexicon: Lexicon, strangers: Collection[str]) -> float:
    """Return how surely a value has a label of its own in its row: then the words above it are another value's.

    Labels of `strangers`, fields that the value can't be of, are not its own: the paper's title level with its date.
    """
    own = 0.0
    for context in beside:
        if context.relation is Relation.ABOVE or context.fit < 0.75:
            continue
        reading = lexicon.read(context.parts)
        known = max((score for name, score in reading.scores.items() if name not in strangers), default=0.0)
        known = max(known, reading.background)
        own = max(own, 0.9 if context.piece.ends_label else 0.0, known if known > 0.6 else 0.0)
    return own


def _label(name: str, beside: Sequence[Context], lexicon: Lexicon, owned: float) -> tuple[float, float, Rect | None]:
    """Return the best label's score alone, with its place counted in, and where it stands if that is above.

    A label in the row and one above support each other.
    """
    best_label = 0.0
    level = above = 0.0
    heading: Rect | None = None
    for context in beside:
        score = lexicon.read(context.parts).score(name)
        if score <= 0.05:
            continue
        fit = score * context.fit
        if context.relation is Relation.ABOVE:
            fit *= 1 - 0.6 * owned
            if fit > above:
                above, heading = fit, context.piece.rect
        else:
            level = max(level, fit)
        best_label = max(best_label, score)
    best, second = max(level, above), min(level, above)
    return best_label, best + (1 - best) * 0.4 * second, heading if above > level else None


def _says_whose(name: str, role: Role, beside: Sequence[Context], lexicon: Lexicon) -> bool:
    """Return whether a value's label itself says that it is this party's, wherever it stands."""
    return role is not Role.NONE and any(
        role_said(context.parts) is role and lexicon.read(context.parts).score(name) * context.fit >= _SAID
        for context in beside
    )


def _party_fit(role: Role, area: Role | None, spot: Placed, fit: float, prior: float) -> tuple[float, float]:
    """Weigh whose section a value stands in; letterhead and footer are the issuer's."""
    if role is Role.NONE:
        return fit, prior
    depth = spot.rect.middle / max(spot.pieces.layout.frame.height, 1e-6)
    if area is role:
        return max(fit, 0.8), prior
    if area is not None:
        return fit, prior * 0.2
    if depth > 0.85 or depth < 0.1:
        return (max(fit, 0.75), prior) if role is Role.ISSUER else (fit, prior * 0.5)
    return fit, prior


def _companion(name: str, beside: Sequence[Context], lexicon: Lexicon, numbers: Sequence[str]) -> float:
    """Return by how much a date with a bare "of" is surer behind a number that a label names.

    "Invoice No. 471 of 5 June" dates the invoice, "according to order 812 of 1 March" does not.
    """
    first = next((context for context in beside if context.relation is not Relation.ABOVE), None)
    if first is None or not first.faint or first.crossed or lexicon.read(first.parts).score(name) < _FAINT_DATE:
        return 1.0
    for context in beside:
        if context.crossed == 1 and context.relation is not Relation.ABOVE and first.parts != context.parts:
            reading = lexicon.read(context.parts)
            named = max((reading.score(number) for number in numbers), default=0.0)
            if reading.background > max(_ELSE, 0.75 * named):
                return 0.6
            if named >= _NUMBERED:
                return 1.5
    return 1.0


def _dateline(spot: Placed) -> float:
    depth = spot.rect.middle / max(spot.pieces.layout.frame.height, 1e-6)
    row = spot.pieces.rows[spot.piece.row]
    return dateline(row=row, piece=spot.piece, page=spot.candidate.page, depth=depth)


def _range_fit(wanted: Part, part: Part) -> float:
    if wanted is Part.WHOLE:
        return 1.0 if part is Part.WHOLE else 0.75
    if part is Part.WHOLE:
        return 0.9
    return 1.0 if part is wanted else 0.02


def _shape(kind: Kind, candidate: Candidate) -> float:
    if kind is Kind.IDENTIFIER:
        return 0.45 + 0.55 * min(1.0, candidate.confidence / 0.75)
    return 0.6 + 0.4 * candidate.confidence


def _prior(schema_field: Field, spot: Placed, pages: int) -> float:
    """Documents say who and when at their beginning, and what it comes to at their end."""
    frame = spot.pieces.layout.frame
    depth = spot.rect.middle / max(frame.height, 1e-6)
    page = spot.candidate.page
    if schema_field.kind in NUMERIC:
        done = (page - 1 + depth) / max(pages, 1)
        return 0.9 + 0.1 * done
    late = 0.0 if page == 1 else 0.15
    return 1.0 - late - 0.08 * depth


def amount(option: Option) -> Decimal | None:
    """Return an option's value as a number."""
    try:
        return Decimal(option.value)
    except InvalidOperation:
        return None
