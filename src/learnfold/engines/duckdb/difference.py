"""Compares two states of a view, row by row, by its key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learnfold.engines.duckdb.footers import DUCKDB_ERRORS, brief
from learnfold.engines.duckdb.sql import parquet, quoted_name
from learnfold.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from learnfold.engines.duckdb.session import DuckDBSession

TOLERANCE = 1e-9
"""Doubles that differ by no more than this, relative to the larger, are the same."""

_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


@dataclass
class RowChange:
    """One row that differs."""

    what: str  # added, removed or changed
    key: dict[str, Any]
    columns: dict[str, tuple[Any, Any]]  # before and after; of a changed row only what changed


@dataclass
class RowDifference:
    """How many rows differ between two states of a view, and a few of them."""

    rows_before: int = 0
    rows_after: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0
    changed_columns: dict[str, int] = field(default_factory=dict)  # rows in which each differs
    columns_only_before: list[str] = field(default_factory=list)
    columns_only_after: list[str] = field(default_factory=list)
    examples: list[RowChange] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether there is no difference in rows or columns."""
        return not (self.added or self.removed or self.changed or self.columns_only_before or self.columns_only_after)


def compare(
    session: DuckDBSession, key: Sequence[str], before: Sequence[str], after: Sequence[str], examples: int = 3
) -> RowDifference:
    """How the rows of the local Parquet files ``after`` differ from those of ``before``, matched by ``key``; NULLs are equal.

    Columns that only one side has are named in the result. Where one side lacks a key column, or the key is empty, rows are matched
    by all columns that both have, so that none is ever called changed. Rows of one key (there should be one) are
    paired in the order of their other columns. ``examples``: so many rows at most of each kind.

    Raises:
        DataError: a file can't be read as Parquet.

    """
    with session.cursor() as cursor:
        kinds = [_columns(cursor, files) for files in (before, after)]
        shared = [name for name in kinds[1] if name in kinds[0]]
        found = RowDifference(
            columns_only_before=[name for name in kinds[0] if name not in shared],
            columns_only_after=[name for name in kinds[1] if name not in shared],
        )
        found.rows_before, found.rows_after = (_count(cursor, files) for files in (before, after))
        if not shared:
            found.removed, found.added = found.rows_before, found.rows_after
            return found
        matched = list(key) if key and set(key) <= set(shared) else shared
        same = {name: _same(name, kinds[0][name], kinds[1][name]) for name in shared if name not in matched}
        sides = [_numbered(files, matched, shared) for files in (before, after)]
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE differences AS {_differing(sides, matched, same)}")
        counts = dict(cursor.execute("SELECT _what, count(*) FROM differences GROUP BY ALL").fetchall())
        found.added, found.removed, found.changed = (counts.get(what, 0) for what in ("added", "removed", "changed"))
        if found.changed and same:
            sums = ", ".join(f"count(*) FILTER ({quoted_name('_differs ' + name)})" for name in same)
            rows = cursor.execute(f"SELECT {sums} FROM differences WHERE _what = 'changed'").fetchone() or ()
            found.changed_columns = {name: count for name, count in zip(same, rows, strict=True) if count}
        found.examples = _examples(cursor, matched, shared, list(same), examples)
        return found


def _differing(sides: Sequence[str], matched: Sequence[str], same: Mapping[str, str]) -> str:
    """The SELECT of the rows that differ: ``_what``, ``_before`` and ``_after`` (whole rows), and which columns differ."""
    joined = " AND ".join(
        f"b.{quoted_name(name)} IS NOT DISTINCT FROM a.{quoted_name(name)}" for name in [*matched, "_nth"]
    )
    differs = {name: f"coalesce(NOT {test}, true)" for name, test in same.items()}
    marks = "".join(f", {test} AS {quoted_name('_differs ' + name)}" for name, test in differs.items())
    return (
        "SELECT CASE WHEN b._nth IS NULL THEN 'added' WHEN a._nth IS NULL THEN 'removed' ELSE 'changed' END AS _what, "
        f"b AS _before, a AS _after{marks} FROM ({sides[0]}) AS b FULL JOIN ({sides[1]}) AS a ON {joined} "
        f"WHERE {' OR '.join(['b._nth IS NULL', 'a._nth IS NULL', *differs.values()])}"
    )


def _columns(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> dict[str, str]:
    try:
        cursor = connection.execute(f"SELECT * FROM {parquet(files, by_name=True)} LIMIT 0")
    except DUCKDB_ERRORS as error:
        raise DataError(f"{', '.join(files)} can't be read as Parquet: {brief(error)}") from error
    return {name: str(kind) for name, kind, *_ in cursor.description or []}


def _count(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> int:
    (count,) = connection.execute(f"SELECT count(*) FROM {parquet(files, by_name=True)}").fetchone() or (0,)
    return int(count)


def _numbered(files: Sequence[str], key: Sequence[str], columns: Sequence[str]) -> str:
    """The rows with ``_nth``: 1, or the row's place among rows of the same key."""
    names = ", ".join(map(quoted_name, columns))
    partition = ", ".join(map(quoted_name, key))
    return f"SELECT {names}, row_number() OVER (PARTITION BY {partition} ORDER BY {names}) AS _nth FROM {parquet(files, by_name=True)}"


def _same(name: str, before: str, after: str) -> str:
    one, other = f"b.{quoted_name(name)}", f"a.{quoted_name(name)}"
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
    compared: Sequence[str],
    most: int,
) -> list[RowChange]:
    """At most ``most`` rows of each kind, by key."""
    found: list[RowChange] = []
    names = ", ".join(
        f"_before.{quoted_name(n)} AS {quoted_name('b ' + n)}, _after.{quoted_name(n)} AS {quoted_name('a ' + n)}"
        for n in columns
    )
    marks = ", ".join(quoted_name("_differs " + name) for name in compared)
    order = ", ".join(f"coalesce(_before.{quoted_name(name)}, _after.{quoted_name(name)}) NULLS FIRST" for name in key)
    for what in ("added", "removed", "changed"):
        cursor = connection.execute(
            f"SELECT {names}{', ' + marks if marks else ''} FROM differences WHERE _what = '{what}' ORDER BY {order} LIMIT {most}"
        )
        for row in cursor.fetchall():
            pairs: dict[str, tuple[Any, Any]] = {
                name: (row[2 * place], row[2 * place + 1]) for place, name in enumerate(columns)
            }
            differs = dict(zip(compared, row[2 * len(columns) :], strict=True))
            side = 1 if what == "added" else 0
            values = {name: pairs[name][side] for name in key}
            shown = {n: p for n, p in pairs.items() if n not in key and (what != "changed" or differs.get(n))}
            found.append(RowChange(what, values, shown))
    return found
