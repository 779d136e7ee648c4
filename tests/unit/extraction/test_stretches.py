"""A long document's stretches, with many rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from apps.extraction.cascade import Answers
from apps.extraction.completeness import _Candidate
from apps.extraction.notes import unreadable
from apps.extraction.stretches import PAGES, Stretch, read, united
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Attachment, Page, ParsedDocument
from apps.schemas.fields import Field, Kind, Schema
from tests.factories.injections import EVIL_IBAN, TRUE_IBAN
from tests.factories.pages import page
from tests.unit.extraction.einvoice import documents

ROWS = 4
COLUMNS = (
    Field(name="text", title="Text", kind=Kind.TEXT),
    Field(name="price", title="Price", kind=Kind.MONEY, labels={"en": ("Price",)}),
    Field(name="amount", title="Amount", kind=Kind.MONEY, labels={"en": ("Amount",)}),
)
SCHEMA = Schema(
    slug="s",
    version=1,
    title="S",
    description="",
    fields=(
        Field(name="number", title="Number", kind=Kind.IDENTIFIER),
        Field(name="items", title="Items", kind=Kind.ARRAY, columns=COLUMNS),
    ),
)
TABLE = "\n".join(f"Gauge{row}      1{row}.00      2{row}.00" for row in range(ROWS))


class _Pages:
    """Pages that all show the same rows."""

    def __init__(self, count: int) -> None:
        self.count = count

    def pages(self, *, first: int, last: int) -> Iterator[Page]:
        return (page(TABLE, number=number) for number in range(first, min(last, self.count) + 1))


def _united(pages: int) -> Answers:
    """Unite what was read of a document's pages but for the last row."""
    source = _Pages(pages)
    stretches = []
    for first in range(1, pages + 1, PAGES):
        values = [
            ExtractedValue(
                path=f"/items/{(shown.number - first) * ROWS + word.line}/{COLUMNS[place].name}",
                value=word.text,
                kind=COLUMNS[place].kind,
                engine="layout",
                confidence=0.9,
                status=ValueStatus.ACCEPTED,
                evidence=(Evidence(page=shown.number, box=word.box, quote=word.text),),
            )
            for shown in source.pages(first=first, last=first + PAGES - 1)
            for line in range(ROWS)
            for place, word in enumerate(word for word in shown.words if word.line == line)
            if (shown.number, line) != (pages, ROWS - 1)
        ]
        stretches.append(Stretch(values=tuple(values)))
    document = ParsedDocument(pages=())
    return united(stretches, document=document, source=source, schema=SCHEMA, engines=("layout",))


def test_every_cell_is_kept_and_none_is_compared_with_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    equal = ExtractedValue.__eq__

    def counted(one: ExtractedValue, other: object) -> bool:
        nonlocal compared
        compared += 1
        return equal(one, other)

    monkeypatch.setattr(ExtractedValue, "__eq__", counted)
    answers = _united(PAGES)
    assert len(answers.values) == (PAGES * ROWS - 1) * len(COLUMNS)
    assert compared <= len(answers.values)
    assert [str(note) for note in answers.notes] == ["items: 1 row of its table is unaccounted for"]


def test_a_row_is_looked_for_on_its_own_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    holds = _Candidate.holds

    def counted(candidate: _Candidate, evidence: Evidence) -> bool:
        nonlocal looked
        looked += 1
        return holds(candidate, evidence)

    monkeypatch.setattr(_Candidate, "holds", counted)
    _united(PAGES // 2)
    short, looked = looked, 0
    _united(PAGES)
    # The last page has a row less.
    assert short < looked <= 2.1 * short


def test_a_total_that_the_carried_xml_gives_as_no_amount_is_for_a_person() -> None:
    schema = replace(SCHEMA, fields=(Field(name="gross_total", title="Total", kind=Kind.MONEY),))
    source = _Pages(2 * PAGES)
    (shown,) = source.pages(first=1, last=1)
    total = ExtractedValue(
        path="/gross_total",
        value="10.00",
        kind=Kind.MONEY,
        engine="layout",
        confidence=0.9,
        status=ValueStatus.ACCEPTED,
        evidence=(Evidence(page=1, box=shown.words[1].box, quote="10.00"),),
    )
    xml = Attachment(name="factur-x.xml", media_type="application/xml", data=documents.cii(gross="NaN"))
    answers = united(
        [Stretch(values=(total,)), Stretch(values=())],
        document=ParsedDocument(pages=(), attachments=(xml,)),
        source=source,
        schema=schema,
        engines=("einvoice", "layout"),
    )
    assert answers.values == (replace(total, status=ValueStatus.NEEDS_REVIEW),)
    assert answers.unreadable == {"gross_total"}
    assert replace(unreadable(name="gross_total"), by="einvoice") in answers.notes


class _Drawn:
    """Pages of prose, some of which show more."""

    def __init__(self, count: int, shown: dict[int, str]) -> None:
        self.count = count
        self._shown = shown

    def pages(self, *, first: int, last: int) -> Iterator[Page]:
        return (
            page(self._shown.get(number, "Terms of delivery"), number=number)
            for number in range(first, min(last, self.count) + 1)
        )


@pytest.mark.parametrize("count", [40, 60])
@pytest.mark.parametrize(("on_first", "later"), [(TRUE_IBAN, EVIL_IBAN), (EVIL_IBAN, TRUE_IBAN)])
def test_two_account_numbers_in_two_stretches_are_for_a_person(count: int, on_first: str, later: str) -> None:
    schema = replace(SCHEMA, fields=(Field(name="iban", title="IBAN", kind=Kind.IBAN, labels={"en": ("IBAN",)}),))
    source = _Drawn(count, {1: f"IBAN:   {on_first}", count - 5: f"IBAN:   {later}"})
    whole = ParsedDocument(pages=(), language="en")
    stretches = []
    for first in range(1, count + 1, PAGES):
        last = min(first + PAGES - 1, count)
        answers = read(document=whole, source=source, first=first, last=last, schema=schema, engines=("layout",))
        stretches.append(Stretch(values=answers.values, notes=answers.notes, alternatives=answers.alternatives))
    found = united(stretches, document=whole, source=source, schema=schema, engines=("layout",))
    (kept,) = found.values
    assert kept.status is ValueStatus.NEEDS_REVIEW
    assert {kept.value, *(value.value for value in found.alternatives)} == {TRUE_IBAN, EVIL_IBAN}
    assert found.doubtful(schema=schema)
