"""The name of each party, chosen between what labels say and what the letter's layout says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from apps.extraction.engines.layout.contexts import is_faint
from apps.extraction.engines.layout.labelled import LABEL, Labelled, labelled
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.options import Placed
from apps.extraction.engines.layout.parties import Party, is_sender, parties_of, same_name
from apps.extraction.engines.layout.pieces import PagePieces
from apps.extraction.engines.layout.remittances import is_direction, slip_top
from apps.extraction.engines.layout.roles import Role, role_of
from apps.extraction.engines.layout.slips import head_name
from apps.extraction.engines.layout.spans import Span
from apps.schemas.fields import Field, Kind

_KNOWN = 0.75
"""Score from which a labelled name is known to play its part."""
_CLEARLY = 0.15
_EXCLUDED = 0.45
_FAINTLY = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class NameChoice:
    """The name chosen for a field; `rival` is the score of the best other name."""

    span: Span
    score: float
    rival: float


def find_names(
    *, fields: Sequence[Field], pages: Sequence[PagePieces], placed: Sequence[Placed], lexicon: Lexicon
) -> dict[str, NameChoice]:
    """Choose a name for each party field."""
    addresses = [spot for spot in placed if spot.candidate.kind is Kind.ADDRESS]
    by_page = {pieces.layout.page.number: pieces for pieces in pages}
    streets = {
        (spot.candidate.page, word)
        for spot in addresses
        if not is_sender(by_page[spot.candidate.page], spot.candidate)
        for word in spot.candidate.words
    }
    roles = {schema_field.name: role_of(schema_field) for schema_field in fields}
    hits: dict[str, list[Labelled]] = {schema_field.name: [] for schema_field in fields}
    for pieces in pages:
        slip = slip_top(pieces=pieces)
        for schema_field in fields:
            for hit in labelled(pieces=pieces, lexicon=lexicon, name=schema_field.name, names_only=True):
                numbered = any(char.isdigit() for char in hit.span.text)
                if numbered and streets & {(hit.span.page.number, word) for word in hit.span.words}:
                    continue
                goes_back = slip is not None and hit.label.y0 >= slip and is_direction(hit.parts)
                for name in _others(schema_field.name, roles) if goes_back else (schema_field.name,):
                    hits[name].append(hit)
    scores = {name: _plainly_first(found) for name, found in hits.items()}
    head = head_name(pieces=pages[0], addresses=addresses, lexicon=lexicon) if pages else None
    if head is not None:
        for name, role in roles.items():
            if role is Role.ISSUER:
                scores[name].append(head)
    if any(role is not Role.NONE for role in roles.values()):
        parties = parties_of(pages=pages, placed=placed, lexicon=lexicon)
        _by_exclusion(parties, roles, scores)
        for party in parties:
            issuer, recipient = party.votes[Role.ISSUER], party.votes[Role.RECIPIENT]
            for name, role in roles.items():
                if role is Role.NONE:
                    continue
                own, other = (issuer, recipient) if role is Role.ISSUER else (recipient, issuer)
                score = own * (1 - 0.7 * other)
                if score > 0.1:
                    scores[name].append((party.span, score))
    return _assign(scores)


def _others(name: str, roles: Mapping[str, Role]) -> Sequence[str]:
    """Return the fields of the other party; the field itself where it is of neither."""
    if roles[name] is Role.NONE:
        return (name,)
    return [other for other, role in roles.items() if role not in {roles[name], Role.NONE}]


def _plainly_first(found: Sequence[Labelled]) -> list[tuple[Span, float]]:
    """Return names with their scores.

    What a mere "To" names is less than another name that a full label names above it: letters begin with a "To".
    """
    scores = [(hit, hit.score * _early(hit)) for hit in found]
    full = [(hit, score) for hit, score in scores if not is_faint(hit.parts) and score >= LABEL]
    weighed = []
    for hit, score in scores:
        above = [
            other for label, other in full if _is_above(label, hit) and not same_name(label.span.text, hit.span.text)
        ]
        faint = bool(above) and is_faint(hit.parts)
        weighed.append((hit.span, min(score, _FAINTLY * max(above)) if faint else score))
    return weighed


def _is_above(one: Labelled, other: Labelled) -> bool:
    return (one.span.page.number, one.label.y0) < (other.span.page.number, other.label.y0)


def _by_exclusion(
    parties: Sequence[Party], roles: Mapping[str, Role], scores: Mapping[str, Sequence[tuple[Span, float]]]
) -> None:
    """Let one part that is known tell the other: beside a buyer who is named as such stands the seller."""
    known: dict[Role, list[str]] = {Role.ISSUER: [], Role.RECIPIENT: []}
    for name, role in roles.items():
        if role is Role.NONE:
            continue
        others = [pair for rival, part in roles.items() if part not in {role, Role.NONE} for pair in scores[rival]]
        for span, score in scores[name]:
            rival = max((other for spot, other in others if same_name(spot.text, span.text)), default=0.0)
            if score >= _KNOWN and score > rival + _CLEARLY:
                known[role].append(span.text)
    known[Role.ISSUER].extend(party.span.text for party in parties if party.sender)
    for party in parties:
        is_known = {role: any(same_name(party.span.text, name) for name in names) for role, names in known.items()}
        if any(is_known.values()) or not party.addressed:
            continue
        for role, other in ((Role.ISSUER, Role.RECIPIENT), (Role.RECIPIENT, Role.ISSUER)):
            if known[other]:
                party.vote(role, _EXCLUDED)
                party.votes[other] *= 1 - _EXCLUDED


def _early(hit: Labelled) -> float:
    """Weigh where a label stands: in a footer it is about the bank account or the register."""
    depth = hit.label.y0 / max(hit.span.layout.frame.height, 1e-6)
    return (1.0 if hit.span.page.number == 1 else 0.88) * (0.8 if depth > 0.8 else 1.0)


def _assign(scores: Mapping[str, list[tuple[Span, float]]]) -> dict[str, NameChoice]:
    """Give each field its best name; two fields don't get the same one."""
    merged = {name: _merged(found) for name, found in scores.items()}
    chosen: dict[str, NameChoice] = {}
    order = sorted(merged, key=lambda name: -max((score for _, score in merged[name]), default=0.0))
    for name in order:
        free = [
            (span, score)
            for span, score in merged[name]
            if all(not same_name(span.text, other.span.text) for other in chosen.values())
        ]
        if free:
            span, score = max(free, key=lambda pair: pair[1])
            rival = max((other for spot, other in free if not same_name(spot.text, span.text)), default=0.0)
            chosen[name] = NameChoice(span=span, score=score, rival=rival)
    return chosen


def _merged(found: Iterable[tuple[Span, float]]) -> list[tuple[Span, float]]:
    """Let places of the same name support each other; the surest place is kept."""
    groups: list[list[tuple[Span, float]]] = []
    for span, score in found:
        for group in groups:
            if same_name(span.text, group[0][0].text):
                group.append((span, score))
                break
        else:
            groups.append([(span, score)])
    merged = []
    for group in groups:
        group.sort(key=lambda pair: -pair[1])
        doubt = 1 - group[0][1]
        for _, score in group[1:3]:
            doubt *= 1 - 0.4 * score
        merged.append((group[0][0], 1 - doubt))
    return merged
