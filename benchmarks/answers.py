"""Whether two folders of views say the same: rows by key, columns, numbers to 1e-9, of every view that the peers have.

Those are the views of peers/duckdb_views.sql: the seed's and the forum's days, without the columns in ``LATER``. What learnfold makes
beyond them is held against tests/oracle, by the tests.

``python -m benchmarks.answers EXPECTED ACTUAL`` prints the differences, one view a line, and ends with 1 if there are any. It is run
as a process of its own, so that its memory isn't taken for that of what is measured.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from learnfold import catalog

if TYPE_CHECKING:
    from learnfold.catalog.model import Column, View

TOLERANCE = 1e-9
WHOLE = ("BIGINT", "INTEGER")
LATER = ("avg_score_percentage", "avg_correct_percentage")
"""Columns that no peer has."""


def compared() -> list[str]:
    """The names of the views that the peers have."""
    script = Path(__file__).parent / "peers" / "duckdb_views.sql"
    return re.findall(r"^CREATE VIEW (\w+) AS", script.read_text("utf-8"), re.MULTILINE)


def differences(expected: Path, actual: Path) -> list[str]:
    """What is different, one view a line; none if all views are the same."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    views = [catalog.load().view(name) for name in compared()]
    return [line for view in views if (line := _difference(connection, view, expected, actual))]


def _difference(connection: duckdb.DuckDBPyConnection, view: View, expected: Path, actual: Path) -> str | None:
    sides = []
    for folder in (expected, actual):
        files = sorted(str(file) for file in (folder / view.name).glob("*.parquet"))
        if not files:
            return f"{view.name}: no files in {folder / view.name}"
        sides.append(f"(SELECT true AS here, * FROM read_parquet({files}))")
    keys = (
        " AND ".join(f"{_plain('e', c)} IS NOT DISTINCT FROM {_plain('a', c)}" for c in view.columns if c.key) or "true"
    )
    values = (
        " AND ".join(_same(column) for column in view.columns if not column.key and column.name not in LATER) or "true"
    )
    sql = f"""
        SELECT
          (SELECT count(*) FROM {sides[0]}), (SELECT count(*) FROM {sides[1]}), count(*),
          count(*) FILTER (e.here IS NULL OR a.here IS NULL), count(*) FILTER (NOT ({values}))
        FROM {sides[0]} AS e FULL JOIN {sides[1]} AS a ON {keys}
    """
    try:
        (expected_rows, actual_rows, joined, alone, different) = connection.execute(sql).fetchall()[0]
    except duckdb.Error as error:
        return f"{view.name}: {str(error).splitlines()[0]}"
    if expected_rows == actual_rows == joined and not alone and not different:
        return None
    return f"{view.name}: {expected_rows} rows expected, {actual_rows} found; {alone} of the other key, {different} of other values"


def _plain(side: str, column: Column) -> str:
    """The column as every writer has it: times in microseconds, whole numbers and decimals as DOUBLE."""
    name = f'{side}."{column.name}"'
    if column.type == "TIMESTAMP":
        return f"epoch_us({name})"
    return f"CAST({name} AS {'DOUBLE' if column.type in WHOLE else column.type})"


def _same(column: Column) -> str:
    one, other = _plain("e", column), _plain("a", column)
    if column.type != "DOUBLE":
        return f"{one} IS NOT DISTINCT FROM {other}"
    close = f"abs({one} - {other}) <= {TOLERANCE} * greatest(1, abs({one}), abs({other}))"
    return f"({one} IS NULL AND {other} IS NULL OR coalesce({close}, false))"


if __name__ == "__main__":
    found = differences(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(found) or "the same")
    sys.exit(bool(found))
