"""Lists of names in running text: "by and between Acme, Inc., a Delaware corporation (the “Company”), and Jane Roe".

A label of the list opens it; each name is followed by what is said of its bearer; "and" before a capital goes on to the
next. Names that a contract defines ("Acme LLC (the “Buyer”)") are read where no label opens a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.extraction.candidates import PageReading
from apps.extraction.candidates.organisations import names_organisation
from apps.extraction.engines.layout.wording import fold
from apps.extraction.values import Evidence
from apps.schemas.fields import Field, Kind

_REACH = 1200
_MOST = 8
_LONGEST = 90
_OPENED = 0.85
_DEFINED = 0.72
_QUOTE = "\"“”„«»‘’'"
_CAPITAL = r"[^\W\d_a-zà-ÿ]"
_FORM = (
    r"(?:Inc|INC|Incorporated|INCORPORATED|incorporated|LLC|L\.L\.C|LLP|L\.L\.P|LP|L\.P|Ltd|LTD|Limited|LIMITED|Corp"
    r"|CORP|Corporation|CORPORATION|Co|CO|Company|COMPANY|PLC|plc|N\.A|S\.A|S\.p\.A|S\.r\.l|GmbH|AG|B\.V|N\.V|SAS|SARL"
    r"|Jr|JR|Sr|SR|II|III|IV|M\.D|Ph\.D)\.?"
)
_NAME_WORD = rf"(?:{_CAPITAL}[\w.'’&/-]*|\d[\w.-]*|{_CAPITAL}\.)"
_NAME = re.compile(
    rf"{_NAME_WORD}(?:[ \n](?:(?:&|of|de|der|des|du|di|von|van|for|für|et|y|e)[ \n](?:the[ \n])?)?{_NAME_WORD}){{0,9}}"
    rf"(?:,?[ \n](?:&[ \n])?{_FORM}(?![\w]))*"
)
_SKIP = re.compile(
    r"[\s,;:]*(?:\((?:[ivx]+|\d|[a-c])\)\s*)?(?:the\s+(?=[^\W\d_a-zà-ÿ])|der\s|die\s|la\s|le\s|el\s|il\s)?"
)
_AND = re.compile(
    r"(?:[\s,;]*)(?<![\w])(?:and|und|et|y|e|sowie)\s+(?:between\s+|among\s+)?(?:\((?:[ivx]+|\d|[a-c])\)\s*)?(?:the\s+)?"
)
# A comma parts names only behind what defines the last one: "(the “Buyer”), Jane Roe and ...".
_COMMA = re.compile(rf"(?<=\)),[ \n](?:the[ \n])?(?={_CAPITAL}|\d)")
_STOP = re.compile(r"\f|(?<=[^\W\d_]{3})[.:;](?=\s+[A-ZÀ-Ý])|(?:WHEREAS|RECITALS|WITNESSETH|NOW, THEREFORE)")
_DEFINITION = re.compile(
    rf"[^()]{{0,160}}?\(\s*(?:[^()“\"]{{0,60}})[{_QUOTE}](?P<term>[^{_QUOTE}()]{{1,40}})[{_QUOTE}]"
)
_ABBREVIATED = re.compile(r"(?:\b(?:Inc|Ltd|Co|Corp|St|Mr|Mrs|Ms|Dr|Jr|Sr|No)|\b[A-Z])$")
_ROLES = (
    "this that the these those each any all such agreement party parties company employee recipient whereas exhibit "
    "executive consultant contractor discloser undersigned date effective state delaware corporation i you we "
    "participant owner buyer seller purchaser vendor supplier provider customer client licensor licensee investor "
    "borrower lender landlord tenant lessor lessee disclosing receiving applicant bidder subscriber shareholder "
    "stockholder member director officer manager advisor"
)
_NO_NAMES = frozenset(_ROLES.split())
_FORM_THEN_NUMBER = re.compile(rf"(?<=[ ,\n])({_FORM}),?[ \n]\d")
_SENTENCE = re.compile(r"(?<=[^\W\d_]{4})\.[ \n]")
_ENDS_IN_FORM = re.compile(rf"[ ,]{_FORM}$")
_SHORTEST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name of a list, with where it stands."""

    text: str
    evidence: Evidence
    score: float


def entries(*, field: Field, readings: Sequence[PageReading], language: str | None) -> list[Entry]:
    """Return the names that a list field asks for, in the text's order; empty where no list opens."""
    if len(field.columns) != 1 or field.columns[0].kind not in {Kind.ORGANISATION, Kind.PERSON}:
        return []
    opening = _opening(field, language)
    best: list[Entry] = []
    for reading in readings[:2]:
        for match in opening.finditer(reading.text):
            found = _listed(reading, match.end())
            if len(found) > 1:
                return found
            if len(found) > len(best):
                best = found
    defined = [entry for reading in readings[:1] for entry in _defined(reading)]
    return _merged([*best, *defined])


