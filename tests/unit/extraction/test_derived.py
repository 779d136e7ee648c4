"""Values that follow from what pages show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.extraction.derived import derived
from apps.extraction.values import Evidence, ExtractedValue, ValueStatus
from apps.parsing.pages import Box
from apps.schemas.fields import Field, Kind, Rule, Schema

ITEMS = Field(
    name="items",
    title="Items",
    kind=Kind.ARRAY,
    columns=(Field(name="amount", title="Amount", kind=Kind.MONEY),),
)
SCHEMA = Schema(
    slug="s",
    version=1,
    title="S",
    description="",
    fields=(
        Field(name="net", title="Net", kind=Kind.MONEY),
        Field(name="tax", title="Tax", kind=Kind.MONEY),
        Field(name="gross", title="Gross", kind=Kind.MONEY),
        Field(name="start", title="Start", kind=Kind.DATE),
        Field(name="end", title="End", kind=Kind.DATE),
        Field(name="term", title="Term", kind=Kind.DURATION),
        ITEMS,
    ),
    rules=(Rule(left="net + tax", right="gross"), Rule(left="sum(items.amount)", right="net")),
)
KINDS = {field.name: field.kind for field in SCHEMA.fields}


def _shown(name: str, value: str, *, at: float = 0.1, confidence: float = 0.9) -> ExtractedValue:
    kind = Kind.MONEY if name.startswith("items") else KINDS[name]
    return ExtractedValue(
        path=f"/{name}",
        value=value,
        kind=kind,
        engine="sglang:small",
        confidence=confidence,
        status=ValueStatus.ACCEPTED,
        evidence=(Evidence(page=1, box=Box(0.1, at, 0.2, at + 0.01), quote=value),),
    )


def _said(name: str, value: str) -> ExtractedValue:
    return replace(_shown(name, value, confidence=0.0), status=ValueStatus.UNGROUNDED, evidence=())


@pytest.mark.parametrize(
    ("said", "inputs", "formula"),
    [
        (("gross", "120.00"), (("net", "100.00"), ("tax", "20.00")), "net + tax"),
        (("tax", "20.00"), (("net", "100.00"), ("gross", "120.00")), "gross = net + tax, solved for tax"),
        (("net", "30.00"), (("items/0/amount", "10.00"), ("items/1/amount", "20.00")), "sum(items.amount)"),
        (("end", "2026-02-28"), (("start", "2024-02-29"), ("term", "2 years")), "start + term"),
        (("start", "2024-01-01"), (("end", "2024-01-15"), ("term", "14 days")), "end - term"),
        (("term", "18 months"), (("end", "2025-07-01"), ("start", "2024-01-01")), "end - start"),
    ],
)
def test_a_value_follows_from_what_pages_show(
    said: tuple[str, str], inputs: tuple[tuple[str, str], ...], formula: str
) -> None:
    shown = [_shown(*each, at=0.1 + 0.1 * place, confidence=0.9 - 0.1 * place) for place, each in enumerate(inputs)]
    claim = _said(*said)
    *kept, found = derived([*shown, claim], schema=SCHEMA)
    assert kept == shown
    assert found == replace(
        claim,
        formula=formula,
        confidence=0.72,
        status=ValueStatus.ACCEPTED,
        evidence=(shown[0].evidence[0], shown[1].evidence[0]),
    )


def test_what_nothing_gives_stays_ungrounded() -> None:
    values = (_shown("net", "100.00"), _shown("tax", "20.00"), _said("gross", "121.00"), _said("end", "2024-01-01"))
    assert derived(values, schema=SCHEMA) == values


@pytest.mark.parametrize("status", [ValueStatus.NEEDS_REVIEW, ValueStatus.UNGROUNDED])
def test_an_input_that_is_not_accepted_gives_nothing(status: ValueStatus) -> None:
    weak = replace(_shown("tax", "20.00"), status=status)
    values = (_shown("net", "100.00"), weak, _said("gross", "120.00"))
    assert derived(values, schema=SCHEMA) == values


def test_nothing_follows_from_what_was_derived_itself() -> None:
    rows = (_shown("items/0/amount", "10.00"), _shown("items/1/amount", "20.00"), _shown("tax", "6.00"))
    found = derived((*rows, _said("net", "30.00"), _said("gross", "36.00")), schema=SCHEMA)
    again = derived(found, schema=SCHEMA)
    assert again == found
    assert [value.status for value in found[3:]] == [ValueStatus.ACCEPTED, ValueStatus.UNGROUNDED]


def test_a_column_with_a_row_in_doubt_makes_no_sum() -> None:
    rows = (_shown("items/0/amount", "10.00"), replace(_shown("items/1/amount", "20.00"), evidence=()))
    values = (*rows, _said("net", "30.00"))
    assert derived(values, schema=SCHEMA) == values
