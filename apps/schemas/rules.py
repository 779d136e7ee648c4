"""Arithmetic rules of a schema: reading `net_total + tax_total = gross_total`, and working one out.

Grammar: rule = formula "=" name; formula = term (("+" | "-") term)*; term = factor (("*" | "/") factor)*;
factor = number | name | "sum(" name ")" | "(" formula ")" | "-" factor. A name is a field, or a column as
`line_items.quantity`. Columns outside `sum` make a rule that holds for each row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, DecimalException, localcontext

from apps.schemas.fields import Rule

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)|([-+*/()=]))", re.ASCII)
MAX_DEPTH = 16
_DIGITS = 240
"""So many are kept of a result: those of products of numbers as long as documents may give."""


class RuleError(ValueError):
    """The text isn't a rule; the message says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A part of a formula. `op` is one of `number`, `name`, `sum`, `neg`, `+`, `-`, `*`, `/`."""

    op: str
    text: str = ""
    parts: tuple[Node, ...] = ()

    def names(self) -> frozenset[str]:
        """Return every field or column that the formula reads."""
        own = frozenset({self.text}) if self.op in {"name", "sum"} else frozenset()
        return own.union(*(part.names() for part in self.parts))

    def row_names(self) -> frozenset[str]:
        """Return the columns read row by row: those outside `sum`."""
        own = frozenset({self.text}) if self.op == "name" and "." in self.text else frozenset()
        return own.union(*(part.row_names() for part in self.parts))

    def summed_names(self) -> frozenset[str]:
        """Return the columns under `sum`."""
        own = frozenset({self.text}) if self.op == "sum" else frozenset()
        return own.union(*(part.summed_names() for part in self.parts))


def split_rule(text: str) -> Rule:
    """Return a rule's two sides. Raises RuleError."""
    left, equals, right = text.partition("=")
    if not equals or "=" in right:
        raise RuleError("a rule has exactly one '=', such as 'net_total + tax_total = gross_total'")
    rule = Rule(left=left.strip(), right=right.strip())
    parse_formula(rule.left)
    if parse_formula(rule.right).op != "name":
        raise RuleError("write one field alone to the right of '='")
    return rule


def parse_formula(text: str) -> Node:
    """Return a formula's tree. Raises RuleError."""
    parser = _Parser(text)
    node = parser.formula(0)
    if parser.kind:
        raise RuleError(f"'{parser.token}' stands where the formula should end")
    return node


def evaluate(
    node: Node, *, values: Mapping[str, Decimal], columns: Mapping[str, tuple[Decimal, ...]]
) -> Decimal | None:
    """Return a formula's value, or None where an input is missing or a division is by zero.

    `values` are by name; for a rule that holds for each row, the row's own by `array.column`. `columns` are what
    `sum` adds up.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        try:
            return _evaluate(node, values, columns)
        except (KeyError, DecimalException):
            return None


def total(numbers: Sequence[Decimal]) -> Decimal:
    """Return a column's sum, as exact as a formula has it."""
    with localcontext() as context:
        context.prec = _DIGITS
        return sum(numbers, Decimal(0))


def _evaluate(node: Node, values: Mapping[str, Decimal], columns: Mapping[str, tuple[Decimal, ...]]) -> Decimal:
    match node.op:
        case "number":
            return Decimal(node.text)
        case "name":
            return values[node.text]
        case "sum":
            return sum(columns[node.text], Decimal(0))
        case "neg":
            return -_evaluate(node.parts[0], values, columns)
    left, right = (_evaluate(part, values, columns) for part in node.parts)
    match node.op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return left / right


class _Parser:
    """Recursive descent; `kind` is "" at the end, else number, name or the sign itself."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.kind = ""
        self.token = ""
        self._next()

    def _next(self) -> None:
        if not self._text[self._at :].strip():
            self.kind = self.token = ""
            return
        match = _TOKEN.match(self._text, self._at)
        if not match:
            raise RuleError(
                f"'{self._text[self._at :].strip()[0]}' isn't understood: use names, numbers, + - * / and ()"
            )
        self._at = match.end()
        self.token = match[match.lastindex or 0]
        self.kind = ("number", "name", self.token)[(match.lastindex or 1) - 1]

    def _take(self, sign: str) -> None:
        if self.kind != sign:
            raise RuleError(f"'{sign}' is missing" + (f" before '{self.token}'" if self.token else " at the end"))
        self._next()

    def formula(self, depth: int) -> Node:
        node = self._term(depth)
        while (sign := self.kind) in {"+", "-"}:
            self._next()
            node = Node(op=sign, parts=(node, self._term(depth)))
        return node

    def _term(self, depth: int) -> Node:
        node = self._factor(depth)
        while (sign := self.kind) in {"*", "/"}:
            self._next()
            node = Node(op=sign, parts=(node, self._factor(depth)))
        return node

    def _factor(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise RuleError(f"parentheses are nested deeper than {MAX_DEPTH}")
        kind, token = self.kind, self.token
        if kind == "-":
            self._next()
            return Node(op="neg", parts=(self._factor(depth + 1),))
        if kind == "(":
            self._next()
            node = self.formula(depth + 1)
            self._take(")")
            return node
        if kind == "number":
            self._next()
            return Node(op="number", text=token)
        if kind != "name":
            raise RuleError(f"a name or a number is missing before '{token}'" if token else "the formula ends too soon")
        self._next()
        if token == "sum" and self.kind == "(":  # noqa: S105 - a token of the grammar
            self._next()
            if self.kind != "name" or "." not in self.token:
                raise RuleError("sum() takes one column, such as sum(line_items.line_total)")
            column = self.token
            self._next()
            self._take(")")
            return Node(op="sum", text=column)
        return Node(op="name", text=token)
