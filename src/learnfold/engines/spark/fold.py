"""One fold: events of some files, valid and each once, into new files of each rollup."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from learnfold.catalog.reasons import unreadable_files
from learnfold.catalog.values import EVENT_ID, TIMESTAMP
from learnfold.engines import DayCounts, FileFacts, Folded
from learnfold.engines.event_source import EventSource, needed_fields
from learnfold.engines.spark import decode
from learnfold.engines.spark.dialect import rollup_select
from learnfold.engines.spark.errors import SPARK_ERRORS, broken_file, first_line
from learnfold.engines.spark.events import Events, retracted_of
from learnfold.engines.spark.files import as_pattern, plain, read_files
from learnfold.engines.spark.quarantine import invalid_events, write_quarantine
from learnfold.engines.spark.s3a import place
from learnfold.engines.spark.schema import named
from learnfold.engines.spark.values import event_id
from learnfold.errors import DataError
from learnfold.master.path_values import folder_names
from learnfold.storage.out_layout import rollup_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from learnfold.catalog import Rollup
    from learnfold.engines import FoldRequest
    from learnfold.engines.spark.footers import FileSchema, Footers
    from learnfold.engines.spark.session import Session
    from learnfold.engines.spark.writing import Writer
    from learnfold.settings import Settings
    from learnfold.storage import Storage

TASK_ROWS, MOST_TASK_ROWS, TASKS_A_CORE = 100_000, 1_000_000, 4
"""Rows that are worth a task of their own, and that one has at most; more tasks a core than this cost more than they spread."""


class Fold:
    """The work of one fold, in a session of its own; ``close`` gives back what it takes of the executors' memory."""

    def __init__(
        self, session: Session, request: FoldRequest, footers: Footers, master: Storage, settings: Settings
    ) -> None:
        self.spark, self.request, self.footers, self.settings = session.spark, request, footers, settings
        self.master = master
        self.files = {place(master.url, file): file for file in request.files}
        self.folded = Folded()
        source = EventSource(
            request.topic, needed_fields(request.topic, request.readers or request.rollups), self._select_all
        )
        self.events = Events(self.spark, source, settings.zones)

    def run(self, writer: Writer) -> Folded:
        """Writes files of each rollup; raises DataError for files that can't be read, unless they are to be skipped."""
        request = self.request
        self._leave_out({file: why for file, why in self.footers.unreadable.items() if file in self.files})
        self._load()
        if request.retractions:
            self._load_retracted()
        self.events.show_single(request.days, self.folded.days, retracted=bool(request.retractions))
        for rollup in request.rollups:
            frame = self.spark.sql(rollup_select(rollup)).sortWithinPartitions("_day")
            self.folded.parts[rollup.name] = writer.write(
                frame, f"{request.name}-{rollup.name}", partial(_path, rollup, request.name)
            )
        invalid = {
            where: file
            for where, file in self.files.items()
            if file in request.fresh and file in self.folded.files and self.folded.files[file].quarantined
        }
        if invalid:
            rows = invalid_events(self.spark, request.topic, self.footers, invalid)
            self.folded.quarantine = write_quarantine(rows, request.topic, request.name, writer)
        return self.folded

    def days_retracted(self) -> set[date] | None:
        """The days of valid events that were taken back; None where the files can't be read quickly."""
        for where in self.footers.unreadable:
            self.footers.found.pop(where, None)
        self._load_retracted()
        select = f"SELECT *, CAST(timestamp AS DATE) AS _day FROM ({self._select_all([EVENT_ID, TIMESTAMP])}) WHERE _reason IS NULL"
        try:
            rows = self.spark.sql(f"SELECT DISTINCT _day FROM ({retracted_of(select)})").collect()
        except SPARK_ERRORS as error:
            if broken_file(error) is None:
                raise
            return None
        return {row["_day"] for row in rows}

    def _load_retracted(self) -> None:
        """Makes the ids that were taken back the view ``retracted``; raises DataError where one of the files can't be read."""
        places = [as_pattern(place(self.master.url, file)) for file in self.request.retractions]
        try:
            frame = self.spark.read.parquet(*places)
            ids = frame.selectExpr(f"{event_id('CAST(event_id AS STRING)')} AS event_id").where("event_id IS NOT NULL")
            ids = self.spark.createDataFrame(ids.distinct().collect(), "event_id STRING")
        except SPARK_ERRORS as error:
            names = ", ".join(self.request.retractions)
            raise DataError(
                f"what takes events back can't be read ({first_line(str(error))}); mend it, or write it again by 'learnfold retract': {names}"
            ) from error
        ids.createOrReplaceTempView("retracted")

    def close(self) -> None:
        """Gives back the memory."""
        self.events.close()

    def _leave_out(self, unreadable: dict[str, str]) -> None:
        """Notes files, as Spark names them, that can't be read; raises DataError where they aren't to be skipped."""
        if not unreadable:
            return
        self.folded.unreadable |= {self.files[where]: why for where, why in unreadable.items()}
        if not self.settings.skip_unreadable:
            raise DataError(unreadable_files(self.folded.unreadable))
        for where in unreadable:
            self.footers.found.pop(where, None)

    def _load(self) -> None:
        """Loads the events of all readable files, and finds the facts of each file."""
        while True:
            rows = sum(footer.rows for footer in self.footers.found.values())
            most = max(TASKS_A_CORE * self.spark.sparkContext.defaultParallelism, rows // MOST_TASK_ROWS)
            self.events.load(max(1, min(rows // TASK_ROWS, most)))
            try:
                self._find_facts()
            except SPARK_ERRORS as error:
                self.events.close()
                broken = self._broken(error)
                if not broken:
                    raise
                self._leave_out(broken)
            else:
                return

    def _select_all(self, fields: Sequence[str]) -> str:
        """The SELECT of the events of all readable files."""
        return self._select(self.footers.shapes(), fields)

    def _select(self, shapes: Mapping[FileSchema, Sequence[str]], fields: Sequence[str]) -> str:
        sources = {}
        for number, (shape, files) in enumerate(shapes.items()):
            columns = decode.columns_read(self.request.topic, shape)
            read_files(self.spark, shape, columns, files).createOrReplaceTempView(f"source_{number}")
            sources[f"source_{number}"] = shape
        return decode.select(
            self.request.topic, sources, fields, self.settings.platform_zone, folder_names(self.request.files)
        )

    def _broken(self, error: BaseException) -> dict[str, str]:
        """The files that break when they are read alone, and why: the one of the error, and those of which fewer rows come than there are."""
        first = broken_file(error)
        if first is None:
            return {}
        fields = self.events.source.fields
        self.spark.conf.set("spark.sql.files.ignoreCorruptFiles", "true")
        try:
            rows = self.spark.sql(
                f"SELECT _file, {_all(fields)} FROM ({self._select_all(fields)}) GROUP BY _file"
            ).collect()
        finally:
            self.spark.conf.set("spark.sql.files.ignoreCorruptFiles", "false")
        got = {unquote(row["_file"]): row["rows"] for row in rows}
        suspects = [
            where
            for where, footer in self.footers.found.items()
            if got.get(plain(where), 0) != footer.rows or plain(where) == plain(first)
        ]
        return {where: why for where in suspects if (why := self._fails(where, fields))}

    def _fails(self, where: str, fields: Sequence[str]) -> str | None:
        """Why a file can't be read alone; None where it can: then it was the network."""
        select = self._select({self.footers.found[where].shape: [where]}, fields)
        try:
            self.spark.sql(f"SELECT {_all(fields)} FROM ({select})").collect()
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
            "min(_offset) AS least, max(_offset) AS greatest, unix_seconds(CAST(max(timestamp) AS TIMESTAMP)) AS newest "
            "FROM events GROUP BY ALL"
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
                    counts = self.folded.days.setdefault(row["day"], DayCounts(newest=row["newest"]))
                    counts.events += row["count"]
                    counts.newest = max(counts.newest or 0, row["newest"])
            else:
                facts.quarantined[row["_reason"]] = facts.quarantined.get(row["_reason"], 0) + row["count"]
            if row["partition"] is not None:
                least, greatest = facts.offsets.get(row["partition"], (row["least"], row["greatest"]))
                facts.offsets[row["partition"]] = (min(least, row["least"]), max(greatest, row["greatest"]))


def _all(fields: Sequence[str]) -> str:
    """What can't be worked out without reading all of the fields."""
    return f"count(*) AS rows, max(_reason), {', '.join(f'count({named(name)})' for name in fields)}"


def _path(rollup: Rollup, name: str, number: int, count: int) -> str:
    return rollup_path(rollup.name, f"{name}-{number:05d}" if count > 1 else name)
