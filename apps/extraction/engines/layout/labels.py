"""How well the words beside a value say that it is a field's.

A label is compared as weighted words: a word that only one field uses ("net", "facture") weighs more than one that all
use ("total", "number"), joining words next to nothing. What the phrase says beyond the label counts against it, and so
does what the label says beyond the phrase. Compounds are taken apart where the schema's own labels know the parts
(Nettobetrag -> netto, betrag).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process

from apps.extraction.engines.layout.background import CONCEPTS
from apps.extraction.engines.layout.wording import JOINING, NUMBER, joined, tokens
from apps.schemas.fields import Field

FUZZY = 84.0
"""Least similarity, of 100, at which a word of five letters or more is taken for a misread or inflected other one."""

FUZZY_COMPOUND = 90.0
"""The same for a compound: its halves alone make two of them alike."""

_WEIGHT_JOINING = 0.08
_WEIGHT_NUMBER = 0.35
_WEIGHT_UNKNOWN = 0.75
_WEIGHT_DIGITS = 0.25
_LEAST_WEIGHT = 0.45
_LIKE_NUMBER = {"id": (NUMBER, "code"), NUMBER: ("id", "code"), "code": (NUMBER, "id")}
_SAME_SENSE = 0.85
"""How far "ID", "code" and "number" mean the same in a label."""
_RELATED = 0.75
_HEAD = {4: 0.5, 5: 0.5, 6: 0.6, 7: 0.75}
"""How much of a compound its last word is, by its length.

"Handelsrechnung" is a "Rechnung", but "Bestelldatum" hardly a "Datum": longer words say more.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One spelling of a field's label.

    `owner` is an index into the lexicon's fields, or -1 for the background; `weight` is what its words weigh together,
    `worth` in [0, 1] how far the whole label can be trusted.
    """

    owner: int
    parts: tuple[str, ...]
    weight: float
    worth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a phrase says: a score in [0, 1] by field name, and the best score of a background concept."""

    scores: Mapping[str, float]
    background: float

    def score(self, name: str) -> float:
        """Return how well the phrase names a field, less where it names something else at least as well."""
        own = self.scores.get(name, 0.0)
        if own <= 0:
            return 0.0
        rival = max((score for other, score in self.scores.items() if other != name), default=0.0)
        if own < rival:
            own *= 1 - min(0.6, 1.5 * (rival - own))
        if own < self.background:
            own *= 1 - min(0.8, 2.0 * (self.background - own) + 0.3)
        return own

    @property
    def best(self) -> float:
        """How surely the phrase is a label of anything."""
        return max(self.background, max(self.scores.values(), default=0.0))


_SILENT = Reading(scores={}, background=0.0)


