"""Writes what answers beside the views: states, and hashes of tuples and of events' ids."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from learnfold.catalog.hashes import BYTES, hash_sql
from learnfold.catalog.plans import State
from learnfold.catalog.values import EVENT_ID, IDENTITY
from learnfold.engines import OutputFile, OutputIds
from learnfold.engines.duckdb import hashes
from learnfold.engines.duckdb.rollups import sorting, write_parquet
from learnfold.storage.intact import sha256_of

if TYPE_CHECKING:
    import duckdb

    from learnfold.catalog.plans import TupleSet
    from learnfold.engines import RefreshRequest
    from learnfold.engines.duckdb.rollups import RollupCache
    from learnfold.storage import Storage


def keep(
    cursor: duckdb.DuckDBPyConnection, request: RefreshRequest, what: State | TupleSet, cache: RollupCache, out: Storage
) -> OutputFile:
    """The state's or the set's file at the request's path; of a set with ``before``, that one's hashes and those of the rows, each once.

    Raises MissingDataError where a file is gone, DamagedError where one isn't what was written.
    """
    for rollup in request.view.rollups:
        if rollup.name in what.rollups:
            table = cache.table_for(request, rollup)
            cursor.execute(f"CREATE OR REPLACE TEMP VIEW {rollup.name} AS SELECT * FROM {table}")
    if isinstance(what, State):
        order = f" ORDER BY {sorting(what.key)}" if what.key else ""
        with out.new(request.path) as file:
            return write_parquet(cursor, f"SELECT * FROM ({what.select}){order}", file, request.path)
    before = {path: request.digests[path] for path in request.before}
    with cache.out.local(before) as held, out.new(request.path) as file:
        cursor.execute(what.hashes)
        made = hashes.answers(cursor)
        for one in held:
            made = hashes.merged(hashes.read(one), chain.from_iterable(made))
        count = hashes.write(made, file)
        return OutputFile(request.path, count, count * BYTES, sha256_of(file))


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
        hashes.write(hashes.answers(cursor), file)
    return OutputIds(path, held, days)  # type: ignore[arg-type]
