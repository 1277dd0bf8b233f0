"""Refreshes views from rollups: whole, only the partitions in which rollup rows changed, or only from a day on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import Observation

from learnfold.catalog.rewrite import over
from learnfold.catalog.thresholds import written_out
from learnfold.engines import Refreshed
from learnfold.engines.spark.cached import KeptRows
from learnfold.engines.spark.dialect import spark_type
from learnfold.engines.spark.errors import SPARK_ERRORS
from learnfold.engines.spark.exam import Exam, digest
from learnfold.engines.spark.rollups import ONE_TASK_ROWS
from learnfold.engines.spark.schema import named
from learnfold.engines.spark.writing import file_count
from learnfold.errors import BugError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame

    from learnfold.catalog import View
    from learnfold.engines import OutputFile, RefreshRequest
    from learnfold.engines.spark.rollups import RollupCache
    from learnfold.engines.spark.writing import Writer
    from learnfold.settings import Settings

_TODAY = "CAST(to_utc_timestamp(current_timestamp(), current_timezone()) AS DATE)"


def refresh(request: RefreshRequest, cache: RollupCache, writer: Writer, settings: Settings) -> Refreshed:
    """Writes the view's rows into files, unless they break a check."""
    view, name = request.view, cache.unique_name()
    types = [spark_type(column.type) for column in view.columns]
    incremental = bool(request.before) and not request.weekdays  # those weekdays alone aren't worth two queries here
    if incremental:
        again = _answer_since if request.since is not None else _answer_incrementally
        answer = again(request, cache, name, settings)
    else:
        answer = _answer_in_full(request, cache, name, settings)
    work = _Writing(request, cache, writer, types, unique=view.unique and not incremental)
    refreshed = None
    if len(request.before) <= 1 and file_count(request.size.rows, types) == 1:
        refreshed = work.in_one_go(answer)
    return refreshed or work.in_steps(answer, name)


def _answer_in_full(request: RefreshRequest, cache: RollupCache, name: str, settings: Settings) -> DataFrame:
    view = request.view
    tables = {rollup.name: cache.view_for(request, rollup) for rollup in view.rollups}
    for read in view.views:
        tables[read.name] = f"{name}_{read.name}"
        found = cache.reader.files(read.columns, request.views[read.name])
        found = found.coalesce(1) if request.views_size.rows <= ONE_TASK_ROWS else found
        found.createOrReplaceTempView(tables[read.name])
    return cache.spark.sql(written_out(over(view, tables, request.read_merged, "spark"), settings, _TODAY))


class _Writing:
    """The files of one view."""

    def __init__(
        self, request: RefreshRequest, cache: RollupCache, writer: Writer, types: list[str], *, unique: bool
    ) -> None:
        self.request, self.cache, self.writer, self.types, self.unique = request, cache, writer, types, unique
        self.exam = Exam(request.view)

    def in_one_go(self, answer: DataFrame) -> Refreshed | None:
        """One file, its rows looked at while they are written; None where they would be too many for one, and nothing is written."""
        view, seen, broken = self.request.view, Observation(), {}
        watched = self.exam.plain(self.exam.hashed(answer).observe(seen, *self.exam.marks()))
        if self.request.size.rows > ONE_TASK_ROWS:  # else its last grouping would be the work of the task that writes
            watched = watched.repartition(1)
        marks: Mapping[str, Any] = {}

        def accept(staged: list[str], rows: int) -> bool:
            nonlocal marks, broken
            if file_count(rows, self.types) > 1:
                return False
            marks, written = _seen(seen), self.cache.reader.files(view.columns, staged).coalesce(1)
            if marks.get("rows") != rows:  # or part of the work was done twice, since an executor was lost
                marks = self.exam.marks_of(written)
            broken = self.exam.broken(written, marks, unique=self.unique)
            return not broken

        parts = self.writer.write(_sorted(watched, view, 1), self.request.path, self._path, accept)
        return self._refreshed(marks, parts, broken) if marks else None

    def in_steps(self, answer: DataFrame, name: str) -> Refreshed:
        """As many files as the rows need, which are kept until they are looked at and written; ``name`` is unique."""
        view, kept = self.request.view, KeptRows(answer, name)
        try:
            marks = self.exam.marks_of(kept.rows)
            broken = self.exam.broken(kept.rows, marks, unique=self.unique)
            if broken:
                return self._refreshed(marks, [], broken)
            frame = _sorted(kept.rows, view, file_count(marks["rows"], self.types))
            return self._refreshed(marks, self.writer.write(frame, self.request.path, self._path), broken)
        finally:
            kept.forget()

    def _path(self, number: int, _count: int) -> str:
        return _numbered(self.request.path, number)

    @staticmethod
    def _refreshed(
        marks: Mapping[str, Any], parts: list[OutputFile], broken: dict[str, list[dict[str, object]]]
    ) -> Refreshed:
        size, digests = sum(part.bytes for part in parts), [part.sha256 for part in parts]
        paths = [part.path for part in parts]
        return Refreshed(paths, marks["rows"], size, digest(marks), broken, digests if all(digests) else [])


