"""A feed: a table by name, with typed and documented columns, and the query that fills it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from psycopg import sql


class ColumnType(StrEnum):
    """What a column holds, whatever the format. DECIMAL is exact: up to 26 digits before the point and 12 behind."""

    UUID = "uuid"
    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `expression` is its SQL; `typed_where` says where a text cell is a typed number all the same."""

    name: str
    type: ColumnType
    doc: str
    expression: sql.Composable = field(repr=False)
    typed_where: sql.Composable | None = field(default=None, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A table. `key` names the columns that tell its rows apart; `rows` is the query from FROM on."""

    name: str
    title: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: sql.Composable = field(repr=False)
