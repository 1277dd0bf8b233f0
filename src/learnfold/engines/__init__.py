"""Where SQL runs: one small protocol, an engine a module.

An engine folds events into rollups and asks views of rollups. It decides nothing: which files, which days and where the
results go is told to it by ``batch``; what the SQL says comes from the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import date

    from learnfold.catalog import Rollup, Topic, View
    from learnfold.settings import Settings
    from learnfold.storage import Storage


@dataclass
class FileFacts:
    """What one file of the master dataset was found to hold."""

    rows: int = 0
    days: dict[date, int] = field(default_factory=dict)  # valid events by UTC day, copies counted
    quarantined: dict[str, int] = field(default_factory=dict)  # invalid events by reason
    offsets: dict[int, tuple[int, int]] = field(default_factory=dict)  # the least and greatest by Kafka partition


@dataclass
class DayCounts:
    """What one UTC day of a topic was found to hold."""

    events: int = 0  # valid, copies dropped
    duplicates: int = 0  # the copies that were dropped


@dataclass
class OutputFile:
    """A file of a rollup."""

    path: str
    rows: int
    bytes: int


@dataclass
class Folded:
    """What folding some files gave."""

    files: dict[str, FileFacts] = field(default_factory=dict)
    days: dict[date, DayCounts] = field(default_factory=dict)
    parts: dict[str, list[OutputFile]] = field(default_factory=dict)  # by rollup; together they hold all of ``days``
    quarantine: OutputFile | None = None  # invalid events, whole; None without any
    unreadable: dict[str, str] = field(default_factory=dict)  # files left out, and why


@dataclass(frozen=True)
class FoldRequest:
    """One fold: files in, new files of each rollup out (several where one would be too large)."""

    topic: Topic
    rollups: Sequence[Rollup]
    files: Sequence[str]  # of the master dataset
    days: frozenset[date] | None  # the UTC days to keep; None: all that the files hold
    fresh: frozenset[str]  # the files whose invalid events are to be written down
    name: str  # of the new files, without number and ending; unique


@dataclass(frozen=True)
class RollupRows:
    """A part of a rollup as a view reads it: of the file ``path``, the rows of ``days`` (None: all it holds)."""

    path: str
    days: frozenset[date] | None = None
    all_time: bool = False  # merged over its dates: it has neither ``date`` nor ``_day``
    rows: int = field(default=0, compare=False)  # about how many that are


@dataclass(frozen=True)
class RefreshRequest:
    """One view to be asked: of all its rollups' rows, or of a slice of them spliced into what it said before."""

    view: View
    sources: dict[str, tuple[RollupRows, ...]]  # by rollup
    path: str  # of the new file, or of the first of several
    before: tuple[str, ...] = ()  # the view's last files; with ``changed``: only slices of changed rows are asked again
    changed: dict[str, tuple[RollupRows, ...]] | None = None  # by rollup, the rows that came or went since
    merged: dict[str, tuple[RollupRows, ...]] = field(default_factory=dict)
    """By rollup, what may be read instead by a view that doesn't look at the date: some of it merged over dates already.
    Rollups that aren't here are no use merged: their keys hardly come twice."""

    @property
    def read_merged(self) -> frozenset[str]:
        """The rollups that the view is best asked of merged over all dates."""
        return self.view.all_time.intersection(self.merged)

    @property
    def rows(self) -> int:
        """About how many rows of rollups it reads."""
        read = [self.merged[name] if name in self.read_merged else self.sources[name] for name in self.sources]
        return sum(source.rows for sources in read for source in sources)


@dataclass
class Refreshed:
    """What asking a view gave."""

    paths: list[str]
    rows: int
    bytes: int
    digest: str  # of the rows in any order, by this engine
    broken: dict[str, list[dict[str, object]]]  # by check that some rows break, a few of them


class Engine(Protocol):
    """Folds and asks."""

    name: str
    version: str

    fold_rows: int | None
    """Rows of events that are best folded at once; None: any number."""

    def rows(self, files: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
        """The rows of each file of the master dataset by its footer, and the files that aren't readable Parquet, with why."""
        ...

    def fold(self, request: FoldRequest) -> Folded:
        """Reads, validates and deduplicates events, and writes rollups and quarantine; raises DataError for a file that breaks midway."""
        ...

    max_concurrent_jobs: int
    """How many jobs are best run side by side."""

    max_concurrent_views: int
    """How many views are best asked side by side."""

    merges_all_time: bool
    """Whether ``merge`` can leave out dates; an engine that can't reads all days every time."""

    def merge(
        self,
        rollup: Rollup,
        sources: tuple[RollupRows, ...],
        path: str,
        *,
        all_time: bool = False,
        by_key: bool = False,
    ) -> OutputFile:
        """Puts parts of a rollup together into one file; ``all_time``: merged over their dates, and these left out, sorted if ``by_key``."""
        ...

    def caching(self) -> AbstractContextManager[None]:
        """Keeps the rollups that are read at hand while the block asks views of them."""
        ...

    def ask(self, request: RefreshRequest) -> Refreshed:
        """Writes the view's rows by its key; checks them first, and writes nothing when a check is broken.

        Rows that are new since a large rollup was last merged may follow the others, so that these needn't be sorted again.
        """
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...


def under_spark_submit(environment: Mapping[str, str]) -> bool:
    """Whether spark-submit started this process, in whatever deploy mode: Spark's JVM says so to the Python that it starts."""
    return "PYSPARK_GATEWAY_PORT" in environment


def runs_in_process(settings: Settings) -> bool:
    """Whether the engine that the settings name runs in this process, and so reaches this machine's folders."""
    return settings.engine == "duckdb"


def open_engine(settings: Settings, master: Storage, out: Storage) -> Engine:
    """The engine that the settings name, reading events from ``master`` and keeping rollups and views in ``out``."""
    if settings.engine == "spark":
        from learnfold.engines.spark import SparkEngine

        return SparkEngine(settings, master, out)
    from learnfold.engines.duckdb import DuckDBEngine

    return DuckDBEngine(settings, master, out)
