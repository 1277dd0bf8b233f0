"""Rows as an aligned table for people, and as JSON or CSV for machines."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unicodedata import combining, east_asian_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns under their names, numbers to the right."""
    shown = [[_cell(value) for value in row] for row in rows]
    kept = [list(row) for row in zip(*([names, *shown]), strict=True)] if shown else [[name] for name in names]
    widths = [max(map(_width, column)) for column in kept]
    right = [bool(shown) and all(_numeric(cell) for cell in column[1:]) for column in kept]
    lines = []
    for number, row in enumerate([list(names), *shown]):
        cells = [
            _padding(cell, width) + cell if flush else cell + _padding(cell, width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
        if number == 0:
            lines.append("  ".join("-" * width for width in widths))
    return "\n".join(lines)


def to_json(value: Any) -> str:
    """JSON as people can read it; times in ISO 8601."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def to_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV with a header; NULL is empty, times are ISO 8601."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(
        [["" if v is None else _plain(v) if isinstance(v, (date, datetime)) else v for v in row] for row in rows]
    )
    return text.getvalue().rstrip("\n")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else str(value)


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    text = str(_plain(value)) if isinstance(value, (date, datetime)) else str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _width(text: str) -> int:
    """The columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def _padding(cell: str, width: int) -> str:
    return " " * (width - _width(cell))


def _numeric(cell: str) -> bool:
    return cell == "NULL" or cell.replace(",", "").replace(".", "", 1).lstrip("-").isdigit()
