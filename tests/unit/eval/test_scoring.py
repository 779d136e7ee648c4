"""Comparing answers with the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from apps.extraction.values import ExtractedValue, ValueStatus
from apps.parsing import sniff
from apps.schemas.fields import Kind
from deploy.eval.corpus import Example, Truth
from deploy.eval.scoring import Tally, normal, score


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (Kind.MONEY, "100", "100.00"),
        (Kind.MONEY, "0", "-0.00"),
        (Kind.NUMBER, "3.0000", "3.0"),
        (Kind.DATE, "2024-01-31", "31.01.2024"),
        (Kind.IDENTIFIER, "re 2024 / 1", "RE2024/1"),
        (Kind.ORGANISATION, "ACME,  Inc.", "Acme Inc"),
        (Kind.ORGANISATION, "STRASSE", "Straße"),
        (Kind.ADDRESS, "NO.53 JALAN PUTRA 1,81200 JOHOR.", "No 53, Jalan Putra 1, 81200 Johor"),
        (Kind.DURATION, "2 years", "two (2) years"),
        (Kind.CURRENCY, "EUR", "eur"),
    ],
)
def test_the_same_value_in_two_ways(kind: Kind, one: str, other: str) -> None:
    assert normal(one, kind) == normal(other, kind)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (Kind.MONEY, "100.00", "100.01"),
        (Kind.MONEY, "1.00", "-1.00"),
        (Kind.DATE, "2024-01-31", "2024-01-30"),
        (Kind.IDENTIFIER, "4711-1", "47111"),
        (Kind.ORGANISATION, "ACME Inc", "ACME"),
        (Kind.ADDRESS, "Jalan Putra 1", "Jalan Putra 2"),
        (Kind.DURATION, "2 years", "2 months"),
    ],
)
def test_different_values(kind: Kind, one: str, other: str) -> None:
    assert normal(one, kind) != normal(other, kind)


def example(
    *,
    fields: Mapping[str, Truth] | None = None,
    entries: Mapping[str, tuple[str, ...]] | None = None,
    rows: tuple[Mapping[str, str], ...] = (),
    rows_shown: bool = True,
) -> Example:
    return Example(
        set="zugferd_corpus",
        path=Path("a.pdf"),
        name="a.pdf",
        sha256="",
        family="f",
        media_type=sniff.PDF,
        schema="invoice",
        natural=True,
        fields=fields or {},
        entries=entries or {},
        rows=rows,
        rows_shown=rows_shown,
    )


def said(path: str, value: str, *, status: ValueStatus = ValueStatus.ACCEPTED) -> ExtractedValue:
    return ExtractedValue(path=path, value=value, kind=Kind.TEXT, engine="e", confidence=0.9, status=status)


def counts(tally: Tally) -> tuple[int, int, int, int]:
    return (tally.present, tally.covered, tally.answered, tally.right)


TOTAL = {"total": Truth(kind=Kind.MONEY, values=("10.00",))}


class TestFields:
    def test_right_wrong_and_missing(self) -> None:
        one = example(fields=TOTAL)
        assert counts(score(example=one, values=[said("/total", "10")], whole=False)["total"]) == (1, 1, 1, 1)
        assert counts(score(example=one, values=[said("/total", "11")], whole=False)["total"]) == (1, 1, 1, 0)
        assert counts(score(example=one, values=[], whole=False)["total"]) == (1, 0, 0, 0)

    def test_an_answer_where_the_document_has_none_is_wrong(self) -> None:
        one = example(fields={"term": Truth(kind=Kind.DURATION, values=None)})
        assert counts(score(example=one, values=[said("/term", "2 years")], whole=False)["term"]) == (0, 0, 1, 0)
        assert counts(score(example=one, values=[], whole=False)["term"]) == (0, 0, 0, 0)

    def test_a_field_without_a_label_is_not_counted(self) -> None:
        assert score(example=example(), values=[said("/agency", "A")], whole=False) == {}

    def test_what_no_page_shows_counts_only_for_who_sees_the_whole_file(self) -> None:
        one = example(fields={"total": Truth(kind=Kind.MONEY, values=("10.00",), shown=False)})
        assert score(example=one, values=[said("/total", "11")], whole=False) == {}
        assert counts(score(example=one, values=[said("/total", "10")], whole=True)["total"]) == (1, 1, 1, 1)

    def test_each_of_several_right_values_is_right(self) -> None:
        one = example(fields={"seller": Truth(kind=Kind.ORGANISATION, values=("Alpha", "Alpha GmbH"))})
        for name in ("ALPHA", "Alpha GmbH."):
            assert score(example=one, values=[said("/seller", name)], whole=False)["seller"].right == 1

    def test_accepted_answers_are_counted_beside(self) -> None:
        one = example(fields=TOTAL)
        weak = said("/total", "10", status=ValueStatus.NEEDS_REVIEW)
        tally = score(example=one, values=[weak], whole=False)["total"]
        assert (tally.answered, tally.accepted, tally.accepted_precision) == (1, 0, None)

    def test_faults_say_what_was_said_and_what_is_true(self) -> None:
        tally = score(example=example(fields=TOTAL), values=[said("/total", "11")], whole=False)["total"]
        assert [(fault.said, fault.truth) for fault in tally.faults] == [("11", "10.00")]


class TestLists:
    def test_entries_are_compared_each_by_itself_in_any_order(self) -> None:
        one = example(entries={"parties": ("Alpha Inc.", "Beta LLC")})
        values = [said("/parties/0", "BETA, LLC"), said("/parties/1", "Gamma"), said("/parties/2", "Beta LLC")]
        assert counts(score(example=one, values=values, whole=False)["parties"]) == (2, 2, 3, 1)

    def test_rows_are_compared_cell_by_cell(self) -> None:
        one = example(rows=({"description": "Pen", "line_total": "40"}, {"description": "Ink", "line_total": "60"}))
        values = [
            said("/line_items/0/description", "Pen"),
            said("/line_items/0/line_total", "40.00"),
            said("/line_items/1/description", "Tint"),
        ]
        found = score(example=one, values=values, whole=False)
        assert counts(found["line_items.description"]) == (2, 2, 2, 1)
        assert counts(found["line_items.line_total"]) == (2, 1, 1, 1)
        assert counts(found["line_items.quantity"]) == (0, 0, 0, 0)

    def test_a_row_too_many_is_wrong_and_does_not_shift_the_others(self) -> None:
        one = example(rows=({"line_total": "40"}, {"line_total": "60"}))
        values = [said(f"/line_items/{at}/line_total", total) for at, total in enumerate(["40.00", "100.00", "60.00"])]
        assert counts(score(example=one, values=values, whole=False)["line_items.line_total"]) == (2, 2, 3, 2)

    def test_rows_that_the_pages_do_not_show_are_not_counted(self) -> None:
        one = example(rows=({"line_total": "40"},), rows_shown=False)
        assert score(example=one, values=[], whole=False) == {}
        assert counts(score(example=one, values=[], whole=True)["line_items.line_total"]) == (1, 0, 0, 0)


def test_tallies_add_up() -> None:
    total = Tally(present=2, covered=1, answered=2, right=1)
    total.add(Tally(present=2, covered=2, answered=2, right=2))
    assert (total.coverage, total.precision) == (0.75, 0.75)
    assert (Tally().coverage, Tally().precision) == (None, None)
