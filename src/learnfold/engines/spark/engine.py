"""The engine itself: a Spark session, where the events are, and where rollups and views go."""

from __future__ import annotations

import contextlib
from threading import RLock
from typing import TYPE_CHECKING

import pyspark

from learnfold.engines import FoldRequest
from learnfold.engines.spark.errors import translate_errors
from learnfold.engines.spark.fold import Fold
from learnfold.engines.spark.footers import FooterReader, Footers
from learnfold.engines.spark.refresh import refresh
from learnfold.engines.spark.rollups import RollupCache, RollupReader
from learnfold.engines.spark.s3a import place
from learnfold.engines.spark.schema import named
from learnfold.engines.spark.session import Session, open_session
from learnfold.engines.spark.writing import Writer
from learnfold.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from learnfold.catalog import Rollup, Topic
    from learnfold.catalog.plans import State, TupleSet
    from learnfold.engines import Folded, OutputFile, Refreshed, RefreshRequest, RollupRows, Size
    from learnfold.settings import Settings
    from learnfold.storage import Storage


class SparkEngine:
    """SQL on a cluster, or on all cores of this machine; what it reads and writes never passes through this process."""

    name = "spark"
    version = pyspark.__version__
    max_concurrent_jobs = 2
    max_concurrent_views = 4  # most views are small: a cluster has room for several

    def __init__(self, settings: Settings, master: Storage, out: Storage) -> None:
        self.settings, self.master, self.out = settings, master, out
        self._mutex = RLock()
        self._open: Session | None = None
        self._footers = Footers()
        self._tags: dict[str, str] = {}  # of the files whose footers were read, before they were
        self._cache: RollupCache | None = None
        self._readers = 0

    def _session(self) -> Session:
        """The session, made when it is first needed."""
        with self._mutex:
            if self._open is None:
                self._open = open_session(self.settings, [self.master.url, self.out.url])
            return self._open

    def _writer(self) -> Writer:
        return Writer(self._session(), self.out)

    @property
    def versions(self) -> dict[str, str]:
        """Spark's."""
        return {self.name: self.version}

    def fold_limit(self, _size: Size) -> int | None:
        """A cluster folds all at once."""
        return None

    def merges_all_time(self, _size: Size) -> bool:
        """It never pays: Spark reads a year of days side by side, and every merge would be a job of its own."""
        return False

    def start(self) -> None:
        """Starts Spark now, not when it is first needed."""
        with translate_errors():
            self._session()

    def rows(self, files: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
        """The rows of each file by its footer, and the files that can't be read."""
        with translate_errors():
            footers = self._read_footers(files)
        where = {file: place(self.master.url, file) for file in files}
        return (
            {file: footers.found[at].rows for file, at in where.items() if at in footers.found},
            {file: footers.unreadable[at] for file, at in where.items() if at in footers.unreadable},
        )

    def _read_footers(self, files: Sequence[str]) -> Footers:
        """The footers of these files; each is read once in the engine's life, since a run reads no file that changed."""
        wanted = [place(self.master.url, file) for file in files]
        unread = [file for file, at in zip(files, wanted, strict=True) if at not in self._footers.found]
        tags = self._tags_now(unread)
        new = FooterReader(self._session()).footers([place(self.master.url, file) for file in unread])
        with self._mutex:
            self._tags |= tags
            self._footers.found |= new.found
            return Footers({at: self._footers.found[at] for at in wanted if at in self._footers.found}, new.unreadable)

    def fold(self, request: FoldRequest) -> Folded:
        """Writes files of each rollup from the events of some files, which are read several times."""
        with translate_errors():
            footers = self._read_footers(request.files)
            fold = Fold(self._session().sibling(), request, footers, self.master, self.settings)
            try:
                folded = fold.run(self._writer())
            finally:
                fold.close()
            now = self._tags_now(request.files)
        for file, tag in now.items():  # one that is gone was read, or its reading failed
            if self._tags.get(file, tag) != tag:
                raise StorageError(f"{self.master.url}/{file} was replaced while it was read; run again")
        return folded

    def _tags_now(self, files: Sequence[str]) -> dict[str, str]:
        """By file that is there, what changes with its content."""
        wanted = set(files)
        folders = sorted({file.partition("/")[0] for file in files if "/" in file})
        entries = [entry for folder in folders for entry in self.master.list(folder)]
        return {entry.path: entry.tag for entry in entries if entry.path in wanted}

    def days_retracted(
        self,
        topic: Topic,
        files: Sequence[str],
        retractions: Sequence[str],
        size: Size,  # noqa: ARG002 - one engine for all
    ) -> set[date] | None:
        """The days of which the files hold events that were taken back."""
        with translate_errors():
            request = FoldRequest(topic, (), files, None, frozenset(), "", retractions)
            fold = Fold(self._session().sibling(), request, self._read_footers(files), self.master, self.settings)
            try:
                return fold.days_retracted()
            finally:
                fold.close()

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
        with translate_errors():
            reader = RollupReader(self._session().spark, self.out)
            if not all_time:
                frame = reader.by_day(rollup, sources, with_day=True).coalesce(1).sortWithinPartitions("_day")
            else:
                frame = reader.merged(rollup, sources).coalesce(1)
                frame = frame.sortWithinPartitions(*map(named, rollup.all_time_key)) if by_key else frame
            (written,) = self._writer().write(frame, path, lambda _number, _count: path)
            return written

    @contextlib.contextmanager
    def caching(self) -> Iterator[None]:
        """Rollup rows are cached in the executors' memory as far as it goes, then on their disks."""
        with self._mutex, translate_errors():
            self._readers += 1
            self._cache = self._cache or RollupCache(self._session().spark, self.out)
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
        cache = self._cache
        if cache is None:
            with self.caching():
                return self.refresh(request)
        with translate_errors():
            return refresh(request, cache, self._writer(), self.settings)

    def keep(self, request: RefreshRequest, what: State | TupleSet) -> OutputFile | None:
        """Writes one state or set, by a DuckDB in the driver, where there is one: what answers in milliseconds fits one machine."""
        try:
            from learnfold.engines.duckdb import DuckDBEngine
        except ModuleNotFoundError:
            return None
        engine = DuckDBEngine(self.settings, self.master, self.out)
        try:
            return engine.keep(request, what)
        finally:
            engine.close()

    def close(self) -> None:
        """Stops Spark, if it was started for this engine."""
        with self._mutex:
            if self._open is not None:
                self._open.close()
                self._open = None