def _opening(field: Field, language: str | None) -> re.Pattern[str]:
    """Return a pattern of the labels that open a list: those without a capital, the longest first."""
    labels = {
        label
        for spoken, words in field.labels.items()
        if language is None or spoken in {language, "en"}
        for label in words
        if label.islower() and len(label) > _SHORTEST
    }
    phrases = "|".join(r"\s+".join(map(re.escape, label.split())) for label in sorted(labels, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{phrases})(?!\w)" if phrases else r"(?!)", re.IGNORECASE)


def _listed(reading: PageReading, start: int) -> list[Entry]:
    """Read names from an offset on: name, what is said of it, "and", name."""
    text = reading.text
    end = min(len(text), start + _REACH)
    found: list[Entry] = []
    at: int | None = start
    while at is not None and len(found) < _MOST:
        skip = _SKIP.match(text, at, end)
        begin = skip.end() if skip else at
        name = _NAME.match(text, begin, end)
        if name is None:
            break
        shown, stop = _trimmed(text, name.start(), name.end())
        if _is_name(shown) and (" " in shown or text[stop : stop + 2].lstrip()[:1] in {"(", ","}):
            found.append(_entry(reading, begin, stop, _OPENED))
        elif not found:
            break
        at = _next(text, stop, end)
    return found


def _trimmed(text: str, start: int, end: int) -> tuple[str, int]:
    """Cut a name at the end of its sentence, and off a full stop that isn't its own."""
    for ending, group in ((_FORM_THEN_NUMBER, 1), (_SENTENCE, 0)):
        cut = ending.search(text, start, end)
        if cut is not None:
            end = cut.end(group) if group else cut.start()
    shown = text[start:end].rstrip(",;:& \n")
    end = start + len(shown)
    if shown.endswith(".") and not _ABBREVIATED.search(shown[:-1]) and not _ENDS_IN_FORM.search(shown):
        end -= 1
    return " ".join(text[start:end].split()), end


def _is_name(text: str) -> bool:
    words = [word.strip(".,'’").casefold() for word in text.split()]
    if not words or len(text) > _LONGEST or len(text) < 3:
        return False
    return not all(word in _NO_NAMES for word in words) and words[0] not in {"this", "whereas", "exhibit"}


def _next(text: str, at: int, end: int) -> int | None:
    """Return where the next name begins: behind the first "and" outside brackets that a name follows."""
    depth = 0
    here = at
    while here < end:
        char = text[here]
        if char in "([":
            depth += 1
        elif char in ")]":
            depth = max(0, depth - 1)
        elif depth == 0:
            if _STOP.match(text, here) and not _ABBREVIATED.search(text[max(0, here - 6) : here]):
                return None
            both = _AND.match(text, here) or _COMMA.match(text, here)
            if both is not None and _begins_party(text, at, here, both.end(), end):
                return both.end()
        here += 1
    return None


def _begins_party(text: str, name_end: int, gap: int, at: int, end: int) -> bool:
    """Return whether a name behind an "and" is another party, and no part of what is said of the last one."""
    name = _NAME.match(text, at, end)
    if name is None:
        return False
    shown, stop = _trimmed(text, name.start(), name.end())
    if not _is_name(shown):
        return False
    said = text[name_end:gap].strip()
    behind = text[stop : stop + 2].lstrip()[:1]
    if (text[gap] != "," and (not said or said.endswith((")", ",")))) or names_organisation(text=shown):
        return True
    return (behind in {"(", ","} or _AND.match(text, stop) is not None) and len(shown.split()) > 1


def _defined(reading: PageReading) -> Iterator[Entry]:
    """Yield names with a legal form that a definition in quotes follows: Acme LLC (the “Buyer”)."""
    for match in _NAME.finditer(reading.text):
        shown, stop = _trimmed(reading.text, match.start(), match.end())
        if not _ENDS_IN_FORM.search(shown) or not _is_name(shown):
            continue
        if _DEFINITION.match(reading.text, stop):
            yield _entry(reading, match.start(), stop, _DEFINED)


def _merged(found: Sequence[Entry]) -> list[Entry]:
    merged: list[Entry] = []
    for entry in found:
        if all(fold(entry.text) != fold(other.text) for other in merged):
            merged.append(entry)
    return merged[:_MOST]


def _entry(reading: PageReading, start: int, end: int, score: float) -> Entry:
    text = " ".join(reading.text[start:end].split())
    evidence = Evidence(page=reading.page.number, box=reading.box_between(start, end), quote=text)
    return Entry(text=text, evidence=evidence, score=score)
