"""What a person should know of a document that was read nevertheless: it goes to review, and says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_SHOWN_PAGES = 5
_WORDS = {
    "end_missing": "the end of the file is missing: what could be found of it was read, but something may be lost; "
    "check it against the original, or upload it again",
    "page_damaged": "the file is damaged on {pages}, and something may be lost there: check it against the original, "
    "or upload a new copy",
    "page_illegible": "{pages} could not be read: it measures more than a poster, and what stands on it is too small "
    "in proportion to be recognised; save it at its usual paper size and upload it again",
}
CODES = frozenset(_WORDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What was seen on a page, from 1; page 0 is the whole file. Codes: end_missing, page_damaged, page_illegible."""

    code: str
    page: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A stable code and the words for a document's owner."""

    code: str
    message: str


def reason(remarks: Sequence[Remark]) -> Reason | None:
    """Return all remarks as one reason, whose code is the first one's; None where there are none."""
    codes = list(dict.fromkeys(remark.code for remark in remarks))
    if not codes:
        return None
    parts = [
        _WORDS[code].format(pages=_pages(sorted({remark.page for remark in remarks if remark.code == code})))
        for code in codes
    ]
    return Reason(code=codes[0], message="; ".join(parts))


def _pages(numbers: Sequence[int]) -> str:
    """Return `page 3`, or `pages 1, 2 and 5`; of many the first ones."""
    if len(numbers) == 1:
        return f"page {numbers[0]}"
    shown = [str(number) for number in numbers[:_SHOWN_PAGES]]
    if len(numbers) > _SHOWN_PAGES:
        return f"pages {', '.join(shown)} and {len(numbers) - _SHOWN_PAGES} more"
    return f"pages {', '.join(shown[:-1])} and {shown[-1]}"
