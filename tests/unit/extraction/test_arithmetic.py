"""A schema's rules over values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.extraction.arithmetic import Broken, judge
from apps.extraction.values import ExtractedValue, ValueStatus
from apps.schemas.definitions import shipped_schemas
from apps.schemas.fields import Kind, Rule

INVOICE = shipped_schemas()["invoice"]
TOTALS = "net_total + tax_total = gross_total"
ROWS = "line_items.quantity * line_items.unit_price = line_items.line_total"
SUM = "sum(line_items.line_total) = net_total"


def _values(**numbers: str) -> list[ExtractedValue]:
    """Return values by field, `gross_total`, or by row and column, `line_total_0`."""
    found = []
    for name, text in numbers.items():
        column, _, row = name.rpartition("_")
        path = f"/line_items/{row}/{column}" if row.isdigit() else f"/{name}"
        found.append(
            ExtractedValue(
                path=path, value=text, kind=Kind.MONEY, engine="x", confidence=0.9, status=ValueStatus.ACCEPTED
            )
        )
    return found


def test_totals_that_add_up() -> None:
    judgement = judge(values=_values(net_total="100.00", tax_total="19.00", gross_total="119.01"), schema=INVOICE)
    assert judgement.holds == {"/net_total", "/tax_total", "/gross_total"}
    assert judgement.broken == ()


def test_totals_that_do_not_add_up() -> None:
    judgement = judge(values=_values(net_total="100.00", tax_total="19.00", gross_total="119.02"), schema=INVOICE)
    assert judgement.holds == frozenset()
    assert judgement.broken == (Broken(rule=TOTALS, paths=frozenset({"/net_total", "/tax_total", "/gross_total"})),)


def test_a_rule_with_an_input_missing_says_nothing() -> None:
    values = _values(net_total="100.00", gross_total="150.00", line_total_0="1.00", quantity_1="2")
    judgement = judge(values=values, schema=INVOICE)
    assert (judgement.holds, judgement.broken) == (frozenset(), ())


def test_what_is_on_no_page_is_no_input() -> None:
    values = _values(net_total="100.00", tax_total="19.00", gross_total="150.00")
    values[0] = replace(values[0], status=ValueStatus.UNGROUNDED)
    assert judge(values=values, schema=INVOICE).broken == ()


def test_no_tax_proves_nothing() -> None:
    judgement = judge(values=_values(net_total="100.00", tax_total="0.00", gross_total="100.00"), schema=INVOICE)
    assert (judgement.holds, judgement.broken) == (frozenset(), ())


def test_rows_are_judged_one_by_one_and_summed() -> None:
    values = _values(
        quantity_0="2", unit_price_0="10.00", line_total_0="20.00",
        quantity_1="3", unit_price_1="10.00", line_total_1="31.00",
        net_total="51.00",
    )  # fmt: skip
    judgement = judge(values=values, schema=INVOICE)
    first = {"/line_items/0/quantity", "/line_items/0/unit_price", "/line_items/0/line_total"}
    assert judgement.holds == first | {"/line_items/1/line_total", "/net_total"}
    assert judgement.broken == (
        Broken(
            rule=ROWS,
            paths=frozenset({"/line_items/1/quantity", "/line_items/1/unit_price", "/line_items/1/line_total"}),
        ),
    )


@pytest.mark.parametrize(("net", "holds"), [("30.02", True), ("30.03", False), ("29.98", True)])
def test_each_summed_row_may_be_half_a_cent_off(net: str, holds: bool) -> None:
    judgement = judge(
        values=_values(line_total_0="10.00", line_total_1="10.00", line_total_2="10.00", net_total=net), schema=INVOICE
    )
    assert ("/net_total" in judgement.holds) is holds
    assert [broken.rule for broken in judgement.broken] == ([] if holds else [SUM])


@pytest.mark.parametrize(("total", "holds"), [("33.30", True), ("33.33", True), ("34.20", False)])
def test_prices_were_rounded_before_they_were_multiplied(total: str, holds: bool) -> None:
    judgement = judge(values=_values(quantity_0="10", unit_price_0="3.33", line_total_0=total), schema=INVOICE)
    assert (judgement.broken == ()) is holds


def test_rows_beside_a_sum_of_theirs_break_a_rule_once() -> None:
    share = Rule(left="line_items.line_total / sum(line_items.line_total) * net_total", right="line_items.quantity")
    schema = replace(INVOICE, rules=(share,))
    values = _values(net_total="8", line_total_0="1.00", quantity_0="2", line_total_1="3.00", quantity_1="6")
    everything = {value.path for value in values}
    assert judge(values=values, schema=schema).holds == everything
    wrong = _values(net_total="8", line_total_0="1.00", quantity_0="3", line_total_1="3.00", quantity_1="5")
    assert judge(values=wrong, schema=schema).broken == (
        Broken(rule=f"{share.left} = {share.right}", paths=frozenset(everything)),
    )


def test_a_rule_that_cannot_be_read_says_nothing() -> None:
    schema = replace(INVOICE, rules=(Rule(left="net_total +", right="gross_total"),))
    judgement = judge(values=_values(net_total="1.00", gross_total="2.00"), schema=schema)
    assert (judgement.holds, judgement.broken) == (frozenset(), ())
