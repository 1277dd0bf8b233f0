"""Rows of rollups as data frames, wherever they are: in files of the output, or in tables of the session."""

from __future__ import annotations

import itertools
from functools import reduce
from threading import Lock
from typing import TYPE_CHECKING

from learnfold.engines import FileRows
from learnfold.engines.spark.cached import KeptRows
from learnfold.engines.spark.dialect import in_spark, spark_type
from learnfold.engines.spark.files import as_pattern
from learnfold.engines.spark.s3a import place
from learnfold.engines.spark.schema import named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pyspark.sql import DataFrame, SparkSession

    from learnfold.catalog import Rollup
    from learnfold.catalog.model import Column
    from learnfold.engines import RefreshRequest, RollupRows
    from learnfold.storage import Storage


ONE_TASK_ROWS = 300_000
"""So many rows are dealt with by one task as fast as by several with a shuffle between them."""


class RollupReader:
    """Reads rows of rollups, and the files of views, below one output."""

    def __init__(self, spark: SparkSession, out: Storage) -> None:
        self.spark, self.out = spark, out

    def by_day(self, rollup: Rollup, sources: Sequence[RollupRows], *, with_day: bool = False) -> DataFrame:
        """The rows in ``sources``, none of them merged over all time; ``with_day``: ``_day`` comes first."""
        return self._rows(rollup, sources, rollup.columns, with_day=with_day)

    def merged(self, rollup: Rollup, sources: Sequence[RollupRows]) -> DataFrame:
        """The rows in ``sources`` merged over all time, as some of them may be already."""
        name = f"rows_of_{rollup.name}"
        columns = [column for column in rollup.columns if column.name != "date"]
        self._rows(rollup, sources, columns).createOrReplaceTempView(name)
        return self.spark.sql(in_spark(rollup.merged(name)))

    def files(self, columns: Sequence[Column], paths: Sequence[str], *, with_day: bool = False) -> DataFrame:
        """The columns of files of the output."""
        places = (as_pattern(place(self.out.url, path)) for path in paths)
        return self.spark.read.schema(_schema(columns, with_day=with_day)).parquet(*places)

    def _rows(
        self, rollup: Rollup, sources: Sequence[RollupRows], columns: Sequence[Column], *, with_day: bool = False
    ) -> DataFrame:
        """Some columns of the rows in ``sources``; the files of the same days are read by one scan."""
        names = (["_day"] if with_day else []) + [named(column.name) for column in columns]
        paths: dict[tuple[frozenset[date] | None, bool], list[str]] = {}
        frames = []
        for source in sources:
            if isinstance(source, FileRows):
                paths.setdefault((source.days, source.all_time), []).append(source.path)
            else:
                frames.append(_of_days(self.spark.table(named(source.table)), source.days).select(*names))
        for (days, all_time), files in paths.items():
            frame = self.files(columns if all_time else rollup.columns, files, with_day=not all_time)
            frames.append(_of_days(frame, days).select(*names))
        if not frames:
            return self.spark.createDataFrame([], _schema(columns, with_day=with_day))
        found = reduce(lambda one, other: one.unionAll(other), frames)
        return found.coalesce(1) if 0 < sum(source.rows for source in sources) <= ONE_TASK_ROWS else found


class RollupCache:
    """Rollup rows as views; views may be refreshed side by side.

    Rows that are merged over all time stay in the executors' memory from when they are first read, since each view would group them
    again. Others are read by each view: of a file only the columns that it needs, which costs less than keeping all of them.
    """

    def __init__(self, spark: SparkSession, out: Storage) -> None:
        self.spark, self.reader = spark, RollupReader(spark, out)
        self._views: dict[tuple[str, tuple[RollupRows, ...], bool], tuple[str, KeptRows | None]] = {}
        self._mutex = Lock()
        self._numbers = itertools.count()

    def unique_name(self) -> str:
        """A name for the answer of one refresh, that no other has."""
        return f"answer_{next(self._numbers)}"

    def view_for(self, request: RefreshRequest, rollup: Rollup) -> str:
        """The name of the view of rows that the request's view is best refreshed from."""
        if rollup.name in request.read_merged:
            return self.view(rollup, request.merged[rollup.name], all_time=True)
        return self.view(rollup, request.sources[rollup.name])

    def view(self, rollup: Rollup, sources: tuple[RollupRows, ...], *, all_time: bool = False) -> str:
        """The name of a view of the rollup's rows in ``sources``; ``all_time``: merged over all time."""
        key = (rollup.name, sources, all_time)
        with self._mutex:  # nothing is read here: Spark fills what is cached when it is first used, once
            if key not in self._views:
                name = f"rollup_rows_{len(self._views)}"
                kept = KeptRows(self.reader.merged(rollup, sources), name) if all_time else None
                if kept is None:
                    self.reader.by_day(rollup, sources).createOrReplaceTempView(name)
                self._views[key] = (name, kept)
            return self._views[key][0]

    def clear(self) -> None:
        """Gives back the memory."""
        for _, kept in self._views.values():
            if kept is not None:
                kept.forget()
        self._views.clear()


def _of_days(frame: DataFrame, days: frozenset[date] | None) -> DataFrame:
    if days is None:
        return frame
    return frame.where(
        f"_day IN ({', '.join(f'DATE {day.isoformat()!r}' for day in sorted(days))})" if days else "false"
    )


def _schema(columns: Sequence[Column], *, with_day: bool) -> str:
    return ", ".join(["_day DATE"] * with_day + [f"{named(c.name)} {spark_type(c.type)}" for c in columns])
