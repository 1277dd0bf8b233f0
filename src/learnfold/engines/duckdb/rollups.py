"""Rows of rollups as SQL, wherever they are: in files of the output, or in tables of the session."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING

from learnfold.engines import FileRows, OutputFile
from learnfold.engines.duckdb.sql import parquet, quoted, quoted_name
from learnfold.storage.intact import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import duckdb

    from learnfold.catalog import Rollup
    from learnfold.catalog.model import Column
    from learnfold.engines import RefreshRequest, RollupRows
    from learnfold.engines.duckdb.session import DuckDBSession
    from learnfold.storage.intact import IntactFiles

PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, WRITE_BLOOM_FILTER false"
"""How files of rollups and views are written."""


def rollup_select(rollup: Rollup) -> str:
    """The SELECT of the rollup's rows with ``_day``, the UTC day that each is of, over a relation that is called as its topic."""
    columns = ", ".join(f"CAST({column.name} AS {column.type}) AS {column.name}" for column in rollup.columns)
    return f"SELECT _day, {columns} FROM ({rollup.by_day})"


class RollupCache:
    """Rollup rows for views to read, from when the first needs them: merged over all time as tables, others straight from their files.

    From files only the columns and rows that are queried are read, so that even several readers of them cost less than a table.
    All cursors of the session see the tables.
    """

    def __init__(self, session: DuckDBSession, out: IntactFiles) -> None:
        self.session, self.out = session, out
        self._relations: dict[tuple[str, tuple[RollupRows, ...], bool], str] = {}
        self._locks: defaultdict[tuple[str, tuple[RollupRows, ...], bool], Lock] = defaultdict(Lock)
        self._tables: list[str] = []
        self._mutex = Lock()
        self._files = ExitStack()  # local copies that views read

    def table_for(self, request: RefreshRequest, rollup: Rollup) -> str:
        """The relation that the request's view is best refreshed from, in SQL."""
        if rollup.name in request.read_merged:
            return self.table(rollup, request.merged[rollup.name], all_time=True)
        return self.table(rollup, request.sources[rollup.name])

    def table(self, rollup: Rollup, sources: tuple[RollupRows, ...], *, all_time: bool = False) -> str:
        """A relation in SQL, with the rollup's rows in ``sources``; ``all_time``: merged over all time.

        Raises MissingDataError where a file is gone, DamagedError where one isn't what was written.
        """
        key = (rollup.name, sources, all_time)
        with self._mutex:
            lock = self._locks[key]
        with lock:
            if key not in self._relations:
                self._relations[key] = self._load(rollup, sources, all_time=all_time)
        return self._relations[key]

    def _load(self, rollup: Rollup, sources: tuple[RollupRows, ...], *, all_time: bool) -> str:
        with ExitStack() as held:
            files = held.enter_context(local_files(self.out, sources))
            if all_time:
                return self._table(merged_rows(rollup, sources, files))
            with self._mutex:
                self._files.push(held.pop_all())
            return f"({rows_by_day(rollup, sources, files)})"

    def _table(self, select: str) -> str:
        with self._mutex:
            table = f"rollup_rows_{len(self._tables)}"
            self._tables.append(table)
        with self.session.cursor() as cursor:
            cursor.execute(f"CREATE OR REPLACE TABLE {table} AS {select}")
        return table

    def clear(self) -> None:
        """Drops the tables."""
        with self.session.cursor() as cursor:
            for table in self._tables:
                cursor.execute(f"DROP TABLE IF EXISTS {table}")
        self._tables.clear()
        self._relations.clear()
        self._files.close()


@contextlib.contextmanager
def local_files(out: IntactFiles, sources: Sequence[RollupRows]) -> Iterator[dict[str, str]]:
    """By path the local name of each file in ``sources``, while the block lasts; MissingDataError, DamagedError."""
    digests = {source.path: source.sha256 for source in sources if isinstance(source, FileRows)}
    with out.local(digests) as files:
        yield dict(zip(digests, files, strict=True))


