"""How a state's values are kept between DuckDB and Python: whole numbers for dates, times and decimals, so that they add up and compare exactly."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from learnfold.speed.single import parsed, shown

if TYPE_CHECKING:
    from sqlglot import exp

_PLAIN = {"VARCHAR", "BIGINT", "INTEGER", "DOUBLE"}
_DECIMAL = re.compile(r"DECIMAL\(38, (\d+)\)")

Value = str | int | float | None


def is_stored(kind: str) -> bool:
    """Whether values of a column of this type can be kept."""
    return kind in _PLAIN or kind in {"DATE", "TIMESTAMP"} or _DECIMAL.fullmatch(kind) is not None


def stored(kind: str, value: exp.Expr) -> exp.Expr:
    """SQL of the value as it is kept: days or microseconds since 1970, a decimal without its point."""
    text = f"CAST({shown(value)} AS {kind})"
    if kind == "DATE":
        text = f"({text} - DATE '1970-01-01')"
    elif kind == "TIMESTAMP":
        text = f"epoch_us({text})"
    elif _DECIMAL.fullmatch(kind):
        text = f"CAST(replace(CAST({text} AS VARCHAR), '.', '') AS HUGEINT)"
    return parsed(text)


def restored(kind: str, text: str) -> str:
    """SQL of the value from what ``sent`` gives."""
    if kind == "DATE":
        return f"DATE '1970-01-01' + CAST({text} AS INTEGER)"
    if kind == "TIMESTAMP":
        return f"make_timestamp(CAST({text} AS BIGINT))"
    return f"CAST({text} AS {kind})"


def sent(kind: str, value: Value) -> Value:
    """A kept value as a parameter of SQL: decimals are texts."""
    found = _DECIMAL.fullmatch(kind)
    if found is None or value is None:
        return value
    return f"{Decimal(value).scaleb(-int(found[1])):f}"


def sent_type(kind: str) -> str:
    """The type of what ``sent`` gives."""
    if kind == "DATE":
        return "INTEGER"
    if kind == "TIMESTAMP":
        return "BIGINT"
    return "VARCHAR" if _DECIMAL.fullmatch(kind) else kind
