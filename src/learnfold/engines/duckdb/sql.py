"""Texts and names as DuckDB's SQL spells them, and Parquet files as it reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def quoted(text: str) -> str:
    """``text`` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """``name`` as the name of a column or table, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def parquet(files: Iterable[str], *, by_name: bool = False) -> str:
    """The relation of the rows of local files, without columns from their folders' names; ``by_name``: columns may differ."""
    return f"read_parquet([{', '.join(map(quoted, files))}], hive_partitioning=false, union_by_name={str(by_name).lower()})"