def _seen(observation: Observation) -> Mapping[str, Any]:
    """What was observed; nothing where Spark knew that there are no rows before it looked at any."""
    try:
        return observation.get
    except SPARK_ERRORS:
        return {}


def _sorted(answer: DataFrame, view: View, files: int) -> DataFrame:
    """The rows in so many files, sorted by the view's key over all of them."""
    key = [named(name) for name in view.key]
    return (answer.coalesce(1) if files == 1 else answer.repartitionByRange(files, *key)).sortWithinPartitions(*key)


def _numbered(path: str, number: int) -> str:
    """The path of the file ``number`` of a view, whose first is at ``path``."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{name.replace('00000', f'{number:05d}', 1)}"


def _answer_incrementally(request: RefreshRequest, cache: RollupCache, name: str, settings: Settings) -> DataFrame:
    """The view's last rows, but for the partitions in which a rollup changed, which are queried again; ``name`` is unique."""
    spark, view, pushdown = cache.spark, request.view, request.view.incremental
    if pushdown is None or request.changed is None:
        raise BugError(f"{view.name} can't be refreshed incrementally")
    changed = []
    for rollup in view.rollups:
        sources = request.changed.get(rollup.name, ())
        if sources:
            pairs = zip(pushdown.columns, pushdown.sources[rollup.name], strict=True)
            names = ", ".join(f"{named(source)} AS {named(column)}" for column, source in pairs)
            changed.append(f"SELECT {names} FROM {cache.view(rollup, sources)}")
    partitions = f"{name}_partitions"
    spark.sql(f"SELECT DISTINCT * FROM ({' UNION ALL '.join(changed)})").createOrReplaceTempView(partitions)
    tables = {}
    for rollup in view.rollups:
        pairs = zip(pushdown.columns, pushdown.sources[rollup.name], strict=True)
        same = " AND ".join(f"t.{named(source)} <=> p.{named(column)}" for column, source in pairs)
        tables[rollup.name] = f"{name}_{rollup.name}"
        spark.sql(
            f"SELECT t.* FROM {cache.view_for(request, rollup)} AS t LEFT SEMI JOIN {partitions} AS p ON {same}"
        ).createOrReplaceTempView(tables[rollup.name])
    old = f"{name}_old"
    cache.reader.files(view.columns, request.before).createOrReplaceTempView(old)
    same = " AND ".join(f"old.{named(column)} <=> p.{named(column)}" for column in pushdown.columns)
    again = written_out(over(view, tables, request.read_merged, "spark"), settings, _TODAY)
    return spark.sql(f"SELECT old.* FROM {old} AS old LEFT ANTI JOIN {partitions} AS p ON {same} UNION ALL {again}")


def _answer_since(request: RefreshRequest, cache: RollupCache, name: str, settings: Settings) -> DataFrame:
    """The view's last rows before ``request.since``, and those from then on, which are queried again; ``name`` is unique."""
    spark, view, back, since = cache.spark, request.view, request.view.looks_back, request.since
    if back is None or since is None:
        raise BugError(f"{view.name} can't be refreshed from a day on")
    tables = {}
    for rollup in view.rollups:
        table, first = cache.view_for(request, rollup), back.first(rollup.name, since)
        tables[rollup.name] = table
        if first is not None:
            tables[rollup.name] = f"{name}_{rollup.name}"
            spark.sql(f"SELECT * FROM {table} WHERE date >= DATE'{first}'").createOrReplaceTempView(tables[rollup.name])
    old = f"{name}_old"
    cache.reader.files(view.columns, request.before).createOrReplaceTempView(old)
    again = written_out(over(view, tables, request.read_merged, "spark"), settings, _TODAY)
    return spark.sql(
        f"SELECT * FROM {old} WHERE {named(back.column)} < DATE'{since}' "
        f"UNION ALL SELECT * FROM ({again}) WHERE {named(back.column)} >= DATE'{since}'"
    )
