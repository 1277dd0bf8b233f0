"""Refreshes views from rollups: whole, only the partitions in which rollup rows changed, or only from a day on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.catalog.thresholds import written_out
from learnfold.engines import OutputFile, Refreshed
from learnfold.engines.duckdb.functions import TODAY
from learnfold.engines.duckdb.rollups import all_time_segment, sorting, write_parquet
from learnfold.engines.duckdb.sql import parquet
from learnfold.errors import BugError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from learnfold.catalog import View
    from learnfold.engines import RefreshRequest
    from learnfold.engines.duckdb.rollups import RollupCache
    from learnfold.storage import Storage

_EXAMPLES = 5


@dataclass(frozen=True)
class Answer:
    """The rows of a view in the temporary table or view ``answer`` of a cursor."""

    view: View
    projection: bool  # whether they are rows of a rollup, one by one, read again by each query
    unique: bool  # whether no key can come twice

    @property
    def columns(self) -> str:
        """The view's columns, in its order, as SQL lists them."""
        return ", ".join(column.name for column in self.view.columns)


def answer_of(
    cursor: duckdb.DuckDBPyConnection, request: RefreshRequest, cache: RollupCache, views: Mapping[str, str]
) -> Answer:
    """The view's rows, as the table or view ``answer`` of this cursor; ``views``: by name, the relations of the views that it reads.

    Raises MissingDataError where a file is gone, DamagedError where one isn't what was written.
    """
    view = request.view
    if request.before:
        with cache.out.local({path: request.digests.get(path, "") for path in request.before}) as before:
            if request.weekdays:
                _answer_of_weekdays(cursor, request, cache, before)
            elif request.since is not None:
                _answer_since(cursor, request, cache, before)
            else:
                _answer_incrementally(cursor, request, cache, before)
        return Answer(view, projection=False, unique=False)
    rewrite = view.rewrites[request.read_merged]
    rollups = {rollup.name: cache.table_for(request, rollup) for rollup in view.rollups}
    kind = "VIEW" if rewrite.projection else "TABLE"
    cursor.execute(f"CREATE OR REPLACE TEMP {kind} answer AS {_named(rollups | dict(views))}{_select(request, cache)}")
    return Answer(view, rewrite.projection, view.unique)


def _named(relations: Mapping[str, str]) -> str:
    """The WITH by which a SELECT finds relations by these names; nothing without any."""
    named = ", ".join(f"{name} AS NOT MATERIALIZED (FROM {relation})" for name, relation in relations.items())
    return f"WITH {named} " if named else ""


def _select(request: RefreshRequest, cache: RollupCache) -> str:
    """The view's SELECT, the numbers of settings written out: macros in their place take three times as long to plan."""
    return written_out(request.view.rewrites[request.read_merged].select, cache.session.settings, TODAY)


def refresh(
    cursor: duckdb.DuckDBPyConnection,
    request: RefreshRequest,
    cache: RollupCache,
    views: Mapping[str, str],
    out: Storage,
) -> Refreshed:
    """Writes the view's rows into one file, unless they break a check; ``views``: by name, the relations of the views that it reads."""
    answer = answer_of(cursor, request, cache, views)
    rows, checksum, broken = check_answer(cursor, answer)
    written = OutputFile(request.path, rows, 0)
    if not broken:
        sorted_already = answer.projection and _lists_a_sorted_segment(request)
        order = "" if sorted_already else f" ORDER BY {sorting(request.view.key)}"
        with out.new(request.path) as file:
            written = write_parquet(cursor, f"SELECT {answer.columns} FROM answer{order}", file, request.path)
    digest = hashlib.sha256(f"{rows} {checksum}".encode()).hexdigest()[:16]
    return Refreshed([request.path], rows, written.bytes, f"duckdb:{digest}", broken, [written.sha256])


