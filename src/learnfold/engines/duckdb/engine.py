"""The engine itself: one connection, its limits, and what it keeps at hand."""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING

import duckdb

from learnfold.engines.duckdb import decode, footers
from learnfold.engines.duckdb.fold import fold
from learnfold.engines.duckdb.refresh import RollupCache, ask, merge
from learnfold.errors import LearnfoldError, StorageError, UsageError
from learnfold.storage.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnfold.catalog import Rollup
    from learnfold.engines import Folded, FoldRequest, OutputFile, Refreshed, RefreshRequest, RollupRows
    from learnfold.settings import Settings
    from learnfold.storage import Storage


MANY_ROWS = 1_000_000
"""Work on so many rows of rollups has its turn: it keeps all cores busy by itself, and two at once fight for cache and memory."""


class DuckDBEngine:
    """SQL in this process, on local copies of remote files, within a memory limit beyond which it spills to disk."""

    name = "duckdb"
    version = duckdb.__version__
    fold_rows: int | None = 1_000_000
    merges_all_time = True
    max_concurrent_views = 2  # small views leave a core idle
    max_concurrent_jobs = 2  # and so do small days

    def __init__(self, settings: Settings, master: Storage, out: Storage) -> None:
        self.settings, self.master, self.out = settings, master, out
        self._cache: RollupCache | None = None
        self._askers = 0
        self._mutex, self._many = RLock(), RLock()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own for a thread: the same database, but temporary tables that no one else sees."""
        with self._mutex:
            cursor = self.connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        return cursor

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection, made when it is first needed."""
        self._scratch = scratch(self.settings.temporary_folder)
        connection = duckdb.connect(
            config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        )
        try:
            connection.execute(f"SET memory_limit = '{self.settings.memory or _default_memory()}'")
            if self.settings.threads:
                connection.execute(f"SET threads = {self.settings.threads}")
        except duckdb.Error as error:
            raise UsageError(
                f"memory is {self.settings.memory!r}; one is called 4GB ({footers.brief(error)})"
            ) from error
        connection.execute("SET temp_directory = ?", [self._scratch.name])
        for statement in (
            "SET GLOBAL preserve_insertion_order = false",
            "SET TimeZone = 'UTC'",
            "SET enable_progress_bar = false",
            *decode.macros(self.settings.platform_zone, self.settings.reporting_zone),
        ):
            connection.execute(statement)
        return connection

    def rows(self, files: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
        """The rows of each file by its footer, and the files that can't be read."""
        with self.master.footers(files) as local, translate_errors():
            rows, unreadable = footers.rows(self._cursor(), local)
        name: dict[str, str] = dict(zip(local, files, strict=True))
        return {name[file]: count for file, count in rows.items()}, {
            name[file]: why for file, why in unreadable.items()
        }

    def fold(self, request: FoldRequest) -> Folded:
        """Reads the events of some files once, and writes a file a rollup."""
        with self.master.local(request.files) as local, translate_errors(), self._cursor() as cursor:
            return fold(cursor, request, local, self.out, skip_unreadable=self.settings.skip_unreadable)

    def merge(
        self,
        rollup: Rollup,
        sources: tuple[RollupRows, ...],
        path: str,
        *,
        all_time: bool = False,
        by_key: bool = False,
    ) -> OutputFile:
        """One file of the rows of several."""
        rows = sum(source.rows for source in sources)
        local = self.out.local([source.path for source in sources])
        with local as files, self._turn(rows), translate_errors(), self._cursor() as cursor:
            return merge(cursor, rollup, sources, files, path, self.out, all_time=all_time, by_key=by_key)

    @contextlib.contextmanager
    def caching(self) -> Iterator[None]:
        """Keeps the rollups that are read in memory, as far as the limit goes, then on disk."""
        with self._mutex:
            self._askers += 1
            self._cache = self._cache or RollupCache(self.connection, self.out)
        try:
            yield
        finally:
            with self._mutex:
                self._askers -= 1
                if not self._askers and self._cache:
                    self._cache.clear()
                    self._cache = None

    def ask(self, request: RefreshRequest) -> Refreshed:
        """Writes one view."""
        if self._cache is None:
            with self.caching():
                return self.ask(request)
        with self._turn(request.rows), translate_errors(), self._cursor() as cursor:
            return ask(cursor, request, self._cache, self.out)

    @contextlib.contextmanager
    def _turn(self, rows: int) -> Iterator[None]:
        """Waits while other work on many rows is done, where this is such too."""
        with self._many if rows >= MANY_ROWS else contextlib.nullcontext():
            yield

    def close(self) -> None:
        """Closes the connection and removes what was spilled."""
        if "connection" in self.__dict__:
            self.connection.close()
            self._scratch.cleanup()
            del self.connection


@contextlib.contextmanager
def translate_errors() -> Iterator[None]:
    """DuckDB's errors as ours, with what to do."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise LearnfoldError(
            f"DuckDB needs more memory than it may use: raise LEARNFOLD_MEMORY, or put LEARNFOLD_TEMPORARY_FOLDER on a larger disk ({footers.brief(error)})"
        ) from error
    except duckdb.IOException as error:
        raise StorageError(f"DuckDB couldn't read or write: {footers.brief(error)}") from error


def _default_memory() -> str:
    """Half of what is free, at most 2.5 GiB, so that the process stays below 3 GB: a batch shares its machine."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{max(256, min(free // 2, 5 * 1024**3 // 2) // 1024**2)}MiB"
