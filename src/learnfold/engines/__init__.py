"""Where SQL runs: one small protocol, an engine a module.

An engine folds events into rollups and refreshes views from rollups. It decides nothing: ``batch`` says which files and days, and
where the results go; the catalogue says what the SQL is. Days are UTC days.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import date

    from learnfold.catalog import Rollup, Topic, View
    from learnfold.catalog.plans import State, TupleSet
    from learnfold.settings import Settings
    from learnfold.storage import Storage


class Size(NamedTuple):
    """How much work something is."""

    rows: int
    bytes: int


NOTHING = Size(0, 0)


@dataclass
class FileFacts:
    """What one file of the master dataset was found to hold."""

    rows: int = 0
    days: dict[date, int] = field(default_factory=dict)  # valid events by day, duplicates counted
    quarantined: dict[str, int] = field(default_factory=dict)  # invalid events by reason
    offsets: dict[int, tuple[int, int]] = field(default_factory=dict)  # the least and greatest by Kafka partition


@dataclass
class DayCounts:
    """What one day of a topic was found to hold."""

    events: int = 0  # valid events, duplicates dropped
    duplicates: int = 0  # how many were dropped
    retracted: int = 0  # events that were taken back, each once; they aren't among ``events``
    conflicting: int = 0  # duplicates that say something else than the event that counts
    newest: int | None = field(default=None, compare=False)
    """When the newest of them happened, duplicates too, in seconds since 1970; None: an earlier learnfold didn't note it."""


@dataclass
class OutputFile:
    """A file that was written."""

    path: str  # below OUT
    rows: int
    bytes: int
    sha256: str = ""  # of its bytes; empty: it isn't known


@dataclass
class OutputIds:
    """A file of the hashes of events' ids, those of a UTC day together and sorted."""

    path: str  # below OUT
    ids: int
    days: dict[date, list[int]]  # by UTC day: before how many others its hashes begin, and how many they are


@dataclass
class Folded:
    """What folding some files gave."""

    files: dict[str, FileFacts] = field(default_factory=dict)  # by path, of all readable files
    days: dict[date, DayCounts] = field(default_factory=dict)
    parts: dict[str, list[OutputFile]] = field(default_factory=dict)  # by rollup; together they hold all of ``days``
    quarantine: OutputFile | None = None  # invalid events, whole; None without any
    unreadable: dict[str, str] = field(default_factory=dict)  # files left out, and why
    ids: OutputIds | None = None  # None: none were asked for, or this engine writes none


@dataclass(frozen=True)
class FoldRequest:
    """One fold: files in, new files of each rollup out (several where one would be too large)."""

    topic: Topic
    rollups: Sequence[Rollup]
    files: Sequence[str]  # paths in the master dataset
    days: frozenset[date] | None  # the days to fold; None: all that the files hold
    fresh: frozenset[str]  # the files whose invalid events are to be quarantined
    name: str  # of the new files, without number and ending; unique
    retractions: Sequence[str] = ()  # files of the master dataset whose ids take events back
    readers: Sequence[Rollup] = ()
    """All rollups of the topic that are kept: their fields decide what is valid; empty: ``rollups``."""
    ids_path: str | None = None  # where the hashes of the events' ids go; None: nowhere
    size: Size = NOTHING  # of the files, as far as their footers say


@dataclass(frozen=True)
class FileRows:
    """Rows of a rollup in one of its files.

    A file has the rollup's columns and ``_day``, the day that a row is of; merged over all time, neither ``date`` nor ``_day``.
    """

    path: str  # below OUT
    days: frozenset[date] | None = None  # only the rows of these days; None: all rows
    all_time: bool = False  # whether the file is merged over all time
    rows: int = field(default=0, compare=False)  # about how many are meant
    sha256: str = field(default="", compare=False)  # of the file's bytes; empty: it isn't known
    bytes: int = field(default=0, compare=False)  # about how many they take


