"""Messages in, typed Parquet out: the events of a topic as the master dataset keeps them, and the invalid ones whole.

What is valid is decided by the same SQL that reads envelope files in a batch, so ingestion and the batch can't disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from learnfold.engines.duckdb import probe, reading
from learnfold.engines.duckdb.engine import DuckDBEngine, translated
from learnfold.engines.duckdb.probe import Shape
from learnfold.engines.duckdb.reading import quoted
from learnfold.ingest.arrow import NONE, Blocks
from learnfold.master.names import QUARANTINE, day_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    import duckdb

    from learnfold.catalog import Topic
    from learnfold.ingest.arrow import Block
    from learnfold.settings import Settings
    from learnfold.storage import Storage

PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"

MESSAGE = Shape((("value", "BLOB"), ("partition", "INTEGER"), ("offset", "BIGINT"), ("timestamp", "BIGINT")))
"""What a message is to the SQL that reads events."""

_OF_BLOCKS = f'(SELECT value, nullif(partition, {NONE}) AS partition, "offset", nullif(timestamp, {NONE}) AS timestamp FROM blocks)'
_KAFKA_COLUMNS = ("kafka_partition", "kafka_offset", "kafka_timestamp", "extra_fields")


@dataclass(frozen=True)
class Part:
    """What goes into one file: the events of a partition's UTC day, or its invalid messages (no day)."""

    partition: int | None
    day: date | None
    rows: int

    def folder(self, topic: str) -> str:
        """Where the file lies below MASTER."""
        return f"{QUARANTINE}/topic={topic}" if self.day is None else day_folder(topic, self.day)


class Intake:
    """Takes the messages of one topic at a time, and writes them part by part. Not for several threads, but for ``write``."""

    def __init__(self, settings: Settings, master: Storage) -> None:
        self._engine = DuckDBEngine(settings, master, master)

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection, where what was taken is the table ``arrived``."""
        return self._engine.connection

    def take(self, topic: Topic, blocks: Sequence[Block]) -> list[Part]:
        """Reads messages in place of what was taken before; the parts to write."""
        with translated():
            self.connection.register("blocks", Blocks(blocks))
            try:
                return self.take_from(topic, MESSAGE, _OF_BLOCKS, row='"offset"')
            finally:
                self.connection.unregister("blocks")

    def take_from(self, topic: Topic, shape: Shape, source: str, *, row: str = "NULL") -> list[Part]:
        """The same of an SQL relation of that shape, where ``row`` is each one's place in it."""
        with translated():
            self.connection.execute(f"CREATE OR REPLACE TABLE arrived AS {_arrived(topic, shape, source, row)}")
            return [
                Part(*found)
                for found in self.connection.execute(
                    "SELECT _partition, _day, count(*) FROM arrived GROUP BY ALL ORDER BY ALL"
                ).fetchall()
            ]

    def write(self, topic: Topic, part: Part, file: Path, source: str | None = None) -> None:
        """Writes a part to a local file; ``source`` is the name of the file that it came from, not from Kafka."""
        chosen = (
            f"{'_partition IS NULL' if part.partition is None else f'_partition = {part.partition}'} "
            f"AND {'_day IS NULL' if part.day is None else f'_day = DATE {quoted(part.day.isoformat())}'}"
        )
        columns = _quarantined(topic, source) if part.day is None else _kept(topic)
        with translated(), self.connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            cursor.execute(f"COPY (SELECT {columns} FROM arrived WHERE {chosen}) TO {quoted(str(file))} ({PARQUET})")

    def reasons(self) -> dict[str, int]:
        """What was taken and invalid: how many messages, by reason."""
        return dict(
            self.connection.execute(
                "SELECT _reason, count(*) FROM arrived WHERE _reason IS NOT NULL GROUP BY ALL ORDER BY ALL"
            ).fetchall()
        )

    def shape(self, file: str) -> Shape | None:
        """The shape of a local Parquet file; None where it can't be read."""
        with translated():
            shapes = list(probe.probe(self.connection, [file]).shapes)
        return shapes[0] if shapes else None

    def drop(self) -> None:
        """Lets go of what was taken."""
        with translated():
            self.connection.execute("DROP TABLE IF EXISTS arrived")

    def close(self) -> None:
        """Closes the connection."""
        self._engine.close()


def _arrived(topic: Topic, shape: Shape, source: str, row: str) -> str:
    """Every message as a row: the topic's fields, ``_day`` its UTC day, or the reason and the whole of it."""
    carried = {"_kafka_timestamp": _kafka_timestamp(shape), "_whole_event": _whole(shape)}
    if shape.envelope:
        carried["_json"] = "try(decode(value))" if shape.type("value") == "BLOB" else "CAST(value AS VARCHAR)"
    else:
        carried["_extra"] = _unknown_columns(topic, shape)
    names = [field.name for field in topic.sent]
    select = reading.select_from(topic, shape, source, names, place="0", row=row, carried=carried)
    fields = ", ".join(f'"{name}"' for name in names)
    extra = "_extra" if not shape.envelope else _unknown_members(topic)
    return (
        f"SELECT _row, _partition, _offset, _kafka_timestamp, {fields}, _reason, "
        f"CASE WHEN _reason IS NULL THEN {extra} END AS extra_fields, "
        "CASE WHEN _reason IS NOT NULL THEN _whole_event END AS _whole_event, "
        "CASE WHEN _reason IS NULL THEN CAST(timestamp AS DATE) END AS _day "
        f"FROM ({select})"
    )


