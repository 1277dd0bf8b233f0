"""Asks views of rollups: whole, or the slices that changed, spliced into what the view said before."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING

from learnfold.engines import OutputFile, Refreshed
from learnfold.engines.duckdb.decode import quoted
from learnfold.engines.duckdb.fold import PARQUET
from learnfold.errors import BugError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from learnfold.catalog import Rollup, View
    from learnfold.engines import RefreshRequest, RollupRows
    from learnfold.engines.duckdb.session import DuckDBSession
    from learnfold.storage import Storage

_EXAMPLES = 5


class RollupCache:
    """Rollups at hand, from when they are first asked for: those merged over all dates as tables, others as views of their files.

    A view of files reads only the columns and rows that are asked for, so that even some readers of it cost less than a table of it.
    """

    def __init__(self, session: DuckDBSession, out: Storage) -> None:
        self.session, self.out = session, out
        self._tables: dict[tuple[str, tuple[RollupRows, ...], bool], str] = {}
        self._locks: defaultdict[tuple[str, tuple[RollupRows, ...], bool], Lock] = defaultdict(Lock)
        self._mutex = Lock()
        self._files = ExitStack()  # local copies that views read

    def table_for(self, request: RefreshRequest, rollup: Rollup) -> str:
        """The name of the table or view that the request's view is best asked of."""
        if rollup.name in request.read_merged:
            return self.table(rollup, request.merged[rollup.name], all_time=True)
        return self.table(rollup, request.sources[rollup.name])

    def table(self, rollup: Rollup, sources: tuple[RollupRows, ...], *, all_time: bool = False) -> str:
        """The name of a table or view with the rollup's rows in ``sources``; ``all_time``: merged over all dates."""
        key = (rollup.name, sources, all_time)
        with self._mutex:
            lock = self._locks[key]
        with lock:
            if key not in self._tables:
                with self._mutex:
                    table = self._tables.setdefault(key, f"shelf_{len(self._tables)}")
                try:
                    self._load(table, rollup, sources, all_time=all_time)
                except BaseException:
                    del self._tables[key]
                    raise
        return self._tables[key]

    def _load(self, table: str, rollup: Rollup, sources: tuple[RollupRows, ...], *, all_time: bool) -> None:
        with ExitStack() as held, self.session.cursor() as cursor:
            files = held.enter_context(self.out.local([source.path for source in sources]))
            if all_time:
                cursor.execute(f"CREATE OR REPLACE TABLE {table} AS {_merged(rollup, sources, files)}")
            else:
                cursor.execute(f"CREATE OR REPLACE VIEW {table} AS {_rows(rollup, sources, files)}")
                with self._mutex:
                    self._files.push(held.pop_all())

    def clear(self) -> None:
        """Drops the tables and views."""
        with self.session.cursor() as cursor:
            for (_, _, all_time), table in self._tables.items():
                cursor.execute(f"DROP {'TABLE' if all_time else 'VIEW'} IF EXISTS {table}")
        self._tables.clear()
        self._files.close()


def ask(connection: duckdb.DuckDBPyConnection, request: RefreshRequest, cache: RollupCache, out: Storage) -> Refreshed:
    """Writes the view's rows, unless they break a check."""
    view = request.view
    kind = "TABLE"
    if request.before and request.changed is not None and view.incremental is not None:
        with out.local(request.before) as before:
            _splice(connection, request, cache, before)
        unique = False
    else:
        for rollup in view.rollups:
            table = cache.table_for(request, rollup)
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {rollup.name} AS SELECT * FROM {table}")
        question = view.rewrites[request.read_merged]
        kind = "VIEW" if question.projection else "TABLE"
        connection.execute(f"CREATE OR REPLACE TEMP {kind} answer AS {question.select}")
        unique = view.unique
    try:
        rows, mark, broken = _examined(connection, view, unique=unique)
        size = 0
        if not broken:
            columns = ", ".join(column.name for column in view.columns)
            by = "" if kind == "VIEW" and _lie_by_key(request) else f" ORDER BY {_in_order(view.key)}"
            with out.new(request.path) as file:
                connection.execute(f"COPY (SELECT {columns} FROM answer{by}) TO {quoted(str(file))} ({PARQUET})")
                size = file.stat().st_size
        return Refreshed([request.path], rows, size, hashlib.sha256(f"{rows} {mark}".encode()).hexdigest()[:16], broken)
    finally:
        connection.execute(f"DROP {kind} answer")


def _splice(
    connection: duckdb.DuckDBPyConnection, request: RefreshRequest, cache: RollupCache, before: Sequence[str]
) -> None:
    """The view's last rows, but those of the slices in which a rollup changed, and these asked again."""
    view, cut = request.view, request.view.incremental
    if cut is None or request.changed is None:
        raise BugError(f"{view.name} can't be asked in slices")
    touched = []
    for rollup in view.rollups:
        sources = request.changed.get(rollup.name, ())
        if sources:
            names = ", ".join(
                f"{theirs} AS {ours}" for ours, theirs in zip(cut.columns, cut.sources[rollup.name], strict=True)
            )
            touched.append(f"SELECT {names} FROM {cache.table(rollup, sources)}")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE slices AS {' UNION '.join(f'(SELECT DISTINCT * FROM ({one}))' for one in touched)}"
    )
    for rollup in view.rollups:
        table = cache.table_for(request, rollup)
        same = " AND ".join(
            f"t.{theirs} IS NOT DISTINCT FROM slices.{ours}"
            for ours, theirs in zip(cut.columns, cut.sources[rollup.name], strict=True)
        )
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {rollup.name} AS SELECT t.* FROM {table} AS t SEMI JOIN slices ON {same}"
        )
    same = " AND ".join(f"old.{name} IS NOT DISTINCT FROM slices.{name}" for name in cut.columns)
    columns = ", ".join(f"old.{column.name}" for column in view.columns)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE answer AS SELECT {columns} FROM read_parquet([{', '.join(map(quoted, before))}]) AS old ANTI JOIN slices ON {same} "
        f"UNION ALL BY NAME {view.rewrites[request.read_merged].select}"
    )
    connection.execute("DROP TABLE slices")


