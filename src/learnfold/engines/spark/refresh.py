"""Asks views of rollups: whole, or the slices that changed, spliced into what the view said before."""

from __future__ import annotations

import hashlib
import itertools
from functools import reduce
from threading import Lock
from typing import TYPE_CHECKING

import sqlglot
from pyspark import StorageLevel

from learnfold.catalog.rewrite import over
from learnfold.engines import OutputFile, Refreshed
from learnfold.engines.spark.decode import spark_type
from learnfold.engines.spark.files import as_pattern
from learnfold.engines.spark.s3a import place
from learnfold.engines.spark.schema import named
from learnfold.engines.spark.writing import file_count
from learnfold.errors import BugError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date as date_type

    from pyspark.sql import DataFrame, SparkSession

    from learnfold.catalog import Rollup, View
    from learnfold.catalog.model import Column
    from learnfold.engines import RefreshRequest, RollupRows
    from learnfold.engines.spark.writing import Writer
    from learnfold.storage import Storage

_EXAMPLES = 5


class RollupCache:
    """Rollups as views, kept in the executors' memory from when they are first asked for; views may be asked side by side."""

    def __init__(self, spark: SparkSession, out: Storage) -> None:
        self.spark, self.out = spark, out
        self._views: dict[tuple[str, tuple[RollupRows, ...], bool], tuple[str, DataFrame]] = {}
        self._mutex = Lock()
        self._asked = itertools.count()

    def asked(self) -> str:
        """A name for what one asking needs, that no other has."""
        return f"asked_{next(self._asked)}"

    def view_for(self, request: RefreshRequest, rollup: Rollup) -> str:
        """The name of the view of rows that the request's view is best asked of."""
        if rollup.name in request.read_merged:
            return self.view(rollup, request.merged[rollup.name], all_time=True)
        return self.view(rollup, request.sources[rollup.name])

    def view(self, rollup: Rollup, sources: tuple[RollupRows, ...], *, all_time: bool = False) -> str:
        """The name of a view of the rollup's rows in ``sources``; ``all_time``: merged over all dates."""
        key = (rollup.name, sources, all_time)
        with self._mutex:  # nothing is read here: Spark fills what is kept when it is first used, once
            if key not in self._views:
                name = f"shelf_{len(self._views)}"
                frame = (
                    merged_rows(self.spark, self.out, rollup, sources)
                    if all_time
                    else rows(self.spark, self.out, rollup, sources)
                )
                frame.persist(StorageLevel.MEMORY_AND_DISK)
                frame.createOrReplaceTempView(name)
                self._views[key] = (name, frame)
            return self._views[key][0]

    def clear(self) -> None:
        """Lets go of them."""
        for _, frame in self._views.values():
            frame.unpersist()
        self._views.clear()


def ask(spark: SparkSession, request: RefreshRequest, cache: RollupCache, writer: Writer) -> Refreshed:
    """Writes the view's rows, unless they break a check."""
    view, name = request.view, cache.asked()
    if request.before and request.changed is not None and view.incremental is not None:
        answer = _splice(spark, request, cache, writer.out, name)
    else:
        tables = {rollup.name: cache.view_for(request, rollup) for rollup in view.rollups}
        select = over(view, tables, request.read_merged, "spark")
        answer = spark.sql(select)
    answer.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        answer.createOrReplaceTempView(name)
        count, mark, broken = _examined(spark, view, name)
        digest = hashlib.sha256(f"{count} {mark}".encode()).hexdigest()[:16]
        if broken:
            return Refreshed([], count, 0, digest, broken)
        types = [spark_type(column.type) for column in view.columns]
        frame = _sorted(answer, view, file_count(count, types))
        parts = writer.write(frame, request.path, lambda number, _: _numbered(request.path, number))
        return Refreshed([part.path for part in parts], count, sum(part.bytes for part in parts), digest, broken)
    finally:
        answer.unpersist()


def _sorted(answer: DataFrame, view: View, files: int) -> DataFrame:
    """The rows in so many files, sorted by the view's key over all of them."""
    key = [named(name) for name in view.key]
    return (answer.coalesce(1) if files == 1 else answer.repartitionByRange(files, *key)).sortWithinPartitions(*key)


def _numbered(path: str, number: int) -> str:
    """The path of the file ``number`` of a view, whose first is at ``path``."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{name.replace('00000', f'{number:05d}', 1)}"


def _splice(spark: SparkSession, request: RefreshRequest, cache: RollupCache, out: Storage, name: str) -> DataFrame:
    """The view's last rows, but those of the slices in which a rollup changed, and these asked again."""
    view, cut = request.view, request.view.incremental
    if cut is None or request.changed is None:
        raise BugError(f"{view.name} can't be asked in slices")
    touched = []
    for rollup in view.rollups:
        sources = request.changed.get(rollup.name, ())
        if sources:
            pairs = zip(cut.columns, cut.sources[rollup.name], strict=True)
            names = ", ".join(f"{named(theirs)} AS {named(ours)}" for ours, theirs in pairs)
            touched.append(f"SELECT {names} FROM {cache.view(rollup, sources)}")
    slices = f"{name}_slices"
    spark.sql(f"SELECT DISTINCT * FROM ({' UNION ALL '.join(touched)})").createOrReplaceTempView(slices)
    tables = {}
    for rollup in view.rollups:
        pairs = zip(cut.columns, cut.sources[rollup.name], strict=True)
        same = " AND ".join(f"t.{named(theirs)} <=> s.{named(ours)}" for ours, theirs in pairs)
        tables[rollup.name] = f"{name}_{rollup.name}"
        spark.sql(
            f"SELECT t.* FROM {cache.view_for(request, rollup)} AS t LEFT SEMI JOIN {slices} AS s ON {same}"
        ).createOrReplaceTempView(tables[rollup.name])
    old = f"{name}_old"
    _files(spark, out, view.columns, request.before).createOrReplaceTempView(old)
    same = " AND ".join(f"old.{named(column)} <=> s.{named(column)}" for column in cut.columns)
    again = over(view, tables, request.read_merged, "spark")
    return spark.sql(f"SELECT old.* FROM {old} AS old LEFT ANTI JOIN {slices} AS s ON {same} UNION ALL {again}")


