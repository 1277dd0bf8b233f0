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


def foreign_parquet(files: Iterable[str], aliases: Iterable[str]) -> str:
    """The same of files that others wrote, whose columns are called by ``aliases`` in their order.

    So none of them hides ``file_index`` and ``file_row_number``, which are DuckDB's own: the place of a file, and of a row in it.
    Statistics that leave NaN out aren't believed.
    """
    rows = f"read_parquet([{', '.join(map(quoted, files))}], hive_partitioning=false, union_by_name=false, can_have_nan=true)"
    return f"{rows} AS foreign_rows({', '.join(map(quoted_name, aliases))})"