def _lie_by_key(request: RefreshRequest) -> bool:
    """Whether the view lists the rows of a block, which lie by its key already."""
    return any(
        request.view.lists(rollup) and _block(request.merged.get(rollup.name, ())) is not None
        for rollup in request.view.rollups
    )


def _examined(
    connection: duckdb.DuckDBPyConnection, view: View, *, unique: bool
) -> tuple[int, int | None, dict[str, list[dict[str, object]]]]:
    """The rows of ``answer``, a number that stands for all of them in any order, and rows that break the view's checks, a few of each.

    The checks are those that the subject asks, and that the key is unique (``unique``: it can't be otherwise).
    """
    key, columns = ", ".join(view.key), ", ".join(column.name for column in view.columns)
    bad = "".join(f", count_if(NOT ({check}))" for check in view.checks)
    keys = "" if unique else f", count(DISTINCT hash({key}))"
    total = connection.execute(
        f"SELECT count(*), sum(CAST(hash({columns}) AS HUGEINT)){bad}{keys} FROM answer"
    ).fetchone()
    rows, mark, *counts = total or (0, None)
    queries = {}
    if not unique and counts.pop() != rows:
        queries[f"({key}) is unique"] = (
            f"SELECT {key}, count(*) AS rows FROM answer GROUP BY {key} HAVING count(*) > 1 LIMIT {_EXAMPLES}"
        )
    for check, count in zip(view.checks, counts, strict=True):
        if count:
            queries[check] = f"SELECT * FROM answer WHERE NOT ({check}) LIMIT {_EXAMPLES}"
    broken = {}
    for check, query in queries.items():
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description or []]
        if found := [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]:
            broken[check] = found
    return rows, mark, broken


def merge(
    connection: duckdb.DuckDBPyConnection,
    rollup: Rollup,
    sources: Sequence[RollupRows],
    files: Sequence[str],
    path: str,
    out: Storage,
    *,
    all_time: bool,
    by_key: bool,
) -> OutputFile:
    """Writes the rows in ``sources``, which are the local ``files``, into one file: by day, or merged over dates."""
    with out.new(path) as file:
        if all_time:
            order = f" ORDER BY {_in_order(rollup.all_time_key)}" if by_key else ""
            select = f"{_merged(rollup, sources, files)}{order}"
        else:
            select = f"SELECT * FROM ({_rows(rollup, sources, files, day=True)}) ORDER BY _day"
        (rows,) = connection.execute(f"COPY ({select}) TO {quoted(str(file))} ({PARQUET})").fetchone() or (0,)
        return OutputFile(path, rows, file.stat().st_size)


def _merged(rollup: Rollup, sources: Sequence[RollupRows], files: Sequence[str]) -> str:
    """The SELECT of the rows in ``sources``, which are the local ``files``, merged over all dates.

    Days beside a block are grouped and joined with it: half the work of grouping the block again.
    """
    block = _block(sources)
    if block is None:
        return rollup.merged(f"({_rows(rollup, sources, files, date=False)})")
    place = sources.index(block)
    merged = _rows(rollup, [block], [files[place]], date=False)
    if len(sources) == 1:
        return merged
    rest, beside = [*sources[:place], *sources[place + 1 :]], [*files[:place], *files[place + 1 :]]
    days = rollup.merged(f"({_rows(rollup, rest, beside, date=False)})")
    return rollup.joined(f"({merged})", f"({days})")


def _block(sources: Sequence[RollupRows]) -> RollupRows | None:
    """The one that is merged over its dates; None where several are, or none."""
    blocks = [source for source in sources if source.all_time]
    return blocks[0] if len(blocks) == 1 else None


def _in_order(key: Sequence[str]) -> str:
    return ", ".join(f"{name} NULLS FIRST" for name in key)


def _rows(
    rollup: Rollup, sources: Sequence[RollupRows], files: Sequence[str], *, day: bool = False, date: bool = True
) -> str:
    """The SELECT of the rows in ``sources``, which are the local ``files``, with their UTC day, or without date, if asked."""
    wanted = [column for column in rollup.columns if date or column.name != "date"]
    columns = ", ".join((["_day"] if day else []) + [column.name for column in wanted])
    if not sources:
        empty = ", ".join(f"CAST(NULL AS {column.type}) AS {column.name}" for column in wanted)
        return f"SELECT {empty} WHERE false"
    whole = [file for source, file in zip(sources, files, strict=True) if source.days is None]
    selects = (
        [f"SELECT {columns} FROM read_parquet([{', '.join(map(quoted, whole))}], hive_partitioning=false)"]
        if whole
        else []
    )
    for source, file in zip(sources, files, strict=True):
        if source.days:
            days = ", ".join(f"DATE '{day.isoformat()}'" for day in sorted(source.days))
            selects.append(
                f"SELECT {columns} FROM read_parquet({quoted(file)}, hive_partitioning=false) WHERE _day IN ({days})"
            )
    return " UNION ALL ".join(selects)
