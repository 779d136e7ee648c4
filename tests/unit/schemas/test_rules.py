"""Arithmetic rules."""

from __future__ import annotations

from decimal import Decimal

import pytest

from apps.schemas.fields import Rule
from apps.schemas.rules import RuleError, evaluate, parse_formula, split_rule


def worked_out(formula: str, **values: str) -> Decimal | None:
    plain = {name.replace("__", "."): Decimal(text) for name, text in values.items() if " " not in text}
    columns = {
        name.replace("__", "."): tuple(map(Decimal, text.split())) for name, text in values.items() if " " in text
    }
    return evaluate(parse_formula(formula), values=plain, columns=columns)


def test_a_rule_has_a_formula_and_one_field() -> None:
    assert split_rule(" net + tax = gross ") == Rule(left="net + tax", right="gross")


@pytest.mark.parametrize(
    ("formula", "values", "result"),
    [
        ("a + b * c", {"a": "1", "b": "2", "c": "3"}, "7"),
        ("(a + b) * c", {"a": "1", "b": "2", "c": "3"}, "9"),
        ("a - b - c", {"a": "10", "b": "2", "c": "3"}, "5"),
        ("a / b / c", {"a": "12", "b": "3", "c": "2"}, "2"),
        ("-a + 2.50", {"a": "1"}, "1.50"),
        ("rows.quantity * rows.price", {"rows__quantity": "3", "rows__price": "0.10"}, "0.30"),
        ("sum(rows.total) - discount", {"rows__total": "1.10 2.20 3.30", "discount": "0.60"}, "6.00"),
    ],
)
def test_formulas_are_worked_out_exactly(formula: str, values: dict[str, str], result: str) -> None:
    assert worked_out(formula, **values) == Decimal(result)


def test_a_formula_without_an_input_has_no_value() -> None:
    assert worked_out("a + b", a="1") is None


def test_a_division_by_zero_has_no_value() -> None:
    assert worked_out("a / b", a="1", b="0") is None


def test_a_formula_knows_its_names() -> None:
    node = parse_formula("sum(rows.total) + rows.price * a")
    assert node.names() == {"rows.total", "rows.price", "a"}
    assert node.row_names() == {"rows.price"}
    assert node.summed_names() == {"rows.total"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a + b", "a rule has exactly one '='"),
        ("a = b = c", "a rule has exactly one '='"),
        ("a = b + c", "write one field alone to the right of '='"),
        ("a + = c", "the formula ends too soon"),
        ("a b = c", "'b' stands where the formula should end"),
        ("a ^ b = c", "'^' isn't understood"),
        ("(a = c", "')' is missing at the end"),
        ("sum(a) = c", "sum() takes one column"),
        ("__import__('os') = c", "'(' stands where the formula should end"),
        ("(" * 40 + "a" + ")" * 40 + " = c", "parentheses are nested deeper than 16"),
    ],
)
def test_what_is_no_rule_says_why(text: str, reason: str) -> None:
    with pytest.raises(RuleError) as caught:
        split_rule(text)
    assert reason in str(caught.value)
