"""Compares two states of a view, row by row, by its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from learnfold.engines.duckdb.decode import quoted
from learnfold.engines.duckdb.footers import brief
from learnfold.engines.workbench import RowChange, RowDifference
from learnfold.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

TOLERANCE = 1e-9
"""Doubles that differ by no more than this, relative to the larger, are the same."""

_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


def compare(
    connection: duckdb.DuckDBPyConnection,
    key: Sequence[str],
    before: Sequence[str],
    after: Sequence[str],
    examples: int,
) -> RowDifference:
    """How the rows of the local files ``after`` differ from those of ``before``; NULL keys are equal.

    Columns that only one side has are named in the result. Where one side lacks a key column, or the key is empty, rows are told
    apart by all columns that both have, so that none is ever called changed. Rows of one key (there should be one) are
    paired in the order of their other columns.
    """
    kinds = [_columns(connection, files) for files in (before, after)]
    shared = [name for name in kinds[1] if name in kinds[0]]
    told_by = list(key) if key and set(key) <= set(shared) else shared
    rest = [name for name in shared if name not in told_by]
    result = RowDifference(
        columns_only_before=[name for name in kinds[0] if name not in shared],
        columns_only_after=[name for name in kinds[1] if name not in shared],
    )
    result.rows_before, result.rows_after = (_count(connection, files) for files in (before, after))
    if not shared:
        result.removed, result.added = result.rows_before, result.rows_after
        return result
    same = {name: _same(name, kinds[0][name], kinds[1][name]) for name in rest}
    joined = " AND ".join(f"b.{_quoted(name)} IS NOT DISTINCT FROM a.{_quoted(name)}" for name in [*told_by, "_nth"])
    whether = ", ".join(f"coalesce(NOT {test}, true) AS {_quoted('_differs ' + name)}" for name, test in same.items())
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE differences AS
        SELECT CASE WHEN b._nth IS NULL THEN 'added' WHEN a._nth IS NULL THEN 'removed' ELSE 'changed' END AS _what,
               b AS _before, a AS _after{", " + whether if whether else ""}
        FROM ({_numbered(before, told_by, shared)}) AS b FULL JOIN ({_numbered(after, told_by, shared)}) AS a ON {joined}
        WHERE b._nth IS NULL OR a._nth IS NULL{"".join(f" OR coalesce(NOT {test}, true)" for test in same.values())}""")
    try:
        counts = dict(connection.execute("SELECT _what, count(*) FROM differences GROUP BY ALL").fetchall())
        result.added, result.removed, result.changed = (counts.get(what, 0) for what in ("added", "removed", "changed"))
        if result.changed and same:
            sums = ", ".join(f"count(*) FILTER ({_quoted('_differs ' + name)})" for name in same)
            found = connection.execute(f"SELECT {sums} FROM differences WHERE _what = 'changed'").fetchone() or ()
            result.changed_columns = {name: count for name, count in zip(same, found, strict=True) if count}
        result.examples = _examples(connection, told_by, shared, same, examples)
    finally:
        connection.execute("DROP TABLE differences")
    return result


def _columns(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> dict[str, str]:
    try:
        cursor = connection.execute(f"SELECT * FROM {_read(files)} LIMIT 0")
    except duckdb.Error as error:
        raise DataError(f"{', '.join(files)} can't be read as Parquet: {brief(error)}") from error
    return {name: str(kind) for name, kind, *_ in cursor.description or []}


def _count(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> int:
    (count,) = connection.execute(f"SELECT count(*) FROM {_read(files)}").fetchone() or (0,)
    return int(count)


def _numbered(files: Sequence[str], key: Sequence[str], columns: Sequence[str]) -> str:
    """The rows with ``_nth``: 1, or the row's place among rows of the same key."""
    names = ", ".join(map(_quoted, columns))
    partition = ", ".join(map(_quoted, key))
    return f"SELECT {names}, row_number() OVER (PARTITION BY {partition} ORDER BY {names}) AS _nth FROM {_read(files)}"


def _same(name: str, before: str, after: str) -> str:
    one, other = f"b.{_quoted(name)}", f"a.{_quoted(name)}"
    numeric = before.startswith(_NUMERIC) and after.startswith(_NUMERIC)
    if before != after and not numeric:
        one, other = f"CAST({one} AS VARCHAR)", f"CAST({other} AS VARCHAR)"
    equal = f"{one} IS NOT DISTINCT FROM {other}"
    if numeric and {before, after} & {"FLOAT", "DOUBLE"}:
        one, other = f"CAST({one} AS DOUBLE)", f"CAST({other} AS DOUBLE)"
        near = f"abs({one} - {other}) <= {TOLERANCE} * greatest(abs({one}), abs({other}))"
        equal = f"({equal} OR (isfinite({one}) AND isfinite({other}) AND {near}))"
    return f"({equal})"


def _examples(
    connection: duckdb.DuckDBPyConnection,
    key: Sequence[str],
    columns: Sequence[str],
    same: dict[str, str],
    most: int,
) -> list[RowChange]:
    """At most ``most`` rows of each kind, by key."""
    found: list[RowChange] = []
    names = ", ".join(
        f"_before.{_quoted(n)} AS {_quoted('b ' + n)}, _after.{_quoted(n)} AS {_quoted('a ' + n)}" for n in columns
    )
    marks = ", ".join(_quoted("_differs " + name) for name in same)
    order = ", ".join(f"coalesce(_before.{_quoted(name)}, _after.{_quoted(name)}) NULLS FIRST" for name in key)
    for what in ("added", "removed", "changed"):
        cursor = connection.execute(
            f"SELECT {names}{', ' + marks if marks else ''} FROM differences WHERE _what = '{what}' ORDER BY {order} LIMIT {most}"
        )
        for row in cursor.fetchall():
            pairs: dict[str, tuple[Any, Any]] = {
                name: (row[2 * place], row[2 * place + 1]) for place, name in enumerate(columns)
            }
            differs = dict(zip(same, row[2 * len(columns) :], strict=True))
            side = 1 if what == "added" else 0
            told = {name: pairs[name][side] for name in key}
            shown = {n: p for n, p in pairs.items() if n not in key and (what != "changed" or differs.get(n))}
            found.append(RowChange(what, told, shown))
    return found


def _read(files: Sequence[str]) -> str:
    return f"read_parquet([{', '.join(map(quoted, files))}], hive_partitioning=false, union_by_name=true)"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