@dataclass(frozen=True)
class TableRows:
    """Rows of a rollup in a table of the engine's session, with the columns that a file of it has.

    The table stays as it is while views are refreshed from it.
    """

    table: str
    days: frozenset[date] | None = None
    all_time: bool = False
    rows: int = field(default=0, compare=False)
    bytes: int = field(default=0, compare=False)


RollupRows: TypeAlias = FileRows | TableRows
"""A part of a rollup as views read it."""


def size_of(sources: Iterable[RollupRows]) -> Size:
    """How much these rows are together."""
    read = list(sources)
    return Size(sum(source.rows for source in read), sum(source.bytes for source in read))


@dataclass(frozen=True)
class RefreshRequest:
    """One view to refresh: whole, only the partitions in which rollup rows changed, or only from a day on."""

    view: View
    sources: dict[str, tuple[RollupRows, ...]]  # by rollup, the rows to read
    path: str  # of the new file, or of the first of several
    before: tuple[str, ...] = ()  # the view's last files; with what follows of changes: the refresh is incremental
    changed: dict[str, tuple[RollupRows, ...]] | None = None  # by rollup, the rows that came or went since
    merged: dict[str, tuple[RollupRows, ...]] = field(default_factory=dict)
    """By rollup, what a view that doesn't use the date may read instead of ``sources``: some of it merged over all time already.
    A rollup that isn't here isn't worth merging: its keys hardly come twice."""

    views: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by view that it reads, that one's files
    digests: dict[str, str] = field(
        default_factory=dict
    )  # by file of a view that is read, its SHA-256, as far as known
    views_size: Size = NOTHING  # of the views that it reads
    weekdays: frozenset[int] = (
        frozenset()
    )  # the values of the view's ``weekday`` whose rows may have changed; empty: any
    since: date | None = None  # the first value of the column of ``view.looks_back`` whose rows may have changed

    @property
    def read_merged(self) -> frozenset[str]:
        """The rollups that the view is best refreshed from merged over all time."""
        found = self.view.all_time.intersection(self.merged)
        return found if found in self.view.rewrites else frozenset()

    @property
    def size(self) -> Size:
        """About how much it reads of rollups and views."""
        read = [self.merged[name] if name in self.read_merged else self.sources[name] for name in self.sources]
        rollups = size_of(source for sources in read for source in sources)
        return Size(rollups.rows + self.views_size.rows, rollups.bytes + self.views_size.bytes)


@dataclass
class Refreshed:
    """What refreshing a view gave."""

    paths: list[str]  # below OUT
    rows: int
    bytes: int
    digest: str  # of the rows in any order, behind the engine's name; only digests of one engine can be compared
    broken: dict[str, list[dict[str, object]]]  # by check that some rows break, a few of them
    sha256: list[str] = field(default_factory=list)  # of the bytes of each file


