"""Events of any view of the session, valid and each once, as the topic that rollups' SQL reads: by the same rules as on DuckDB."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from learnfold.catalog.values import EVENT_ID, IDENTITY, TIMESTAMP
from learnfold.engines.spark import dialect
from learnfold.engines.spark.cached import KeptRows
from learnfold.engines.spark.schema import named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from pyspark.sql import DataFrame, SparkSession

    from learnfold.engines import DayCounts
    from learnfold.engines.event_source import EventSource
    from learnfold.settings import Zones

_BROADCAST_ROWS = 1_000_000
_IDENTITY = """CASE WHEN event_id IS NOT NULL THEN xxhash64(event_id)
    WHEN _partition IS NOT NULL AND _offset IS NOT NULL THEN xxhash64(_source, _partition, _offset) END"""
_IDS = ", ".join(f"{name} AS {name}" for name in IDENTITY)
_NO_IDS = ", ".join(f"CAST(NULL AS STRING) AS {name}" for name in IDENTITY)
_SAME = f"""CASE WHEN event_id IS NOT NULL
    THEN struct({_IDS}, CAST(NULL AS STRING) AS source, CAST(NULL AS INT) AS partition, CAST(NULL AS BIGINT) AS offset)
    ELSE struct({_NO_IDS}, _source AS source, _partition AS partition, _offset AS offset) END"""
"""What makes events the same; hashes only find those that may be."""


class Events:
    """The events of a source in a session of their own; ``close`` gives back what they take of the executors' memory."""

    def __init__(self, spark: SparkSession, source: EventSource, zones: Zones) -> None:
        self.spark, self.source, self.zones = spark, source, zones
        self._cached: list[KeptRows] = []

    def close(self) -> None:
        """Gives back the memory."""
        for kept in self._cached:
            kept.forget()
        self._cached.clear()

    def load(self, tasks: int) -> None:
        """Makes all events, valid or not, the view ``events``, cached by so many tasks; with ``_day``, the UTC day, and ``_identity``."""
        with _step_by_step(self.spark):
            self._cache(self.spark.sql(with_identity(self.source.select(self.source.fields))).coalesce(tasks), "events")

    def show_single(
        self, days: frozenset[date] | None, counts: dict[date, DayCounts], *, retracted: bool = False
    ) -> None:
        """Makes the valid events of the days, each once, the view that is called as the topic; ``days``: None for all.

        Duplicates move in ``counts`` from events to duplicates; where ``retracted`` is a view of ids, their events to retracted.
        """
        self._drop_duplicates(days, counts)
        if retracted:
            self._drop_retracted(counts)
        derived = ", ".join(
            f"{dialect.derived(field.derived, self.zones.reporting)} AS {named(field.name)}"
            for field in self.source.topic.derived
            if field.derived
        )
        self.spark.sql(f"SELECT *, {derived} FROM single_events").createOrReplaceTempView(self.source.topic.name)

    def _cache(self, frame: DataFrame, name: str) -> None:
        self._cached.append(KeptRows(frame, name))

    def _drop_duplicates(self, days: frozenset[date] | None, counts: dict[date, DayCounts]) -> None:
        """Leaves in ``single_events`` one of the events that are the same: the earliest, then that with the least fields."""
        valid = _valid(days)
        these = f"{valid} AND _identity IS NOT NULL"
        rest = [named(name) for name in self.source.fields if name not in {EVENT_ID, TIMESTAMP}]
        content = f"struct({', '.join(rest)})" if rest else "1"
        repeated = self.spark.sql(f"SELECT _identity FROM events WHERE {these} GROUP BY _identity HAVING count(*) > 1")
        self._cache(repeated, "repeated")
        single = f"SELECT * FROM events WHERE {valid}"
        if count := repeated.count():
            self._cache(
                self.spark.sql(
                    f"SELECT {_broadcast(count, 'repeated')} _file, _row, _day, timestamp, {content} AS content, {_SAME} AS same "
                    f"FROM events LEFT SEMI JOIN repeated ON events._identity = repeated._identity WHERE {these}"
                ),
                "duplicates",
            )
            dropped = self._find_dropped(counts)
            single = (
                f"SELECT {_broadcast(dropped, 'dropped')} events.* FROM events "
                f"LEFT ANTI JOIN dropped ON events._file = dropped._file AND events._row = dropped._row WHERE {valid}"
            )
        self.spark.sql(single).createOrReplaceTempView("single_events")

    def _drop_retracted(self, counts: dict[date, DayCounts]) -> None:
        """Leaves the events out of ``single_events`` that were taken back."""
        gone = self.spark.sql(
            f"SELECT _day, count(*) AS n FROM ({retracted_of('SELECT * FROM single_events')}) GROUP BY _day"
        )
        for row in gone.collect():
            counts[row["_day"]].retracted = row["n"]
            counts[row["_day"]].events -= row["n"]
        kept = (
            f"SELECT e.* FROM single_events AS e LEFT ANTI JOIN retracted AS r ON e.event_id = r.event_id "
            f"LEFT ANTI JOIN retracted AS s ON {_STATEMENT} = s.event_id"
        )
        self.spark.sql(kept).createOrReplaceTempView("single_events")

    def _find_dropped(self, counts: dict[date, DayCounts]) -> int:
        """Makes the events that are dropped the view ``dropped``; how many they are."""
        ranked = "SELECT *, rank() OVER (PARTITION BY _day, same ORDER BY timestamp) AS nth FROM duplicates"
        found = self.spark.sql(
            "SELECT _day, sum(n - 1) AS dropped, max(unclear) AS unclear, max(conflicting) AS conflicting "
            "FROM (SELECT _day, same, count(*) AS n, "
            "min(timestamp) <> max(timestamp) OR min(content) <> max(content) AS conflicting, "
            "min(content) FILTER (WHERE nth = 1) <> max(content) FILTER (WHERE nth = 1) AS unclear "
            f"FROM ({ranked}) GROUP BY _day, same) GROUP BY _day"
        ).collect()
        for row in found:
            counts[row["_day"]].duplicates = row["dropped"]
            counts[row["_day"]].events -= row["dropped"]
        if any(row["unclear"] for row in found):  # rollups would differ by which one stays: then all fields decide
            ranked = self._ranked_by_all_fields()
        dropped = (
            "SELECT _file, _row, _day, timestamp <> first_time OR NOT (content <=> first_content) AS conflicting FROM (SELECT *, "
            "row_number() OVER same_one AS chosen, first_value(timestamp) OVER same_one AS first_time, "
            f"first_value(content) OVER same_one AS first_content FROM ({ranked}) "
            "WINDOW same_one AS (PARTITION BY _day, same ORDER BY nth, content, _file, _row)) WHERE chosen > 1"
        )
        with _step_by_step(self.spark):
            self._cache(self.spark.sql(dropped), "dropped")
        if any(row["conflicting"] for row in found):
            conflicts = "SELECT _day, count(*) AS n FROM dropped WHERE conflicting GROUP BY _day"
            for row in self.spark.sql(conflicts).collect():
                counts[row["_day"]].conflicting = row["n"]
        return sum(row["dropped"] for row in found)

    def _ranked_by_all_fields(self) -> str:
        """Ranks duplicates by their timestamp and then all their fields, read once more."""
        fields = [field.name for field in self.source.topic.sent]
        order = ", ".join(f"whole.{named(name)}" for name in fields if name not in {EVENT_ID, TIMESTAMP})
        self.spark.sql(self.source.select(fields)).createOrReplaceTempView("whole_events")
        return (
            "SELECT duplicates.*, rank() OVER (PARTITION BY duplicates._day, duplicates.same "
            f"ORDER BY duplicates.timestamp, {order}) AS nth FROM duplicates JOIN whole_events AS whole "
            "ON duplicates._file = whole._file AND duplicates._row = whole._row"
        )