def _kept(topic: Topic) -> str:
    """The columns of a file of events."""
    fields = (
        f'timezone(\'UTC\', "{field.name}") AS "{field.name}"' if field.type == "TIMESTAMP" else f'"{field.name}"'
        for field in topic.sent
    )
    return (
        f"{', '.join(fields)}, _partition AS kafka_partition, _offset AS kafka_offset, "
        "_kafka_timestamp AS kafka_timestamp, extra_fields"
    )


def _quarantined(topic: Topic, source: str | None) -> str:
    """The columns of a quarantine file: those of a batch's, and the time that Kafka gave the message."""
    file = "CAST(NULL AS VARCHAR)" if source is None else quoted(source)
    row = "CAST(NULL AS BIGINT)" if source is None else "_row"
    return (
        f"{quoted(topic.name)} AS topic, _reason AS reason, {file} AS file, {row} AS row, "
        "_partition AS kafka_partition, _offset AS kafka_offset, try(decode(_whole_event)) AS event, "
        "CASE WHEN try(decode(_whole_event)) IS NULL THEN _whole_event END AS bytes, _kafka_timestamp AS kafka_timestamp"
    )


def _kafka_timestamp(shape: Shape) -> str:
    """When Kafka got the message, from whichever column says it."""
    name = "timestamp" if shape.envelope else "kafka_timestamp"
    kind = shape.type(name)
    if kind in {"BIGINT", "INTEGER", "UBIGINT"}:
        return f"timezone('UTC', epoch_ms(CAST({name} AS BIGINT)))"
    if kind in {"TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP_S", "INT96"}:
        return f"timezone('UTC', CAST({name} AS TIMESTAMP))"
    if kind is not None and kind.startswith("TIMESTAMP"):
        return f"CAST({name} AS TIMESTAMP WITH TIME ZONE)"
    return "CAST(NULL AS TIMESTAMP WITH TIME ZONE)"


def _whole(shape: Shape) -> str:
    """All of a message, as bytes."""
    if shape.envelope:
        return "value" if shape.type("value") == "BLOB" else "encode(CAST(value AS VARCHAR))"
    return f"encode(CAST(to_json({_struct([name for name, _ in shape.columns], shape)}) AS VARCHAR))"


def _unknown_members(topic: Topic) -> str:
    """The members of a message that no field is for, as JSON; NULL without any.

    An event whose members are as many as its fields have values has no others, which is quickly told.
    """
    known = " + ".join(f'CAST("{field.name}" IS NOT NULL AS INTEGER)' for field in topic.sent)
    names = ", ".join(quoted(field.name) for field in topic.sent)
    patch = "{" + ",".join(f'"{field.name}":null' for field in topic.sent) + "}"
    return (
        f"CASE WHEN len(json_keys(_json)) <> {known} THEN "
        f"CASE WHEN len(list_filter(json_keys(_json), lambda k: k NOT IN ({names}))) > 0 "
        f"THEN CAST(json_merge_patch(_json, {quoted(patch)}) AS VARCHAR) END END"
    )


def _unknown_columns(topic: Topic, shape: Shape) -> str:
    """The columns of a flat file that no field is for, as JSON; NULL without any value in them."""
    known = {field.name for field in topic.sent} | set(_KAFKA_COLUMNS) | {"partition", "offset"}
    unknown = [name for name, _ in shape.columns if name not in known]
    before = "CAST(extra_fields AS JSON)" if shape.type("extra_fields") == "VARCHAR" else "NULL"
    before = (
        f"CASE WHEN json_valid(CAST({'extra_fields' if before != 'NULL' else 'NULL'} AS VARCHAR)) THEN {before} END"
    )
    if not unknown:
        return f"CAST({before} AS VARCHAR)"
    text = f"json_merge_patch(coalesce({before}, '{{}}'), to_json({_struct(unknown, shape)}))"
    return f"nullif(CAST({text} AS VARCHAR), '{{}}')"


def _struct(names: Sequence[str], shape: Shape) -> str:
    parts = []
    for name in names:
        column = '"' + name.replace('"', '""') + '"'
        shown = f"coalesce(try(decode({column})), '\\x' || hex({column}))" if shape.type(name) == "BLOB" else column
        parts.append(f"{quoted(name)}: {shown}")
    return "{" + ", ".join(parts) + "}"