def write_parquet(cursor: duckdb.DuckDBPyConnection, select: str, file: Path, path: str) -> OutputFile:
    """Writes the rows of ``select`` into the local ``file``, which is to lie at ``path``."""
    (rows,) = cursor.execute(f"COPY ({select}) TO {quoted(str(file))} ({PARQUET})").fetchone() or (0,)
    return OutputFile(path, rows, file.stat().st_size, sha256_of(file))


def merge_select(
    rollup: Rollup, sources: Sequence[RollupRows], files: Mapping[str, str], *, all_time: bool, by_key: bool
) -> str:
    """The SELECT of the rows in ``sources`` in the order of a file: by day; ``all_time``: merged over all time, sorted if ``by_key``."""
    if not all_time:
        return f"SELECT * FROM ({rows_by_day(rollup, sources, files, with_day=True)}) ORDER BY _day"
    order = f" ORDER BY {sorting(rollup.all_time_key)}" if by_key else ""
    return merged_rows(rollup, sources, files) + order


def sorting(key: Sequence[str]) -> str:
    """What stands behind ORDER BY for rows by their key."""
    return ", ".join(f"{name} NULLS FIRST" for name in key)


def merged_rows(rollup: Rollup, sources: Sequence[RollupRows], files: Mapping[str, str]) -> str:
    """The SELECT of the rows in ``sources`` merged over all time; ``files`` are local, by path.

    Days beside a segment that is merged already are grouped and joined with it: half the work of grouping the segment again.
    """
    segment = all_time_segment(sources)
    if segment is None:
        return rollup.merged(f"({_rows(sources, files, _columns(rollup, date=False))})")
    merged = _rows([segment], files, _columns(rollup, date=False))
    if len(sources) == 1:
        return merged
    rest = [source for source in sources if source is not segment]
    days = rollup.merged(f"({_rows(rest, files, _columns(rollup, date=False))})")
    return rollup.joined(f"({merged})", f"({days})")


def all_time_segment(sources: Sequence[RollupRows]) -> RollupRows | None:
    """The one that is merged over all time already; None where several are, or none."""
    segments = [source for source in sources if source.all_time]
    return segments[0] if len(segments) == 1 else None


def rows_by_day(
    rollup: Rollup, sources: Sequence[RollupRows], files: Mapping[str, str], *, with_day: bool = False
) -> str:
    """The SELECT of the rows in ``sources``, none of them merged over all time; ``with_day``: ``_day`` comes first."""
    return _rows(sources, files, _columns(rollup), with_day=with_day)


def _columns(rollup: Rollup, *, date: bool = True) -> list[Column]:
    return [column for column in rollup.columns if date or column.name != "date"]


def _rows(
    sources: Sequence[RollupRows], files: Mapping[str, str], columns: Sequence[Column], *, with_day: bool = False
) -> str:
    """The SELECT of some columns of the rows in ``sources``; whole files are read by one scan."""
    names = ", ".join((["_day"] if with_day else []) + [column.name for column in columns])
    whole = [files[source.path] for source in sources if isinstance(source, FileRows) and source.days is None]
    selects = [f"SELECT {names} FROM {parquet(whole)}"] if whole else []
    for source in sources:
        if isinstance(source, FileRows) and source.days is None:
            continue
        table = parquet([files[source.path]]) if isinstance(source, FileRows) else quoted_name(source.table)
        selects.append(f"SELECT {names} FROM {table}{_of_days(source.days)}")
    if not selects:
        empty = ", ".join(f"CAST(NULL AS {column.type}) AS {column.name}" for column in columns)
        return f"SELECT {'CAST(NULL AS DATE) AS _day, ' if with_day else ''}{empty} WHERE false"
    return " UNION ALL ".join(selects)


def _of_days(days: frozenset[date] | None) -> str:
    if days is None:
        return ""
    return (
        f" WHERE _day IN ({', '.join(f'DATE {quoted(day.isoformat())}' for day in sorted(days))})"
        if days
        else " WHERE false"
    )
