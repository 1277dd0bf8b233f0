"""Writes what answers beside the views: states, and hashes of tuples and of events' ids."""

from __future__ import annotations

import sys
from array import array
from operator import itemgetter
from typing import TYPE_CHECKING

from learnfold.catalog.hashes import BYTES, hash_sql
from learnfold.catalog.plans import State
from learnfold.catalog.values import EVENT_ID, IDENTITY
from learnfold.engines import OutputFile, OutputIds
from learnfold.engines.duckdb.rollups import sorting, write_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from learnfold.catalog.plans import TupleSet
    from learnfold.engines import RefreshRequest
    from learnfold.engines.duckdb.rollups import RollupCache
    from learnfold.storage import Storage

_ROWS = 100_000
"""Hashes that are taken from DuckDB at once."""


def keep(
    cursor: duckdb.DuckDBPyConnection, request: RefreshRequest, what: State | TupleSet, cache: RollupCache, out: Storage
) -> OutputFile:
    """The state's or the set's file at the request's path."""
    for rollup in request.view.rollups:
        if rollup.name in what.rollups:
            table = cache.table_for(request, rollup)
            cursor.execute(f"CREATE OR REPLACE TEMP VIEW {rollup.name} AS SELECT * FROM {table}")
    with out.new(request.path) as file:
        if isinstance(what, State):
            order = f" ORDER BY {sorting(what.key)}" if what.key else ""
            return write_parquet(cursor, f"SELECT * FROM ({what.select}){order}", file, request.path)
        cursor.execute(what.hashes)
        hashes = _write(cursor, file)
        return OutputFile(request.path, hashes, hashes * BYTES)


def write_ids(cursor: duckdb.DuckDBPyConnection, valid: str, path: str, out: Storage) -> OutputIds:
    """The hashes of the ids of the ``events`` that are ``valid``: of what makes events of a day the same, if their id says anything."""
    these = f"FROM events WHERE {valid} AND {EVENT_ID} IS NOT NULL"
    hashed = hash_sql([(name, "VARCHAR") for name in IDENTITY])
    counts = cursor.execute(f"SELECT _day, count(*) {these} GROUP BY ALL ORDER BY ALL").fetchall()
    days: dict[object, list[int]] = {}
    held = 0
    for day, count in counts:
        days[day] = [held, count]
        held += count
    cursor.execute(f"SELECT hash FROM (SELECT _day, {hashed} AS hash {these}) ORDER BY _day, hash")
    with out.new(path) as file:
        _write(cursor, file)
    return OutputIds(path, held, days)  # type: ignore[arg-type]


def _write(cursor: duckdb.DuckDBPyConnection, file: Path) -> int:
    """How many hashes the cursor's answer has, all of them written."""
    count = 0
    with file.open("wb") as target:
        for some in _answers(cursor):
            if sys.byteorder == "big":
                some.byteswap()
            some.tofile(target)
            count += len(some)
    return count


def _answers(cursor: duckdb.DuckDBPyConnection) -> Iterator[array[int]]:
    while rows := cursor.fetchmany(_ROWS):
        yield array("Q", map(itemgetter(0), rows))
