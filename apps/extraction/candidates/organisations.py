"""Organisations, known by their legal form."""

from __future__ import annotations

import re

from apps.extraction.candidates.candidate import Hit

# Forms in capitals or mixed case as registers write them, the longer before the shorter.
_FORMS = (
    r"G(?:mb|MB)H ?& ?C[oO]\.? ?KG(?:aA)?",
    r"AG ?& ?Co\.? ?KG(?:aA)?",
    r"UG ?\(haftungsbeschr(?:ä|ae)nkt\)",
    r"UG ?& ?Co\.? ?KG",
    r"GmbH|GMBH|gGmbH|mbH|AöR|KGaA|OHG|e\. ?K\.|e\.K\.|eK|e\. ?V\.|e\.V\.|eG|PartG(?: ?mbB)?|GbR|Stiftung",
    r"S\. ?p\. ?A\.|SpA|S\.P\.A\.?|S\. ?r\. ?l\.(?:s\.)?|S\.R\.L\.?|Srl|SRL|S\.n\.c\.|S\.a\.s\.|Soc\. ?Coop\.",
    r"S\. ?A\. ?R\. ?L\.|S\. ?à ?r\. ?l\.|SARL|Sàrl|SàRL|S\.A\.S\.?U?|SASU|SAS|SNC|SCI|EURL|S\.A\.|SA/NV|SA",
    r"S\. ?L\. ?U\.|S\.L\.|SLU|SL|S\.A\.U\.|S\. ?Coop\.",
    r"B\. ?V\.|BV|N\. ?V\.|NV|BVBA|VOF",
    r"A/S|ApS|Aps|ASA|AS|AB|Oyj?|HB|KB",
    r"Sp\. ?z ?o\. ?o\.|sp\. ?z ?o\. ?o\.|s\. ?r\. ?o\.|a\. ?s\.|Kft\.?|Zrt\.?|Nyrt\.?|d\. ?o\. ?o\.|S\.C\.",
    r"(?:SDN|Sdn)\.? ?\.? ?(?:BHD|Bhd)\.?|S/B|BHD|Bhd|PLT",
    r"(?:PTE|Pte|PTY|Pty|PVT|Pvt)\.? ?(?:LTD|Ltd)\.?|(?:CO|Co)\.?,? ?(?:LTD|Ltd)\.?",
    r"LLP|L\.L\.P\.|LLC|L\.L\.C\.|L\. ?P\.|LP",
    r"(?:INC|Inc)\.?|(?:LTD|Ltd)\.?|(?:CORP|Corp)\.?|Limited|LIMITED",
    r"Incorporated|INCORPORATED|Corporation|CORPORATION",
    r"(?:PLC|plc|Plc)|P\.L\.C\.|Company|COMPANY|(?:CO|Co)\.|Holdings?|HOLDINGS?|N\.A\.|PC|P\.C\.|PAC|SE|KG|AG|UG|PT|K\.K\.",
)
_FORM = re.compile(rf"(?<=[ ,\n])(?:{'|'.join(_FORMS)})(?![\w&])(?!-[a-z])")
_CERTAIN = re.compile(
    r"(?:GmbH|GMBH|KGaA|OHG|S\. ?p|SpA|S\.P|S\. ?r|S\.R|S\. ?A\. ?R|SARL|Sàrl|S\.L|B\. ?V|ApS|Sp\.|sp\.|s\. ?r"
    r"|(?i:sdn|pte|pty|pvt|ltd|llc|l\.l|inc|llp|limited|corp|plc))"
)
_CLOSING = frozenset({"AG", "KG", "S/B", "SAS", "Company", "COMPANY", "BV", "NV", "e.V.", "eG", "A/S", "AB"})
_WORD = re.compile(r"\S+")
_SMALL_WORDS = (
    "& and und et e y of the de del della des di du la le les los von für fur for der die das und van den al a à + i"
)
_JOINING = frozenset(_SMALL_WORDS.split()) | {"-", "–", "/"}
_NOT_IN_NAMES = "by between this the that is and with among from to an our your their or if as such any these those"
_NEVER = frozenset(_NOT_IN_NAMES.split())
_LONGEST = 9


def find_organisations(*, text: str) -> list[Hit]:
    """Return names that end in a legal form: the run of capitalised words before it, in one column."""
    hits: list[Hit] = []
    for match in _FORM.finditer(text):
        if hits and match.start() < hits[-1].end:
            continue
        start = _name_start(text, match.start())
        if start is None:
            continue
        end = match.end()
        certain = _CERTAIN.match(match[0]) is not None
        value = " ".join(text[start:end].split())
        if hits and hits[-1].start >= start:
            # "Acme Holdings Inc.": the longer name holds the shorter one.
            hits.pop()
        hits.append(Hit(start=start, end=end, value=value, confidence=0.85 if certain else 0.5))
    return hits


def names_organisation(*, text: str) -> bool:
    """Return whether a line holds a legal form, one that is hardly anything else ("SE" is also south-east)."""
    return any(
        _CERTAIN.match(match[0]) or (match.end() == len(text) and match[0] in _CLOSING)
        for match in _FORM.finditer(text)
    )


def _name_start(text: str, form: int) -> int | None:
    """Go back from a legal form over capitalised words and the small words between them."""
    begin = max(text.rfind("\t", 0, form), text.rfind("\f", 0, form)) + 1
    begin = max(begin, form - 120)
    words = list(_WORD.finditer(text, begin, form))
    if words and begin and words[0].start() == begin and text[begin - 1] not in "\t\f \n":
        words = words[1:]
    start: int | None = None
    for count, word in enumerate(reversed(words)):
        shown = word[0]
        bare = shown.strip("\"'“”‘’„«»,;:")
        opening = shown[:1] in '("“„«'
        if count >= _LONGEST or not bare:
            break
        # A comma parts one name from the next, but not a name from its form.
        if shown[-1] in ";:" or (shown[-1] == "," and count):
            break
        if shown[-1] == "." and count and len(bare) > 4 and bare.islower():
            break
        if bare[0].isupper() or bare[0].isdigit() or (bare[0] == "(" and bare[-1:] == ")"):
            if bare.lower() in _NEVER and not bare.isupper():
                break
            start = word.start() + (
                len(shown) - len(shown.lstrip("\"'“”‘’„«»(")) if opening and ")" not in shown else 0
            )
            if opening and ")" not in shown:
                break
        elif bare.lower() in _JOINING and count:
            continue
        else:
            break
    return start
