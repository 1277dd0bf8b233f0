"""Values of a view's columns as a request writes them, and as an answer does.

Dates are ``2025-12-10``; times are ISO 8601, in UTC, and answered as ``2025-12-10T08:00:00.000000Z``.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from learnfold.catalog import Column

_INTEGER = re.compile(r"[+-]?\d{1,19}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_BITS = {"INTEGER": 31, "BIGINT": 63}
_LONGEST = 1000
"""Characters of a value; no id is longer."""


def read_value(column: Column, text: str) -> Any:
    """The value that ``text`` stands for in the column; raises Problem where it is none of the column's type."""
    if len(text) > _LONGEST:
        raise Problem("bad_value", f"the value for {column.name} is longer than {_LONGEST} characters")
    value: Any = None
    try:
        if column.type == "VARCHAR":
            text.encode()
            value = text
        elif column.type in _BITS and _INTEGER.fullmatch(text):
            limit = 2 ** _BITS[column.type]
            value = int(text) if -limit <= int(text) < limit else None
        elif column.type == "DATE" and _DAY.fullmatch(text):
            value = date.fromisoformat(text)
        elif column.type == "TIMESTAMP":
            value = _utc(datetime.fromisoformat(text))
        elif column.type not in {*_BITS, "DATE"} and _NUMBER.fullmatch(text) and math.isfinite(float(text)):
            value = float(text)
    except (ValueError, OverflowError):
        value = None
    if value is None:
        raise Problem(
            "bad_value", f"{text[:60]!r} can't be read as {column.name}, a {column.type}", _HINTS[column.type]
        )
    return value


def shown(value: Any) -> Any:
    """A value as JSON shows it."""
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='microseconds')}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


_HINTS = {
    "VARCHAR": "text in UTF-8",
    "BIGINT": "a whole number",
    "INTEGER": "a whole number",
    "DOUBLE": "a number such as 12.5",
    "DATE": "a date such as 2025-12-10",
    "TIMESTAMP": "a time such as 2025-12-10T08:00:00Z",
}