def _examined(
    spark: SparkSession, view: View, answer: str
) -> tuple[int, int | None, dict[str, list[dict[str, object]]]]:
    """The rows, a number that stands for all of them in any order, and rows that break the view's checks, a few of each."""
    checks = {check: in_spark(check) for check in view.checks}
    hashed = ", ".join(f"{named(column.name)}, {named(column.name)} IS NULL" for column in view.columns)
    key = ", ".join(map(named, view.key))
    bad = "".join(f", count_if(NOT ({condition})) AS bad_{number}" for number, condition in enumerate(checks.values()))
    totals = "".join(f", sum(bad_{number}) AS bad_{number}" for number in range(len(checks)))
    (total,) = spark.sql(
        f"SELECT coalesce(sum(n), 0) AS n, sum(mark) AS mark, max(n) AS most{totals} FROM ("
        f"SELECT count(*) AS n, sum(CAST(xxhash64({hashed}) AS DECIMAL(20, 0))) AS mark{bad} FROM {answer} GROUP BY {key})"
    ).collect()
    queries = {}
    if (total["most"] or 0) > 1:
        queries[f"({', '.join(view.key)}) is unique"] = (
            f"SELECT {key}, count(*) AS rows FROM {answer} GROUP BY {key} HAVING count(*) > 1"
        )
    for number, (check, condition) in enumerate(checks.items()):
        if total[f"bad_{number}"]:
            queries[check] = f"SELECT * FROM {answer} WHERE NOT ({condition})"
    broken = {
        check: [row.asDict() for row in spark.sql(f"{query} LIMIT {_EXAMPLES}").collect()]
        for check, query in queries.items()
    }
    return int(total["n"]), None if total["mark"] is None else int(total["mark"]), broken


def merge(
    spark: SparkSession,
    rollup: Rollup,
    sources: Sequence[RollupRows],
    path: str,
    writer: Writer,
    *,
    all_time: bool,
    by_key: bool,
) -> OutputFile:
    """Writes the rows in ``sources`` into one file: by day, or merged over dates."""
    if all_time:
        frame = merged_rows(spark, writer.out, rollup, sources).coalesce(1)
        frame = frame.sortWithinPartitions(*map(named, rollup.all_time_key)) if by_key else frame
    else:
        frame = rows(spark, writer.out, rollup, sources, day=True).coalesce(1).sortWithinPartitions("_day")
    (part,) = writer.write(frame, path, lambda _n, _of: path)
    return part


def merged_rows(spark: SparkSession, out: Storage, rollup: Rollup, sources: Sequence[RollupRows]) -> DataFrame:
    """The rollup's rows in ``sources``, some of which may be merged already, merged over all dates."""
    name = f"dates_of_{rollup.name}"
    rows(spark, out, rollup, sources, date=False).createOrReplaceTempView(name)
    return spark.sql(in_spark(rollup.merged(name)))


def rows(
    spark: SparkSession,
    out: Storage,
    rollup: Rollup,
    sources: Sequence[RollupRows],
    *,
    day: bool = False,
    date: bool = True,
) -> DataFrame:
    """The rollup's rows in ``sources``, with their UTC day, or without their date, if asked."""
    wanted = [column for column in rollup.columns if date or column.name != "date"]
    columns = (["_day"] if day else []) + [named(column.name) for column in wanted]
    paths: dict[tuple[frozenset[date_type] | None, bool], list[str]] = {}
    for source in sources:
        paths.setdefault((source.days, source.all_time), []).append(source.path)
    frames = []
    for (days, all_time), files in paths.items():
        frame = _files(spark, out, wanted if all_time else rollup.columns, files, day=not all_time)
        if days is not None:
            frame = frame.where(
                f"_day IN ({', '.join(f'DATE {d.isoformat()!r}' for d in sorted(days))})" if days else "false"
            )
        frames.append(frame.select(*columns))
    return (
        reduce(lambda one, other: one.unionAll(other), frames)
        if frames
        else spark.createDataFrame([], _schema(wanted, day=day))
    )


def _files(
    spark: SparkSession, out: Storage, columns: Sequence[Column], paths: Sequence[str], *, day: bool = False
) -> DataFrame:
    return spark.read.schema(_schema(columns, day=day)).parquet(*(as_pattern(place(out.url, path)) for path in paths))


def _schema(columns: Sequence[Column], *, day: bool) -> str:
    return ", ".join((["_day DATE"] if day else []) + [f"{named(c.name)} {spark_type(c.type)}" for c in columns])


def in_spark(query: str) -> str:
    """A query or condition in Spark's dialect."""
    return sqlglot.parse_one(query, read="duckdb").sql("spark")
