"""Messages in, typed Parquet out: the events of a topic as the master dataset keeps them, and the invalid ones whole.

What is valid is decided by the same SQL that reads envelope files in a batch, so ingestion and the batch can't disagree.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb

from learnfold.engines.duckdb import footers
from learnfold.engines.duckdb.footers import FileSchema
from learnfold.engines.duckdb.mended import mend
from learnfold.engines.duckdb.session import DuckDBSession, translate_errors
from learnfold.engines.duckdb.sql import quoted
from learnfold.ingest import columns
from learnfold.kafka.messages import NONE, MessageBatch, MessageBatches
from learnfold.master.file_names import QUARANTINE, UNMAPPED, day_folder, retraction_folder
from learnfold.storage.scratch import Scratch, scratch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from learnfold.catalog import Catalog, Topic
    from learnfold.settings import Settings

PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"

MESSAGE = FileSchema((("value", "BLOB"), ("partition", "INTEGER"), ("offset", "BIGINT"), ("timestamp", "BIGINT")))
"""What a message is to the SQL that reads events."""

TEXT = FileSchema((("value", "BLOB"),))
"""What a row of a file is."""

_MESSAGES = f'(SELECT value, partition, "offset", nullif(timestamp, {NONE}) AS timestamp FROM batches)'


@dataclass(frozen=True)
class DataFile:
    """What goes into one file: the events of a UTC day, or the invalid messages (no day)."""

    partition: int | None  # of Kafka; None: of all
    day: date | None
    rows: int
    retracts: bool = False  # whether it takes events back; then ``rows`` are the statements that did

    def folder(self, topic: str) -> str:
        """Where the file lies below MASTER."""
        if self.retracts:
            return retraction_folder(topic)
        return f"{QUARANTINE}/topic={topic}" if self.day is None else day_folder(topic, self.day)


class Decoder:
    """Takes the events of one topic at a time, and writes them part by part. Not for several threads, but for ``write``."""

    def __init__(self, settings: Settings) -> None:
        self._session = DuckDBSession(settings)

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection, where what was read is the table ``decoded``."""
        return self._session.connection

    def take(self, topic: Topic, batches: Sequence[MessageBatch]) -> list[DataFile]:
        """Reads a topic's messages in place of what was taken before; the parts to write, by partition and day."""
        with self._registered(batches):
            self._load(columns.decode_rows(topic, MESSAGE, _MESSAGES, '"offset"'))
        return self._parts(by_partition=True)

    def receive(
        self, batches: Sequence[MessageBatch], catalog: Catalog, topic: str | None, *, forced: bool
    ) -> list[str]:
        """Keeps rows of a file, whose offsets are their places, as the table ``received``; the topics that they name.

        ``topic`` is that of rows that name none, or of all where it is ``forced``; empty stands for rows without one.
        """
        named = quoted(topic or "") if forced else f"coalesce({columns.topic_of(catalog, TEXT, topic)}, {quoted('')})"
        with self._registered(batches), translate_errors():
            self.connection.execute(
                f'CREATE OR REPLACE TABLE received AS SELECT value, "offset" AS place, {named} AS topic FROM batches'
            )
            found = self.connection.execute("SELECT DISTINCT topic FROM received ORDER BY ALL").fetchall()
        return [name for (name,) in found]

    def take_received(self, topic: Topic) -> list[DataFile]:
        """Reads the received rows of a topic; the parts to write, by day."""
        source = f"(SELECT value, place FROM received WHERE topic = {quoted(topic.name)})"
        return self.take_from(topic, TEXT, source, row="place")

    def topics_in(self, source: str) -> list[str]:
        """What ``_topic`` is in an SQL relation."""
        with translate_errors():
            found = self.connection.execute(f"SELECT DISTINCT _topic FROM {source} ORDER BY ALL").fetchall()
        return [name for (name,) in found]

    def take_unroutable(self, source: str, value: str, row: str) -> list[DataFile]:
        """Reads rows without a topic: all are invalid. ``value`` and ``row`` are each one's bytes and place, in SQL."""
        self._load(columns.unroutable(source, value, row, quoted(columns.UNROUTABLE)))
        return self._parts()

    def take_unmapped(
        self, values: Sequence[bytes | None], reasons: Sequence[str], places: Sequence[int]
    ) -> list[DataFile]:
        """Reads statements that no topic was found for: each one's JSON, the reason, and its place."""
        batches = [MessageBatch.of(values, NONE, range(len(values)), [NONE] * len(values))]
        with self._registered(batches), translate_errors():
            self.connection.execute(
                "CREATE OR REPLACE TABLE unmapped AS SELECT unnest($1::VARCHAR[]) AS reason, "
                "unnest($2::BIGINT[]) AS place, unnest(range(len($1::VARCHAR[]))) AS number",
                [list(reasons), list(places)],
            )
            source = 'batches JOIN unmapped ON number = "offset"'
            self._load(columns.unroutable(source, "value", "place", "reason"))
        return self._parts()

    def take_retracted(self, ids: Sequence[str], times: Sequence[str | None], source: str) -> list[DataFile]:
        """Reads ids of statements that were taken back, and when; each stands for all events that were made of its statement."""
        with translate_errors():
            self.connection.execute(
                "CREATE OR REPLACE TABLE decoded AS SELECT unnest([id, concat(id, '#')]) AS event_id, "
                "timezone('UTC', read_instant(moment)) AS retracted_at, 'voided' AS reason, $3 AS source, "
                "CAST(NULL AS VARCHAR) AS _reason, CAST(NULL AS DATE) AS _day "
                "FROM (SELECT unnest($1::VARCHAR[]) AS id, unnest($2::VARCHAR[]) AS moment)",
                [list(ids), list(times), source],
            )
        return [DataFile(None, None, len(ids), retracts=True)]

    def take_from(self, topic: Topic, shape: FileSchema, source: str, *, row: str = "NULL") -> list[DataFile]:
        """Reads an SQL relation of that shape, where ``row`` is each row's place in it; the parts to write, by day."""
        self._load(columns.decode_rows(topic, shape, source, row))
        return self._parts()

    def write(self, topic: Topic | None, part: DataFile, file: Path, source: str | None = None) -> None:
        """Writes a part to a local file; ``source`` is the name of the file that it came from, None: Kafka."""
        chosen = "_day IS NULL" if part.day is None else f"_day = DATE {quoted(part.day.isoformat())}"
        if part.partition is not None:
            chosen += f" AND _partition = {part.partition}"
        if part.retracts:
            shown = "event_id, retracted_at, reason, source"
        elif topic is None or part.day is None:
            shown = columns.quarantined(topic.name if topic else UNMAPPED, source)
        else:
            shown = columns.kept(topic)
        with self._session.cursor() as cursor:
            cursor.execute(f"COPY (SELECT {shown} FROM decoded WHERE {chosen}) TO {quoted(str(file))} ({PARQUET})")

    def reasons(self) -> dict[str, int]:
        """What was taken and invalid: how many messages, by reason."""
        return dict(
            self.connection.execute(
                "SELECT _reason, count(*) FROM decoded WHERE _reason IS NOT NULL GROUP BY ALL ORDER BY ALL"
            ).fetchall()
        )

    def shape(self, file: str) -> tuple[FileSchema, int] | None:
        """The shape of a local Parquet file, and its rows; None where it can't be read."""
        with translate_errors():
            found = footers.read(self.connection, [file])
        return (next(iter(found.shapes)), found.rows[file]) if found.shapes else None

    def mended(self, file: str, shape: FileSchema, folder: Path) -> tuple[str, FileSchema] | None:
        """A copy in ``folder`` of a local Parquet file that broke, and its shape; None where none is more readable."""
        try:
            return mend(self.connection, file, shape, folder)
        except (duckdb.Error, ValueError):
            return None

    def scratch(self) -> Scratch:
        """A folder for work, which the caller closes."""
        return scratch(self._session.settings.temporary_folder)

    def drop(self) -> None:
        """Lets go of what was taken."""
        with translate_errors():
            for table in ("decoded", "received", "unmapped"):
                self.connection.execute(f"DROP TABLE IF EXISTS {table}")

    def close(self) -> None:
        """Closes the connection."""
        self._session.close()

    def _load(self, select: str) -> None:
        with translate_errors():
            self.connection.execute(f"CREATE OR REPLACE TABLE decoded AS {select}")

    def _parts(self, *, by_partition: bool = False) -> list[DataFile]:
        partition = "_partition" if by_partition else "CAST(NULL AS INTEGER)"
        with translate_errors():
            found = self.connection.execute(
                f"SELECT {partition} AS _p, _day, count(*) FROM decoded GROUP BY ALL ORDER BY ALL"
            ).fetchall()
        return [DataFile(*one) for one in found]

    @contextmanager
    def _registered(self, batches: Sequence[MessageBatch]) -> Iterator[None]:
        self.connection.register("batches", MessageBatches(batches))
        try:
            yield
        finally:
            self.connection.unregister("batches")


__all__ = ["MESSAGE", "PARQUET", "UNMAPPED", "DataFile", "Decoder"]