@contextlib.contextmanager
def _step_by_step(spark: SparkSession) -> Iterator[None]:
    """What is planned in the block isn't made one method of Java: how values are read is too long for that, or for its being compiled."""
    name = "spark.sql.codegen.wholeStage"
    before = spark.conf.get(name)
    spark.conf.set(name, "false")
    try:
        yield
    finally:
        spark.conf.set(name, str(before))


_STATEMENT = "CASE WHEN contains(e.event_id, '#') THEN concat(split_part(e.event_id, '#', 1), '#') END"
"""``x#`` stands for all events that a mapping made of the statement ``x``: ``x#1``, ``x#LOGIN`` and so on."""


def retracted_of(select: str) -> str:
    """The events of a SELECT whose ids are in the view ``retracted``."""
    return (
        f"SELECT e.* FROM ({select}) AS e LEFT JOIN retracted AS r ON e.event_id = r.event_id "
        f"LEFT JOIN retracted AS s ON {_STATEMENT} = s.event_id WHERE r.event_id IS NOT NULL OR s.event_id IS NOT NULL"
    )


def with_identity(select: str) -> str:
    """The SELECT of the same events with ``_day``, the UTC day, and ``_identity``, which duplicates of an event share."""
    return f"SELECT *, CAST(timestamp AS DATE) AS _day, {_IDENTITY} AS _identity FROM ({select})"


def _broadcast(rows: int, table: str) -> str:
    """The hint that a table is small enough to be sent to every executor; nothing where it isn't."""
    return f"/*+ BROADCAST({table}) */" if rows <= _BROADCAST_ROWS else ""


def _valid(days: frozenset[date] | None) -> str:
    if days is None:
        return "_reason IS NULL"
    listed = ", ".join(f"DATE {day.isoformat()!r}" for day in sorted(days))
    return f"_reason IS NULL AND _day IN ({listed})" if days else "false"
