"""What a schema's JSON Schema keywords ask of a canonical value, checked after extraction.

Checked are `enum`, `pattern`, `minLength`, `maxLength`, `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`
and `multipleOf` (JSON Schema 2020-12 Validation, 6.1 to 6.3); of an array's items `maxItems`, `minItems`, `uniqueItems`
and their own `required` (6.4, 6.5.3). Lengths count code points; numbers are exact decimals.
What every number must keep besides, `digits`: to be no longer than what is stored exactly.
A pattern is matched in linear time (apps/schemas/patterns.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, DecimalException, localcontext

from apps.schemas.fields import Field, Kind
from apps.schemas.patterns import matches

# numeric(38, 12), and Parquet's decimal128(38, 12): what they hold without rounding.
WHOLE_DIGITS = 26
DECIMAL_PLACES = 12

_NUMERIC = frozenset({Kind.MONEY, Kind.NUMBER, Kind.INTEGER})
_DIGITS = 240
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def violated(*, field: Field, value: str) -> tuple[str, ...]:
    """Return the keywords that a value breaks, () where it keeps them all.

    A field without any allows everything but a number too long to be kept exactly.
    """
    return (*_text_faults(field, value), *_number_faults(field, value))


def faulty_items(*, field: Field, items: Mapping[int, Mapping[str, str]]) -> Mapping[int, tuple[str, ...]]:
    """Return which keywords items of an array break as a whole, by the item's number from 0.

    Those that keep all aren't there. `items` are canonical values by column, "" for an array of plain values.
    `required`: a column of the item has no value; `maxItems`: there are as many as are allowed before it;
    `uniqueItems`: it is there before.
    """
    required = {column.name for column in field.columns if column.required and column.name}
    seen: set[frozenset[tuple[str, object]]] = set()
    found: dict[int, tuple[str, ...]] = {}
    for number in sorted(items):
        item = items[number]
        faults = []
        if not required <= item.keys():
            faults.append("required")
        if field.max_items is not None and number >= field.max_items:
            faults.append("maxItems")
        if field.unique_items:
            key = frozenset((name, _comparable(value)) for name, value in item.items())
            if key in seen:
                faults.append("uniqueItems")
            seen.add(key)
        if faults:
            found[number] = tuple(faults)
    return found


def too_few(*, field: Field, count: int) -> bool:
    """Return whether an array has fewer items than `minItems` asks for; one without any isn't there at all."""
    return field.min_items is not None and 0 < count < field.min_items


def kept_exactly(value: str) -> bool:
    """Return whether a canonical decimal has no more digits than the database and the exports hold."""
    whole, _, part = value.removeprefix("-").partition(".")
    return len(whole.lstrip("0")) <= WHOLE_DIGITS and len(part.rstrip("0")) <= DECIMAL_PLACES


def whole_number(keyword: object) -> int | None:
    """Return what a keyword such as `minLength` says, None if it is of another type: the meta-schema complains."""
    return keyword if isinstance(keyword, int) and not isinstance(keyword, bool) else None


def exact_number(keyword: object) -> Decimal | None:
    """Return what a keyword such as `minimum` says, as its author wrote it: 0.1 is a tenth. None for another type."""
    if isinstance(keyword, bool) or not isinstance(keyword, int | float):
        return None
    number = Decimal(str(keyword))
    return number if number.is_finite() else None


def _text_faults(field: Field, value: str) -> Iterator[str]:
    if field.enum and not _listed(field, value):
        yield "enum"
    if field.pattern is not None and not matches(pattern=field.pattern, text=value):
        yield "pattern"
    if field.min_length is not None and len(value) < field.min_length:
        yield "minLength"
    if field.max_length is not None and len(value) > field.max_length:
        yield "maxLength"


def _listed(field: Field, value: str) -> bool:
    """Return whether a value is on the list; a number may be written there with other zeros."""
    if value in field.enum:
        return True
    number = _number(value) if field.kind in _NUMERIC else None
    return number is not None and any(_number(text) == number for text in field.enum)


def _number_faults(field: Field, value: str) -> Iterator[str]:
    if field.kind in _NUMERIC and _DECIMAL.fullmatch(value) and not kept_exactly(value):
        yield "digits"
    limits = (field.minimum, field.maximum, field.exclusive_minimum, field.exclusive_maximum, field.multiple_of)
    if all(limit is None for limit in limits):
        return
    number = _number(value)
    if number is None:
        yield "type"
        return
    if field.minimum is not None and number < field.minimum:
        yield "minimum"
    if field.maximum is not None and number > field.maximum:
        yield "maximum"
    if field.exclusive_minimum is not None and number <= field.exclusive_minimum:
        yield "exclusiveMinimum"
    if field.exclusive_maximum is not None and number >= field.exclusive_maximum:
        yield "exclusiveMaximum"
    if field.multiple_of is not None and not _is_multiple(number, field.multiple_of):
        yield "multipleOf"


def _is_multiple(number: Decimal, step: Decimal) -> bool:
    with localcontext() as context:
        context.prec = _DIGITS
        try:
            return number % step == 0
        except DecimalException:
            return False


def _comparable(value: str) -> object:
    """Return what two equal values have in common: 1.5 is 1.50."""
    return Decimal(value) if _DECIMAL.fullmatch(value) else value


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except DecimalException:
        return None
    return number if number.is_finite() else None
