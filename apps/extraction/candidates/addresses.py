"""Postal addresses: the line with postcode and town, and the lines of the same block that lead to it.

Postcode shapes: Universal Postal Union, addressing systems of the countries named beside the patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from apps.extraction.candidates.candidate import Candidate
from apps.extraction.candidates.countries import country_code
from apps.extraction.candidates.organisations import names_organisation
from apps.extraction.candidates.reading import PageReading
from apps.parsing.pages import Box
from apps.schemas.fields import Kind

_TOWN = r"[^\W\d_][\w.'’()/-]*(?:[ -][^\W\d_][\w.'’()/-]*){0,4}"
_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK"
    "|OR|PA|PR|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY"
)
# Each pattern with how surely a line that has it belongs to an address.
_POSTCODES = (
    (re.compile(rf"(?<=[\w.,] )(?:{_STATES})\.?,? +\d{{5}}(?:-\d{{4}})?(?!\w)"), 0.95),  # United States
    (re.compile(r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}(?!\w)"), 0.9),  # United Kingdom
    (re.compile(r"(?<!\w)[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d(?!\w)"), 0.9),  # Canada
    (
        re.compile(rf"(?<![\w.,/-])(?:D|A|CH|F|I|E|B|L|NL|DK|S|N|FIN|PL|CZ|SK|H|P|LT|EE|LV|SI|HR)-\d{{3,5}} +{_TOWN}"),
        0.95,
    ),
    (re.compile(rf"(?<![\w.,/-])\d{{4}} ?[A-Z]{{2}},? +{_TOWN}"), 0.8),  # Netherlands
    (re.compile(rf"(?<![\w.,/-])\d{{2}}-\d{{3}} +{_TOWN}"), 0.85),  # Poland
    (re.compile(rf"(?<![\w.,/-])\d{{4}}-\d{{3}} +{_TOWN}"), 0.85),  # Portugal
    (re.compile(rf"(?<![\w.,/-])\d{{3}} \d{{2}} +{_TOWN}"), 0.7),  # Czechia, Slovakia, Sweden
    # Germany, France, Spain, Italy, Finland, Malaysia, Turkey, Mexico
    (re.compile(rf"(?<![\w.,/:-])\d{{5}},? +(?=[A-ZÀ-Ý]){_TOWN}"), 0.8),
    (re.compile(rf"(?<![\w.,/:-])\d{{6}},? +(?=[A-ZÀ-Ý]){_TOWN}|(?:Singapore|SINGAPORE),? \d{{6}}(?!\d)"), 0.5),
    # Austria, Switzerland, Belgium, Denmark, Norway, Australia
    (re.compile(rf"(?<![\w.,/:-])[1-9]\d{{3}} +(?=[A-ZÀ-Ý]){_TOWN}"), 0.5),
    (re.compile(r"(?:NSW|VIC|QLD|WA|SA|TAS|ACT|NT),? +\d{4}(?!\d)"), 0.9),  # Australia
)
_STREET = re.compile(
    r"(?i:stra(?:ß|ss)e\b|str\.|\w+weg\b|\bplatz\b|\w+platz\b|\w+allee\b|\bgasse\b|\bpostfach\b"
    r"|\b(?:street|avenue|ave|road|rd|blvd|boulevard|drive|lane|ln|way|suite|ste|floor|unit|pkwy|parkway|highway|hwy)\b"
    r"|\b(?:industrial|park|building|cent(?:er|re)|circle|court|square|place)\b|\b(?:st|dr)\.|\bp\.? ?o\.? box\b"
    r"|\b(?:rue|chemin|quai|cours|impasse|calle|avda|avenida|plaza|paseo|via|viale|piazza|corso)\b"
    r"|\b(?:jalan|jln|lorong|taman|lot|seksyen|bandar|kampung|gedung)\b|\bno[.:]? ?\d)"
)
_HOUSE_NUMBER = re.compile(r"(?:^|[ ,.])\d{1,5} ?[A-Za-z]?(?:[-/]\d{0,5}[A-Za-z]?)?(?:$|[ ,])")
_LABELLED = re.compile(
    r"(?:^|[\s(])(?:tel|fax|phone|telefon|e-?mail|www\.|http|gst|vat|ust|iban|bic|date|datum|invoice|@|reg\b)",
    re.IGNORECASE,
)
_MOST_LINES = 5
_LONGEST_LINE = 120
_LONGEST_PART = 80
_LEAST_LETTERS = 4
_REGISTERED = re.compile(r"\(\d{4,}|\d{5,}-[A-Z](?![A-Z])")


def names_a_place(*, text: str) -> bool:
    """Return whether a line is a place with its number: "Lot 5, Jalan Angsa", "12 Main Street"."""
    return _STREET.search(text) is not None and any(char.isdigit() for char in text)


@dataclass(frozen=True, slots=True)
class _Line:
    """One column's part of a row: offsets into the page's text and the box."""

    start: int
    end: int
    text: str
    box: Box


def find_addresses(*, reading: PageReading) -> list[Candidate]:
    """Return the addresses of a page; `value` has the lines joined by blanks, as the page has them."""
    sure = _sure_by_offset(reading.text)
    if not sure:
        return []
    lines = _lines(reading)
    found: list[Candidate] = []
    used: set[int] = set()
    for number, line in enumerate(lines):
        confidence = max((value for offset, value in sure.items() if line.start <= offset < line.end), default=0.0)
        if number in used or not confidence or len(line.text) > _LONGEST_LINE:
            continue
        block = [*_above(lines, number), number]
        street = any(_is_street(lines[part].text) for part in block)
        if not street and confidence < 0.8:
            continue
        below = _country_below(lines, number)
        if below is not None:
            block.append(below)
        used.update(block)
        words = tuple(word for part in block for word in reading.words_between(lines[part].start, lines[part].end))
        box = lines[block[0]].box
        for part in block[1:]:
            box = box.union(lines[part].box)
        text = " ".join(lines[part].text for part in block).lstrip("|_~-—–=.,: ")
        found.append(
            Candidate(
                kind=Kind.ADDRESS,
                value=text,
                text=text,
                page=reading.page.number,
                box=box,
                words=words,
                confidence=min(0.95, confidence * (1.0 if street else 0.7)),
            )
        )
    return found


def _sure_by_offset(text: str) -> dict[int, float]:
    """Return where a postcode with its town stands, and how surely it is one."""
    sure: dict[int, float] = {}
    for pattern, confidence in _POSTCODES:
        for match in pattern.finditer(text):
            sure[match.start()] = max(confidence, sure.get(match.start(), 0.0))
    return sure


def _lines(reading: PageReading) -> list[_Line]:
    return [
        _Line(start, end, " ".join(reading.text[start:end].split()), reading.box_between(start, end))
        for start, end in _spans(reading.text)
    ]


def _spans(text: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(r"[^\t\n\f]+", text):
        if match[0].strip():
            yield match.span()


def _is_street(text: str) -> bool:
    return _STREET.search(text) is not None or _HOUSE_NUMBER.search(text) is not None


def _is_other(text: str) -> bool:
    """Return whether a line says something else than where: a name, a registration number, a telephone."""
    letters = sum(char.isalpha() for char in text)
    return (
        len(text) > _LONGEST_PART
        or letters < _LEAST_LETTERS
        or _LABELLED.search(text) is not None
        or _REGISTERED.search(text) is not None
        or names_organisation(text=text)
    )


def _above(lines: list[_Line], number: int) -> list[int]:
    """Return the lines right above in the same block that read like the rest of an address, from the top."""
    taken: list[int] = []
    here = lines[number]
    for other in range(number - 1, -1, -1):
        line = lines[other]
        if here.box.y0 - line.box.y1 > 1.2 * here.box.height:
            break
        overlap = min(here.box.x1, line.box.x1) - max(here.box.x0, line.box.x0)
        if line.box.y1 > here.box.y0 + 0.5 * here.box.height or overlap < 0.3 * min(here.box.width, line.box.width):
            continue
        # A line that ends in a comma goes on in the next: "Wangsa Link, Wangsa Maju,".
        if not (_is_street(line.text) or line.text.endswith(",")) or _is_other(line.text):
            break
        taken.append(other)
        here = line
        if len(taken) == _MOST_LINES - 1:
            break
    return taken[::-1]


def _country_below(lines: list[_Line], number: int) -> int | None:
    here = lines[number]
    for other in range(number + 1, min(number + 8, len(lines))):
        line = lines[other]
        if line.box.y0 - here.box.y1 > 1.2 * here.box.height:
            return None
        if line.box.y0 > here.box.y0 + 0.5 * here.box.height and min(here.box.x1, line.box.x1) > max(
            here.box.x0, line.box.x0
        ):
            return other if country_code(name=line.text.strip(" .")) else None
    return None