def _answer_incrementally(
    cursor: duckdb.DuckDBPyConnection, request: RefreshRequest, cache: RollupCache, before: Sequence[str]
) -> None:
    """The view's last rows, in the local files ``before``, but for the partitions in which a rollup changed, which are queried again."""
    view, pushdown = request.view, request.view.incremental
    if pushdown is None or request.changed is None:
        raise BugError(f"{view.name} can't be refreshed incrementally")
    changed = []
    for rollup in view.rollups:
        sources = request.changed.get(rollup.name, ())
        if sources:
            pairs = zip(pushdown.columns, pushdown.sources[rollup.name], strict=True)
            names = ", ".join(f"{column} AS {name}" for name, column in pairs)
            changed.append(f"(SELECT DISTINCT {names} FROM {cache.table(rollup, sources)})")
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE partitions AS {' UNION '.join(changed)}")
    rollups = {}
    for rollup in view.rollups:
        table = cache.table_for(request, rollup)
        pairs = zip(pushdown.columns, pushdown.sources[rollup.name], strict=True)
        same = " AND ".join(f"t.{column} IS NOT DISTINCT FROM partitions.{name}" for name, column in pairs)
        rollups[rollup.name] = f"(SELECT t.* FROM {table} AS t SEMI JOIN partitions ON {same})"
    same = " AND ".join(f"old.{name} IS NOT DISTINCT FROM partitions.{name}" for name in pushdown.columns)
    columns = ", ".join(f"old.{column.name}" for column in view.columns)
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE answer AS {_named(rollups)}SELECT {columns} FROM {parquet(before)} AS old "
        f"ANTI JOIN partitions ON {same} UNION ALL BY NAME {_select(request, cache)}"
    )
    cursor.execute("DROP TABLE partitions")


def _answer_since(
    cursor: duckdb.DuckDBPyConnection, request: RefreshRequest, cache: RollupCache, before: Sequence[str]
) -> None:
    """The view's last rows before ``request.since``, in the local files ``before``, and those from then on, which are queried again."""
    view, back, since = request.view, request.view.looks_back, request.since
    if back is None or since is None:
        raise BugError(f"{view.name} can't be refreshed from a day on")
    rollups = {}
    for rollup in view.rollups:
        table, first = cache.table_for(request, rollup), back.first(rollup.name, since)
        rollups[rollup.name] = f"(FROM {table} WHERE date >= DATE '{first}')" if first is not None else table
    columns = ", ".join(column.name for column in view.columns)
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE answer AS {_named(rollups)}SELECT {columns} FROM {parquet(before)} "
        f"WHERE {back.column} < DATE '{since}' UNION ALL BY NAME FROM ({_select(request, cache)}) WHERE {back.column} >= DATE '{since}'"
    )


def _answer_of_weekdays(
    cursor: duckdb.DuckDBPyConnection, request: RefreshRequest, cache: RollupCache, before: Sequence[str]
) -> None:
    """The view's last rows, in the local files ``before``, but for some weekdays', which are queried again."""
    some = ", ".join(map(str, sorted(request.weekdays)))
    rollups = {
        rollup.name: f"(FROM {cache.table_for(request, rollup)} WHERE isodow(date) IN ({some}))"
        for rollup in request.view.rollups
    }
    columns = ", ".join(column.name for column in request.view.columns)
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE answer AS {_named(rollups)}SELECT {columns} FROM {parquet(before)} "
        f"WHERE weekday NOT IN ({some}) UNION ALL BY NAME {_select(request, cache)}"
    )


def _lists_a_sorted_segment(request: RefreshRequest) -> bool:
    """Whether the view lists the rows of an all-time segment, which lie by its key already."""
    return any(
        request.view.lists(rollup) and all_time_segment(request.merged.get(rollup.name, ())) is not None
        for rollup in request.view.rollups
    )


def check_answer(
    cursor: duckdb.DuckDBPyConnection, answer: Answer
) -> tuple[int, int | None, dict[str, list[dict[str, object]]]]:
    """The number of rows, a number that stands for all of them in any order, and by check that some rows break, a few of these.

    The checks are those of the subject, and that the key is unique, where it could be otherwise.
    """
    view, key = answer.view, ", ".join(answer.view.key)
    bad = "".join(f", count_if(NOT ({check}))" for check in view.checks)
    keys = "" if answer.unique else f", count(DISTINCT hash({key}))"
    total = cursor.execute(
        f"SELECT count(*), sum(CAST(hash({answer.columns}) AS HUGEINT)){bad}{keys} FROM answer"
    ).fetchone()
    rows, checksum, *counts = total or (0, None)
    queries = {}
    if not answer.unique and counts.pop() != rows:
        queries[f"({key}) is unique"] = (
            f"SELECT {key}, count(*) AS rows FROM answer GROUP BY {key} HAVING count(*) > 1 LIMIT {_EXAMPLES}"
        )
    for check, count in zip(view.checks, counts, strict=True):
        if count:
            queries[check] = f"SELECT * FROM answer WHERE NOT ({check}) LIMIT {_EXAMPLES}"
    broken = {}
    for check, query in queries.items():
        found = cursor.execute(query)
        names = [column[0] for column in found.description or []]
        if examples := [dict(zip(names, row, strict=True)) for row in found.fetchall()]:
            broken[check] = examples
    return rows, checksum, broken
