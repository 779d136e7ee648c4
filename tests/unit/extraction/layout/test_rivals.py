"""What else a document shows under a field's label."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from apps.extraction.engines.layout.rivals import rivals
from apps.extraction.grounding import ground
from apps.extraction.page_index import DocumentIndex
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.schemas.fields import Field, Kind, Rule, Schema
from tests.unit.extraction.pages_of_words import document


def _field(name: str, kind: Kind, *labels: str) -> Field:
    return Field(name=name, title=labels[0], kind=kind, labels={"en": labels})


SCHEMA = Schema(
    slug="bill",
    version=1,
    title="Bill",
    description="",
    fields=(
        _field("number", Kind.IDENTIFIER, "Invoice number"),
        _field("iban", Kind.IBAN, "IBAN"),
        _field("net", Kind.MONEY, "Net total"),
        _field("tax", Kind.MONEY, "VAT"),
        _field("gross", Kind.MONEY, "Total due"),
    ),
    rules=(Rule(left="net + tax", right="gross"),),
)
BILL = ("Net total:   100.00", "VAT:   20.00", "Total due:   120.00")
TOTALS = {"net": "100.00", "tax": "20.00", "gross": "120.00"}


def _rivals(
    lines: Sequence[str], answers: dict[str, str], *, further: Sequence[Sequence[str]] = ()
) -> dict[str, list[str]]:
    """Return the rivals' values, of answers that stand on the first page; `further` are pages behind it."""
    read = document(lines, *further)
    kinds = {field.name: field.kind for field in SCHEMA.fields}
    values = []
    for name, value in answers.items():
        found = ground(index=DocumentIndex(read), value=value, kind=kinds[name])
        assert found is not None
        values.append(
            ExtractedValue(
                path=f"/{name}",
                value=value,
                kind=kinds[name],
                engine="e",
                confidence=0.9,
                status=ValueStatus.ACCEPTED,
                evidence=(found.evidence,),
            )
        )
    found_by = rivals(pages=read.pages, language="en", schema=SCHEMA, values=values, wanted=frozenset(answers))
    return {name: [rival.value for rival in found] for name, found in found_by.items()}


def test_each_value_alone_under_its_label_has_no_rival() -> None:
    assert _rivals(["Invoice number:   RE-4711", *BILL], {"number": "RE-4711", **TOTALS}) == {}


@pytest.mark.parametrize(("answer", "other"), [("RE-4711", "XX-0815"), ("XX-0815", "RE-4711")])
def test_two_values_under_one_label_are_rivals(answer: str, other: str) -> None:
    lines = ["Invoice number:   RE-4711", "", "Invoice number:   XX-0815"]
    assert _rivals(lines, {"number": answer}) == {"number": [other]}


def test_an_account_number_needs_no_label() -> None:
    lines = ["IBAN:   DE89370400440532013000", "", "or elsewhere", "GB33BUKB20201555555555"]
    assert _rivals(lines, {"iban": "DE89370400440532013000"}) == {"iban": ["GB33BUKB20201555555555"]}


def test_a_second_total_that_makes_no_sum_is_none() -> None:
    assert _rivals([*BILL, "", "Total due:   77.00"], TOTALS) == {}


def test_a_second_set_of_totals_that_makes_the_sum_is_three_rivals() -> None:
    others = ["Net total:   10.00", "VAT:   2.00", "Total due:   12.00"]
    assert _rivals([*BILL, "", *others], TOTALS) == {"net": ["10.00"], "tax": ["2.00"], "gross": ["12.00"]}


def test_a_total_that_makes_no_sum_has_rivals_whatever_they_make() -> None:
    answers = {**TOTALS, "gross": "77.00"}
    assert _rivals([*BILL, "", "Total due:   77.00"], answers) == {"gross": ["120.00"]}


def test_the_parts_of_a_sum_are_no_rivals_of_it() -> None:
    lines = ["VAT:   12.00", "VAT:   8.00", "VAT:   20.00"]
    assert _rivals(lines, {"tax": "20.00"}) == {}


@pytest.mark.parametrize("between", [0, 1, 4])
@pytest.mark.parametrize("down", [0, 30])
def test_rivals_on_another_page_weigh_as_much_as_on_the_same(between: int, down: int) -> None:
    others = [*[""] * down, "Net total:   10.00", "VAT:   2.00", "Total due:   12.00", "Invoice number:   XX-0815"]
    lines = ["Invoice number:   RE-4711", *BILL]
    pages = [*[["Terms of delivery"]] * between, others]
    expected = {"number": ["XX-0815"], "net": ["10.00"], "tax": ["2.00"], "gross": ["12.00"]}
    assert _rivals(lines, {"number": "RE-4711", **TOTALS}, further=pages) == expected


def test_a_value_of_a_later_page_has_its_rival_on_the_first() -> None:
    """The planted set is the answer, and the true one stands in front of it."""
    read = document(["Net total:   10.00", "VAT:   2.00", "Total due:   12.00"], ["Terms"], list(BILL))
    index = DocumentIndex(read)
    values = []
    for name, value in TOTALS.items():
        found = ground(index=index, value=value, kind=Kind.MONEY)
        assert found is not None
        assert found.evidence.page == 3
        values.append(
            ExtractedValue(
                path=f"/{name}",
                value=value,
                kind=Kind.MONEY,
                engine="e",
                confidence=0.9,
                status=ValueStatus.ACCEPTED,
                evidence=(found.evidence,),
            )
        )
    found_by = rivals(pages=read.pages, language="en", schema=SCHEMA, values=values, wanted=frozenset(TOTALS))
    assert {name: [(one.value, one.evidence.page) for one in found] for name, found in found_by.items()} == {
        "net": [("10.00", 1)],
        "tax": [("2.00", 1)],
        "gross": [("12.00", 1)],
    }
