"""What speaks for an option beyond its own label: the paper's title, the amounts around it, that it is alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from apps.extraction.candidates import Part
from apps.extraction.engines.layout.alone import prefer_only_date
from apps.extraction.engines.layout.datelines import general_date
from apps.extraction.engines.layout.labels import Lexicon
from apps.extraction.engines.layout.options import Option, Placed, polarity
from apps.extraction.engines.layout.payments import payable, prefer_payable
from apps.extraction.engines.layout.pieces import PagePieces
from apps.extraction.engines.layout.ranges import prefer_ranges
from apps.extraction.engines.layout.roles import Role, role_of
from apps.extraction.engines.layout.slips import prefer_head_address
from apps.extraction.engines.layout.titles import own_numbers
from apps.extraction.engines.layout.totals import prefer_sums
from apps.schemas.fields import Field, Kind

_NAMED = 0.7
"""Score from which a label in the row names an amount."""


def weigh(
    *,
    options: Mapping[str, Sequence[Option]],
    fields: Sequence[Field],
    pages: Sequence[PagePieces],
    placed: Sequence[Placed],
    lexicon: Lexicon,
    ruled: frozenset[str],
) -> dict[str, list[Option]]:
    """Return each field's options, weighed again, the best first.

    `ruled` are fields that the schema has arithmetic for: it, and no sum of labelled amounts, speaks for them.
    """
    weighed = {name: list(found) for name, found in options.items()}
    for field in fields:
        if field.kind is Kind.MONEY:
            named = _named(weighed, but=None if field.name in ruled else field.name)
            weighed[field.name] = prefer_sums(options=weighed[field.name], placed=placed, named=named)
    total = payable(fields=fields, lexicon=lexicon)
    if total is not None:
        weighed[total] = prefer_payable(options=weighed[total], placed=placed)
    date = general_date(fields=fields, lexicon=lexicon)
    if date is not None:
        weighed[date] = prefer_only_date(options=weighed[date], name=date, placed=placed, lexicon=lexicon)
    for field in fields:
        if field.kind is Kind.DATE and polarity(field) is Part.END:
            weighed[field.name] = prefer_ranges(
                options=weighed[field.name], name=field.name, placed=placed, lexicon=lexicon
            )
        if field.kind is Kind.ADDRESS and role_of(field) is Role.ISSUER:
            weighed[field.name] = prefer_head_address(options=weighed[field.name], placed=placed)
    identifiers = [field for field in fields if field.kind is Kind.IDENTIFIER]
    return own_numbers(found=weighed, fields=identifiers, pages=pages, lexicon=lexicon)


def _named(options: Mapping[str, Sequence[Option]], *, but: str | None) -> set[int]:
    """Return what labels name in their row."""
    return {
        id(option.placed)
        for name, found in options.items()
        if name != but
        for option in found
        if option.heading is None and option.label >= _NAMED
    }
