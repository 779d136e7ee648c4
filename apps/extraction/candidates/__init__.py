"""Typed candidates on a page: which words can be a date, an amount, an identifier, ... and what they would mean.

`infer_locale` first, once for a document; `find_candidates` then for each page.
"""

from apps.extraction.candidates.candidate import Candidate, DocumentLocale, Part
from apps.extraction.candidates.finding import FINDABLE, find_candidates
from apps.extraction.candidates.locale import infer_locale
from apps.extraction.candidates.reading import PageReading, read_page

__all__ = [
    "FINDABLE",
    "Candidate",
    "DocumentLocale",
    "PageReading",
    "Part",
    "find_candidates",
    "infer_locale",
    "read_page",
]
