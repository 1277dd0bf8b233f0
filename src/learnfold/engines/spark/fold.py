"""One fold: events of some files, valid and each once, into new files of each rollup."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

import sqlglot
from pyspark import StorageLevel
from sqlglot import exp

from learnfold.engines import DayCounts, FileFacts, Folded
from learnfold.engines.spark import decode, values
from learnfold.engines.spark.errors import SPARK_ERRORS, broken_file, first_line
from learnfold.engines.spark.files import plain, read_files
from learnfold.engines.spark.quarantine import write_quarantine
from learnfold.engines.spark.s3a import place
from learnfold.engines.spark.schema import named
from learnfold.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from pyspark.sql import DataFrame

    from learnfold.catalog import Rollup
    from learnfold.engines import FoldRequest
    from learnfold.engines.spark.footers import FileSchema, Footers
    from learnfold.engines.spark.session import Held
    from learnfold.engines.spark.writing import Writer
    from learnfold.settings import Settings
    from learnfold.storage import Storage


class Fold:
    """The work of one fold, in a session of its own; ``close`` gives back what it keeps in the executors' memory."""

    def __init__(self, held: Held, request: FoldRequest, footers: Footers, master: Storage, settings: Settings) -> None:
        self.spark, self.request, self.footers, self.settings = held.spark, request, footers, settings
        self.files = {place(master.url, file): file for file in request.files}
        self.folded = Folded()
        self._kept: list[DataFrame] = []

    def run(self, writer: Writer) -> Folded:
        """Folds; raises DataError for files that can't be read, unless they are to be skipped."""
        request, wanted = self.request, _wanted(self.request)
        self._leave_out({file: why for file, why in self.footers.unreadable.items() if file in self.files})
        self._load(wanted)
        self._drop_copies(wanted)
        derived = ", ".join(
            f"{_derived(f.derived, self.settings)} AS {named(f.name)}" for f in request.topic.derived if f.derived
        )
        self.spark.sql(f"SELECT *, {derived} FROM single_events").createOrReplaceTempView(request.topic.name)
        for rollup in request.rollups:
            frame = self.spark.sql(rollup_query(rollup)).sortWithinPartitions("_day")
            self.folded.parts[rollup.name] = writer.write(
                frame, f"{request.name}-{rollup.name}", partial(_path, rollup, request.name)
            )
        invalid = [file for file, facts in self.folded.files.items() if file in request.fresh and facts.quarantined]
        if invalid:
            place_of = {file: where for where, file in self.files.items()}
            self.folded.quarantine = write_quarantine(
                self.spark,
                request.topic,
                self.footers,
                {place_of[file]: file for file in invalid},
                request.name,
                writer,
            )
        return self.folded

    def close(self) -> None:
        """Lets go of the events."""
        for frame in self._kept:
            frame.unpersist()
        self._kept.clear()

    def _keep(self, frame: DataFrame, name: str) -> None:
        frame.persist(StorageLevel.MEMORY_AND_DISK)
        frame.createOrReplaceTempView(name)
        self._kept.append(frame)

    def _leave_out(self, unreadable: dict[str, str]) -> None:
        """Notes files, as Spark names them, that can't be read; raises DataError where they aren't to be skipped."""
        if not unreadable:
            return
        self.folded.unreadable |= {self.files[where]: why for where, why in unreadable.items()}
        if not self.settings.skip_unreadable:
            raise _unreadable(self.folded.unreadable)
        for where in unreadable:
            self.footers.found.pop(where, None)

    def _load(self, wanted: Sequence[str]) -> None:
        """Puts the events of all readable files, valid or not, into the view ``events``, and finds the facts of each file."""
        while True:
            rows = sum(footer.rows for footer in self.footers.found.values())
            self._keep(self.spark.sql(self._union(wanted)).coalesce(max(1, rows // TASK_ROWS)), "events")
            try:
                self._find_facts()
            except SPARK_ERRORS as error:
                self.close()
                broken = self._broken(error, wanted)
                if not broken:
                    raise
                self._leave_out(broken)
            else:
                return

    def _union(self, wanted: Sequence[str]) -> str:
        """The SELECT over all files, with ``_day``, the event's UTC day, and ``_identity``, which copies of an event share."""
        return f"SELECT *, CAST(timestamp AS DATE) AS _day, {_IDENTITY} AS _identity FROM ({self._select(self.footers.shapes(), wanted)})"

    def _select(self, shapes: Mapping[FileSchema, Sequence[str]], wanted: Sequence[str]) -> str:
        sources = {}
        for number, (shape, files) in enumerate(shapes.items()):
            columns = decode.columns_read(self.request.topic, shape)
            read_files(self.spark, shape, columns, files).createOrReplaceTempView(f"source_{number}")
            sources[f"source_{number}"] = shape
        return decode.select(self.request.topic, sources, wanted, self.settings.platform_zone)

    def _broken(self, error: BaseException, wanted: Sequence[str]) -> dict[str, str]:
        """The files that break when they are read alone, and why: the one of the error, and those of which fewer rows come than there are."""
        first = broken_file(error)
        if first is None:
            return {}
        self.spark.conf.set("spark.sql.files.ignoreCorruptFiles", "true")
        try:
            rows = self.spark.sql(f"SELECT _file, {_all(wanted)} FROM ({self._union(wanted)}) GROUP BY _file").collect()
        finally:
            self.spark.conf.set("spark.sql.files.ignoreCorruptFiles", "false")
        got = {unquote(row["_file"]): row["rows"] for row in rows}
        suspects = [
            where
            for where, footer in self.footers.found.items()
            if got.get(plain(where), 0) != footer.rows or plain(where) == plain(first)
        ]
        return {where: why for where in suspects if (why := self._fails(where, wanted))}

    def _fails(self, where: str, wanted: Sequence[str]) -> str | None:
        """Why a file can't be read alone; None where it can: then it was the network."""
        select = self._select({self.footers.found[where].shape: [where]}, wanted)
        try:
            self.spark.sql(f"SELECT {_all(wanted)} FROM ({select})").collect()
        except SPARK_ERRORS as error:
            causes = re.findall(r"Caused by: [\w.$]+: (.+)", str(error))
            return (causes[-1] if causes else first_line(str(error)))[:300]
        return None

    def _find_facts(self) -> None:
        """What each file holds, by day, reason and partition."""
        days = self.request.days
        rows = self.spark.sql(
            "SELECT _file, CASE WHEN _reason IS NULL THEN _day END AS day, _reason, "
            "CASE WHEN _offset IS NOT NULL THEN _partition END AS partition, count(*) AS count, "
            "min(_offset) AS least, max(_offset) AS greatest FROM events GROUP BY ALL"
        ).collect()
        name = {plain(where): file for where, file in self.files.items()}
        self.folded.files = {
            self.files[where]: FileFacts(rows=f.rows) for where, f in self.footers.found.items() if where in self.files
        }
        self.folded.days = {}
        for row in rows:
            facts = self.folded.files[name[unquote(row["_file"])]]
            if row["_reason"] is None:
                facts.days[row["day"]] = facts.days.get(row["day"], 0) + row["count"]
                if days is None or row["day"] in days:
                    self.folded.days.setdefault(row["day"], DayCounts()).events += row["count"]
            else:
                facts.quarantined[row["_reason"]] = facts.quarantined.get(row["_reason"], 0) + row["count"]
            if row["partition"] is not None:
                least, greatest = facts.offsets.get(row["partition"], (row["least"], row["greatest"]))
                facts.offsets[row["partition"]] = (min(least, row["least"]), max(greatest, row["greatest"]))

    def _drop_copies(self, wanted: Sequence[str]) -> None:
        """Leaves in ``single_events`` one of the events that are the same: the earliest, then that with the smallest fields."""
        valid = f"_reason IS NULL{_of_days(self.request.days)}"
        these = f"{valid} AND _identity IS NOT NULL"
        rest = [named(name) for name in wanted if name not in {decode.IDENTITY, "timestamp"}]
        told = f"struct({', '.join(rest)})" if rest else "1"
        suspects = self.spark.sql(f"SELECT _identity FROM events WHERE {these} GROUP BY _identity HAVING count(*) > 1")
        self._keep(suspects, "suspects")
        single = f"SELECT * FROM events WHERE {valid}"
        if count := suspects.count():
            self._keep(
                self.spark.sql(
                    f"SELECT {_small(count, 'suspects')} _file, _row, _day, timestamp, {told} AS told, {_SAME} AS same FROM events "
                    f"LEFT SEMI JOIN suspects ON events._identity = suspects._identity WHERE {these}"
                ),
                "copies",
            )
            losers = self._find_losers()
            single = (
                f"SELECT {_small(losers, 'losers')} events.* FROM events "
                f"LEFT ANTI JOIN losers ON events._file = losers._file AND events._row = losers._row WHERE {valid}"
            )
        self.spark.sql(single).createOrReplaceTempView("single_events")

    def _find_losers(self) -> int:
        """Puts the copies that are dropped into the view ``losers``; how many they are."""
        ranked = "SELECT *, rank() OVER (PARTITION BY _day, same ORDER BY timestamp) AS nth FROM copies"
        found = self.spark.sql(
            "SELECT _day, sum(n - 1) AS duplicates, max(unclear) AS unclear FROM (SELECT _day, same, count(*) AS n, "
            "min(told) FILTER (WHERE nth = 1) <> max(told) FILTER (WHERE nth = 1) AS unclear "
            f"FROM ({ranked}) GROUP BY _day, same) GROUP BY _day"
        ).collect()
        for row in found:
            self.folded.days[row["_day"]].duplicates = row["duplicates"]
            self.folded.days[row["_day"]].events -= row["duplicates"]
        if any(row["unclear"] for row in found):  # the rollups would tell: look at all fields
            ranked = self._ranked_by_all()
        self.spark.sql(
            "SELECT _file, _row FROM (SELECT *, row_number() OVER (PARTITION BY _day, same ORDER BY nth, told, _file, _row) AS kept "
            f"FROM ({ranked})) WHERE kept > 1"
        ).createOrReplaceTempView("losers")
        return sum(row["duplicates"] for row in found)

    def _ranked_by_all(self) -> str:
        """Ranks copies by their timestamp and then all their fields, read once more from the files."""
        fields = [field.name for field in self.request.topic.sent]
        order = ", ".join(f"whole.{named(name)}" for name in fields if name not in {decode.IDENTITY, "timestamp"})
        self.spark.sql(self._union(fields)).createOrReplaceTempView("whole_events")
        return (
            f"SELECT copies.*, rank() OVER (PARTITION BY copies._day, copies.same ORDER BY copies.timestamp, {order}) AS nth "
            "FROM copies JOIN whole_events AS whole ON copies._file = whole._file AND copies._row = whole._row"
        )


TASK_ROWS = 100_000
"""Rows that are worth a task of their own."""

_BROADCAST_ROWS = 1_000_000


def _all(wanted: Sequence[str]) -> str:
    """What can't be worked out without reading all of the wanted fields."""
    return f"count(*) AS rows, max(_reason), {', '.join(f'count({named(name)})' for name in wanted)}"


def _small(rows: int, table: str) -> str:
    """The hint that a table is small enough to be sent to every executor; nothing where it isn't."""
    return f"/*+ BROADCAST({table}) */" if rows <= _BROADCAST_ROWS else ""


_IDENTITY = """CASE WHEN event_id IS NOT NULL THEN xxhash64(event_id)
    WHEN _partition IS NOT NULL AND _offset IS NOT NULL THEN xxhash64(_partition, _offset) END"""
_SAME = """CASE WHEN event_id IS NOT NULL THEN struct(event_id AS id, CAST(NULL AS INT) AS partition, CAST(NULL AS BIGINT) AS offset)
    ELSE struct(CAST(NULL AS STRING) AS id, _partition AS partition, _offset AS offset) END"""
"""What makes events the same; hashes only find those that may be."""


def _path(rollup: Rollup, name: str, number: int, count: int) -> str:
    return f"_rollups/{rollup.name}/{name}{f'-{number:05d}' if count > 1 else ''}.parquet"


def _unreadable(files: dict[str, str]) -> DataError:
    listed = "\n".join(f"  {file}: {why}" for file, why in list(files.items())[:10])
    more = f"\n  and {len(files) - 10} more" if len(files) > 10 else ""  # noqa: PLR2004
    return DataError(
        f"{len(files)} file(s) can't be read as Parquet:\n{listed}{more}\nMend or remove them, or go on without them by --skip-unreadable"
    )


def _wanted(request: FoldRequest) -> list[str]:
    """The fields that the rollups read, and those that events are told apart by."""
    names = {decode.IDENTITY, "timestamp"}.union(*(rollup.reads for rollup in request.rollups))
    return [field.name for field in request.topic.sent if field.name in names]


def _of_days(days: frozenset[date] | None) -> str:
    if days is None:
        return ""
    return f" AND _day IN ({', '.join(f'DATE {day.isoformat()!r}' for day in sorted(days))})" if days else " AND false"


def _derived(source: str, settings: Settings) -> str:
    """A derived column's SQL: the reporting time is the only function of ours in it."""
    query = sqlglot.parse_one(source, read="duckdb")
    for call in list(query.find_all(exp.Anonymous)):
        if call.name.lower() == "reporting_time":
            (time,) = call.expressions
            call.replace(
                sqlglot.parse_one(values.reporting_time(time.sql("spark"), settings.reporting_zone), read="spark")
            )
    return query.sql("spark")


@cache
def rollup_query(rollup: Rollup) -> str:
    """The rollup's SELECT in Spark's dialect, with the contract's types and ``_day`` carried through: a group of rows for each UTC day."""
    query = sqlglot.parse_one(rollup.by_day, read="duckdb")
    lists = {field.name for field in rollup.topic.fields if field.type.endswith("[]")}
    for length in list(query.find_all(exp.Length)):
        if isinstance(length.this, exp.Column) and length.this.name in lists:
            length.replace(exp.ArraySize(this=length.this))
    columns = ", ".join(
        f"CAST({named(c.name)} AS {decode.spark_type(c.type)}) AS {named(c.name)}" for c in rollup.columns
    )
    return f"SELECT _day, {columns} FROM ({query.sql('spark')})"
