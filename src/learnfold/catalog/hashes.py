"""The hash that stands for a tuple of values: the same from SQL and from Python, today and after any update.

It is the first eight bytes, read as a number, of the MD5 of the values' texts, each behind its length and a colon; NULL is a colon
alone. So different tuples are different texts. Other languages have MD5 too: see docs/decisions/0016.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "md5-64"
"""What this way of hashing is called where hashes are kept; another way would have another name."""

BYTES = 8
"""Of a hash in a file: files hold them one behind the other, least byte first, sorted by their number."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def hash_sql(columns: Iterable[tuple[str, str]]) -> str:
    """The hash of these values as a UBIGINT, in DuckDB's SQL; each is an expression and its type."""
    parts = ", ".join(f"length({text}), ':', {text}" for text in (_text(*column) for column in columns))
    return f"CAST('0x' || left(md5(concat({parts})), 16) AS UBIGINT)"


def hash_of(*values: object) -> int:
    """The same of values as Python has them: texts, whole numbers, dates, datetimes without a zone, decimals and None."""
    text = "".join(":" if value is None else f"{len(shown := _shown(value))}:{shown}" for value in values)
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[:BYTES], "big")


def _text(sql: str, kind: str) -> str:
    if kind == "VARCHAR":
        return sql
    return f"CAST({f'epoch_us({sql})' if kind == 'TIMESTAMP' else sql} AS VARCHAR)"


def _shown(value: object) -> str:
    match value:
        case datetime():
            since = value.replace(tzinfo=UTC) - _EPOCH
            return str((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)
        case date():
            return value.isoformat()
    return str(value)
