"""Refreshes views from rollups: whole, or only the partitions in which rollup rows changed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from learnfold.catalog.rewrite import over
from learnfold.catalog.thresholds import written_out
from learnfold.engines import Refreshed
from learnfold.engines.spark.cached import KeptRows
from learnfold.engines.spark.dialect import in_spark, spark_type
from learnfold.engines.spark.schema import named
from learnfold.engines.spark.writing import file_count
from learnfold.errors import BugError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from learnfold.catalog import View
    from learnfold.engines import RefreshRequest
    from learnfold.engines.spark.rollups import RollupCache
    from learnfold.engines.spark.writing import Writer
    from learnfold.settings import Settings

_EXAMPLES = 5
_TODAY = "CAST(to_utc_timestamp(current_timestamp(), current_timezone()) AS DATE)"


def refresh(request: RefreshRequest, cache: RollupCache, writer: Writer, settings: Settings) -> Refreshed:
    """Writes the view's rows into files, unless they break a check."""
    spark, view, name = cache.spark, request.view, cache.unique_name()
    if request.before and request.changed is not None and view.incremental is not None:
        answer = _answer_incrementally(request, cache, name, settings)
    else:
        tables = {rollup.name: cache.view_for(request, rollup) for rollup in view.rollups}
        for read in view.views:
            tables[read.name] = f"{name}_{read.name}"
            found = cache.reader.files(read.columns, request.views[read.name])
            found.createOrReplaceTempView(tables[read.name])
        answer = spark.sql(written_out(over(view, tables, request.read_merged, "spark"), settings, _TODAY))
    kept = KeptRows(answer, name)
    try:
        count, checksum, broken = _check_answer(spark, view, name)
        digest = "spark:" + hashlib.sha256(f"{count} {checksum}".encode()).hexdigest()[:16]
        if broken:
            return Refreshed([], count, 0, digest, broken)
        types = [spark_type(column.type) for column in view.columns]
        frame = _sorted(kept.rows, view, file_count(count, types))
        parts = writer.write(frame, request.path, lambda number, _: _numbered(request.path, number))
        size, digests = sum(part.bytes for part in parts), [part.sha256 for part in parts]
        return Refreshed([part.path for part in parts], count, size, digest, broken, digests if all(digests) else [])
    finally:
        kept.forget()


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


def _check_answer(
    spark: SparkSession, view: View, answer: str
) -> tuple[int, int | None, dict[str, list[dict[str, object]]]]:
    """The number of rows, a number that stands for all of them in any order, and by check that some rows break, a few of these."""
    checks = {check: in_spark(check) for check in view.checks}
    hashed = ", ".join(f"{named(column.name)}, {named(column.name)} IS NULL" for column in view.columns)
    key = ", ".join(map(named, view.key))
    bad = "".join(f", count_if(NOT ({condition})) AS bad_{number}" for number, condition in enumerate(checks.values()))
    totals = "".join(f", sum(bad_{number}) AS bad_{number}" for number in range(len(checks)))
    (total,) = spark.sql(
        f"SELECT coalesce(sum(n), 0) AS n, sum(checksum) AS checksum, max(n) AS most{totals} FROM ("
        f"SELECT count(*) AS n, sum(CAST(xxhash64({hashed}) AS DECIMAL(20, 0))) AS checksum{bad} FROM {answer} GROUP BY {key})"
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
    return int(total["n"]), None if total["checksum"] is None else int(total["checksum"]), broken