class Lexicon:
    """All labels of a set of fields."""

    def __init__(self, spellings: Mapping[str, Sequence[tuple[str, float]]], *, background: bool = True) -> None:
        self._names = tuple(spellings)
        raw: list[tuple[int, tuple[str, ...], float]] = []
        for owner, name in enumerate(self._names):
            seen: set[tuple[str, ...]] = set()
            for spelling, worth in spellings[name]:
                parts = tokens(spelling)
                if parts and parts not in seen:
                    seen.add(parts)
                    raw.append((owner, parts, worth))
        if background:
            own = {joined(parts) for _, parts, _ in raw}
            for concept in CONCEPTS:
                forms = [tokens(spelling) for spelling in concept]
                raw.extend((-1, parts, 1.0) for parts in forms if joined(parts) not in own)
        self._atoms = {part for _, parts, _ in raw for part in parts if len(part) > 2}
        self._compounds: dict[str, tuple[str, ...]] = {}
        self._compounds = {
            part: pieces for part in self._atoms if len(part) > 8 and len(pieces := self._halves(part)) > 1
        }
        self._misread: dict[str, tuple[str, ...]] = {}
        owners: dict[str, set[int]] = defaultdict(set)
        expanded = []
        for owner, parts, worth in raw:
            whole = self._expand(parts)
            expanded.append((owner, whole, worth))
            if owner >= 0:
                for part in whole:
                    owners[part].add(owner)
        self._owners = owners
        self._alone: dict[str, set[int]] = defaultdict(set)
        for owner, parts, _ in expanded:
            if len(parts) == 1:
                self._alone[parts[0]].add(owner)
        self._count = max(len(self._names), 2)
        self._long = sorted({part for _, parts, _ in expanded for part in parts if len(part) > 4})
        self._labels = [
            Label(owner=owner, parts=parts, weight=weight, worth=worth * min(1.0, 0.5 + weight))
            for owner, parts, worth in expanded
            if (weight := sum(self.weight(part) for part in parts))
        ]
        self._index: dict[str, list[int]] = defaultdict(list)
        for number, label in enumerate(self._labels):
            for part in dict.fromkeys(label.parts):
                self._index[part].append(number)
        self._near: dict[str, tuple[tuple[str, float], ...]] = {}
        self._read: dict[tuple[str, ...], Reading] = {}

    def weight(self, part: str) -> float:
        """Return how much a word says, in (0, 1]."""
        if part in JOINING or len(part) == 1:
            return _WEIGHT_JOINING
        if part == NUMBER:
            return _WEIGHT_NUMBER
        if part.isdigit():
            return _WEIGHT_DIGITS
        count = len(self._owners.get(part, ()))
        if not count:
            return _WEIGHT_UNKNOWN
        return max(_LEAST_WEIGHT, 1.0 - 0.8 * math.log(count) / math.log(self._count + 1))

    def read(self, parts: tuple[str, ...]) -> Reading:
        """Return what a phrase, as `wording.tokens` gives it, says."""
        known = self._read.get(parts)
        if known is None:
            if len(self._read) > 20_000:
                self._read.clear()
            known = self._read[parts] = self._compare(self._expand(parts))
        return known

    def _compare(self, parts: tuple[str, ...]) -> Reading:
        if not parts or len(parts) > 40:
            return _SILENT
        reached: dict[int, dict[str, tuple[float, int]]] = {}
        for place, part in enumerate(parts):
            for known, likeness in self._alike(part):
                for number in self._index[known]:
                    hits = reached.setdefault(number, {})
                    if known not in hits or hits[known][0] < likeness:
                        hits[known] = (likeness, place)
        weights = [self.weight(part) for part in parts]
        whole = sum(weights)
        scores: dict[str, float] = {}
        background = 0.0
        for number, hits in reached.items():
            label = self._labels[number]
            if all(likeness == _SAME_SENSE for likeness, _ in hits.values()):
                continue  # "No." alone is no "ID"
            found = sum(self.weight(known) * likeness for known, (likeness, _) in hits.items())
            recall = found / label.weight
            if recall < 0.5:
                continue
            first = min(place for _, place in hits.values())
            # A long run-up is running text, of which only the last words can be the label.
            said = (
                whole if len(parts) < 6 else 0.6 * sum(weights[: max(first - 1, 0)]) + sum(weights[max(first - 1, 0) :])
            )
            explained = sum(weights[place] * likeness for likeness, place in hits.values())
            if label.owner >= 0 and explained < said:
                # Words of the field's other labels say no other thing: "Nettowert" by "Netto" and "Wert".
                matched = {place for _, place in hits.values()}
                explained += _RELATED * sum(
                    weight
                    for place, weight in enumerate(weights)
                    if place not in matched and self._is_related(parts[place], label.owner)
                )
            precision = min(1.0, explained / said)
            score = min(1.0, recall) ** 1.5 * precision**0.75 * label.worth
            if label.owner < 0:
                background = max(background, score)
            else:
                name = self._names[label.owner]
                scores[name] = max(scores.get(name, 0.0), score)
        return Reading(scores=scores, background=background)

    def _is_related(self, part: str, owner: int) -> bool:
        """Return whether a word is at home in a field's labels and doesn't alone name another field."""
        alone = self._alone.get(part)
        return owner in self._owners.get(part, ()) and (not alone or owner in alone)

    def _alike(self, part: str) -> tuple[tuple[str, float], ...]:
        near = self._near.get(part)
        if near is None:
            near = self._near[part] = self._search(part)
        return near

    def _search(self, part: str) -> tuple[tuple[str, float], ...]:
        if part in self._index:
            return (
                (part, 1.0),
                *((other, _SAME_SENSE) for other in _LIKE_NUMBER.get(part, ()) if other in self._index),
            )
        if part in _LIKE_NUMBER:
            return tuple((other, _SAME_SENSE) for other in _LIKE_NUMBER[part] if other in self._index)
        if part.isdigit() or len(part) < 4:
            return ()
        found: dict[str, float] = {}
        if len(part) > 4:
            for known, ratio, _ in process.extract(part, self._long, scorer=fuzz.ratio, score_cutoff=FUZZY, limit=3):
                found[known] = ratio / 100
        if not found:
            for known in self._long:
                if len(part) >= len(known) + 3 and part.endswith(known):
                    found[known] = _HEAD.get(len(known), 0.8)
        return tuple(found.items())

    def _same_sense(self, part: str) -> tuple[tuple[str, float], ...]:
        return tuple((other, _SAME_SENSE) for other in _LIKE_NUMBER.get(part, ()) if other in self._index)

    def _expand(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(piece for part in parts for piece in self._pieces(part))

    def _pieces(self, part: str) -> tuple[str, ...]:
        """Take a compound apart, also one that was misread: "Rechnungsdatnm"."""
        halves = self._halves(part)
        if len(halves) > 1 or len(part) < 9 or part in self._atoms:
            return halves
        known = self._misread.get(part)
        if known is None:
            near = process.extractOne(part, self._compounds.keys(), scorer=fuzz.ratio, score_cutoff=FUZZY_COMPOUND)
            known = self._misread[part] = self._compounds[near[0]] if near else (part,)
        return known

    def _halves(self, part: str) -> tuple[str, ...]:
        """Return both halves of a compound: they, less a linking s or n, are words of the labels."""
        if len(part) < 7:
            return (part,)
        for cut in range(len(part) - 3, 2, -1):
            head = part[cut:]
            if head not in self._atoms:
                continue
            front = part[:cut]
            for link in ("", "s", "n", "es", "en"):
                if front.endswith(link) and (stem := front.removesuffix(link) if link else front) in self._atoms:
                    return (stem, head)
        return (part,)


def spellings(*, field: Field, language: str | None) -> tuple[tuple[str, float], ...]:
    """Return all labels of a field with what each is worth, its title and its name in words among them.

    The schema's author put the surest labels first. Labels of another language than the document's count less, and
    not at all where they are too short to be told from something else ("De", "A", "No").
    """
    found: dict[str, float] = {}
    for spoken, words in field.labels.items():
        foreign = language is not None and spoken not in {language, "en"}
        for rank, word in enumerate(words):
            if foreign and len(word.strip(" .:")) < 4:
                continue
            worth = (0.9 if foreign else 1.0) - min(0.08, 0.004 * rank)
            found[word] = max(found.get(word, 0.0), worth)
    for word in (field.title, field.name.replace("_", " ")):
        found.setdefault(word, 0.97)
    return tuple(found.items())


_Spellings = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]


@lru_cache(maxsize=64)
def _lexicon(key: _Spellings, background: bool) -> Lexicon:  # noqa: FBT001 - a cache key
    return Lexicon(dict(key), background=background)


def lexicon(*, fields: Sequence[Field], language: str | None, background: bool = True) -> Lexicon:
    """Return the labels of these fields. Schemas are few and documents many: the last ones are kept."""
    return _lexicon(tuple((field.name, spellings(field=field, language=language)) for field in fields), background)
