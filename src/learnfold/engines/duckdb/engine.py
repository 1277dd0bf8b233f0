"""The engine that batch runs use: a DuckDB session, where the events are, and where rollups and views go."""

from __future__ import annotations

import contextlib
from threading import RLock
from typing import TYPE_CHECKING

import duckdb

from learnfold.engines import FileRows
from learnfold.engines.duckdb import footers
from learnfold.engines.duckdb.broken import broken_files_named
from learnfold.engines.duckdb.fold import fold
from learnfold.engines.duckdb.keep import keep
from learnfold.engines.duckdb.refresh import refresh
from learnfold.engines.duckdb.retracted import days_retracted, load_retracted
from learnfold.engines.duckdb.rollups import RollupCache, local_files, merge_select, write_parquet
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.engines.duckdb.view_files import view_files
from learnfold.storage.intact import IntactFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from learnfold.catalog import Rollup, Topic
    from learnfold.catalog.plans import State, TupleSet
    from learnfold.engines import Folded, FoldRequest, OutputFile, Refreshed, RefreshRequest, RollupRows, Size
    from learnfold.settings import Settings
    from learnfold.storage import Storage


MANY_ROWS = 1_000_000
"""Work on this many rows of rollups runs alone: it keeps all cores busy by itself, and two such would fight for cache and memory."""


class DuckDBEngine:
    """SQL in this process, on local copies of remote files. Several threads may use it."""

    name = "duckdb"
    version = duckdb.__version__
    fold_rows: int | None = 1_000_000
    max_concurrent_views = 2  # small views leave a core idle
    max_concurrent_jobs = 2  # and so do small days

    def __init__(self, settings: Settings, master: Storage, out: Storage) -> None:
        self.settings, self.master, self.out = settings, master, out
        self.session = DuckDBSession(settings)
        self._files = IntactFiles(out)
        self._cache: RollupCache | None = None
        self._readers = 0
        self._mutex, self._many = RLock(), RLock()

    @property
    def versions(self) -> dict[str, str]:
        """DuckDB's."""
        return {self.name: self.version}

    def fold_limit(self, _size: Size) -> int | None:
        """As many rows as fit in a little memory."""
        return self.fold_rows

    def merges_all_time(self, _size: Size) -> bool:
        """It always pays: a merge of many days is read by many views."""
        return True

    def rows(self, files: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
        """The rows of each file by its footer, and the files that can't be read."""
        with self.master.footers(files) as local, self.session.cursor() as cursor:
            rows, unreadable = footers.rows(cursor, local)
        name: dict[str, str] = dict(zip(local, files, strict=True))
        return {name[file]: count for file, count in rows.items()}, {
            name[file]: why for file, why in unreadable.items()
        }

    def fold(self, request: FoldRequest) -> Folded:
        """Reads the events of some files once, and writes a file a rollup."""
        with self.master.local([*request.files, *request.retractions]) as local, self.session.cursor() as cursor:
            events, retractions = local[: len(request.files)], local[len(request.files) :]
            if retractions:
                load_retracted(cursor, dict(zip(retractions, request.retractions, strict=True)))
            folded = fold(cursor, request, events, self.out, self.settings)
        for written in folded.parts.values():
            self._made(*(file.path for file in written))
        return folded

    def _made(self, *paths: str) -> None:
        for path in paths:
            self._files.made(path)

    def days_retracted(
        self,
        topic: Topic,
        files: Sequence[str],
        retractions: Sequence[str],
        size: Size,  # noqa: ARG002 - one engine for all
    ) -> set[date] | None:
        """The days of which the files hold events that were taken back."""
        with self.master.local([*files, *retractions]) as local, self.session.cursor() as cursor:
            load_retracted(cursor, dict(zip(local[len(files) :], retractions, strict=True)))
            return days_retracted(cursor, topic, local[: len(files)], files)

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
        with (
            broken_files_named(self.out, _without_digest(sources)),
            local_files(self._files, sources) as files,
            self._turn(rows),
            self.session.cursor() as cursor,
        ):
            select = merge_select(rollup, sources, files, all_time=all_time, by_key=by_key)
            with self.out.new(path) as file:
                written = write_parquet(cursor, select, file, path)
        self._made(path)
        return written

    @contextlib.contextmanager
    def caching(self) -> Iterator[None]:
        """Rollup rows are cached in memory as far as the limit goes, then on disk."""
        with self._mutex:
            self._readers += 1
            self._cache = self._cache or RollupCache(self.session, self._files)
        try:
            yield
        finally:
            with self._mutex:
                self._readers -= 1
                if not self._readers and self._cache:
                    self._cache.clear()
                    self._cache = None

    def refresh(self, request: RefreshRequest) -> Refreshed:
        """Writes one view."""
        if self._cache is None:
            with self.caching():
                return self.refresh(request)
        with (
            broken_files_named(self.out, _read_without_digest(request)),
            self._turn(request.size.rows),
            self.session.cursor() as cursor,
            view_files(request, self._files) as views,
        ):
            refreshed = refresh(cursor, request, self._cache, views, self.out)
        self._made(*refreshed.paths)
        return refreshed

    def keep(self, request: RefreshRequest, what: State | TupleSet) -> OutputFile:
        """Writes one state or set."""
        if self._cache is None:
            with self.caching():
                return self.keep(request, what)
        with self._turn(request.size.rows), self.session.cursor() as cursor:
            return keep(cursor, request, what, self._cache, self.out)

    @contextlib.contextmanager
    def _turn(self, rows: int) -> Iterator[None]:
        """Work on many rows waits here until no other such work runs."""
        with self._many if rows >= MANY_ROWS else contextlib.nullcontext():
            yield

    def close(self) -> None:
        """Closes the session."""
        self.session.close()


def _without_digest(sources: Iterable[RollupRows]) -> Iterator[str]:
    """The files whose digest isn't known."""
    return (source.path for source in sources if isinstance(source, FileRows) and not source.sha256)


def _read_without_digest(request: RefreshRequest) -> Iterator[str]:
    """The same of all files that a view may be refreshed from."""
    for rows in (request.sources, request.merged, request.changed or {}):
        for sources in rows.values():
            yield from _without_digest(sources)
    for path in (*request.before, *(path for paths in request.views.values() for path in paths)):
        if not request.digests.get(path):
            yield path