class Engine(Protocol):
    """Folds events and refreshes views; all but ``close`` may be called by several threads at once."""

    name: str

    max_concurrent_jobs: int
    """How many jobs are best run side by side."""

    max_concurrent_views: int
    """How many views are best refreshed side by side."""

    @property
    def versions(self) -> dict[str, str]:
        """The versions of the engines that have worked, by name."""
        ...

    def fold_limit(self, size: Size) -> int | None:
        """Of events of that size in all, how many rows are best folded at once; None: any number."""
        ...

    def merges_all_time(self, size: Size) -> bool:
        """Whether merging a rollup of that size over all time is worth its work here; else views read all days every time."""
        ...

    def rows(self, files: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
        """The number of rows by file of the master dataset, from its footer; and by file that isn't readable Parquet, why not.

        Raises:
            StorageError: the storage can't be reached.
            MissingDataError: a file is gone.

        """
        ...

    def fold(self, request: FoldRequest) -> Folded:
        """What the files hold. Writes files of each rollup, and a file of the invalid events of ``fresh`` files, if there are any.

        Each event of the days counts once, whichever of the files hold it: the earliest of its duplicates, then the one with the
        least fields. One that was taken back doesn't count.

        Raises:
            DataError: a file can't be read as Parquet, and the settings don't say ``skip_unreadable``.
            MissingDataError: a file is gone.
            StorageError: the storage can't be reached, or a disk is full.
            LearnfoldError: memory doesn't suffice.

        """
        ...

    def days_retracted(
        self, topic: Topic, files: Sequence[str], retractions: Sequence[str], size: Size
    ) -> set[date] | None:
        """The UTC days of which ``files`` hold valid events that ``retractions`` take back; None: it can't be told without folding.

        ``size`` is that of ``files``.

        Raises:
            DataError: a retraction can't be read.
            MissingDataError: a file is gone.
            StorageError: the storage can't be reached.

        """
        ...

    def merge(
        self,
        rollup: Rollup,
        sources: tuple[RollupRows, ...],
        path: str,
        *,
        all_time: bool = False,
        by_key: bool = False,
    ) -> OutputFile:
        """The file at ``path``, with all rows of ``sources``, by day; ``all_time``: merged over all time, sorted if ``by_key``.

        Raises:
            MissingDataError: a file is gone.
            DamagedError: a file isn't what was written, as far as the engine checks that.
            StorageError: the storage can't be reached, or a disk is full.
            LearnfoldError: memory doesn't suffice.

        """
        ...

    def caching(self) -> AbstractContextManager[None]:
        """Rollup rows that are read within the block are cached until its end; blocks may overlap."""
        ...

    def refresh(self, request: RefreshRequest) -> Refreshed:
        """The view's new files, sorted by its key; nothing is published, and nothing is written when a check is broken.

        Rows that are new since a large rollup was last merged may follow the others, so that these needn't be sorted again.

        Raises:
            MissingDataError: a file is gone.
            DamagedError: a file isn't what was written, as far as the engine checks that.
            StorageError: the storage can't be reached, or a disk is full.
            LearnfoldError: memory doesn't suffice.

        """
        ...

    def keep(self, request: RefreshRequest, what: State | TupleSet) -> OutputFile | None:
        """The file at the request's path: a state's rows sorted by its key, or the hashes of a set's tuples, of the rollups that its view reads.

        Of a set with ``before``, the hashes of that file too, each once. None where nothing here can make one.

        Raises:
            MissingDataError: a file is gone.
            DamagedError: a file isn't what was written.
            StorageError: the storage can't be reached, or a disk is full.
            LearnfoldError: memory doesn't suffice.

        """
        ...

    def close(self) -> None:
        """Gives back memory, temporary files and processes."""
        ...


def under_spark_submit(environment: Mapping[str, str]) -> bool:
    """Whether spark-submit started this process, in whatever deploy mode: Spark's JVM says so to the Python that it starts."""
    return "PYSPARK_GATEWAY_PORT" in environment


def runs_in_process(settings: Settings) -> bool:
    """Whether the engine that the settings name runs in this process, and so reaches this machine's folders."""
    return settings.engine == "duckdb"


def open_engine(settings: Settings, master: Storage, out: Storage) -> Engine:
    """The engine that the settings name, which reads events from ``master``, and rollups and views from and to ``out``.

    Nothing is started yet; where Spark lacks a JDK or jars, MissingPartError is raised by its first use. With Spark, work within
    the driver's bounds is DuckDB's where that is installed; ``auto`` does without Spark where that isn't.
    """
    if settings.engine == "duckdb" or (settings.engine == "auto" and find_spec("pyspark") is None):
        from learnfold.engines.duckdb import DuckDBEngine

        return DuckDBEngine(settings, master, out)
    from learnfold.engines.spark import SparkEngine

    spark = SparkEngine(settings, master, out)
    if under_spark_submit(os.environ):  # YARN takes an application for failed that never starts Spark
        spark.start()
    if not (settings.driver_events or settings.driver_rows) or find_spec("duckdb") is None:
        return spark
    from learnfold.engines.duckdb import DuckDBEngine
    from learnfold.engines.two import TwoEngines

    return TwoEngines(settings, DuckDBEngine(settings, master, out), spark)
